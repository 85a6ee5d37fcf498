/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The requests of a channel are one mapping of which only what has been used is ever touched; a
 * request that was freed last is used next, so that few in flight stay in the cache.
 */
#include "core/bdev/pool.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "core/bdev/bytes.h"

static uint32_t pool_requests = BDEV_POOL_SIZE_DEFAULT;

static _Atomic uint32_t pools_created; /* a count, which orders nothing */

void bdev_pool_set_size(uint32_t requests)
{
	pool_requests = requests == 0 ? BDEV_POOL_SIZE_DEFAULT : requests;
}

static struct bdev_req *pool_at(const struct bdev_channel *ch, uint32_t index)
{
	return (struct bdev_req *)(void *)(ch->pool + index * ch->pool_stride);
}

static struct bdev_req *pool_touch(struct bdev_channel *ch, uint32_t index)
{
	struct bdev_req *req = pool_at(ch, index);

	ebb_list_init(&req->link);
	req->ch = ch;
	req->io.bdev = ch->bdev;
	req->deferred.fn = ch->pool_deferred;
	req->generation = ch->pool_generation;
	return req;
}

struct bdev_req *bdev_pool_get_slow(struct bdev_channel *ch)
{
	if (ch->pool_bump == ch->pool_size) {
		return NULL;
	}
	return pool_touch(ch, ch->pool_bump++);
}

struct bdev_req *bdev_pool_get_child(struct bdev_channel *ch)
{
	struct bdev_req *req = bdev_pool_get(ch);

	if (req == NULL && ch->reserve != NULL) {
		req = ch->reserve;
		ch->reserve = req->next_free;
	}
	return req;
}

void bdev_pool_put_child(struct bdev_channel *ch, struct bdev_req *child)
{
	child->special = 0;
	if (!child->reserve) {
		bdev_pool_put(ch, child);
		return;
	}
	child->next_free = ch->reserve;
	ch->reserve = child;
}

int bdev_pool_create(struct bdev_channel *ch, void (*deferred)(struct event_deferred *deferred))
{
	size_t need = sizeof(struct bdev_req) + ch->bdev->io_ctx_size;
	size_t lines = (need + EBB_CACHE_LINE - 1) / EBB_CACHE_LINE;
	size_t requests;
	uint32_t index;
	void *addr;

	/* An odd number of lines apart, so that hot lines spread over all sets of the cache. */
	ch->pool_stride = (lines | 1u) * EBB_CACHE_LINE;
	ch->pool_size = pool_requests;
	ch->pool_deferred = deferred;
	/*
	 * Handles of a channel that has gone shall not be good in the one that has its memory now:
	 * multiples of 65536 by the golden ratio lie as far apart as they can.
	 */
	ch->pool_generation =
		(uint16_t)(atomic_fetch_add_explicit(&pools_created, 1, memory_order_relaxed) *
			   40503u);
	requests = ch->pool_stride * (ch->pool_size + BDEV_POOL_RESERVE);
	ch->pool_bytes = requests + ch->pool_size * sizeof(struct bdev_bytes);
	addr = mmap(NULL, ch->pool_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	if (addr == MAP_FAILED) {
		return -errno;
	}
	ch->pool = addr;
	ch->bytes = (struct bdev_bytes *)(void *)(ch->pool + requests);
	for (index = 0; index < BDEV_POOL_RESERVE; index++) {
		struct bdev_req *req = pool_touch(ch, ch->pool_size + index);

		req->reserve = true;
		req->next_free = ch->reserve;
		ch->reserve = req;
	}
	return 0;
}

void bdev_pool_for_each_begun(struct bdev_channel *ch,
			      void (*fn)(const struct bdev_req *req, void *arg), void *arg)
{
	uint32_t left = ch->outstanding;
	uint32_t walk = ++ch->pool_walk;
	struct bdev_req *req;
	uint32_t index;

	if (left == 0) {
		return;
	}
	/* Nothing says of a request that it is free, but that it is here. */
	for (req = ch->free; req != NULL; req = req->next_free) {
		req->free_walk = walk;
	}
	for (index = 0; index < ch->pool_bump && left > 0; index++) {
		req = pool_at(ch, index);
		if (req->free_walk != walk && ebb_list_empty(&req->link) &&
		    (req->special & BDEV_REQ_CHILD) == 0) {
			left--;
			fn(req, arg);
		}
	}
}

void bdev_pool_destroy(struct bdev_channel *ch)
{
	munmap(ch->pool, ch->pool_bytes);
}
