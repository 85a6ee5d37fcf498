/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/reactor.h"

/*
 * Sleep and wake.
 *
 * A reactor may sleep only when nothing is waiting, and whatever comes afterwards must wake it. The
 * danger is the gap between looking and sleeping: a message sent in that gap by somebody who still
 * sees the reactor awake would lie there until the next, unrelated, wakeup. One word closes it,
 * which both sides exchange:
 *
 *	reactor                                sender
 *	exchange(&asleep, 1)                   publish the message
 *	look at every queue again              exchange(&asleep, 0)
 *	nothing: epoll_wait()                  was 1: write the eventfd
 *	exchange(&asleep, 0)
 *
 * Of two exchanges of one word one is second, and sees what the first one's side did before. If the
 * sender's is first, the reactor's second look finds the message. If it is second, it takes the 1
 * out and writes the eventfd, which epoll_wait() then does not sleep through. Nothing else is
 * needed of the publication than that it comes before; in particular it is a plain store, so that
 * a message between two polling reactors costs one crossing of one cache line, and the exchange
 * comes when it is already under way. Of many senders one takes the 1 out, and writes; a busy
 * reactor is sent messages without a system call.
 *
 * While a thread moves, senders may exchange the word of its old reactor. So they look again where
 * the thread is, after the exchange; and the old reactor exchanges its own word after it has said
 * where the thread goes, before it hands it over. See move.c.
 *
 * A completion source (an NVMe queue) is a sender that is no thread of ours. Its arm() plays the
 * reactor's part for it: allow the source's event, look once more, -EAGAIN if there is something.
 * Order before sleep, always: arm timers, asleep = 1, look at the queues, arm sources (each looks
 * at what it disarmed), sleep. While the reactor's io_uring has requests outstanding it sleeps in
 * there, and the ring watches the epoll set: see ring/uring.c; and ring/uring_set.c for those that
 * have several.
 *
 * Eventfds and timerfds are watched edge-triggered and never read. Every write, and every expiry,
 * is an edge of its own, whatever the counter says, so the read() that would usually follow each
 * wakeup is not needed. An edge for work that was already done on an awake turn is delivered to the
 * next sleep, which is then one turn shorter: the cost of never missing one, paid once, not again
 * and again.
 *
 * A sleep may have a bound: how long, and what for, is in plan.c. The call that sleeps has it as its
 * timeout, and nothing else is different: whatever would end an unbounded sleep ends this one, by
 * the same steps, and what the bound has ended is left like any sleep.
 *
 * What must never happen: epoll_wait() with a published message in a queue and no edge under way.
 * tests/model/sleep.pml is this protocol with explicit store buffers, and fails when any of the
 * operations above is weakened or left out.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <ebb/assert.h>

#include "core/base/cpu_relax.h"
#include "core/event/callback.h"
#include "core/event/epoll.h"
#include "core/event/poller_sleep.h"
#include "core/event/poller_timer.h"
#include "core/event/reactor_list.h"
#include "core/event/reactor_mode.h"
#include "core/event/reactor_turn.h"
#include "core/event/ring/uring.h"
#include "core/event/ring/uring_set.h"
#include "core/event/thread.h"
#include "core/event/turn.h"
#include "core/event/turn_end.h"
#include "core/event/watchdog.h"
#include "core/memory/pool.h"

#define EVENTS_PER_WAKE 64

bool event_reactor_done(const struct event_reactor *reactor)
{
	return ebb_list_empty(&reactor->threads) &&
	       atomic_load_explicit(&reactor->state, memory_order_relaxed) ==
		       EVENT_REACTOR_STOPPING;
}

/* True if a reason to stay awake is in memory already. */
static bool reactor_has_work(struct event_reactor *reactor)
{
	struct ebb_list *node;

	if (base_mpsc_waiting(&reactor->inbox) || event_turn.deferred_first != NULL) {
		return true;
	}
	ebb_list_for_each(node, &reactor->threads) {
		struct ebb_thread *thread = ebb_list_entry(node, struct ebb_thread, reactor_link);

		if (event_msg_queue_waiting(&thread->queue)) {
			return true;
		}
	}
	return false;
}

/*
 * What @thread's timers have to say to a sleep until *@until_ns: what is due forbids it; one without
 * a bound has the thread's timerfd; one with a bound ends at the next deadline.
 */
static bool reactor_may_sleep_timers(struct ebb_thread *thread, uint64_t *until_ns)
{
	uint64_t next_ns = event_timer_next_ns(&thread->timers);

	if (next_ns <= event_turn.now_ns) {
		return false;
	}
	if (*until_ns == EBB_REACTOR_FOREVER) {
		return event_pollers_arm_timer(thread) == 0;
	}
	if (next_ns < *until_ns) {
		*until_ns = next_ns;
	}
	return true;
}

/*
 * Everything that may call into the kernel, or that forbids sleep, before asleep is set.
 * @until_ns: as reactor_sleep()'s; becomes less where a timer ends the sleep
 */
