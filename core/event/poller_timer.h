/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_POLLER_TIMER_H
#define CORE_EVENT_POLLER_TIMER_H

/* The timerfd of a thread, which wakes its reactor for the earliest deadline of its pollers. */

#include "core/event/thread.h"

/*
 * Before a sleep: makes the timerfd hold the earliest deadline, if it does not. Return: 0; or
 * -errno if there can be no timerfd, and then the reactor must not sleep.
 */
int event_pollers_arm_timer(struct ebb_thread *thread);

/*
 * The thread has its first timed poller: gets the timerfd now, rather than at a sleep when
 * descriptors may have run out. If there is none, the sleep asks again.
 */
void event_pollers_open_timer(struct ebb_thread *thread);

/* The reactor begins to poll for good: no timer stays armed for nothing. */
void event_pollers_disarm_timer(struct ebb_thread *thread);

/* The thread leaves its reactor. */
void event_pollers_close_timer(struct ebb_thread *thread);

#endif
