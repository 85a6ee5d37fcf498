/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/plan.h"

/*
 * The wait is a plan.
 *
 * A reactor that finds nothing to do knows one thing: for how long it has been waiting. A plan says
 * what it does meanwhile, by two times, both counted from the beginning of the wait:
 *
 *	0 ................ sleep_ns ................ look_ns ................
 *	 sleep, at most till   look: a turn after       sleep until woken
 *	 the end of this part  the other
 *
 * All that a reactor may do is such a plan: to poll is (0, for ever), to be woken is (0, 0), to spin
 * for a while is (0, spin), and to sleep through most of the time that a device takes, and look
 * when it is about to answer, is (30 us, 65 us). A look that ends before the first sleep does
 * is none, and then the first sleep need not end either.
 *
 * The wait begins where work has ended, as the clock was read then: not with the last wakeup. A
 * wakeup that brings nothing (the end of the first sleep, an edge of an eventfd for what was found by
 * looking) is not the end of the wait, and its turn goes on with the plan where the time says. So
 * a stale edge costs one turn, and the rest of the first sleep is slept nevertheless; and a
 * reactor that is woken for nothing again and again does not spin for its whole budget each time.
 *
 * Every sleep is the whole protocol of reactor.c, whatever ends it: a bounded one is nothing but
 * a sleep that has one more thing to wake it. The bound is a timeout of the very call that sleeps,
 * so that no timer has to be set for it. The reactor's own timers are in that bound too: it ends at
 * the earliest of their deadlines, and no timerfd is written. A look serves them by turns. Only a
 * sleep without a bound needs their timerfds.
 *
 * What wakes nobody (a polled ring with requests outstanding, a poller without a source) forbids
 * a bounded sleep as it does the other one: the reactor looks until it has ended.
 *
 * What must never happen: that a wakeup depends on the bound. If it did, a message would be late by
 * up to sleep_ns, and nobody would notice. tests/model/sleep.pml lets the bound never come.
 */

struct event_plan event_plan_of_mode(enum ebb_reactor_mode mode, uint32_t spin_us_max)
{
	switch (mode) {
	case EBB_REACTOR_POLL:
		return (struct event_plan){.look_ns = EBB_REACTOR_FOREVER};
	case EBB_REACTOR_ADAPTIVE:
		return (struct event_plan){.look_ns = spin_us_max * EBB_NS_PER_US};
	default:
		return (struct event_plan){.look_ns = 0};
	}
}

uint64_t event_plan_sleep_until_ns(const struct event_plan *plan, uint64_t since_ns,
				   uint64_t now_ns)
{
	uint64_t waited_ns = now_ns - since_ns;

	if (waited_ns >= plan->look_ns || plan->sleep_ns >= plan->look_ns) {
		return EBB_REACTOR_FOREVER;
	}
	if (waited_ns >= plan->sleep_ns) {
		return 0;
	}
	/* Later than the clock can tell is never. */
	return plan->sleep_ns < EBB_REACTOR_FOREVER - since_ns ? since_ns + plan->sleep_ns
							       : EBB_REACTOR_FOREVER;
}