static bool reactor_may_sleep(struct event_reactor *reactor, uint64_t *until_ns)
{
	struct ebb_list *node;

	if (event_reactor_done(reactor)) {
		return false;
	}
	if (reactor->urings.pending && !event_uring_set_may_sleep(&reactor->urings)) {
		return false;
	}
	ebb_list_for_each(node, &reactor->threads) {
		struct ebb_thread *thread = ebb_list_entry(node, struct ebb_thread, reactor_link);

		if (thread->num_blocking != 0 || !reactor_may_sleep_timers(thread, until_ns)) {
			return false;
		}
	}
	return true;
}

static int reactor_arm(struct event_reactor *reactor)
{
	struct ebb_list *node;
	int rc = reactor->urings.pending ? event_uring_set_arm(&reactor->urings) : 0;

	if (rc != 0) {
		return rc;
	}
	ebb_list_for_each(node, &reactor->threads) {
		rc = event_pollers_arm(ebb_list_entry(node, struct ebb_thread, reactor_link));
		if (rc != 0) {
			break;
		}
	}
	return rc;
}

/* The reactor is awake. What has fired runs in the turn that follows. */
static void reactor_woken(struct event_reactor *reactor, const struct epoll_event *events,
			  int count)
{
	for (int i = 0; i < count; i++) {
		struct event_source *source =
			base_handle_find(&reactor->sources, events[i].data.u64);

		if (source == NULL) {
			continue;
		}
		atomic_store_explicit(&reactor->last_wake, source->name, memory_order_relaxed);
		if (source->fired != NULL) {
			source->fired(source);
		}
	}
}

static void reactor_submit(struct event_reactor *reactor)
{
	if (reactor->urings.pending) {
		event_uring_set_submit(&reactor->urings);
	}
}

/* Waits where it has to: in the io_uring while requests are outstanding, else in the epoll set. */
static void reactor_wait(struct event_reactor *reactor, uint64_t bound_ns)
{
	struct epoll_event events[EVENTS_PER_WAKE];
	bool busy = reactor->urings.pending && event_uring_busy(reactor->urings.main);
	bool slept = true;
	bool expired = false;
	int count = 0;

	if (busy) {
		slept = event_uring_sleep(reactor->urings.main, bound_ns, &expired);
		atomic_store_explicit(&reactor->last_wake, "io_uring", memory_order_relaxed);
	}
	if (!busy || !slept) {
		reactor_submit(reactor);
		count = event_epoll_wait(reactor->epoll_fd, events, EVENTS_PER_WAKE,
					 busy ? 0 : bound_ns);
		expired = !busy && count == 0;
	}
	atomic_exchange_explicit(&reactor->asleep, 0, memory_order_seq_cst);
	if (reactor->urings.pending) {
		event_uring_set_disarm(&reactor->urings);
	}
	if (slept) {
		atomic_fetch_add_explicit(&reactor->wakeups, 1, memory_order_relaxed);
	}
	event_callback_read_clock(reactor);
	if (slept) {
		reactor->awake_since_ns = event_turn.now_ns;
	}
	if (expired) {
		atomic_store_explicit(&reactor->last_wake, "timeout", memory_order_relaxed);
	}
	reactor_woken(reactor, events, count);
	event_watchdog_awake();
}

/*
 * @until_ns: sleep until then at most; EBB_REACTOR_FOREVER: until woken
 * Return: true if the reactor has slept; false if something kept it awake.
 */
static bool reactor_sleep(struct event_reactor *reactor, uint64_t until_ns)
{
	event_callback_read_clock(reactor);
	if (!reactor_may_sleep(reactor, &until_ns) ||
	    until_ns < event_turn.now_ns + EVENT_PLAN_SLEEP_MIN_NS) {
		reactor_submit(reactor);
		return false;
	}
	/* Whoever clears asleep, the watchdog sees no turn before there is one again. */
	atomic_store_explicit(&reactor->turn_ns, EVENT_NO_TURN, memory_order_relaxed);
	/* Pairs with the exchange in reactor_notify(), in send.c: see the essay above. */
	atomic_exchange_explicit(&reactor->asleep, 1, memory_order_seq_cst);
	if (reactor_has_work(reactor) || reactor_arm(reactor) != 0) {
		atomic_exchange_explicit(&reactor->asleep, 0, memory_order_seq_cst);
		if (reactor->urings.pending) {
			event_uring_set_disarm(&reactor->urings);
		}
		event_watchdog_awake();
		reactor_submit(reactor);
		return false;
	}
	reactor_wait(reactor,
		     until_ns == EBB_REACTOR_FOREVER ? until_ns : until_ns - event_turn.now_ns);
	return true;
}

/*
 * A reactor that has several jobs on the helper does not spin until they end: it would take the CPU
 * that they are done by, and a wakeup is shared by all that have ended meanwhile. A single job ends
 * before it would be worth while to sleep. Nor does it sleep for jobs of which it has not heard for
 * as long as it would spin: one that takes long must not slow down what is not its own.
 */
static bool reactor_awaits_helper(const struct event_reactor *reactor)
{
	return reactor->helper_jobs > 1 &&
	       event_turn.now_ns - reactor->helper_ns < reactor->plan.look_ns;
}

