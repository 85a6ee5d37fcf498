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

#ifdef __cplusplus
extern "C" {
#endif

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
 * Return: the buffer; NULL: out of memory or of regions, a subscriber has refused one, or @size is
 * 0
 *	or too large.
 */
void *ebb_mem_alloc(size_t size);

/*
 * @size: as it was asked for; NULL is ignored. What is no such buffer is logged and refused; of one that
 * is freed twice that may be seen late, and the one who has it by then suffers.
 */
void ebb_mem_free(void *buf, size_t size);

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
 * A region comes, and later it leaves: nobody has a buffer in it, and no new ones are given out of
 * it. Its memory goes when every subscriber that was told of it has let go of it, and its index and
 * addresses come again, with other memory behind them, only after that.
 *
 * Both functions are called under the pool's lock, on whichever thread grows or trims the pool, so
 * they must be short, must not use the pool (not even subscribe or unsubscribe), and send a message
 * to whoever has to do real work.
 *
 * added()    The region may be mapped, or registered, from now on. Whoever cannot do so at once
 *	      looks for each buffer whether it has been done, and returns 0. Whoever can do nothing
 *	      with a buffer that is not mapped maps it here, and returns a negative errno if that
 *	      fails, having said why: then the region does not come, for nobody, and the pool stays
 *	      as large as it is until a region leaves, or a subscriber.
 * removed()  The region leaves. The subscriber undoes what it did for it, at once or later, on any
 *	      thread, and then calls ebb_mem_region_released(), exactly once; inside removed() is
 *	      early enough. It must do so even if it never mapped the region. Until then the memory
 *	      stays mapped. NULL: the subscriber can let go of nothing, and no region leaves while
 *	      it is subscribed.
 */
struct ebb_mem_subscriber {
	int (*added)(struct ebb_mem_subscriber *subscriber, const struct ebb_mem_region *region);
	void (*removed)(struct ebb_mem_subscriber *subscriber, const struct ebb_mem_region *region);
	/* The pool's: */
	struct ebb_list link;
	uint64_t owed[EBB_MEM_REGIONS_MAX / 64]; /* regions that leave and that it still has */
};

/**
 * ebb_mem_subscribe() - added() is called for every region that there is and that does not leave
 * Thread: any.
 * Return: 0; what added() has refused one with: it is not subscribed, and undoes what it has done.
 */
int ebb_mem_subscribe(struct ebb_mem_subscriber *subscriber);

/**
 * ebb_mem_unsubscribe() - tell @subscriber nothing more
 * It counts as a release of all that leaves: let go of the memory first, release nothing after.
 * Thread: any, but not while another one releases for the same @subscriber.
 */
void ebb_mem_unsubscribe(struct ebb_mem_subscriber *subscriber);

/**
 * ebb_mem_region_released() - @subscriber has let go of a region that leaves
 * @region: as removed() had it
 * One that it does not owe is logged and refused.
 * Thread: any; also inside removed(), for the region that it is about. The last one to release
 *	unmaps 2 MiB.
 */
void ebb_mem_region_released(struct ebb_mem_subscriber *subscriber,
			     const struct ebb_mem_region *region);

/*
 * Gives back the calling reactor's caches, and has regions leave that nobody uses, but for one.
 * What has not been used for a second or two goes by itself.
 */
void ebb_mem_trim(void);

struct ebb_mem_stats {
	size_t mapped_bytes; /* regions, those that leave too */
	size_t used_bytes;   /* handed out, caches included */
	size_t cached_bytes; /* free, in caches of reactors */
};

void ebb_mem_get_stats(struct ebb_mem_stats *ret_stats);

#ifdef __cplusplus
}
#endif

#endif
