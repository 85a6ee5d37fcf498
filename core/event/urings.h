/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_EVENT_URINGS_H
#define EBB_EVENT_URINGS_H

/* The io_urings of a reactor, up to three: see urings.c. All of this is the reactor's own. */

#include <stdbool.h>
#include <stdint.h>

struct ebb_reactor;
struct ebb_uring;

struct ebb_urings {
	struct ebb_uring *home;    /* takes every request, but for those of the polled one */
	struct ebb_uring *retired; /* a plain ring whose requests end there; takes none */
	struct ebb_uring *polled;
	bool stirs;      /* false: nothing is prepared or outstanding, and no ring is retired */
	int *files;      /* what is registered, at the same place in each; -1: nothing */
	uint64_t result; /* beside res, of the completion that runs */
};

/*
 * What the reactor's loop calls, only if something stirs: most reactors have a ring, and many have
 * nothing to do with it for hours.
 */

/* Before the deferred completions of a turn. */
void ebb_urings_reap(struct ebb_urings *urings);

/* At a turn's end. */
void ebb_urings_submit(struct ebb_urings *urings);

/* Before sleep, while asleep is not set yet. Return: false: something has to be polled for. */
bool ebb_urings_may_sleep(struct ebb_urings *urings);

/* As struct ebb_poller_wake's: the last thing before sleep, after asleep has been set. */
int ebb_urings_arm(struct ebb_urings *urings);
void ebb_urings_disarm(struct ebb_urings *urings);

/* True if the reactor has to sleep in its ring, by ebb_urings_sleep(): see ebb_uring_sleep(). */
bool ebb_urings_busy(const struct ebb_urings *urings);
bool ebb_urings_sleep(struct ebb_urings *urings);

void ebb_urings_close(struct ebb_urings *urings);

#endif
