/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_CALLBACK_H
#define CORE_EVENT_CALLBACK_H

/*
 * Measuring callbacks. The time between two readings of the clock belongs to the callback that ran
 * between them. So the clock is read when another callback is about to run, and at the start of the
 * next turn, which reads it anyway: a turn with one callback costs no reading of its own. The
 * watchdog reads from here what runs; it may see one callback's name with another's thread.
 */

#include <assert.h>
#include <stdatomic.h>

#include "core/base/clock.h"
#include "core/event/reactor.h"
#include "core/event/thread.h"
#include "core/event/turn.h"

/* A callback that takes longer is judged, and counted or reported (rule 5): see overrun.c. */
#define EVENT_CALLBACK_LIMIT_MS_DEFAULT 10
#define EVENT_CALLBACK_LIMIT_MS_MIN     1
#define EVENT_CALLBACK_LIMIT_MS_MAX     1000 /* what takes that long the watchdog reports */

/* @limit_ms: as above; 0: none. Thread: any. */
void event_callback_set_limit_ms(uint32_t limit_ms);

/* For the reading that a callback's times are compared with: the reactor begins, or ends. */
void event_callback_begin_readings(struct event_reactor *reactor);
void event_callback_end_readings(struct event_reactor *reactor);

/* Gives the time since @since_ns to the callback that has worked. */
static inline void event_callback_charge(struct event_reactor *reactor, uint64_t since_ns)
{
	uint64_t busy_ns = atomic_load_explicit(&reactor->busy_ns, memory_order_relaxed);
	uint64_t passed_ns = event_turn.now_ns - since_ns;
	struct ebb_thread *thread =
		atomic_load_explicit(&reactor->span.thread, memory_order_relaxed);

	atomic_store_explicit(&reactor->busy_ns, busy_ns + passed_ns, memory_order_relaxed);
	reactor->last_work_ns = event_turn.now_ns;
	if (thread != NULL) {
		thread->busy_ns += passed_ns;
	}
}

/* Reads the kernel's clock, and looks whether the callback that has run took too long. */
void event_callback_read_kernel_clock(struct event_reactor *reactor);

/*
 * Reads the clock. The time since the last reading is charged to what has worked meanwhile. What is
 * over the limit has outlasted what may be counted, so it is looked for where that ends.
 */
static_assert(EVENT_CALLBACK_LIMIT_MS_MIN * EBB_NS_PER_MS >= BASE_TICKER_ANCHOR_MAX_NS,
	      "overruns would not be seen");

static inline void event_callback_read_clock(struct event_reactor *reactor)
{
	uint64_t since_ns = event_turn.now_ns;

	if (ebb_unlikely(!base_ticker_count(&reactor->ticker, &event_turn.now_ns))) {
		event_callback_read_kernel_clock(reactor);
	}
	if (event_span_state(reactor) == EVENT_SPAN_WORKED) {
		event_callback_charge(reactor, since_ns);
	}
	event_span_set_state(reactor, EVENT_SPAN_EMPTY);
}

/* The same, in a turn that has read it before. */
void event_callback_read_clock_again(struct event_reactor *reactor);

/* Reports the spin locks that @thread still holds when the callback @name has returned. */
void event_spinlock_held(struct ebb_thread *thread, const char *name);

/* Around each callback of @thread. */
static inline void event_callback_begin(struct event_reactor *reactor, struct ebb_thread *thread,
					const char *name)
{
	if (ebb_unlikely(event_span_state(reactor) != EVENT_SPAN_EMPTY)) {
		event_callback_read_clock_again(reactor);
	}
	atomic_store_explicit(&reactor->span.name, name, memory_order_relaxed);
	atomic_store_explicit(&reactor->span.thread, thread, memory_order_relaxed);
	event_span_set_state(reactor, EVENT_SPAN_RUNNING);
}

/* The callback of @thread (NULL: of the reactor itself) has returned. */
static inline void event_callback_end(struct event_reactor *reactor, struct ebb_thread *thread,
				      bool worked)
{
	if (worked) {
		event_turn.worked = true;
	}
	event_span_set_state(reactor, worked ? EVENT_SPAN_WORKED : EVENT_SPAN_IDLE);
	if (thread != NULL && ebb_unlikely(thread->held_spinlocks != NULL)) {
		event_spinlock_held(thread, atomic_load_explicit(&reactor->span.name,
								 memory_order_relaxed));
	}
}

/*
 * Before each completion of a batch: they are too short to be measured one by one, so that those of
 * one thread count as one callback.
 */
extern const char event_deferred_name[]; /* those that waited for the turn's end */
extern const char event_reaped_name[];   /* those of an io_uring */

static inline void event_callback_batch_begin(struct event_reactor *reactor,
					      struct ebb_thread *thread, const char *name)
{
	if (thread != event_turn.thread) {
		if (event_turn.thread != NULL) {
			event_callback_end(reactor, event_turn.thread, true);
		}
		event_callback_begin(reactor, thread, name);
		event_thread_enter(thread);
	}
}

/* True while completions are measured one by one, to find out which of them is slow. */
static inline bool event_callback_closely(const struct event_reactor *reactor)
{
	return ebb_unlikely(event_turn.now_ns < reactor->closely_until_ns);
}

static inline void event_callback_batch_end(struct event_reactor *reactor)
{
	event_callback_end(reactor, event_turn.thread, true);
	event_thread_enter(NULL);
}

#endif
