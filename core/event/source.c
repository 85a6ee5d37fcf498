/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define SOURCE_TABLE_FIRST 16

static int source_table_grow(struct event_source_table *table)
{
	uint32_t num_slots = table->num_slots == 0 ? SOURCE_TABLE_FIRST : 2 * table->num_slots;
	struct event_source_slot *slots = reallocarray(table->slots, num_slots, sizeof(*slots));

	if (slots == NULL) {
		return -ENOMEM;
	}
	for (uint32_t i = table->num_slots; i < num_slots; i++) {
		slots[i] = (struct event_source_slot){.next_free = i + 1};
	}
	table->first_free = table->num_slots;
	table->slots = slots;
	table->num_slots = num_slots;
	return 0;
}

void event_source_table_fini(struct event_source_table *table)
{
	free(table->slots);
	memset(table, 0, sizeof(*table));
}

int event_source_add(struct event_source_table *table, int epoll_fd, struct event_source *source)
{
	struct epoll_event event = {.events = source->events};
	struct event_source_slot *slot;

	if (table->first_free == table->num_slots && source_table_grow(table) != 0) {
		return -ENOMEM;
	}
	slot = &table->slots[table->first_free];
	event.data.u64 = (uint64_t)slot->generation << 32 | table->first_free;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, source->fd, &event) != 0) {
		return -errno;
	}
	source->slot = table->first_free;
	source->added = true;
	table->first_free = slot->next_free;
	slot->source = source;
	return 0;
}

void event_source_remove(struct event_source_table *table, int epoll_fd,
			 struct event_source *source)
{
	struct event_source_slot *slot;

	if (!source->added) {
		return;
	}
	/* Fails if the owner has closed the fd already, which took it out of the set. */
	epoll_ctl(epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	slot = &table->slots[source->slot];
	slot->source = NULL;
	slot->generation++;
	slot->next_free = table->first_free;
	table->first_free = source->slot;
	source->added = false;
}

struct event_source *event_source_from_event(struct event_source_table *table, uint64_t data)
{
	struct event_source_slot *slot = &table->slots[(uint32_t)data];

	return slot->generation == (uint32_t)(data >> 32) ? slot->source : NULL;
}
