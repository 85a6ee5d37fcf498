/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_TIMER_H
#define CORE_EVENT_TIMER_H

/* The deadlines of one thread: a binary heap, so that the earliest costs one load. */

#include <ebb/base.h>

struct event_timer {
	uint64_t deadline_ns;
	uint32_t position; /* in the heap, from 1; 0: not in it */
};

struct event_timer_heap {
	struct event_timer **timers; /* from index 1 */
	uint32_t count;
	uint32_t capacity;
	uint64_t next_ns; /* the earliest deadline; UINT64_MAX: none */
};

void event_timer_init(struct event_timer_heap *heap);

/* Makes room for one timer more, so that adding cannot fail. Return: 0; -ENOMEM. */
int event_timer_reserve(struct event_timer_heap *heap, uint32_t count);
void event_timer_fini(struct event_timer_heap *heap);

void event_timer_add(struct event_timer_heap *heap, struct event_timer *timer,
		     uint64_t deadline_ns);
void event_timer_remove(struct event_timer_heap *heap, struct event_timer *timer);

/* The earliest deadline; UINT64_MAX: none. */
static inline uint64_t event_timer_next_ns(const struct event_timer_heap *heap)
{
	return heap->next_ns;
}

#endif
