/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_MEMORY_REGION_H
#define EBB_MEMORY_REGION_H

/* The pool's regions, and who has them mapped; see the essay in region.c. */

#include <pthread.h>

#include <ebb/memory.h>

/* Of the whole pool. */
extern pthread_mutex_t ebb_mem_lock;

struct ebb_region_set {
	uint64_t bits[EBB_MEM_REGIONS_MAX / 64];
};

/* What is called …_locked() is called under ebb_mem_lock. */

/**
 * ebb_region_grow_locked() - map one more region and tell the subscribers
 * @leaving: gets what does not come after all; to be given to ebb_regions_let_go()
 * Return: its index; -ENOSPC there are EBB_MEM_REGIONS_MAX, perhaps with some that leave; -ENOMEM;
 *	what a subscriber has refused it with, now or before.
 */
int ebb_region_grow_locked(struct ebb_region_set *leaving);

/* Regions that are mapped, and those of them that do not leave. */
unsigned ebb_region_num_mapped_locked(void);
unsigned ebb_region_num_present_locked(void);

/* True if region @index is mapped and does not leave. */
bool ebb_region_present_locked(unsigned index);

/* False if a subscriber cannot let go. */
bool ebb_regions_can_leave_locked(void);

/**
 * ebb_region_leave_locked() - region @index leaves: tells the subscribers
 * @index: present, and no part of it can be allocated any more
 * @leaving: gets it; to be given to ebb_regions_let_go() when the lock is free
 */
void ebb_region_leave_locked(unsigned index, struct ebb_region_set *leaving);

/* The end of a trim: what nobody has any more goes now. Thread: any, without the lock. */
void ebb_regions_let_go(const struct ebb_region_set *leaving);

/* The first byte of region @index; the number of a page of the pool. Thread: any, lock-free. */
void *ebb_region_base(unsigned index);
unsigned long ebb_region_page(const void *addr);

#endif
