/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BASE_HANDLE_H
#define CORE_BASE_HANDLE_H

/*
 * Handles: numbers that stand for objects where a pointer might outlive its object. A handle is the
 * index of a slot and the generation of the slot, which goes up when the object is taken out. So a
 * handle that is used too late meets nothing, whatever has taken the slot, or the memory, since.
 *
 * A zeroed table is an empty one. Thread: one at a time.
 */

#include <stdbool.h>

#include <ebb/base.h>

struct base_handle_slot {
	void *object;        /* NULL: the slot is free */
	uint32_t generation; /* of the object, or of the next one; from 1 */
	uint32_t next_free;
};

struct base_handle_table {
	struct base_handle_slot *slots;
	uint32_t num_slots;
	uint32_t first_free; /* num_slots: none */
	uint32_t max_slots;  /* 0: no limit but memory */
};

void base_handle_table_fini(struct base_handle_table *table);

/* @object: not NULL. Return: its handle; 0, which is none: no memory, or @max_slots are in use. */
uint64_t base_handle_add(struct base_handle_table *table, void *object);

/* @handle: of an object that is in @table. */
void base_handle_remove(struct base_handle_table *table, uint64_t handle);

/* True if base_handle_add() has ever returned @handle. */
bool base_handle_given(const struct base_handle_table *table, uint64_t handle);

/* The index of @handle's slot; a free slot is used again before the table grows. */
static inline uint32_t base_handle_index(uint64_t handle)
{
	return (uint32_t)handle;
}

/* The object that @handle, which must have been given, stands for; NULL: it has been removed. */
static inline void *base_handle_find(const struct base_handle_table *table, uint64_t handle)
{
	const struct base_handle_slot *slot = &table->slots[base_handle_index(handle)];

	return slot->generation == (uint32_t)(handle >> 32) ? slot->object : NULL;
}

#endif
