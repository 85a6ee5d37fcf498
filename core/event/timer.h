/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_EVENT_TIMER_H
#define EBB_EVENT_TIMER_H

/* The deadlines of one thread: a binary heap, so that the earliest costs one load. */

#include <ebb/base.h>

struct ebb_timer {
	uint64_t deadline_ns;
	uint32_t position; /* in the heap, from 1; 0: not in it */
};

struct ebb_timer_heap {
	struct ebb_timer **timers; /* from index 1 */
	uint32_t count;
	uint32_t capacity;
	uint64_t next_ns; /* the earliest deadline; UINT64_MAX: none */
};

void ebb_timer_init(struct ebb_timer_heap *heap);

/* Makes room for one timer more, so that adding cannot fail. Return: 0; -ENOMEM. */
int ebb_timer_reserve(struct ebb_timer_heap *heap, uint32_t count);
void ebb_timer_fini(struct ebb_timer_heap *heap);

void ebb_timer_add(struct ebb_timer_heap *heap, struct ebb_timer *timer, uint64_t deadline_ns);
void ebb_timer_remove(struct ebb_timer_heap *heap, struct ebb_timer *timer);

/* The earliest deadline; UINT64_MAX: none. */
static inline uint64_t ebb_timer_next_ns(const struct ebb_timer_heap *heap)
{
	return heap->next_ns;
}

#endif
