/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_PLAN_H
#define CORE_EVENT_PLAN_H

/* How a reactor waits: see plan.c. */

#include <ebb/reactor.h>

struct event_plan {
	uint64_t sleep_ns; /* sleep at most so long first */
	uint64_t look_ns;  /* then look until so long after the wait began */
};

/* Going to sleep takes about as long: a sleep that could only be shorter is not begun. */
#define EVENT_PLAN_SLEEP_MIN_NS EBB_NS_PER_US

/* The plan that a mode is, with its spin budget. */
struct event_plan event_plan_of_mode(enum ebb_reactor_mode mode, uint32_t spin_us_max);

/**
 * event_plan_sleep_until_ns() - what a reactor that has found nothing does now
 * @since_ns: when the wait began
 * Return: until when it sleeps at most; 0: it looks; EBB_REACTOR_FOREVER: until it is woken.
 */
uint64_t event_plan_sleep_until_ns(const struct event_plan *plan, uint64_t since_ns,
				   uint64_t now_ns);

#endif
