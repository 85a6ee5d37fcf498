/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_READING_H
#define CORE_EVENT_READING_H

/* Where the readings come from by which a callback that took long is judged: see verdict.c. */

#include <stdbool.h>
#include <sys/types.h>

#include "core/event/verdict.h"

struct event_reading_source {
	/* The calling thread's times; @fd: os_thread_times_open() */
	void (*read)(int fd, struct os_thread_times *ret_times);
	/* Another one's. Return: false: not known. */
	bool (*read_of)(pid_t tid, struct os_thread_times *ret_times);
	/* What else happened since @since_ns; @cpu: where the thread is, -1: not known. */
	void (*ask)(int cpu, uint64_t since_ns, uint64_t now_ns, struct event_evidence *ret);
};

/* Lets a test make the readings. NULL: the kernel's. Thread: only while no reactor runs. */
void event_reading_set_source(const struct event_reading_source *source);
const struct event_reading_source *event_reading_source(void);

/* Notes what the hypervisor has taken until now. Thread: the watchdog's, and at the start. */
void event_reading_note_steal(uint64_t now_ns);

#endif
