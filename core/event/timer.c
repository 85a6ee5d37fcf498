/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/timer.h"

#include <errno.h>
#include <stdlib.h>

#include <ebb/assert.h>

#define TIMER_HEAP_FIRST 8

void event_timer_init(struct event_timer_heap *heap)
{
	*heap = (struct event_timer_heap){.next_ns = UINT64_MAX};
}

int event_timer_reserve(struct event_timer_heap *heap, uint32_t count)
{
	uint32_t capacity = heap->capacity == 0 ? TIMER_HEAP_FIRST : heap->capacity;
	struct event_timer **timers;

	if (count <= heap->capacity) {
		return 0;
	}
	while (capacity < count) {
		capacity *= 2;
	}
	timers = reallocarray(heap->timers, capacity + 1, sizeof(struct event_timer *));
	if (timers == NULL) {
		return -ENOMEM;
	}
	heap->timers = timers;
	heap->capacity = capacity;
	return 0;
}

void event_timer_fini(struct event_timer_heap *heap)
{
	free(heap->timers);
	event_timer_init(heap);
}

static void timer_place(struct event_timer_heap *heap, struct event_timer *timer, uint32_t position)
{
	heap->timers[position] = timer;
	timer->position = position;
}

/* Moves @timer from the hole at @position to where it belongs, towards the root or the leaves. */
static void timer_settle(struct event_timer_heap *heap, struct event_timer *timer,
			 uint32_t position)
{
	uint32_t child;

	while (position > 1 && heap->timers[position / 2]->deadline_ns > timer->deadline_ns) {
		timer_place(heap, heap->timers[position / 2], position);
		position /= 2;
	}
	while ((child = 2 * position) <= heap->count) {
		if (child < heap->count &&
		    heap->timers[child + 1]->deadline_ns < heap->timers[child]->deadline_ns) {
			child++;
		}
		if (heap->timers[child]->deadline_ns >= timer->deadline_ns) {
			break;
		}
		timer_place(heap, heap->timers[child], position);
		position = child;
	}
	timer_place(heap, timer, position);
}

static void timer_note_next(struct event_timer_heap *heap)
{
	heap->next_ns = heap->count == 0 ? UINT64_MAX : heap->timers[1]->deadline_ns;
}

void event_timer_add(struct event_timer_heap *heap, struct event_timer *timer, uint64_t deadline_ns)
{
	ebb_assert(timer->position == 0 && heap->count < heap->capacity);
	timer->deadline_ns = deadline_ns;
	heap->count++;
	timer_settle(heap, timer, heap->count);
	timer_note_next(heap);
}

void event_timer_remove(struct event_timer_heap *heap, struct event_timer *timer)
{
	struct event_timer *last;
	uint32_t position = timer->position;

	if (position == 0) {
		return;
	}
	last = heap->timers[heap->count];
	heap->count--;
	timer->position = 0;
	if (last != timer) {
		timer_settle(heap, last, position);
	}
	timer_note_next(heap);
}
