/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/watchdog.h"

/*
 * Who watches a reactor that no longer turns, without waking anybody while all sleep?
 *
 * A reactor that wakes arms a timer of one second, if it is not armed. When that expires, the
 * watchdog (an OS thread of its own, which does nothing else: the helper may be busy with a job
 * that takes long) looks at every reactor: one that is awake, and in the same turn for a second, is
 * reported with the callback that it is in, if it has used the CPU or waited in the kernel for that
 * long (verdict.c): a process that was stopped, or a CPU that others have, is not its fault, and
 * its second begins anew. While any reactor is awake the timer is armed again;
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
#include <stdio.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <ebb/clock.h>
#include <ebb/log.h>

#include "core/event/callback.h"
#include "core/event/os_thread.h"
#include "core/event/overrun.h"
#include "core/event/reactor.h"
#include "core/event/reading.h"
#include "core/event/send.h"
#include "core/event/stop.h"
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

/*
 * What a stuck thread sent to itself in this turn cannot run before the turn ends (rule 1). It may
 * be doing something else for that long, so it is told what it may be.
 */
static void watchdog_report_rule_1(struct event_reactor *reactor, struct ebb_thread *thread,
				   const char *name)
{
	if (thread != NULL &&
	    atomic_load(&reactor->self_send_turn) == atomic_load(&reactor->turns)) {
		ebb_violation(1, "ebb_thread_send (to itself, and then it waits)", name, thread,
			      thread);
	}
}

/* What the reactor is stuck in, for people. */
static void watchdog_describe(struct event_reactor *reactor, const struct ebb_thread *thread,
			      const char *name, uint64_t turn_ns, char *ret_text, size_t size)
{
	char doing[EVENT_DOING_TEXT_MAX];
	char bdev[64];
	bool many;

	if (event_doing_now(reactor, doing, sizeof(doing))) {
		snprintf(ret_text, size, "%s", doing);
	} else if (name != NULL &&
		   event_overrun_bdev(reactor, turn_ns, bdev, sizeof(bdev), &many)) {
		snprintf(ret_text, size, "%s of thread '%s', %s completion callback of bdev \"%s\"",
			 name, thread != NULL ? thread->name : "none",
			 many                          ? "first a"
			 : name == event_deferred_name ? "a"
						       : "lastly a",
			 bdev);
	} else {
		snprintf(ret_text, size, "%s of thread '%s'", name != NULL ? name : "no callback",
			 thread != NULL ? thread->name : "none");
	}
}

static void watchdog_report(struct event_reactor *reactor, uint64_t turn_ns, uint64_t now_ns,
			    const struct event_verdict *verdict)
{
	const char *name = event_reactor_running(reactor);
	struct ebb_thread *thread = NULL;
	char text[256];

	if (name != NULL) {
		thread = atomic_load_explicit(&reactor->span.thread, memory_order_relaxed);
	}
	watchdog_describe(reactor, thread, name, turn_ns, text, sizeof(text));
	ebb_error("reactor",
		  "reactor %d is stuck: in %s since %llu ms, %llu ms of it on the CPU, %llu ms "
		  "waiting in the kernel: it must return; until then every thread on this core "
		  "waits (rule 5)",
		  reactor->core, text, (unsigned long long)((now_ns - turn_ns) / EBB_NS_PER_MS),
		  (unsigned long long)(verdict->cpu_ns / EBB_NS_PER_MS),
		  (unsigned long long)(verdict->kernel_ns / EBB_NS_PER_MS));
	event_violation_count(5, "reactor stuck", text, thread, thread);
	watchdog_report_rule_1(reactor, thread, name != NULL ? name : "no callback");
}

/* Reads the reactor's times; keeps those from before the turn that it is in. */
static void watchdog_read(struct event_reactor *reactor, uint64_t turn, uint64_t now_ns)
{
	struct event_watched *watched = &reactor->watched;

	if (watched->turn != turn) {
		watched->turn = turn;
		watched->before = watched->last;
	}
	watched->last.at_ns = now_ns;
	if (!event_reading_source()->read_of(atomic_load(&reactor->tid), &watched->last.times)) {
		watched->last = watched->before;
	}
}

/*
 * A turn is too long by what its callback did, used the CPU or waited: see verdict.c. Where the
 * process was stopped meanwhile, from then on.
 */
static void watchdog_look(struct event_reactor *reactor, uint64_t now_ns, bool stopped)
{
	uint64_t turn = atomic_load_explicit(&reactor->turns, memory_order_relaxed);
	uint64_t turn_ns = atomic_load_explicit(&reactor->turn_ns, memory_order_relaxed);
	struct event_watched *watched = &reactor->watched;
	struct event_evidence evidence = {.stopped = false};
	uint64_t since_ns = turn_ns;
	struct event_verdict verdict;

	if (atomic_load(&reactor->state) == EVENT_REACTOR_NEW) {
		return;
	}
	watchdog_read(reactor, turn, now_ns);
	if (stopped) {
		watched->forgiven_ns = now_ns;
		watched->before = watched->last;
	}
	if (turn == 0 || turn_ns == EVENT_NO_TURN || watched->reported_turn == turn) {
		return;
	}
	if (watched->forgiven_ns > since_ns) {
		since_ns = watched->forgiven_ns;
	}
	if (since_ns + WATCHDOG_PERIOD_NS > now_ns) {
		return;
	}
	event_reading_source()->ask(reactor->core, since_ns, now_ns, &evidence);
	verdict = event_verdict_of(&watched->before, &watched->last, &evidence, now_ns - since_ns,
				   WATCHDOG_PERIOD_NS - 1);
	if (verdict.guilty) {
		watched->reported_turn = turn;
		watchdog_report(reactor, turn_ns, now_ns, &verdict);
	}
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
	bool stopped = event_stop_woken(now_ns);
	bool again;

	for (unsigned i = 0; i < event_num_reactors; i++) {
		if (atomic_load(&event_reactors[i].asleep) == 0) {
			watchdog_look(&event_reactors[i], now_ns, stopped);
		}
	}
	event_switch_monitor_look(now_ns);
	event_reading_note_steal(now_ns);
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

/* The timerfd blocks: until it expires there is nothing to do. */
static void *watchdog_main(void *arg)
{
	uint64_t expirations;

	(void)arg;
	event_reading_note_steal(ebb_clock_now_ns());
	while (!atomic_load(&watchdog_stopping)) {
		event_stop_sleep();
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
