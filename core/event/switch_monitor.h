/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_SWITCH_MONITOR_H
#define CORE_EVENT_SWITCH_MONITOR_H

/*
 * While it is asked for, the log tells how often the kernel has taken the reactors off their CPUs. It
 * is the watchdog that looks, when it is awake anyway: while a reactor is, once a second. So
 * nobody is woken for it, and what switches while all sleep is told when one wakes.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/os/task_switches.h"

/* Of one reactor, as of the last look. */
struct event_switch_count {
	struct os_task_switches seen;
	uint64_t seen_ns;
	unsigned since; /* the asking that it belongs to; 0: none */
};

/* Default: off. Thread: any. */
void event_switch_monitor_set(bool enabled);
bool event_switch_monitor_enabled(void);

/* Thread: the watchdog's. */
void event_switch_monitor_look(uint64_t now_ns);

#endif
