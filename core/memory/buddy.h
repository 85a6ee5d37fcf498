/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_MEMORY_BUDDY_H
#define CORE_MEMORY_BUDDY_H

/* A buddy allocator of page numbers. It touches no memory but its own tables. */

#include <stdbool.h>

#include <ebb/list.h>
#include <ebb/memory.h>

#define MEM_BUDDY_PAGE_SHIFT   12
#define MEM_BUDDY_REGION_SHIFT 21
#define MEM_BUDDY_REGION_ORDER (MEM_BUDDY_REGION_SHIFT - MEM_BUDDY_PAGE_SHIFT)
#define MEM_BUDDY_REGION_PAGES (1u << MEM_BUDDY_REGION_ORDER)
#define MEM_BUDDY_ORDERS       (MEM_BUDDY_REGION_ORDER + 1u)
#define MEM_BUDDY_PAGES_MAX    (EBB_MEM_REGIONS_MAX * MEM_BUDDY_REGION_PAGES)

/* 2.2 MB, of which only what belongs to regions in use is ever touched. */
struct mem_buddy {
	struct ebb_list free[MEM_BUDDY_ORDERS];
	struct ebb_list link[MEM_BUDDY_PAGES_MAX]; /* of the first page of a free block */
	uint8_t state[MEM_BUDDY_PAGES_MAX];
};

/* @buddy is zeroed. */
void mem_buddy_init(struct mem_buddy *buddy);

/* Region @region becomes one free block of 2 MiB. */
void mem_buddy_add_region(struct mem_buddy *buddy, unsigned region);

/* True if no part of region @region, which has been added, is in use. */
bool mem_buddy_region_free(const struct mem_buddy *buddy, unsigned region);

/* Takes a region that is wholly free out again. Return: false: part of it is in use. */
bool mem_buddy_remove_region(struct mem_buddy *buddy, unsigned region);

/**
 * mem_buddy_alloc() - take a block of 2^@order pages
 * Return: the number of its first page; -1: no free block is large enough.
 */
long mem_buddy_alloc(struct mem_buddy *buddy, unsigned order);

/* Gives back a block. Return: false: no block of that order was allocated at @page. */
bool mem_buddy_free(struct mem_buddy *buddy, unsigned long page, unsigned order);

#endif
