/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_EVENT_TURN_H
#define EBB_EVENT_TURN_H

/*
 * The running turn, as far as core's I/O path needs it inline. It lives in thread-local storage, so
 * the time and the thread that runs cost one load each.
 */

#include <stdbool.h>

#include <ebb/base.h>

struct ebb_reactor;
struct ebb_thread;
struct ebb_turn_end;

/*
 * A completion that was known inside submit(): it runs at the end of the turn, so that a caller is
 * never called back before its call has returned. What a deferred completion defers runs a turn
 * later: a turn ends.
 */
struct ebb_deferred {
	struct ebb_deferred *next;
	void (*fn)(struct ebb_deferred *deferred);
	struct ebb_thread *thread; /* that shall run it */
};

struct ebb_turn {
	uint64_t now_ns;             /* the last reading of the clock */
	struct ebb_thread *thread;   /* whose callback runs; NULL between callbacks */
	struct ebb_reactor *reactor; /* NULL on an OS thread that is no reactor */
	struct ebb_deferred *deferred_first;
	struct ebb_deferred **deferred_end;
	struct ebb_turn_end *ends; /* what is to run at its end, in no order */
	bool worked;               /* a callback has had something to do */
};

extern _Thread_local struct ebb_turn ebb_turn;

/* Thread: an ebb thread. */
static inline void ebb_turn_defer(struct ebb_deferred *deferred)
{
	deferred->next = NULL;
	deferred->thread = ebb_turn.thread;
	*ebb_turn.deferred_end = deferred;
	ebb_turn.deferred_end = &deferred->next;
}

/* True if a completion of @thread waits for the end of the turn. */
bool event_turn_has_deferred(const struct ebb_thread *thread);

/* Forgets the deferred completions of @thread, whose end is forced. */
void event_turn_drop_deferred(struct ebb_thread *thread);

/* Makes @thread, of the calling reactor, the running one; NULL: none is. */
static inline void ebb_thread_enter(struct ebb_thread *thread)
{
	ebb_turn.thread = thread;
}

#endif
