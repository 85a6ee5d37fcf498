/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_TURN_H
#define CORE_EVENT_TURN_H

/*
 * The running turn, as far as core's I/O path needs it inline. It lives in thread-local storage, so
 * the time and the thread that runs cost one load each.
 */

#include <stdbool.h>

#include <ebb/base.h>

struct event_reactor;
struct ebb_thread;
struct ebb_turn_end;

/*
 * A completion that was known inside submit(): it runs at the end of the turn, so that a caller is
 * never called back before its call has returned. What a deferred completion defers runs a turn
 * later: a turn ends.
 */
struct event_deferred {
	struct event_deferred *next;
	void (*fn)(struct event_deferred *deferred);
	struct ebb_thread *thread; /* that shall run it */
};

struct event_turn {
	uint64_t now_ns;               /* the last reading of the clock */
	struct ebb_thread *thread;     /* whose callback runs; NULL between callbacks */
	struct event_reactor *reactor; /* NULL on an OS thread that is no reactor */
	struct event_deferred *deferred_first;
	struct event_deferred **deferred_end;
	struct ebb_turn_end *ends; /* what is to run at its end, in no order */
	bool worked;               /* a callback has had something to do */
};

extern _Thread_local struct event_turn event_turn;

/* Thread: an ebb thread. */
static inline void event_turn_defer(struct event_deferred *deferred)
{
	deferred->next = NULL;
	deferred->thread = event_turn.thread;
	*event_turn.deferred_end = deferred;
	event_turn.deferred_end = &deferred->next;
}

/* True if a completion of @thread waits for the end of the turn. */
bool event_turn_has_deferred(const struct ebb_thread *thread);

/* Forgets the deferred completions of @thread, whose end is forced. */
void event_turn_drop_deferred(struct ebb_thread *thread);

/* Makes @thread, of the calling reactor, the running one; NULL: none is. */
static inline void event_thread_enter(struct ebb_thread *thread)
{
	event_turn.thread = thread;
}

#endif
