/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_MEMORY_H
#define EBB_MEMORY_H

/*
 * One pool of memory that devices may read and write. It grows on demand in regions of 2 MiB of
 * plain memory; whoever needs regions registered or mapped (an io_uring, a VFIO container)
 * subscribes to their coming and going, so every buffer from the pool is ready wherever it is used.
 */

#include <stdbool.h>

#include <ebb/list.h>

#define EBB_MEM_REGION_SIZE (2u << 20)
#define EBB_MEM_ALLOC_MIN   4096u
#define EBB_MEM_ALLOC_MAX   (1u << 20)
#define EBB_MEM_REGIONS_MAX 256u /* 512 MiB */

/**
 * ebb_mem_alloc() - a buffer from the pool
 * @size: bytes, at most EBB_MEM_ALLOC_MAX; rounded up to a power of two of at least 4 KiB, and
 *	aligned to that
 * Thread: any. On a reactor, sizes that were freed there lately cost neither lock nor system call;
 *	growing the pool by a region is a system call and a page fault per page.
 * Owns: the caller, until ebb_mem_free(), on any thread. Contents are undefined.
 * Return: the buffer; NULL: out of memory or of regions, or @size is 0 or too large.
 */
void *ebb_mem_alloc(size_t size);
void ebb_mem_free(void *buf, size_t size); /* @size: as it was asked for; NULL is ignored */

/* True if [@addr, @addr + @len_bytes) lies in one region of the pool. Thread: any, lock-free. */
bool ebb_mem_contains(const void *addr, size_t len_bytes);

/**
 * ebb_mem_arena() - where all buffers of the pool lie, now and later
 * For a check that must be cheap: memory outside is foreign; inside, what nobody was given is not
 * there at all.
 * Thread: any. Return: 0; -ENOMEM.
 */
int ebb_mem_arena(uintptr_t *ret_base, uintptr_t *ret_bytes);

/**
 * ebb_mem_region_index() - number of the region that holds @addr, 0 … EBB_MEM_REGIONS_MAX - 1
 * Thread: any, lock-free. Return: the index; -1: foreign memory.
 */
int ebb_mem_region_index(const void *addr);

/* A region that exists: [base, base + EBB_MEM_REGION_SIZE). */
struct ebb_mem_region {
	unsigned index;
	void *base;
};

/*
 * added() and removed() are called under the pool's lock, on the thread that grows or trims the
 * pool: they must be short, must not allocate from the pool, and send a message to whoever has to
 * do real work. removed() is called while the memory is still mapped, and returns when the
 * subscriber has let go of it; until every subscriber has, the memory stays.
 */
struct ebb_mem_subscriber {
	void (*added)(struct ebb_mem_subscriber *subscriber, const struct ebb_mem_region *region);
	void (*removed)(struct ebb_mem_subscriber *subscriber, const struct ebb_mem_region *region);
	struct ebb_list link;
};

/* Subscribing calls added() for every region there is. Thread: any. */
void ebb_mem_subscribe(struct ebb_mem_subscriber *subscriber);
void ebb_mem_unsubscribe(struct ebb_mem_subscriber *subscriber);

/* Gives back the calling reactor's caches, and unmaps regions nobody uses, but for one. */
void ebb_mem_trim(void);

struct ebb_mem_stats {
	size_t mapped_bytes; /* regions */
	size_t used_bytes;   /* handed out, caches included */
	size_t cached_bytes; /* free, in caches of reactors */
};

void ebb_mem_get_stats(struct ebb_mem_stats *ret_stats);

#endif
