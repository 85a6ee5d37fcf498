/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_MEMORY_REGION_H
#define CORE_MEMORY_REGION_H

/* The pool's regions, and who has them mapped; see the essay in region.c. */

#include <pthread.h>

#include <ebb/memory.h>

/* Of the whole pool. */
extern pthread_mutex_t mem_lock;

struct mem_region_set {
	uint64_t bits[EBB_MEM_REGIONS_MAX / 64];
};

/* What is called …_locked() is called under mem_lock. */

/**
 * mem_region_grow_locked() - map one more region and tell the subscribers
 * @leaving: gets what does not come after all; to be given to mem_regions_let_go()
 * Return: its index; -ENOSPC there are EBB_MEM_REGIONS_MAX, perhaps with some that leave; -ENOMEM;
 *	what a subscriber has refused it with, now or before.
 */
int mem_region_grow_locked(struct mem_region_set *leaving);

/* Regions that are mapped, and those of them that do not leave. */
unsigned mem_region_num_mapped_locked(void);
unsigned mem_region_num_present_locked(void);

/* True if region @index is mapped and does not leave. */
bool mem_region_present_locked(unsigned index);

/* False if a subscriber cannot let go. */
bool mem_regions_can_leave_locked(void);

/**
 * mem_region_leave_locked() - region @index leaves: tells the subscribers
 * @index: present, and no part of it can be allocated any more
 * @leaving: gets it; to be given to mem_regions_let_go() when the lock is free
 */
void mem_region_leave_locked(unsigned index, struct mem_region_set *leaving);

/* The end of a trim: what nobody has any more goes now. Thread: any, without the lock. */
void mem_regions_let_go(const struct mem_region_set *leaving);

/* The first byte of region @index; the number of a page of the pool. Thread: any, lock-free. */
void *mem_region_base(unsigned index);
unsigned long mem_region_page(const void *addr);

#endif
