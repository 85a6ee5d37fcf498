/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/watchdog.h"

/*
 * Who watches a reactor that no longer turns, without waking anybody while all sleep?
 *
 * A reactor that wakes arms a timer of one second, if it is not armed. When that expires, the
 * watchdog (an OS thread of its own, which does nothing else: the helper may be busy with a job
 * that takes long) looks at every reactor: one that is awake, and in the same turn for a second, is
 * reported with the callback that it is in. While any reactor is awake the timer is armed again;
 * when all sleep it is not. So a sleeping service is watched by nobody, a wakeup costs one load
 * (and once a second a system call), and after the last one the watchdog wakes a single time.
 *
 * The same timer ages the memory pool, which lets go of what was not used for a second: if
 * something is about to become stale, one more is wanted, though all sleep. That ends by itself;
 * see memory.c.
 *
 * The disarming watchdog and a waking reactor meet as in the sleep protocol: the watchdog clears
 * watchdog_armed and then looks at the reactors again, a reactor clears asleep and then looks at
 * watchdog_armed; both sequentially consistent.
 */

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <ebb/clock.h>
#include <ebb/log.h>

#include "core/event/os_thread.h"
#include "core/event/reactor.h"
#include "core/event/send.h"
#include "core/event/switch_monitor.h"
#include "core/event/thread.h"
#include "core/event/violation.h"
#include "core/memory/pool.h"

#define WATCHDOG_PERIOD_NS EBB_NS_PER_S

static _Atomic bool watchdog_armed;
static _Atomic bool watchdog_stopping;
static bool watchdog_running;
static int watchdog_timer_fd = -1;
static pthread_t watchdog_pthread;

static void watchdog_set_timer(void)
{
	static const struct itimerspec period = {
		.it_value.tv_sec = WATCHDOG_PERIOD_NS / EBB_NS_PER_S,
	};

	timerfd_settime(watchdog_timer_fd, 0, &period, NULL);
}

void event_watchdog_awake(void)
{
	if (ebb_likely(atomic_load_explicit(&watchdog_armed, memory_order_seq_cst)) ||
	    atomic_exchange(&watchdog_armed, true)) {
		return;
	}
	watchdog_set_timer();
}

/* What a stuck thread sent to itself in this turn cannot run before the turn ends (rule 1). */
static void watchdog_report_rule_1(struct event_reactor *reactor, struct ebb_thread *thread,
				   const char *name)
{
	if (thread != NULL &&
	    atomic_load(&reactor->self_send_turn) == atomic_load(&reactor->turns)) {
		ebb_violation(1, "ebb_thread_send (to itself, and then it waits)", name, thread,
			      thread);
	}
}

static void watchdog_look(struct event_reactor *reactor, uint64_t now_ns)
{
	uint64_t turn = atomic_load_explicit(&reactor->turns, memory_order_relaxed);
	uint64_t since_ns = atomic_load_explicit(&reactor->turn_ns, memory_order_relaxed);
	const char *name = event_reactor_running(reactor);
	struct ebb_thread *thread = NULL;

	if (turn == 0 || since_ns == EVENT_NO_TURN || since_ns + WATCHDOG_PERIOD_NS > now_ns ||
	    reactor->reported_turn == turn) {
		return;
	}
	if (name != NULL) {
		thread = atomic_load_explicit(&reactor->span.thread, memory_order_relaxed);
	}
	reactor->reported_turn = turn;
	ebb_error("reactor",
		  "reactor %d is stuck: in %s of thread '%s' since %llu ms; every thread on CPU %d "
		  "waits (rule 5: do not block a reactor)",
		  reactor->core, name != NULL ? name : "no callback",
		  thread != NULL ? thread->name : "none",
		  (unsigned long long)((now_ns - since_ns) / EBB_NS_PER_MS), reactor->core);
	event_violation_count(5, "reactor stuck", name != NULL ? name : "no callback", thread,
			      thread);
	watchdog_report_rule_1(reactor, thread, name != NULL ? name : "no callback");
}

