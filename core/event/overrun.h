/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_OVERRUN_H
#define CORE_EVENT_OVERRUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_deferred;
struct event_reactor;
struct event_reading;

/**
 * event_overrun() - a callback, or a batch of completions, has taken longer than the limit
 * @since_ns: when it began; it has ended now
 * @after: read now
 * Thread: the reactor's.
 */
void event_overrun(struct event_reactor *reactor, uint64_t since_ns,
		   const struct event_reading *after, uint64_t limit_ns);

/*
 * Whose a deferred completion is: the bdev's name, or NULL. Set by the bdev layer, which knows its
 * requests.
 */
typedef const char *(*event_overrun_namer)(const struct event_deferred *deferred);
void event_overrun_set_namer(event_overrun_namer namer);

/*
 * The bdev whose completion callback runs on @reactor, or has run last.
 * @since_ns: when that callback, or turn, began
 * @ret_many: it is one of several, the first
 * Return: false: none. Thread: any.
 */
bool event_overrun_bdev(struct event_reactor *reactor, uint64_t since_ns, char *ret_name,
			size_t size, bool *ret_many);

#endif
