/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of a request through a virtual bdev. A channel of it has a channel of the base; the two
 * are of one thread, so that nothing is sent, and the base calls back where the request came from.
 */
#include "core/bdev/virtual.h"

#include <errno.h>

#include "core/bdev/qos_channel.h"

void bdev_virtual_complete(struct bdev_virtual_io *vio, int status)
{
	ebb_bdev_io_complete(vio->handle, status);
}

static void io_passed(void *arg, int status)
{
	struct bdev_virtual_io *vio = arg;

	vio->passed(vio, status);
}

static int io_submit(struct bdev_virtual_io *vio)
{
	const struct ebb_bdev_io *io = vio->io;
	struct ebb_bdev_desc *base = vio->ch->virtual->base;
	struct ebb_io_channel *ch = vio->ch->base;

	switch (io->type) {
	case EBB_BDEV_READ:
		return ebb_bdev_readv(base, ch, vio->iov, vio->iovcnt, io->offset_blocks,
				      io->num_blocks, io_passed, vio);
	case EBB_BDEV_WRITE:
		return ebb_bdev_writev(base, ch, vio->iov, vio->iovcnt, io->offset_blocks,
				       io->num_blocks, io->flags, io_passed, vio);
	case EBB_BDEV_FLUSH:
		return ebb_bdev_flush(base, ch, io_passed, vio);
	case EBB_BDEV_UNMAP:
		return ebb_bdev_unmap(base, ch, io->offset_blocks, io->num_blocks, io_passed, vio);
	case EBB_BDEV_WRITE_ZEROES:
		return ebb_bdev_write_zeroes(base, ch, io->offset_blocks, io->num_blocks, io->flags,
					     io_passed, vio);
	case EBB_BDEV_COMPARE:
		return ebb_bdev_comparev(base, ch, vio->iov, vio->iovcnt, io->offset_blocks,
					 io->num_blocks, io_passed, vio);
	case EBB_BDEV_BLOCK_STATUS:
		return ebb_bdev_block_status(base, ch, io->offset_blocks, io->num_blocks,
					     io->extents, io_passed, vio);
	case EBB_BDEV_IO_TYPE_COUNT:
		break;
	}
	return -ENOTSUP;
}

static void io_try(void *arg)
{
	struct bdev_virtual_io *vio = arg;
	const struct bdev_virtual_channel *ch = vio->ch; /* the request may end here */
	int rc = io_submit(vio);

	if (rc == -ENOMEM) {
		vio->wait.fn = io_try;
		vio->wait.arg = vio;
		ebb_bdev_queue_io_wait(ch->base, &vio->wait);
	} else if (rc < 0) {
		vio->passed(vio, rc);
	} else if (ebb_unlikely(ch->draining)) {
		bdev_qos_channel_hurry(ch->base);
	}
}

void bdev_virtual_pass(struct bdev_virtual_io *vio,
		       void (*passed)(struct bdev_virtual_io *vio, int status))
{
	vio->passed = passed;
	io_try(vio);
}

static int channel_create(void *device, void *ctx)
{
	struct bdev_virtual *virtual = device;
	struct bdev_virtual_channel *ch = ctx;
	int rc = 0;

	ch->virtual = virtual;
	/* Pairs with bdev_virtual_drain(): what it does not visit, sees this. */
	ch->draining = atomic_load(&virtual->draining);
	ch->base = ebb_bdev_channel_get(virtual->base);
	if (ch->base == NULL) {
		return -ENXIO; /* why, has been said */
	}
	if (virtual->kind->channel_begin != NULL) {
		rc = virtual->kind->channel_begin(ch);
	}
	if (rc < 0) {
		ebb_io_channel_put(ch->base);
	}
	return rc;
}

static void channel_destroy(void *device, void *ctx)
{
	const struct bdev_virtual *virtual = device;
	struct bdev_virtual_channel *ch = ctx;

	if (virtual->kind->channel_end != NULL) {
		virtual->kind->channel_end(ch);
	}
	ebb_io_channel_put(ch->base);
}

/*
 * The bdev's channel above this one lets its requests end; here is what keeps them from it. Some of
 * them still come here: a flush that follows, the rest of a request that is done in parts.
 */
static void channel_quiesce(void *ctx, struct ebb_io_channel *channel)
{
	struct bdev_virtual_channel *ch = ctx;

	ch->moving = true;
	ch->virtual->kind->channel_drain(ch);
	ebb_io_channel_quiesced(channel);
}

static void channel_resume(void *ctx, struct ebb_io_channel *channel)
{
	struct bdev_virtual_channel *ch = ctx;

	(void)channel;
	ch->moving = false;
}

int bdev_virtual_device_register(struct bdev_virtual *virtual)
{
	const struct ebb_io_device_ops ops = {
		.name = virtual->kind->kind,
		.ctx_size = virtual->kind->channel_size,
		.create = channel_create,
		.destroy = channel_destroy,
		.quiesce = channel_quiesce,
		.resume = channel_resume,
	};

	return ebb_io_device_register(virtual, &ops);
}

static void drain_channel(struct ebb_channel_iter *iter, struct ebb_io_channel *channel, void *arg)
{
	struct bdev_virtual_channel *ch = ebb_io_channel_ctx(channel);

	(void)arg;
	ch->draining = true;
	ch->virtual->kind->channel_drain(ch);
	/* Nor does the base's rate limit keep waiting who has to go. */
	bdev_qos_channel_hurry(ch->base);
	ebb_for_each_channel_next(iter, 0);
}

static void drain_done(void *arg, int rc)
{
	(void)arg;
	(void)rc;
}

void bdev_virtual_drain(struct bdev_virtual *virtual)
{
	atomic_store(&virtual->draining, true);
	ebb_for_each_channel(virtual, drain_channel, NULL, drain_done);
}
