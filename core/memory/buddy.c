/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages are numbered through the whole arena, 512 to a region. state[] of a block's first page says
 * whether the block is free or allocated, and its order; other pages are zero. A block's buddy is
 * the one whose number differs in the bit of its order, so blocks never grow past their region:
 * a region is a block of the largest order.
 */
#include "core/memory/buddy.h"

#define STATE_FREE      0x40u
#define STATE_ALLOCATED 0x80u

static void block_push(struct mem_buddy *buddy, unsigned long page, unsigned order)
{
	buddy->state[page] = (uint8_t)(STATE_FREE | order);
	ebb_list_push_front(&buddy->free[order], &buddy->link[page]);
}

static void block_unlink(struct mem_buddy *buddy, unsigned long page)
{
	buddy->state[page] = 0;
	ebb_list_remove(&buddy->link[page]);
}

void mem_buddy_init(struct mem_buddy *buddy)
{
	unsigned order;

	for (order = 0; order < MEM_BUDDY_ORDERS; order++) {
		ebb_list_init(&buddy->free[order]);
	}
}

void mem_buddy_add_region(struct mem_buddy *buddy, unsigned region)
{
	block_push(buddy, (unsigned long)region << MEM_BUDDY_REGION_ORDER, MEM_BUDDY_REGION_ORDER);
}

bool mem_buddy_region_free(const struct mem_buddy *buddy, unsigned region)
{
	return buddy->state[(unsigned long)region << MEM_BUDDY_REGION_ORDER] ==
	       (STATE_FREE | MEM_BUDDY_REGION_ORDER);
}

bool mem_buddy_remove_region(struct mem_buddy *buddy, unsigned region)
{
	if (!mem_buddy_region_free(buddy, region)) {
		return false;
	}
	block_unlink(buddy, (unsigned long)region << MEM_BUDDY_REGION_ORDER);
	return true;
}

long mem_buddy_alloc(struct mem_buddy *buddy, unsigned order)
{
	unsigned from = order;
	unsigned long page;

	while (from < MEM_BUDDY_ORDERS && ebb_list_empty(&buddy->free[from])) {
		from++;
	}
	if (from == MEM_BUDDY_ORDERS) {
		return -1;
	}
	page = (unsigned long)(buddy->free[from].next - buddy->link);
	block_unlink(buddy, page);
	while (from > order) {
		from--;
		block_push(buddy, page + (1ul << from), from);
	}
	buddy->state[page] = (uint8_t)(STATE_ALLOCATED | order);
	return (long)page;
}

bool mem_buddy_free(struct mem_buddy *buddy, unsigned long page, unsigned order)
{
	if (buddy->state[page] != (STATE_ALLOCATED | order)) {
		return false;
	}
	buddy->state[page] = 0;
	while (order < MEM_BUDDY_REGION_ORDER) {
		unsigned long other = page ^ (1ul << order);

		if (buddy->state[other] != (STATE_FREE | order)) {
			break;
		}
		block_unlink(buddy, other);
		page &= ~(1ul << order);
		order++;
	}
	block_push(buddy, page, order);
	return true;
}
