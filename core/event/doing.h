/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_DOING_H
#define CORE_EVENT_DOING_H

/*
 * What a reactor is doing, for people. A callback has the name of its function, and where that is
 * the framework's own (the one that takes a request in, the one that runs the steps of a sequence)
 * it says nothing of what is slow. So whoever calls other people's code from there says around it
 * what it is. These may stand within each other. Of what has ended, the longest is remembered until
 * the callback has been measured; the outer of two, unless the inner one is most of it.
 *
 * For management: each costs two readings of the clock and a lock. The I/O path has a way of
 * its own: see overrun.c.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVENT_DOING_TEXT_MAX 256

struct event_reactor;

/* One of them, on the stack of the caller. */
struct event_doing {
	struct event_doing *outer;
	struct event_reactor *reactor; /* NULL: no reactor calls */
	uint64_t begun_ns;
	size_t own; /* where in @text its own part begins */
	char text[EVENT_DOING_TEXT_MAX];
};

/* A reactor's. */
struct event_doing_state {
	struct event_doing *innermost;
	/* The longest that has ended in the callback which began at @callback_ns. */
	uint64_t callback_ns;
	uint64_t longest_ns;
	char longest[EVENT_DOING_TEXT_MAX];
	/* What is done now, for other threads; empty: nothing that has a name. */
	pthread_mutex_t mutex;
	char now[EVENT_DOING_TEXT_MAX];
};

/* @kind, @name: `KIND "NAME"` is what people read. Thread: any; does nothing where no reactor is. */
void event_doing_begin(struct event_doing *doing, const char *kind, const char *name);
void event_doing_end(struct event_doing *doing);

/*
 * What took most of a callback of the calling reactor that began at @callback_ns and took
 * @passed_ns; NULL: nothing did that has a name.
 */
const char *event_doing_longest(const struct event_reactor *reactor, uint64_t callback_ns,
				uint64_t passed_ns);

/* What @reactor is doing now. Return: false: nothing that has a name. Thread: any. */
bool event_doing_now(struct event_reactor *reactor, char *ret_text, size_t size);

#endif
