/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/turn.h"

/*
 * The turn.
 *
 * One reading of the clock (after a sleep: that of its end); messages to the reactor; for each
 * thread critical calls, a batch of messages, pollers, expired timers; completions from the
 * io_uring; deferred completions; what was put off to the turn's end; threads that leave; one
 * submission. After a sleep only those pollers run whose source has fired; in a turn that follows
 * another turn all of them do. So a poller's function must be prepared to find nothing.
 *
 * Finding nothing is what a reactor that polls does most, and how soon it comes round again is what
 * a completion waits for. So the turn is one function, to which everything that most turns do is
 * inline, and what few do is a call behind one test: a queue with something pending, a timer that is due, a turn
 * that has an end to be run. A turn that finds nothing reads the clock once (see struct ebb_span),
 * and a poller that finds nothing costs the stores that say so. bench/cost counts it.
 */

#include <ebb/assert.h>

#include "core/event/move.h"
#include "core/event/poller.h"
#include "core/event/reactor.h"
#include "core/event/thread.h"
#include "core/event/watchdog.h"

_Thread_local struct ebb_turn ebb_turn;

void __attribute__((noinline)) ebb_reactor_read_kernel_clock(struct ebb_reactor *reactor)
{
	uint64_t since_ns = ebb_turn.now_ns;

	ebb_turn.now_ns = ebb_ticker_read(&reactor->ticker, since_ns);
	if (ebb_span_state(reactor) != EBB_SPAN_EMPTY &&
	    ebb_turn.now_ns - since_ns > EBB_CALLBACK_LIMIT_NS) {
		event_watchdog_overrun(
			reactor, atomic_load_explicit(&reactor->span.thread, memory_order_relaxed),
			atomic_load_explicit(&reactor->span.name, memory_order_relaxed),
			ebb_turn.now_ns - since_ns);
	}
}

void __attribute__((noinline)) ebb_reactor_read_clock_again(struct ebb_reactor *reactor)
{
	if (ebb_likely(ebb_span_state(reactor) == EBB_SPAN_IDLE &&
		       ebb_ticker_count(&reactor->ticker, &ebb_turn.now_ns))) {
		ebb_span_set_state(reactor, EBB_SPAN_EMPTY);
	} else {
		ebb_reactor_read_clock(reactor);
	}
}

/* ---- messages ---- */

static void __attribute__((noinline)) reactor_run_inbox(struct ebb_reactor *reactor)
{
	struct ebb_msg *msg = ebb_mpsc_take(&reactor->inbox);

	while (msg != NULL) {
		struct ebb_msg *next = msg->next;

		ebb_callback_begin(reactor, NULL, msg->name);
		msg->fn(msg->arg);
		ebb_callback_end(reactor, NULL, true);
		msg = next;
	}
}

static void thread_call(struct ebb_reactor *reactor, struct ebb_thread *thread, ebb_msg_fn fn,
			void *arg, const char *name)
{
	ebb_callback_begin(reactor, thread, name);
	fn(arg);
	ebb_callback_end(reactor, thread, true);
}

static void thread_run_critical(struct ebb_reactor *reactor, struct ebb_thread *thread)
{
	struct ebb_msg_ring *ring = &thread->queue.critical;
	uint64_t mark = ebb_msg_ring_published(ring, 1u << EVENT_MSG_QUEUE_CRITICAL_LOG2);
	struct ebb_msg_ring_entry entry;

	while (ring->head < mark && event_msg_queue_pop_critical(&thread->queue, &entry)) {
		thread_call(reactor, thread, entry.fn, entry.arg, entry.name);
	}
}

static void thread_run_messages(struct ebb_reactor *reactor, struct ebb_thread *thread)
{
	struct ebb_msg_ring_entry entry;
	unsigned count = 0;

	event_msg_queue_open_batch(&thread->queue);
	while (count < EVENT_MSG_QUEUE_BATCH && event_msg_queue_pop(&thread->queue, &entry)) {
		thread_call(reactor, thread, entry.fn, entry.arg, entry.name);
		count++;
	}
	if (count != 0) {
		event_msg_queue_close_batch(&thread->queue);
	}
}

