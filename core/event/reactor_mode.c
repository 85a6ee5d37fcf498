/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/reactor_mode.h"

/*
 * How a reactor waits, and the change of it. The change runs on the reactor itself, between two
 * turns' callbacks, so the sleep protocol never sees it half done: a sleeping reactor is woken by
 * the request like by any other message.
 */

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include <ebb/log.h>
#include <ebb/poller.h>
#include <ebb/thread.h>
#include <ebb/violation.h>

#include "core/event/poller_sleep.h"
#include "core/event/poller_stats.h"
#include "core/event/poller_timer.h"
#include "core/event/reactor.h"
#include "core/event/reactor_list.h"
#include "core/event/send.h"
#include "core/event/thread.h"

struct mode_change {
	struct ebb_msg msg;
	struct event_reactor *reactor;
	struct ebb_thread *requester;
	enum ebb_reactor_mode mode;
	uint32_t spin_us_max;
	struct event_plan plan; /* if it is a fixed one */
	bool fixed;
	ebb_reactor_mode_cb done;
	void *arg;
	int rc;
};

static const char *const reactor_mode_names[EBB_REACTOR_MODE_COUNT] = {
	[EBB_REACTOR_POLL] = "poll",
	[EBB_REACTOR_INTERRUPT] = "interrupt",
	[EBB_REACTOR_ADAPTIVE] = "adaptive",
};

const char *ebb_reactor_mode_name(enum ebb_reactor_mode mode)
{
	return reactor_mode_names[mode];
}

bool ebb_reactor_mode_parse(const char *name, enum ebb_reactor_mode *ret_mode)
{
	for (unsigned i = 0; i < EBB_REACTOR_MODE_COUNT; i++) {
		if (strcmp(name, reactor_mode_names[i]) == 0) {
			*ret_mode = (enum ebb_reactor_mode)i;
			return true;
		}
	}
	return false;
}

/* A polling reactor is held on its CPU; so is one whose CPU was asked for. */
void event_reactor_place(struct event_reactor *reactor)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	if (reactor->pinned || reactor->mode == EBB_REACTOR_POLL) {
		CPU_SET((size_t)reactor->core, &cpus);
	} else {
		cpus = event_allowed_cpus;
	}
	if (sched_setaffinity(0, sizeof(cpus), &cpus) != 0) {
		ebb_warn("reactor", "reactor %d: cannot be held on its CPU: %m", reactor->core);
	}
}

static void mode_change_answer(void *arg)
{
	struct mode_change *change = arg;

	change->requester->answers_due--;
	change->done(change->arg, change->rc);
	free(change);
}

static void mode_change_end(struct mode_change *change, int rc)
{
	change->rc = rc;
	ebb_msg_init(&change->msg, mode_change_answer, change);
	if (ebb_thread_send(change->requester, &change->msg) != 0) {
		free(change); /* the end of whoever asked was forced */
	}
}

/* set_interrupt(@on) for all pollers of the reactor, or for none. */
static int mode_set_interrupt(struct event_reactor *reactor, bool on)
{
	struct ebb_list *node;
	int rc = 0;

	if (reactor->interruptible == on) {
		return 0;
	}
	ebb_list_for_each(node, &reactor->threads) {
		rc = event_pollers_set_interrupt(ebb_list_entry(node, struct ebb_thread,
								reactor_link),
						 on);
		if (rc != 0) {
			break;
		}
	}
	if (rc == 0) {
		reactor->interruptible = on;
		return 0;
	}
	for (node = node->prev; node != &reactor->threads; node = node->prev) {
		event_pollers_set_interrupt(ebb_list_entry(node, struct ebb_thread, reactor_link),
					    !on);
	}
	return rc;
}

/* With the slack that timers have by default a bounded sleep would last 50 us longer. */
static void reactor_set_timer_slack(unsigned long slack_ns)
{
	if (prctl(PR_SET_TIMERSLACK, slack_ns, 0, 0, 0) != 0) {
		ebb_warn("reactor", "the timer slack cannot be set: %m");
	}
}

static void reactor_set_plan(struct event_reactor *reactor, const struct event_plan *plan)
{
	if (plan->sleep_ns != 0 && reactor->plan.sleep_ns == 0) {
		reactor_set_timer_slack(1);
	} else if (plan->sleep_ns == 0 && reactor->plan.sleep_ns != 0) {
		reactor_set_timer_slack(0); /* the default */
	}
	reactor->plan = *plan;
	atomic_store_explicit(&reactor->sleep_published, plan->sleep_ns, memory_order_relaxed);
	atomic_store_explicit(&reactor->look_published, plan->look_ns, memory_order_relaxed);
}

/* The mode, and the plan that it is or was asked for with it. */
static void mode_change_apply(struct event_reactor *reactor, const struct mode_change *change)
{
	struct event_plan plan = change->plan;

	reactor->mode = change->mode;
	if (change->spin_us_max != 0) {
		reactor->spin_us_max = change->spin_us_max;
	}
	if (!change->fixed) {
		plan = event_plan_of_mode(reactor->mode, reactor->spin_us_max);
	}
	reactor_set_plan(reactor, &plan);
	atomic_store_explicit(&reactor->mode_published, reactor->mode, memory_order_relaxed);
	atomic_store_explicit(&reactor->spin_us_published, reactor->spin_us_max,
			      memory_order_relaxed);
}