/*
 * As event_plan_sleep_until_ns(), after a turn. A wait begins with a turn that finds nothing, so
 * after one that has @worked follows another, unless there is no look at all.
 */
static uint64_t reactor_sleep_until_ns(const struct event_reactor *reactor, bool worked)
{
	if (reactor->plan.look_ns == 0 || reactor_awaits_helper(reactor)) {
		return EBB_REACTOR_FOREVER;
	}
	if (worked) {
		return 0;
	}
	return event_plan_sleep_until_ns(&reactor->plan, reactor->last_work_ns, event_turn.now_ns);
}

void event_reactor_begin(struct event_reactor *reactor)
{
	memset(&event_turn, 0, sizeof(event_turn));
	event_turn.reactor = reactor;
	event_turn.deferred_end = &event_turn.deferred_first;
	mem_cache_begin(reactor->core);
	atomic_store(&reactor->tid, gettid());
	event_callback_read_clock(reactor);
	event_callback_begin_readings(reactor);
	event_reactor_set_state(reactor, EVENT_REACTOR_RUNNING);
	atomic_store_explicit(&reactor->started_ns, event_turn.now_ns, memory_order_relaxed);
	reactor->last_work_ns = event_turn.now_ns;
	reactor->awake_since_ns = event_turn.now_ns;
}

void event_reactor_end(struct event_reactor *reactor)
{
	event_uring_set_close(&reactor->urings);
	mem_cache_end();
	event_callback_end_readings(reactor);
	event_reactor_set_state(reactor, EVENT_REACTOR_ENDED);
	memset(&event_turn, 0, sizeof(event_turn));
}

static inline bool reactor_has_end(const struct event_reactor *reactor)
{
	return reactor->urings.pending || event_turn.deferred_first != NULL ||
	       event_turn.ends != NULL || reactor->num_leaving != 0;
}

/* Return: true if something was done. */
static inline bool reactor_turn(struct event_reactor *reactor, bool polling)
{
	event_reactor_turn_run(reactor, polling);
	if (reactor_has_end(reactor)) {
		event_turn_end_run(reactor);
	}
	return event_turn.worked;
}

bool event_reactor_turn(struct event_reactor *reactor, bool polling)
{
	bool worked;

	if (!polling) {
		event_callback_read_clock(reactor);
	}
	worked = reactor_turn(reactor, polling);
	reactor_submit(reactor);
	return worked;
}

bool event_reactor_step(struct event_reactor *reactor, bool polling)
{
	bool worked = reactor_turn(reactor, polling);

	if (reactor->mode != EBB_REACTOR_POLL) {
		uint64_t until_ns = reactor_sleep_until_ns(reactor, worked);

		if (until_ns != 0) {
			return !reactor_sleep(reactor, until_ns);
		}
		if (!worked) {
			base_cpu_relax();
		}
	}
	reactor_submit(reactor);
	return true;
}

void event_reactor_run(struct event_reactor *reactor)
{
	bool polling = true;

	event_reactor_begin(reactor);
	event_reactor_place(reactor);
	event_watchdog_awake();
	while (!event_reactor_done(reactor)) {
		polling = event_reactor_step(reactor, polling);
	}
	event_reactor_end(reactor);
}

int event_reactor_init(struct event_reactor *reactor, int core, enum ebb_reactor_mode mode,
		       uint32_t spin_us_max)
{
	int rc;

	memset(reactor, 0, sizeof(*reactor));
	ebb_list_init(&reactor->threads);
	reactor->core = core;
	reactor->mode = mode;
	reactor->interruptible = mode != EBB_REACTOR_POLL;
	reactor->spin_us_max = spin_us_max;
	reactor->plan = event_plan_of_mode(mode, spin_us_max);
	atomic_init(&reactor->mode_published, mode);
	atomic_init(&reactor->spin_us_published, spin_us_max);
	atomic_init(&reactor->sleep_published, reactor->plan.sleep_ns);
	atomic_init(&reactor->look_published, reactor->plan.look_ns);
	atomic_init(&reactor->last_wake, "none");
	pthread_mutex_init(&reactor->doing.mutex, NULL);
	reactor->times_fd = -1;
	reactor->event_fd = -1;
	reactor->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (reactor->epoll_fd < 0) {
		return -errno;
	}
	reactor->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (reactor->event_fd < 0) {
		rc = -errno;
		event_reactor_fini(reactor);
		return rc;
	}
	reactor->event_source = (struct event_source){
		.fd = reactor->event_fd,
		.events = EPOLLIN | EPOLLET,
		.name = "message",
	};
	rc = event_source_add(&reactor->sources, reactor->epoll_fd, &reactor->event_source);
	if (rc != 0) {
		event_reactor_fini(reactor);
	}
	return rc;
}

void event_reactor_fini(struct event_reactor *reactor)
{
	if (reactor->event_fd >= 0) {
		close(reactor->event_fd);
	}
	if (reactor->epoll_fd >= 0) {
		close(reactor->epoll_fd);
	}
	base_handle_table_fini(&reactor->sources);
	pthread_mutex_destroy(&reactor->doing.mutex);
}