static void __attribute__((noinline))
thread_run_queue(struct ebb_reactor *reactor, struct ebb_thread *thread)
{
	thread_run_critical(reactor, thread);
	thread_run_messages(reactor, thread);
}

/* ---- pollers ---- */

/* Runs one poller. It may have been unregistered, but is not freed, when this returns. */
static inline void poller_run(struct ebb_reactor *reactor, struct ebb_thread *thread,
			      struct ebb_poller *poller)
{
	int rc;

	ebb_poller_set_state(poller, EBB_POLLER_RUNNING);
	ebb_callback_begin(reactor, thread, poller->name);
	rc = poller->fn(poller->arg);
	poller->run_count++;
	if (rc > 0) {
		poller->busy_count++;
	} else if (ebb_unlikely(rc < 0)) {
		poller->error_count++;
	}
	ebb_callback_end(reactor, thread, rc > 0);
	if (ebb_likely(poller->state == EBB_POLLER_RUNNING)) {
		ebb_poller_set_state(poller, EBB_POLLER_WAITING);
	} else {
		ebb_poller_settle(poller);
	}
}

/* What has joined the list while it was run stands from @node on, and runs from now on. */
static void __attribute__((noinline))
pollers_admit(struct ebb_thread *thread, struct ebb_list *node)
{
	for (; node != &thread->active; node = node->next) {
		struct ebb_poller *poller = ebb_list_entry(node, struct ebb_poller, link);

		ebb_assert(poller->fresh && poller->state == EBB_POLLER_WAITING);
		poller->fresh = false;
	}
}

static inline void pollers_run_active(struct ebb_reactor *reactor, struct ebb_thread *thread)
{
	struct ebb_list *node = thread->active.next;

	while (node != &thread->active) {
		struct ebb_poller *poller = ebb_list_entry(node, struct ebb_poller, link);

		thread->cursor = node;
		if (ebb_unlikely(poller->fresh || poller->state != EBB_POLLER_WAITING)) {
			pollers_admit(thread, node);
			break;
		}
		poller_run(reactor, thread, poller);
		node = thread->cursor->next;
	}
	thread->cursor = NULL;
}

static void __attribute__((noinline))
pollers_run_fired(struct ebb_reactor *reactor, struct ebb_thread *thread)
{
	struct ebb_list *node;

	while ((node = ebb_list_pop_front(&thread->fired)) != NULL) {
		poller_run(reactor, thread, ebb_list_entry(node, struct ebb_poller, fired_link));
	}
}

static void __attribute__((noinline))
pollers_run_timed(struct ebb_reactor *reactor, struct ebb_thread *thread)
{
	/* One reading for all: a short period cannot keep this loop going. */
	uint64_t now_ns = ebb_turn.now_ns;

	while (ebb_timer_next_ns(&thread->timers) <= now_ns) {
		struct ebb_poller *poller =
			ebb_container_of(thread->timers.timers[1], struct ebb_poller, timer);

		ebb_timer_remove(&thread->timers, &poller->timer);
		poller_run(reactor, thread, poller);
		if (poller->state == EBB_POLLER_WAITING && poller->timer.position == 0) {
			ebb_poller_schedule(poller);
			if (poller->timer.deadline_ns <= now_ns) {
				break;
			}
		}
	}
}

/* Leaves the thread entered: what follows enters another one, or none. */
static inline void thread_run(struct ebb_reactor *reactor, struct ebb_thread *thread, bool polling)
{
	ebb_thread_enter(thread);
	if (ebb_unlikely(event_msg_queue_pending(&thread->queue))) {
		thread_run_queue(reactor, thread);
	}
	if (ebb_likely(polling)) {
		pollers_run_active(reactor, thread);
	} else if (!ebb_list_empty(&thread->fired)) {
		pollers_run_fired(reactor, thread);
	}
	if (ebb_unlikely(ebb_timer_next_ns(&thread->timers) <= ebb_turn.now_ns)) {
		pollers_run_timed(reactor, thread);
	}
}

