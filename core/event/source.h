/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_SOURCE_H
#define CORE_EVENT_SOURCE_H

/*
 * What may wake a reactor: an fd in its epoll set. An event carries the handle that the source had
 * when it was added. An event that epoll has already handed out for a source that is removed, or
 * moves to another reactor, then meets nothing.
 */

#include <stdbool.h>

#include "core/base/handle.h"

struct event_source {
	int fd;
	uint32_t events;
	const char *name; /* for last_wake */
	/* Called on the reactor for each event, before the turn. NULL: waking was all. */
	void (*fired)(struct event_source *source);
	uint64_t handle; /* in the reactor's table; 0: not added */
};

static inline bool event_source_added(const struct event_source *source)
{
	return source->handle != 0;
}

/* Thread: the reactor that @table and @epoll_fd are of. Return: 0; -ENOMEM, or epoll_ctl()'s. */
int event_source_add(struct base_handle_table *table, int epoll_fd, struct event_source *source);

/* Nothing is called for @source any more. Harmless if it has not been added. */
void event_source_remove(struct base_handle_table *table, int epoll_fd,
			 struct event_source *source);

#endif
