/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/reactor_turn.h"

/*
 * The turn.
 *
 * One reading of the clock (after a sleep: that of its end); messages to the reactor; for each
 * thread critical calls, a batch of messages, pollers, expired timers. Then its end, in turn_end.c:
 * completions from the io_uring; deferred completions; what was put off to the turn's end; threads
 * that leave. One submission for all follows, by the reactor or by its sleep. After a sleep only
 * those pollers run whose source has fired; in a turn that follows another turn all of them do. So
 * a poller's function must be prepared to find nothing.
 *
 * Finding nothing is what a reactor that polls does most, and how soon it comes round again is what
 * a completion waits for. So the turn is one function, to which everything that most turns do is
 * inline, and what few do is a call behind one test: a queue with something pending, a timer that
 * is due, a turn that has an end to be run. A turn that finds nothing reads the clock once (see
 * callback.h), and a poller that finds nothing costs the stores that say so. bench/cost counts it.
 */

#include <ebb/assert.h>

#include "core/event/callback.h"
#include "core/event/poller.h"
#include "core/event/reactor.h"
#include "core/event/thread.h"
#include "core/event/turn.h"

/* ---- messages ---- */

static void __attribute__((noinline)) reactor_run_inbox(struct event_reactor *reactor)
{
	struct ebb_msg *msg = base_mpsc_take(&reactor->inbox);

	while (msg != NULL) {
		struct ebb_msg *next = msg->next;

		event_callback_begin(reactor, NULL, msg->name);
		msg->fn(msg->arg);
		event_callback_end(reactor, NULL, true);
		msg = next;
	}
}

static void thread_call(struct event_reactor *reactor, struct ebb_thread *thread, ebb_msg_fn fn,
			void *arg, const char *name)
{
	event_callback_begin(reactor, thread, name);
	fn(arg);
	event_callback_end(reactor, thread, true);
}

static void thread_run_critical(struct event_reactor *reactor, struct ebb_thread *thread)
{
	struct base_msg_ring *ring = &thread->queue.critical;
	uint64_t mark = base_msg_ring_published(ring, 1u << EVENT_MSG_QUEUE_CRITICAL_LOG2);
	struct base_msg_ring_entry entry;

	while (ring->head < mark && event_msg_queue_pop_critical(&thread->queue, &entry)) {
		thread_call(reactor, thread, entry.fn, entry.arg, entry.name);
	}
}

static void thread_run_messages(struct event_reactor *reactor, struct ebb_thread *thread)
{
	struct base_msg_ring_entry entry;
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
thread_run_queue(struct event_reactor *reactor, struct ebb_thread *thread)
{
	thread_run_critical(reactor, thread);
	thread_run_messages(reactor, thread);
}

/* ---- pollers ---- */

/* Runs one poller. It may have been unregistered, but is not freed, when this returns. */
static inline void poller_run(struct event_reactor *reactor, struct ebb_thread *thread,
			      struct ebb_poller *poller)
{
	int rc;

	event_poller_set_state(poller, EVENT_POLLER_RUNNING);
	event_callback_begin(reactor, thread, poller->name);
	rc = poller->fn(poller->arg);
	poller->run_count++;
	if (rc > 0) {
		poller->busy_count++;
	} else if (ebb_unlikely(rc < 0)) {
		poller->error_count++;
	}
	event_callback_end(reactor, thread, rc > 0);
	if (ebb_likely(poller->state == EVENT_POLLER_RUNNING)) {
		event_poller_set_state(poller, EVENT_POLLER_WAITING);
	} else {
		event_poller_settle(poller);
	}
}

/* What has joined the list while it was run stands from @node on, and runs from now on. */
static void __attribute__((noinline))
pollers_admit(struct ebb_thread *thread, struct ebb_list *node)
{
	for (; node != &thread->active; node = node->next) {
		struct ebb_poller *poller = ebb_list_entry(node, struct ebb_poller, link);

		ebb_assert(poller->fresh && poller->state == EVENT_POLLER_WAITING);
		poller->fresh = false;
	}
}

static inline void pollers_run_active(struct event_reactor *reactor, struct ebb_thread *thread)
{
	struct ebb_list *node = thread->active.next;

	while (node != &thread->active) {
		struct ebb_poller *poller = ebb_list_entry(node, struct ebb_poller, link);

		thread->cursor = node;
		if (ebb_unlikely(poller->fresh || poller->state != EVENT_POLLER_WAITING)) {
			pollers_admit(thread, node);
			break;
		}
		poller_run(reactor, thread, poller);
		node = thread->cursor->next;
	}
	thread->cursor = NULL;
}

static void __attribute__((noinline))
pollers_run_fired(struct event_reactor *reactor, struct ebb_thread *thread)
{
	struct ebb_list *node;

	while ((node = ebb_list_pop_front(&thread->fired)) != NULL) {
		poller_run(reactor, thread, ebb_list_entry(node, struct ebb_poller, fired_link));
	}
}

static void __attribute__((noinline))
pollers_run_timed(struct event_reactor *reactor, struct ebb_thread *thread)
{
	/* One reading for all: a short period cannot keep this loop going. */
	uint64_t now_ns = event_turn.now_ns;

	while (event_timer_next_ns(&thread->timers) <= now_ns) {
		struct ebb_poller *poller =
			ebb_container_of(thread->timers.timers[1], struct ebb_poller, timer);

		event_timer_remove(&thread->timers, &poller->timer);
		poller_run(reactor, thread, poller);
		if (poller->state != EVENT_POLLER_WAITING) {
			continue;
		}
		if (poller->timer.position == 0) {
			event_poller_schedule(poller);
		}
		if (poller->timer.deadline_ns <= now_ns) {
			break;
		}
	}
}

/* Leaves the thread entered: what follows enters another one, or none. */
static inline void thread_run(struct event_reactor *reactor, struct ebb_thread *thread,
			      bool polling)
{
	event_thread_enter(thread);
	if (ebb_unlikely(event_msg_queue_pending(&thread->queue))) {
		thread_run_queue(reactor, thread);
	}
	if (ebb_likely(polling)) {
		pollers_run_active(reactor, thread);
	} else if (!ebb_list_empty(&thread->fired)) {
		pollers_run_fired(reactor, thread);
	}
	if (ebb_unlikely(event_timer_next_ns(&thread->timers) <= event_turn.now_ns)) {
		pollers_run_timed(reactor, thread);
	}
}

void event_reactor_turn_thread(struct ebb_thread *thread, bool polling)
{
	thread_run(event_turn.reactor, thread, polling);
	event_thread_enter(NULL);
}

static inline void reactor_run_woken(struct event_reactor *reactor)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &reactor->threads) {
		thread_run(reactor, ebb_list_entry(node, struct ebb_thread, reactor_link), false);
	}
}

void event_reactor_turn_run(struct event_reactor *reactor, bool polling)
{
	uint64_t turn = atomic_load_explicit(&reactor->turns, memory_order_relaxed) + 1;
	struct ebb_list *node;

	atomic_store_explicit(&reactor->turns, turn, memory_order_relaxed);
	event_turn.worked = false;
	if (ebb_likely(polling)) {
		event_callback_read_clock(reactor);
	}
	atomic_store_explicit(&reactor->turn_ns, event_turn.now_ns, memory_order_relaxed);

	if (ebb_unlikely(base_mpsc_pending(&reactor->inbox))) {
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
	event_thread_enter(NULL);
}