static bool watchdog_any_awake(void)
{
	for (unsigned i = 0; i < event_num_reactors; i++) {
		if (atomic_load_explicit(&event_reactors[i].asleep, memory_order_seq_cst) == 0 &&
		    atomic_load(&event_reactors[i].state) != EVENT_REACTOR_ENDED) {
			return true;
		}
	}
	return false;
}

/* On a reactor whose cache of memory holds something stale. */
static void watchdog_age_memory(void *arg)
{
	struct event_reactor *reactor = arg;

	atomic_store(&reactor->age_sent, false);
	mem_age_caller();
}

static void watchdog_ask(struct event_reactor *reactor)
{
	if (!atomic_exchange(&reactor->age_sent, true)) {
		ebb_msg_init(&reactor->age_msg, watchdog_age_memory, reactor);
		event_reactor_send(reactor, &reactor->age_msg);
	}
}

static bool watchdog_age_pool(void)
{
	cpu_set_t stale_cores;
	bool again = mem_age(&stale_cores);

	for (unsigned i = 0; i < event_num_reactors; i++) {
		if (CPU_ISSET((size_t)event_reactors[i].core, &stale_cores)) {
			watchdog_ask(&event_reactors[i]);
		}
	}
	return again;
}

void event_watchdog_expired(void)
{
	uint64_t now_ns = ebb_clock_now_ns();
	bool again;

	for (unsigned i = 0; i < event_num_reactors; i++) {
		if (atomic_load(&event_reactors[i].asleep) == 0) {
			watchdog_look(&event_reactors[i], now_ns);
		}
	}
	event_switch_monitor_look(now_ns);
	again = watchdog_age_pool();
	if (again || watchdog_any_awake()) {
		watchdog_set_timer();
		return;
	}
	atomic_store_explicit(&watchdog_armed, false, memory_order_seq_cst);
	if (watchdog_any_awake() && !atomic_exchange(&watchdog_armed, true)) {
		watchdog_set_timer();
	}
}

void event_watchdog_overrun(struct event_reactor *reactor, const struct ebb_thread *thread,
			    const char *name, uint64_t passed_ns)
{
	static struct ebb_ratelimit limit;

	event_violation_count(5, "callback over 10 ms", name, thread, thread);
	if (ebb_ratelimit_ok(&limit)) {
		ebb_warn("reactor",
			 "reactor %d: %s of thread '%s' took %llu.%llu ms: the CPU was busy "
			 "elsewhere, or it does what belongs on the helper (rule 5)",
			 reactor->core, name, thread != NULL ? thread->name : "none",
			 (unsigned long long)(passed_ns / EBB_NS_PER_MS),
			 (unsigned long long)(passed_ns % EBB_NS_PER_MS / 100000));
	}
}

/* The timerfd blocks: until it expires there is nothing to do. */
static void *watchdog_main(void *arg)
{
	uint64_t expirations;

	(void)arg;
	while (!atomic_load(&watchdog_stopping)) {
		if (read(watchdog_timer_fd, &expirations, sizeof(expirations)) > 0) {
			event_watchdog_expired();
		}
	}
	return NULL;
}

int event_watchdog_start(void)
{
	int rc;

	atomic_store(&watchdog_armed, false);
	atomic_store(&watchdog_stopping, false);
	watchdog_timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (watchdog_timer_fd < 0) {
		return -errno;
	}
	rc = event_os_thread_start(&watchdog_pthread, "ebb_watch", watchdog_main, NULL);
	watchdog_running = rc == 0;
	return rc;
}

void event_watchdog_stop(void)
{
	static const struct itimerspec now = {.it_value.tv_nsec = 1};

	if (watchdog_running) {
		atomic_store(&watchdog_stopping, true);
		/* It may be about to set its own time: repeat until it has seen the flag. */
		do {
			timerfd_settime(watchdog_timer_fd, 0, &now, NULL);
		} while (pthread_tryjoin_np(watchdog_pthread, NULL) != 0 && sched_yield() == 0);
		watchdog_running = false;
	}
	if (watchdog_timer_fd >= 0) {
		close(watchdog_timer_fd);
		watchdog_timer_fd = -1;
	}
}
