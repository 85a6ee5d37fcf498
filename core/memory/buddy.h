/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_MEMORY_BUDDY_H
#define EBB_MEMORY_BUDDY_H

/* A buddy allocator of page numbers. It touches no memory but its own tables. */

#include <stdbool.h>

#include <ebb/list.h>
#include <ebb/memory.h>

#define EBB_BUDDY_PAGE_SHIFT   12
#define EBB_BUDDY_REGION_SHIFT 21
#define EBB_BUDDY_REGION_ORDER (EBB_BUDDY_REGION_SHIFT - EBB_BUDDY_PAGE_SHIFT)
#define EBB_BUDDY_REGION_PAGES (1u << EBB_BUDDY_REGION_ORDER)
#define EBB_BUDDY_ORDERS       (EBB_BUDDY_REGION_ORDER + 1u)
#define EBB_BUDDY_PAGES_MAX    (EBB_MEM_REGIONS_MAX * EBB_BUDDY_REGION_PAGES)

/* 8.5 MiB, of which only what belongs to regions in use is ever touched. */
struct ebb_buddy {
	struct ebb_list free[EBB_BUDDY_ORDERS];
	struct ebb_list link[EBB_BUDDY_PAGES_MAX]; /* of the first page of a free block */
	uint8_t state[EBB_BUDDY_PAGES_MAX];
};

/* @buddy is zeroed. */
void ebb_buddy_init(struct ebb_buddy *buddy);

/* Region @region becomes one free block of 2 MiB. */
void ebb_buddy_add_region(struct ebb_buddy *buddy, unsigned region);

/* True if no part of region @region, which has been added, is in use. */
bool ebb_buddy_region_free(const struct ebb_buddy *buddy, unsigned region);

/* Takes a region that is wholly free out again. Return: false: part of it is in use. */
bool ebb_buddy_remove_region(struct ebb_buddy *buddy, unsigned region);

/**
 * ebb_buddy_alloc() - take a block of 2^@order pages
 * Return: the number of its first page; -1: no free block is large enough.
 */
long ebb_buddy_alloc(struct ebb_buddy *buddy, unsigned order);

/* Gives back a block. Return: false: no block of that order was allocated at @page. */
bool ebb_buddy_free(struct ebb_buddy *buddy, unsigned long page, unsigned order);

#endif
