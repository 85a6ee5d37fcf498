/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_WATCHDOG_H
#define CORE_EVENT_WATCHDOG_H

#include <ebb/base.h>

struct event_reactor;
struct ebb_thread;

/* Return: 0; -errno. Thread: the one that begins and ends the framework. */
int event_watchdog_start(void);
void event_watchdog_stop(void);

/* A reactor has woken, or begins. Costs one load if the watchdog is on already. */
void event_watchdog_awake(void);

/* The second is over: looks at every reactor. Thread: the watchdog's own, or a test's. */
void event_watchdog_expired(void);

#endif
