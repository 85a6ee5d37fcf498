/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_EVENT_SOURCE_H
#define EBB_EVENT_SOURCE_H

/*
 * What may wake a reactor: an fd in its epoll set. Sources stand in a table, and an event carries
 * the table's index and the generation the source had when it was added. A source that is removed,
 * or moves to another reactor, raises the generation of its place: an event that epoll has already
 * handed out for it then meets nothing.
 */

#include <stdbool.h>

#include <ebb/base.h>

struct ebb_source {
	int fd;
	uint32_t events;
	const char *name; /* for last_wake */
	/* Called on the reactor for each event, before the turn. NULL: waking was all. */
	void (*fired)(struct ebb_source *source);
	uint32_t slot; /* in the reactor's table; valid while added */
	bool added;
};

struct ebb_source_slot {
	struct ebb_source *source; /* NULL: free */
	uint32_t generation;
	uint32_t next_free;
};

struct ebb_source_table {
	struct ebb_source_slot *slots;
	uint32_t num_slots;
	uint32_t first_free; /* num_slots: none */
};

void ebb_source_table_fini(struct ebb_source_table *table);

/* Thread: the reactor that @table and @epoll_fd are of. Return: 0; -ENOMEM, or epoll_ctl()'s. */
int ebb_source_add(struct ebb_source_table *table, int epoll_fd, struct ebb_source *source);

/* Nothing is called for @source any more. Harmless if it has not been added. */
void ebb_source_remove(struct ebb_source_table *table, int epoll_fd, struct ebb_source *source);

/* The source that an event's data stands for, or NULL if it has gone meanwhile. */
struct ebb_source *ebb_source_from_event(struct ebb_source_table *table, uint64_t data);

#endif