static void mode_change_run(void *arg)
{
	struct mode_change *change = arg;
	struct event_reactor *reactor = change->reactor;
	struct ebb_list *node;
	int rc = mode_set_interrupt(reactor, change->mode != EBB_REACTOR_POLL);

	if (rc == 0) {
		mode_change_apply(reactor, change);
		event_reactor_place(reactor);
		if (reactor->mode == EBB_REACTOR_POLL) {
			ebb_list_for_each(node, &reactor->threads) {
				event_pollers_disarm_timer(
					ebb_list_entry(node, struct ebb_thread, reactor_link));
			}
		}
	}
	atomic_store(&reactor->mode_changing, false);
	mode_change_end(change, rc);
}

/* @asked: all but who asks, and whom */
static void mode_change_begin(int core, const struct mode_change *asked)
{
	struct event_reactor *reactor = event_reactor_by_core(core);
	struct mode_change *change = malloc(sizeof(*change));

	if (change == NULL) {
		ebb_error("reactor", "out of memory to change the mode of reactor %d", core);
		abort(); /* a promise to answer that cannot be kept */
	}
	*change = *asked;
	change->reactor = reactor;
	change->requester = ebb_thread_current();
	change->requester->answers_due++;
	if (reactor == NULL) {
		mode_change_end(change, -EINVAL);
	} else if (atomic_exchange(&reactor->mode_changing, true)) {
		mode_change_end(change, -EBUSY);
	} else {
		ebb_msg_init(&change->msg, mode_change_run, change);
		event_reactor_send(reactor, &change->msg);
	}
}

EBB_REPORTS void ebb_reactor_set_mode(int core, enum ebb_reactor_mode mode, uint32_t spin_us_max,
				      ebb_reactor_mode_cb done, void *arg)
{
	const struct mode_change change = {
		.mode = mode,
		.spin_us_max = spin_us_max,
		.done = done,
		.arg = arg,
	};

	if (event_turn.thread == NULL) {
		ebb_violation(4, __func__, "reactor", NULL, NULL);
		return;
	}
	mode_change_begin(core, &change);
}

EBB_REPORTS void ebb_reactor_set_plan(int core, uint64_t sleep_ns, uint64_t look_ns,
				      ebb_reactor_mode_cb done, void *arg)
{
	const struct mode_change change = {
		.mode = EBB_REACTOR_ADAPTIVE,
		.plan = {.sleep_ns = sleep_ns, .look_ns = look_ns},
		.fixed = true,
		.done = done,
		.arg = arg,
	};

	if (event_turn.thread == NULL) {
		ebb_violation(4, __func__, "reactor", NULL, NULL);
		return;
	}
	mode_change_begin(core, &change);
}

int ebb_reactor_get_stats(int core, struct ebb_reactor_stats *ret_stats)
{
	struct event_reactor *reactor = event_reactor_by_core(core);
	uint64_t started_ns, now_ns, busy_ns;

	if (reactor == NULL) {
		return -EINVAL;
	}
	started_ns = atomic_load_explicit(&reactor->started_ns, memory_order_relaxed);
	busy_ns = atomic_load_explicit(&reactor->busy_ns, memory_order_relaxed);
	now_ns = ebb_clock_now_ns();
	*ret_stats = (struct ebb_reactor_stats){
		.core = core,
		.tid = atomic_load(&reactor->tid),
		.mode = atomic_load_explicit(&reactor->mode_published, memory_order_relaxed),
		.spin_us_max =
			atomic_load_explicit(&reactor->spin_us_published, memory_order_relaxed),
		.sleep_ns = atomic_load_explicit(&reactor->sleep_published, memory_order_relaxed),
		.look_ns = atomic_load_explicit(&reactor->look_published, memory_order_relaxed),
		.busy_ns = busy_ns,
		.turns = atomic_load_explicit(&reactor->turns, memory_order_relaxed),
		.wakeups = atomic_load_explicit(&reactor->wakeups, memory_order_relaxed),
		.last_wake = atomic_load_explicit(&reactor->last_wake, memory_order_relaxed),
		.asleep = atomic_load_explicit(&reactor->asleep, memory_order_relaxed) != 0,
		.slow_callbacks =
			atomic_load_explicit(&reactor->slow_callbacks, memory_order_relaxed),
		.delayed_callbacks =
			atomic_load_explicit(&reactor->delayed_callbacks, memory_order_relaxed),
	};
	if (started_ns != 0 && now_ns > started_ns + busy_ns) {
		ret_stats->idle_ns = now_ns - started_ns - busy_ns;
	}
	return 0;
}

struct blocker_scan {
	void (*fn)(const char *thread, const char *poller, const char *reason, void *arg);
	void *arg;
	const char *thread;
};

static void blocker_scan_poller(const struct ebb_poller_stats *stats, void *arg)
{
	struct blocker_scan *scan = arg;

	if (stats->blocks_sleep) {
		scan->fn(scan->thread, stats->name, "runs every turn and has no wake source",
			 scan->arg);
	}
}

EBB_REPORTS void ebb_reactor_for_each_blocker(void (*fn)(const char *thread, const char *poller,
							 const char *reason, void *arg),
					      void *arg)
{
	struct event_reactor *reactor = event_turn.reactor;
	struct ebb_list *node;

	if (reactor == NULL) {
		ebb_violation(4, __func__, "reactor", NULL, NULL);
		return;
	}
	if (reactor->mode == EBB_REACTOR_POLL) {
		fn("", "", "the reactor is in poll mode", arg);
	}
	ebb_list_for_each(node, &reactor->threads) {
		struct ebb_thread *thread = ebb_list_entry(node, struct ebb_thread, reactor_link);
		struct blocker_scan scan = {.fn = fn, .arg = arg, .thread = thread->name};

		event_pollers_for_each(thread, blocker_scan_poller, &scan);
	}
}
