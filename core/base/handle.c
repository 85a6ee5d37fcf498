/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/handle.h"

#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>

#define SLOTS_FIRST 16u

static bool table_grow(struct base_handle_table *table)
{
	uint32_t num_slots = table->num_slots == 0 ? SLOTS_FIRST : 2 * table->num_slots;
	struct base_handle_slot *slots;

	if (table->max_slots != 0 && num_slots > table->max_slots) {
		num_slots = table->max_slots;
	}
	if (num_slots == table->num_slots) {
		return false;
	}
	slots = reallocarray(table->slots, num_slots, sizeof(*slots));
	if (slots == NULL) {
		return false;
	}
	for (uint32_t i = table->num_slots; i < num_slots; i++) {
		slots[i] = (struct base_handle_slot){.generation = 1, .next_free = i + 1};
	}
	table->first_free = table->num_slots;
	table->slots = slots;
	table->num_slots = num_slots;
	return true;
}

void base_handle_table_fini(struct base_handle_table *table)
{
	free(table->slots);
	memset(table, 0, sizeof(*table));
}

uint64_t base_handle_add(struct base_handle_table *table, void *object)
{
	uint32_t index;

	ebb_assert(object != NULL);
	if (table->first_free == table->num_slots && !table_grow(table)) {
		return 0;
	}
	index = table->first_free;
	table->first_free = table->slots[index].next_free;
	table->slots[index].object = object;
	return (uint64_t)table->slots[index].generation << 32 | index;
}

void base_handle_remove(struct base_handle_table *table, uint64_t handle)
{
	uint32_t index = base_handle_index(handle);
	struct base_handle_slot *slot = &table->slots[index];

	ebb_assert(base_handle_find(table, handle) != NULL);
	slot->object = NULL;
	if (++slot->generation == 0) {
		slot->generation = 1;
	}
	slot->next_free = table->first_free;
	table->first_free = index;
}

bool base_handle_given(const struct base_handle_table *table, uint64_t handle)
{
	uint32_t generation = (uint32_t)(handle >> 32);
	const struct base_handle_slot *slot;

	if (base_handle_index(handle) >= table->num_slots || generation == 0) {
		return false;
	}
	slot = &table->slots[base_handle_index(handle)];
	return generation < slot->generation ||
	       (generation == slot->generation && slot->object != NULL);
}
