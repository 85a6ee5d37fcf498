/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/turn_end.h"

#include "core/event/callback.h"
#include "core/event/move.h"
#include "core/event/reactor.h"
#include "core/event/ring/uring_set.h"
#include "core/event/thread.h"
#include "core/event/thread_exit.h"
#include "core/event/turn.h"

static inline void turn_end_run_one(struct event_reactor *reactor, struct event_deferred *deferred)
{
	event_callback_batch_begin(reactor, deferred->thread, event_deferred_name);
	deferred->fn(deferred);
}

/* As below, each a callback of its own. */
static void __attribute__((noinline))
turn_end_run_closely(struct event_reactor *reactor, struct event_deferred *deferred)
{
	do {
		struct event_deferred *next = deferred->next;

		atomic_store_explicit(&reactor->batch, (uintptr_t)deferred, memory_order_relaxed);
		turn_end_run_one(reactor, deferred);
		event_callback_batch_end(reactor);
		event_callback_read_clock(reactor); /* while it has its name */
		deferred = next;
	} while (deferred != NULL);
}

/* What is deferred while this runs waits for the next turn: a turn ends. */
static void turn_end_run_deferred(struct event_reactor *reactor)
{
	struct event_deferred *deferred = event_turn.deferred_first;

	if (deferred == NULL) {
		return;
	}
	event_turn.deferred_first = NULL;
	event_turn.deferred_end = &event_turn.deferred_first;
	if (event_callback_closely(reactor)) {
		turn_end_run_closely(reactor, deferred);
		return;
	}
	atomic_store_explicit(&reactor->batch,
			      (uintptr_t)deferred | (deferred->next != NULL ? 1 : 0),
			      memory_order_relaxed);
	do {
		struct event_deferred *next = deferred->next;

		__builtin_prefetch(next);
		turn_end_run_one(reactor, deferred);
		deferred = next;
	} while (deferred != NULL);
	event_callback_batch_end(reactor);
}

static void turn_end_run_ends(void)
{
	struct ebb_turn_end *end = event_turn.ends;

	event_turn.ends = NULL;
	do {
		struct ebb_turn_end *next = end->next;

		end->fn(end);
		end = next;
	} while (end != NULL);
}

/* Threads that exit or move go when nothing of theirs is left here. */
static void turn_end_check_leaving(struct event_reactor *reactor)
{
	struct ebb_list *node, *tmp;

	ebb_list_for_each_safe(node, tmp, &reactor->threads) {
		struct ebb_thread *thread = ebb_list_entry(node, struct ebb_thread, reactor_link);

		if (atomic_load_explicit(&thread->state, memory_order_relaxed) ==
		    EVENT_THREAD_EXITING) {
			event_move_cancel(thread);
			event_thread_exit_check(thread);
		} else if (thread->move != NULL) {
			event_move_check(thread);
		}
	}
}

void __attribute__((noinline)) event_turn_end_run(struct event_reactor *reactor)
{
	if (reactor->urings.pending) {
		event_uring_set_reap(&reactor->urings);
	}
	turn_end_run_deferred(reactor);
	if (event_turn.ends != NULL) {
		turn_end_run_ends();
	}
	if (ebb_unlikely(reactor->num_leaving != 0)) {
		turn_end_check_leaving(reactor);
	}
}
