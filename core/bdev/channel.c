/* SPDX-License-Identifier: Apache-2.0 */
/* A bdev's channel: the way from the bdev layer's client to the driver's channel. */
#include "core/bdev/channel.h"

#include <errno.h>

#include <ebb/memory.h>

#include "core/bdev/complete.h"
#include "core/bdev/pool.h"
#include "core/bdev/stats.h"
#include "core/bdev/submit.h"
#include "core/bdev/table.h"
#include "core/event/overrun.h"

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
	base_wait_list_init(&ch->waiters);
	ebb_list_init(&ch->held);
	channel_set_holding(ch, false);
	rc = channel_set_memory(ch);
	if (rc == 0) {
		event_overrun_set_namer(bdev_complete_name);
		rc = bdev_pool_create(ch, bdev_complete_deferred);
	}
	if (rc < 0) {
		return rc;
	}
	ch->driver_channel = ebb_io_channel_get(bdev->io_device);
	if (ch->driver_channel == NULL) {
		bdev_pool_destroy(ch);
		return -ENXIO; /* why, has been said */
	}
	ch->driver_ctx = ebb_io_channel_ctx(ch->driver_channel);
	return 0;
}

static void channel_destroy(void *device, void *ctx)
{
	struct bdev_channel *ch = ctx;

	(void)device;
	/*
	 * Its user has put it with requests under way or waits, which would come back to nothing.
	 */
	ebb_assert(ch->outstanding == 0 && ebb_list_empty(&ch->held));
	ebb_assert(base_wait_list_empty(&ch->waiters) && !ch->kicked);
	bdev_stats_report(ch);
	ebb_io_channel_put(ch->driver_channel);
	bdev_pool_destroy(ch);
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
		bdev_submit_begin(ch, ebb_list_entry(node, struct bdev_req, link));
	}
}

const struct ebb_io_device_ops bdev_channel_ops = {
	.ctx_size = sizeof(struct bdev_channel),
	.create = channel_create,
	.destroy = channel_destroy,
	.quiesce = channel_quiesce,
	.resume = channel_resume,
};
