/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_SOURCE_H
#define CORE_EVENT_SOURCE_H

/*
 * What may wake a reactor: an fd in its epoll set. Sources stand in a table, and an event carries
 * the table's index and the generation the source had when it was added. A source that is removed,
 * or moves to another reactor, raises the generation of its place: an event that epoll has already
 * handed out for it then meets nothing.
 */

#include <stdbool.h>

#include <ebb/base.h>

struct event_source {
	int fd;
	uint32_t events;
	const char *name; /* for last_wake */
	/* Called on the reactor for each event, before the turn. NULL: waking was all. */
	void (*fired)(struct event_source *source);
	uint32_t slot; /* in the reactor's table; valid while added */
	bool added;
};

struct event_source_slot {
	struct event_source *source; /* NULL: free */
	uint32_t generation;
	uint32_t next_free;
};

struct event_source_table {
	struct event_source_slot *slots;
	uint32_t num_slots;
	uint32_t first_free; /* num_slots: none */
};

void event_source_table_fini(struct event_source_table *table);

/* Thread: the reactor that @table and @epoll_fd are of. Return: 0; -ENOMEM, or epoll_ctl()'s. */
int event_source_add(struct event_source_table *table, int epoll_fd, struct event_source *source);

/* Nothing is called for @source any more. Harmless if it has not been added. */
void event_source_remove(struct event_source_table *table, int epoll_fd,
			 struct event_source *source);

/* The source that an event's data stands for, or NULL if it has gone meanwhile. */
struct event_source *event_source_from_event(struct event_source_table *table, uint64_t data);

#endif