void ebb_thread_run(struct ebb_thread *thread, bool polling)
{
	thread_run(ebb_turn.reactor, thread, polling);
	ebb_thread_enter(NULL);
}

/* ---- the turn's end ---- */

/* What is deferred while this runs waits for the next turn: a turn ends. */
static void reactor_run_deferred(struct ebb_reactor *reactor)
{
	struct ebb_deferred *deferred = ebb_turn.deferred_first;

	if (deferred == NULL) {
		return;
	}
	ebb_turn.deferred_first = NULL;
	ebb_turn.deferred_end = &ebb_turn.deferred_first;
	do {
		struct ebb_deferred *next = deferred->next;

		__builtin_prefetch(next);
		ebb_batch_enter(reactor, deferred->thread);
		deferred->fn(deferred);
		deferred = next;
	} while (deferred != NULL);
	ebb_batch_leave(reactor);
}

static void reactor_run_ends(void)
{
	struct ebb_turn_end *end = ebb_turn.ends;

	ebb_turn.ends = NULL;
	do {
		struct ebb_turn_end *next = end->next;

		end->fn(end);
		end = next;
	} while (end != NULL);
}

/* Threads that exit or move go when nothing of theirs is left here. */
static void reactor_see_off(struct ebb_reactor *reactor)
{
	struct ebb_list *node, *tmp;

	ebb_list_for_each_safe(node, tmp, &reactor->threads) {
		struct ebb_thread *thread = ebb_list_entry(node, struct ebb_thread, reactor_link);

		if (atomic_load_explicit(&thread->state, memory_order_relaxed) ==
		    EBB_THREAD_EXITING) {
			ebb_move_cancel(thread);
			ebb_thread_exit_check(thread);
		} else if (thread->move != NULL) {
			ebb_move_check(thread);
		}
	}
}

static inline bool reactor_has_end(const struct ebb_reactor *reactor)
{
	return reactor->urings.pending || ebb_turn.deferred_first != NULL ||
	       ebb_turn.ends != NULL || reactor->num_leaving != 0;
}

static void __attribute__((noinline)) reactor_run_end(struct ebb_reactor *reactor)
{
	if (reactor->urings.pending) {
		event_uring_set_reap(&reactor->urings);
	}
	reactor_run_deferred(reactor);
	if (ebb_turn.ends != NULL) {
		reactor_run_ends();
	}
	if (ebb_unlikely(reactor->num_leaving != 0)) {
		reactor_see_off(reactor);
	}
}

static inline void reactor_run_woken(struct ebb_reactor *reactor)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &reactor->threads) {
		thread_run(reactor, ebb_list_entry(node, struct ebb_thread, reactor_link), false);
	}
}

bool ebb_reactor_run_turn(struct ebb_reactor *reactor, bool polling)
{
	uint64_t turn = atomic_load_explicit(&reactor->turns, memory_order_relaxed) + 1;
	struct ebb_list *node;

	atomic_store_explicit(&reactor->turns, turn, memory_order_relaxed);
	ebb_turn.worked = false;
	if (ebb_likely(polling)) {
		ebb_reactor_read_clock(reactor);
	}
	atomic_store_explicit(&reactor->turn_ns, ebb_turn.now_ns, memory_order_relaxed);

	if (ebb_unlikely(ebb_mpsc_pending(&reactor->inbox))) {
		reactor_run_inbox(reactor);
	}
	if (ebb_likely(polling)) {
		ebb_list_for_each(node, &reactor->threads) {
			thread_run(reactor, ebb_list_entry(node, struct ebb_thread, reactor_link),
				   true);
		}
	} else {
		reactor_run_woken(reactor);
	}
	ebb_thread_enter(NULL);
	if (reactor_has_end(reactor)) {
		reactor_run_end(reactor);
	}
	return ebb_turn.worked;
}

bool ebb_reactor_turn(struct ebb_reactor *reactor, bool polling)
{
	bool worked;

	if (!polling) {
		ebb_reactor_read_clock(reactor);
	}
	worked = ebb_reactor_run_turn(reactor, polling);
	ebb_reactor_submit(reactor);
	return worked;
}
