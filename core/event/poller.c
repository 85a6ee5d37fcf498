/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/poller.h"

/*
 * A poller stands on one of its thread's lists: active (period 0), idle (timed or paused), or dead
 * (unregistered, freed when the thread's turn is over). A change of list is safe at any time: the
 * loop over the active list keeps its node in thread->cursor, and whoever unlinks that node moves
 * the cursor back. What joins the list during the loop stands at its end and waits for the next
 * turn: a poller that replaces itself cannot keep the turn from ending.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <ebb/log.h>
#include <ebb/violation.h>

#include "core/event/poller_timer.h"
#include "core/event/reactor.h"
#include "core/event/thread.h"
#include "core/event/turn.h"

/* 146 years: "never", and yet a sum with any time of the clock does not overflow. */
#define PERIOD_MAX_NS (UINT64_MAX / 4)

void event_poller_set_blocks(struct ebb_poller *poller, bool blocks)
{
	poller->thread->num_blocking += (unsigned)blocks - (unsigned)poller->blocks;
	poller->blocks = blocks;
}

static void poller_link(struct ebb_poller *poller, struct ebb_list *list)
{
	struct ebb_thread *thread = poller->thread;

	if (thread->cursor == &poller->link) {
		thread->cursor = poller->link.prev;
	}
	ebb_list_remove(&poller->link);
	ebb_list_push_back(list, &poller->link);
	event_poller_set_blocks(poller, list == &thread->active && !poller->has_wake);
	poller->fresh = thread->cursor != NULL;
}

static void pollers_free_dead(struct ebb_thread *thread)
{
	struct ebb_list *node;

	while ((node = ebb_list_pop_front(&thread->dead)) != NULL) {
		free(ebb_list_entry(node, struct ebb_poller, link));
	}
}

static void pollers_free_at_end(struct ebb_turn_end *end)
{
	pollers_free_dead(ebb_container_of(end, struct ebb_thread, free_end));
}

static void poller_fired(struct event_source *source)
{
	struct ebb_poller *poller = ebb_container_of(source, struct ebb_poller, source);

	if (ebb_list_empty(&poller->fired_link)) {
		ebb_list_push_back(&poller->thread->fired, &poller->fired_link);
	}
	poller->wake_count++;
}

static int poller_source_add(struct ebb_poller *poller)
{
	struct event_reactor *reactor = event_turn.reactor;

	if (!poller->has_wake || poller->wake.fd < 0) {
		return 0;
	}
	return event_source_add(&reactor->sources, reactor->epoll_fd, &poller->source);
}

static void poller_source_remove(struct ebb_poller *poller)
{
	struct event_reactor *reactor = event_turn.reactor;

	event_source_remove(&reactor->sources, reactor->epoll_fd, &poller->source);
	ebb_list_remove(&poller->fired_link);
}

void event_poller_schedule(struct ebb_poller *poller)
{
	event_timer_add(&poller->thread->timers, &poller->timer,
			event_turn.now_ns + poller->period_ns);
}

static struct ebb_poller *poller_alloc(struct ebb_thread *thread,
				       const struct ebb_poller_wake *wake)
{
	struct ebb_poller *poller = calloc(1, sizeof(*poller));

	if (poller == NULL) {
		return NULL;
	}
	ebb_list_init(&poller->link);
	ebb_list_init(&poller->fired_link);
	poller->thread = thread;
	poller->id = ++thread->next_poller_id;
	poller->has_wake = wake != NULL;
	poller->wake.fd = -1;
	if (wake != NULL) {
		poller->wake = *wake;
	}
	poller->source = (struct event_source){
		.fd = poller->wake.fd,
		.events = poller->wake.events != 0 ? poller->wake.events : EPOLLIN,
		.fired = poller_fired,
	};
	return poller;
}

/* The poller's wake source joins the reactor in the mode that it is in. */
static int poller_source_start(struct ebb_poller *poller)
{
	int rc = poller_source_add(poller);

	if (rc == 0 && poller->has_wake && poller->wake.set_interrupt != NULL &&
	    event_turn.reactor->interruptible) {
		rc = poller->wake.set_interrupt(poller->arg, true);
		if (rc != 0) {
			poller_source_remove(poller);
		}
	}
	return rc;
}

EBB_REPORTS struct ebb_poller *ebb_poller_register_named(ebb_poller_fn fn, void *arg,
							 uint64_t period_us,
							 const struct ebb_poller_wake *wake,
							 const char *name)
{
	struct ebb_thread *thread = event_turn.thread;
	struct ebb_poller *poller;
	int rc;

	name = name != NULL ? name : "unnamed";
	if (thread == NULL) {
		ebb_violation(4, "ebb_poller_register", name, NULL, NULL);
		return NULL;
	}
	if (period_us != 0 && wake != NULL) {
		ebb_error("poller", "poller '%s' has a period and a wake source: one or the other",
			  name);
		return NULL;
	}
	poller = poller_alloc(thread, wake);
	if (poller == NULL) {
		return NULL;
	}
	poller->fn = fn;
	poller->arg = arg;
	poller->name = name;
	poller->source.name = name;
	poller->period_ns = period_us < PERIOD_MAX_NS / EBB_NS_PER_US ? period_us * EBB_NS_PER_US
								      : PERIOD_MAX_NS;
	rc = period_us != 0 ? event_timer_reserve(&thread->timers, ++thread->num_timed) : 0;
	if (rc == 0) {
		rc = poller_source_start(poller);
	}
	if (rc != 0) {
		ebb_error("poller", "poller '%s' of thread '%s' cannot be registered: %s", name,
			  thread->name, strerror(-rc));
		thread->num_timed -= period_us != 0;
		free(poller);
		return NULL;
	}
	if (period_us != 0) {
		poller_link(poller, &thread->idle);
		event_poller_schedule(poller);
		event_pollers_open_timer(thread);
	} else {
		poller_link(poller, &thread->active);
	}
	return poller;
}

