/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_RING_URING_SET_H
#define CORE_EVENT_RING_URING_SET_H

/* The io_urings of a reactor, up to three: see uring_set.c. All of this is the reactor's own. */

#include <stdbool.h>
#include <stdint.h>

#include <ebb/thread.h>

struct event_reactor;
struct event_uring;

struct event_uring_set {
	struct event_uring *main;     /* takes every request, but for those of the polled one */
	struct event_uring *draining; /* a plain ring whose requests end there; takes none */
	struct event_uring *polled;
	bool pending;    /* false: nothing is prepared or outstanding, and no ring is draining */
	int *files;      /* what is registered, at the same place in each; -1: nothing */
	uint64_t result; /* beside res, of the completion that runs */
	uint16_t tag;    /* and with which it was prepared */
	struct ebb_msg close_msg; /* of the draining ring, to the reactor */
};

/*
 * What the reactor's loop calls, only if something is pending: most reactors have a ring, and many
 * have nothing to do with it for hours.
 */

/* Before the deferred completions of a turn. */
void event_uring_set_reap(struct event_uring_set *set);

/* At a turn's end. */
void event_uring_set_submit(struct event_uring_set *set);

/* Before sleep, while asleep is not set yet. Return: false: something has to be polled for. */
bool event_uring_set_may_sleep(struct event_uring_set *set);

/* As struct ebb_poller_wake's: the last thing before sleep, after asleep has been set. */
int event_uring_set_arm(struct event_uring_set *set);
void event_uring_set_disarm(struct event_uring_set *set);

void event_uring_set_close(struct event_uring_set *set);

#endif
