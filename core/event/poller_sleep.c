/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/poller_sleep.h"

/*
 * The pollers' wake sources: what is done with them when the reactor sleeps or changes its mode,
 * and when the thread moves.
 */

#include <errno.h>
#include <string.h>

#include <ebb/log.h>

#include "core/event/poller.h"
#include "core/event/poller_timer.h"
#include "core/event/reactor.h"
#include "core/event/turn.h"

int event_pollers_arm(struct ebb_thread *thread)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &thread->active) {
		struct ebb_poller *poller = ebb_list_entry(node, struct ebb_poller, link);

		if (poller->wake.arm != NULL && poller->wake.arm(poller->arg) != 0) {
			return -EAGAIN;
		}
	}
	return 0;
}

static int poller_set_interrupt(struct ebb_poller *poller, bool on)
{
	if (!poller->has_wake || poller->wake.set_interrupt == NULL) {
		return 0;
	}
	return poller->wake.set_interrupt(poller->arg, on);
}

/* Active and paused pollers alike have a source to change; timed ones never have. */
static int pollers_set_interrupt_list(struct ebb_list *list, bool on)
{
	struct ebb_list *node;
	int rc = 0;

	ebb_list_for_each(node, list) {
		rc = poller_set_interrupt(ebb_list_entry(node, struct ebb_poller, link), on);
		if (rc != 0) {
			break;
		}
	}
	if (rc != 0) {
		for (node = node->prev; node != list; node = node->prev) {
			poller_set_interrupt(ebb_list_entry(node, struct ebb_poller, link), !on);
		}
	}
	return rc;
}

int event_pollers_set_interrupt(struct ebb_thread *thread, bool on)
{
	struct ebb_thread *outer = event_turn.thread;
	int rc;

	event_thread_enter(thread);
	rc = pollers_set_interrupt_list(&thread->active, on);
	if (rc == 0) {
		rc = pollers_set_interrupt_list(&thread->idle, on);
		if (rc != 0) {
			pollers_set_interrupt_list(&thread->active, !on);
		}
	}
	event_thread_enter(outer);
	return rc;
}

void event_pollers_detach(struct ebb_thread *thread)
{
	struct event_reactor *reactor = event_turn.reactor;
	struct ebb_list *node;

	ebb_list_for_each(node, &thread->active) {
		struct ebb_poller *poller = ebb_list_entry(node, struct ebb_poller, link);

		event_source_remove(&reactor->sources, reactor->epoll_fd, &poller->source);
		ebb_list_remove(&poller->fired_link);
	}
	event_pollers_close_timer(thread);
}

static int poller_attach(struct ebb_poller *poller, bool interruptible)
{
	struct event_reactor *reactor = event_turn.reactor;
	bool paused = poller->state == EVENT_POLLER_PAUSED;
	int rc = 0;

	if (poller->has_wake && poller->wake.fd >= 0 && !paused) {
		rc = event_source_add(&reactor->sources, reactor->epoll_fd, &poller->source);
	}
	if (rc == 0 && interruptible != reactor->interruptible) {
		rc = poller_set_interrupt(poller, reactor->interruptible);
	}
	return rc;
}

void event_pollers_attach(struct ebb_thread *thread, bool interruptible)
{
	struct ebb_list *const lists[] = {&thread->active, &thread->idle};
	struct ebb_list *node;

	for (unsigned i = 0; i < EBB_ARRAY_SIZE(lists); i++) {
		ebb_list_for_each(node, lists[i]) {
			struct ebb_poller *poller = ebb_list_entry(node, struct ebb_poller, link);
			int rc = poller_attach(poller, interruptible);

			if (rc != 0) {
				ebb_error("poller",
					  "poller '%s' of thread '%s' loses its wake source on "
					  "reactor %d, and keeps that awake: %s",
					  poller->name, thread->name, event_turn.reactor->core,
					  strerror(-rc));
				poller->has_wake = false;
				event_poller_set_blocks(poller, lists[i] == &thread->active);
			}
		}
	}
}
