/* SPDX-License-Identifier: Apache-2.0 */
/* A bdev's channel: the way from the bdev layer's client to the driver's channel. */
#include "core/bdev/channel.h"

#include <errno.h>

#include <ebb/memory.h>

#include "core/bdev/claim.h"
#include "core/bdev/complete.h"
#include "core/bdev/histogram_channel.h"
#include "core/bdev/pool.h"
#include "core/bdev/qos_channel.h"
#include "core/bdev/range_channel.h"
#include "core/bdev/stats.h"
#include "core/bdev/submit.h"
#include "core/bdev/table.h"
#include "core/event/overrun.h"

static void channel_set_holding(struct bdev_channel *ch, bool holding)
{
	ch->holding = holding;
	bdev_channel_set_short_way(ch);
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
	ebb_list_init(&ch->bytes_waiting);
	bdev_qos_channel_init(&ch->qos);
	rc = bdev_range_channel_init(ch);
	if (rc < 0) {
		return rc;
	}
	channel_set_holding(ch, false);
	rc = channel_set_memory(ch);
	if (rc == 0) {
		event_overrun_set_namer(bdev_complete_name);
		rc = bdev_pool_create(ch, bdev_complete_deferred);
	}
	if (rc < 0) {
		bdev_range_channel_fini(ch);
		return rc;
	}
	ch->driver_channel = ebb_io_channel_get(bdev->io_device);
	if (ch->driver_channel == NULL) {
		bdev_range_channel_fini(ch);
		bdev_pool_destroy(ch);
		return -ENXIO; /* why, has been said */
	}
	ch->driver_ctx = ebb_io_channel_ctx(ch->driver_channel);
	rc = bdev_histogram_channel_follow(ch);
	if (rc == 0) {
		rc = bdev_qos_channel_follow(ch);
	}
	if (rc < 0) {
		bdev_histogram_channel_fini(ch);
		ebb_io_channel_put(ch->driver_channel);
		bdev_range_channel_fini(ch);
		bdev_pool_destroy(ch);
	}
	return rc;
}

/* Requests are under way, or somebody waits for one. */
static bool channel_busy(void *ctx)
{
	const struct bdev_channel *ch = ctx;

	return ch->outstanding != 0 || !ebb_list_empty(&ch->held) || ch->qos.waiting ||
	       !ebb_list_empty(&ch->range.held) || !base_wait_list_empty(&ch->waiters);
}

static void channel_destroy(void *device, void *ctx)
{
	struct bdev_channel *ch = ctx;

	(void)device;
	ebb_assert(!channel_busy(ch) && !ch->kicked);
	bdev_range_channel_fini(ch);
	bdev_qos_channel_fini(ch);
	bdev_histogram_channel_fini(ch);
	bdev_stats_report(ch);
	ebb_io_channel_put(ch->driver_channel);
	bdev_pool_destroy(ch);
}

static void channel_quiesce(void *ctx, struct ebb_io_channel *channel)
{
	struct bdev_channel *ch = ctx;

	channel_set_holding(ch, true);
	if (bdev_claim_is_held(ch->internal)) {
		bdev_qos_channel_flush(ch);
	}
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
	ch->num_held = 0;
	bdev_range_channel_resume(ch);
	while ((node = ebb_list_pop_front(&ch->held)) != NULL) {
		struct bdev_req *req = ebb_list_entry(node, struct bdev_req, link);

		if (!bdev_qos_hold(ch, req)) {
			bdev_submit_begin(ch, req);
		}
	}
}

const struct ebb_io_device_ops bdev_channel_ops = {
	.ctx_size = sizeof(struct bdev_channel),
	.create = channel_create,
	.destroy = channel_destroy,
	.quiesce = channel_quiesce,
	.resume = channel_resume,
	.busy = channel_busy,
};