EBB_REPORTS void ebb_poller_unregister(struct ebb_poller **poller_ptr)
{
	struct ebb_poller *poller = *poller_ptr;
	struct ebb_thread *thread;

	if (poller == NULL) {
		return;
	}
	thread = poller->thread;
	if (thread != event_turn.thread) {
		ebb_violation(2, __func__, poller->name, thread, event_turn.thread);
		return;
	}
	*poller_ptr = NULL;
	if (poller->state == EVENT_POLLER_UNREGISTERED) { /* by another copy of the pointer */
		ebb_violation(2, "ebb_poller_unregister (twice)", poller->name, thread, thread);
		return;
	}
	event_poller_set_state(poller, EVENT_POLLER_UNREGISTERED);
	event_timer_remove(&thread->timers, &poller->timer);
	thread->num_timed -= poller->period_ns != 0;
	poller_source_remove(poller);
	if (ebb_list_empty(&thread->dead)) {
		thread->free_end.fn = pollers_free_at_end;
		ebb_reactor_at_turn_end(&thread->free_end);
	}
	poller_link(poller, &thread->dead);
}

/* Takes a poller that is not running out of everything that could run it. */
static void poller_park(struct ebb_poller *poller)
{
	event_timer_remove(&poller->thread->timers, &poller->timer);
	poller_source_remove(poller);
	poller_link(poller, &poller->thread->idle);
}

EBB_REPORTS void ebb_poller_pause(struct ebb_poller *poller)
{
	if (poller->thread != event_turn.thread) {
		ebb_violation(2, __func__, poller->name, poller->thread, event_turn.thread);
		return;
	}
	if (poller->state == EVENT_POLLER_RUNNING) {
		event_poller_set_state(poller, EVENT_POLLER_PAUSING);
	} else if (poller->state == EVENT_POLLER_WAITING) {
		event_poller_set_state(poller, EVENT_POLLER_PAUSED);
		poller_park(poller);
	}
}

EBB_REPORTS void ebb_poller_resume(struct ebb_poller *poller)
{
	int rc;

	if (poller->thread != event_turn.thread) {
		ebb_violation(2, __func__, poller->name, poller->thread, event_turn.thread);
		return;
	}
	if (poller->state == EVENT_POLLER_PAUSING) {
		event_poller_set_state(poller, EVENT_POLLER_RUNNING);
		return;
	}
	if (poller->state != EVENT_POLLER_PAUSED) {
		return;
	}
	event_poller_set_state(poller, EVENT_POLLER_WAITING);
	if (poller->period_ns != 0) {
		event_poller_schedule(poller);
		return;
	}
	rc = poller_source_add(poller);
	if (rc != 0) {
		/* It runs all the same, every turn: awake, and named as a blocker. */
		ebb_error("poller", "poller '%s': its wake source is lost: %s", poller->name,
			  strerror(-rc));
		poller->has_wake = false;
	}
	poller_link(poller, &poller->thread->active);
}

EBB_REPORTS void ebb_poller_run_at(struct ebb_poller *poller, uint64_t deadline_ns)
{
	if (poller->thread != event_turn.thread) {
		ebb_violation(2, __func__, poller->name, poller->thread, event_turn.thread);
		return;
	}
	if (poller->period_ns == 0) {
		ebb_violation(2, "ebb_poller_run_at (of one without a period)", poller->name,
			      poller->thread, poller->thread);
		return;
	}
	if (poller->state == EVENT_POLLER_UNREGISTERED) { /* by another copy of the pointer */
		ebb_violation(2, "ebb_poller_run_at (unregistered)", poller->name, poller->thread,
			      poller->thread);
		return;
	}
	if (poller->state == EVENT_POLLER_PAUSING) {
		event_poller_set_state(poller, EVENT_POLLER_RUNNING);
	} else if (poller->state == EVENT_POLLER_PAUSED) {
		event_poller_set_state(poller, EVENT_POLLER_WAITING);
	}
	event_timer_remove(&poller->thread->timers, &poller->timer);
	event_timer_add(&poller->thread->timers, &poller->timer, deadline_ns);
}

void event_poller_settle(struct ebb_poller *poller)
{
	if (poller->state == EVENT_POLLER_PAUSING) {
		event_poller_set_state(poller, EVENT_POLLER_PAUSED);
		poller_park(poller);
	}
}

uint64_t ebb_poller_wakes(const struct ebb_poller *poller)
{
	return poller->wake_count;
}

void event_poller_set_internal(struct ebb_poller *poller)
{
	poller->internal = true;
}

void event_pollers_destroy(struct ebb_thread *thread)
{
	struct ebb_list *const lists[] = {&thread->active, &thread->idle};

	for (unsigned i = 0; i < EBB_ARRAY_SIZE(lists); i++) {
		while (!ebb_list_empty(lists[i])) {
			struct ebb_poller *poller =
				ebb_list_first(lists[i], struct ebb_poller, link);

			ebb_poller_unregister(&poller);
		}
	}
	pollers_free_dead(thread);
}
