/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bdev's channel: the way from the bdev layer's client to the driver's channel, with the pool of
 * requests. The pool is one mapping of which only what has been used is ever touched; a request
 * that was freed last is used next, so that few in flight stay in the cache.
 */
#include "core/bdev/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <ebb/log.h>
#include <ebb/memory.h>

#include "core/bdev/registry.h"
#include "core/bdev/stats.h"

static uint32_t pool_requests = BDEV_POOL_SIZE_DEFAULT;

void bdev_pool_set_size(uint32_t requests)
{
	pool_requests = requests == 0 ? BDEV_POOL_SIZE_DEFAULT : requests;
}

static struct bdev_req *pool_touch(struct bdev_channel *ch, uint32_t index)
{
	struct bdev_req *req = (struct bdev_req *)(void *)(ch->pool + index * ch->pool_stride);

	ebb_list_init(&req->link);
	req->ch = ch;
	req->io.bdev = ch->bdev;
	req->deferred.fn = bdev_req_deferred;
	req->state = BDEV_REQ_FREE;
	return req;
}

struct bdev_req *bdev_req_get_slow(struct bdev_channel *ch)
{
	if (ch->pool_bump == ch->pool_size) {
		return NULL;
	}
	return pool_touch(ch, ch->pool_bump++);
}

struct bdev_req *bdev_child_get(struct bdev_channel *ch)
{
	struct bdev_req *req = bdev_req_get(ch);

	if (req == NULL && ch->reserve != NULL) {
		req = ch->reserve;
		ch->reserve = req->next_free;
	}
	return req;
}

void bdev_child_put(struct bdev_channel *ch, struct bdev_req *child)
{
	child->special = 0;
	if (!child->reserve) {
		bdev_req_put(ch, child);
		return;
	}
	child->state = BDEV_REQ_FREE;
	child->next_free = ch->reserve;
	ch->reserve = child;
}

static int pool_create(struct bdev_channel *ch)
{
	size_t need = sizeof(struct bdev_req) + ch->bdev->io_ctx_size;
	size_t lines = (need + EBB_CACHE_LINE - 1) / EBB_CACHE_LINE;
	uint32_t index;
	void *addr;

	/* An odd number of lines apart, so that hot lines spread over all sets of the cache. */
	ch->pool_stride = (lines | 1u) * EBB_CACHE_LINE;
	ch->pool_size = pool_requests;
	ch->pool_bytes = ch->pool_stride * (ch->pool_size + BDEV_POOL_RESERVE);
	addr = mmap(NULL, ch->pool_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	if (addr == MAP_FAILED) {
		return -errno;
	}
	ch->pool = addr;
	for (index = 0; index < BDEV_POOL_RESERVE; index++) {
		struct bdev_req *req = pool_touch(ch, ch->pool_size + index);

		req->reserve = true;
		req->next_free = ch->reserve;
		ch->reserve = req;
	}
	return 0;
}

/* Opens or closes the short way. */
static void channel_set_holding(struct bdev_channel *ch, bool holding)
{
	const struct ebb_bdev *bdev = ch->bdev;
	uint32_t whole = bdev->max_io_blocks == 0 ? UINT32_MAX : bdev->max_io_blocks;
	unsigned type;

	ch->holding = holding;
	for (type = EBB_BDEV_READ; type <= EBB_BDEV_WRITE; type++) {
		bool open = !holding && (bdev->io_types & EBB_BIT(type)) != 0;

		ch->whole_blocks[type] = open ? whole : 0;
	}
}

static int channel_set_memory(struct bdev_channel *ch)
{
	if (ch->bdev->pool_memory) {
		return ebb_mem_arena(&ch->memory_base, &ch->memory_bytes);
	}
	ch->memory_base = 1;
	ch->memory_bytes = UINTPTR_MAX - 1;
	return 0;
}

static int channel_create(void *device, void *ctx)
{
	struct ebb_bdev_internal *internal = device;
	struct ebb_bdev *bdev = internal->bdev;
	struct bdev_channel *ch = ctx;
	unsigned type;
	int rc;

	for (type = 0; type < EBB_BDEV_IO_TYPE_COUNT; type++) {
		ch->stats[type].min_latency_ns = UINT64_MAX;
	}
	ch->internal = internal;
	ch->bdev = bdev;
	ch->thread = ebb_thread_current();
	ch->submit = bdev->ops->submit;
	ch->block_shift = (uint8_t)__builtin_ctz(bdev->block_size);
	ch->align_mask = bdev->buf_align > 1 ? bdev->buf_align - 1 : 0;
	if (bdev->optimal_io_boundary != 0) {
		ch->boundary_mask = ~((uint64_t)bdev->optimal_io_boundary - 1);
	}
	ebb_list_init(&ch->waiters);
	ebb_list_init(&ch->held);
	channel_set_holding(ch, false);
	rc = channel_set_memory(ch);
	if (rc == 0) {
		rc = pool_create(ch);
	}
	if (rc < 0) {
		return rc;
	}
	ch->driver_channel = ebb_io_channel_get(bdev->io_device);
	if (ch->driver_channel == NULL) {
		munmap(ch->pool, ch->pool_bytes);
		return -ENXIO; /* why, has been said */
	}
	ch->driver_ctx = ebb_io_channel_ctx(ch->driver_channel);
	return 0;
}

static void channel_destroy(void *device, void *ctx)
{
	struct bdev_channel *ch = ctx;

	(void)device;
	/* Its user has put it with requests under way or waits, which would come back to nothing. */
	ebb_assert(ch->outstanding == 0 && ebb_list_empty(&ch->held));
	ebb_assert(ebb_list_empty(&ch->waiters) && !ch->kicked);
	bdev_stats_report(ch);
	ebb_io_channel_put(ch->driver_channel);
	munmap(ch->pool, ch->pool_bytes);
}

static void channel_quiesce(void *ctx, struct ebb_io_channel *channel)
{
	struct bdev_channel *ch = ctx;

	channel_set_holding(ch, true);
	if (ch->outstanding == 0) {
		ebb_io_channel_quiesced(channel);
	} else {
		ch->attention |= BDEV_CH_QUIESCING;
	}
}

static void channel_resume(void *ctx, struct ebb_io_channel *channel)
{
	struct bdev_channel *ch = ctx;
	struct ebb_list *node;

	(void)channel;
	ch->attention &= (uint8_t)~BDEV_CH_QUIESCING;
	channel_set_holding(ch, false);
	while ((node = ebb_list_pop_front(&ch->held)) != NULL) {
		bdev_req_begin(ch, ebb_list_entry(node, struct bdev_req, link));
	}
}

const struct ebb_io_device_ops bdev_channel_ops = {
	.ctx_size = sizeof(struct bdev_channel),
	.create = channel_create,
	.destroy = channel_destroy,
	.quiesce = channel_quiesce,
	.resume = channel_resume,
};
