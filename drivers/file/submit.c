/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads and writes of the file bdev, by the reactor's io_uring.
 *
 * io_uring does what it can at once, and hands the rest to worker threads of its own: a write into
 * a hole of a sparse file, say, for which blocks have to be found first. Those workers keep waking
 * long after. So each request carries RWF_NOWAIT, with which it comes back with -EAGAIN instead.
 *
 * What comes back from a device, or from a read, had no room in the device's queue, and is tried
 * again when another request has ended. A write to a file may have found a hole: the helper gives
 * it blocks, which takes no I/O of its own, and it is tried once more, so that many such writes are
 * under way at a time. What comes back again is done on the helper altogether.
 */
#include "drivers/file/file.h"

#include <errno.h>

#define TRIES_MAX 8

static uint64_t io_bytes(const struct ebb_bdev_io *io)
{
	return io->num_blocks * io->bdev->block_size;
}

/* The end of one request may be room for another. */
static void ring_retry(struct file_channel *ch)
{
	struct ebb_list *node = ebb_list_pop_front(&ch->retry);

	if (node != NULL) {
		file_io_to_ring(ebb_list_entry(node, struct file_io, link));
	}
}

static void ring_again(struct file_io *fio)
{
	struct file_channel *ch = fio->ch;
	bool file_write =
		!ch->file->target.is_block_device && file_io_bdev_io(fio)->type == EBB_BDEV_WRITE;

	fio->tries++;
	if (file_write && fio->tries == 1) {
		file_fill(fio);
	} else if (!file_write && ch->ring_ops > 0 && fio->tries <= TRIES_MAX) {
		ebb_list_push_back(&ch->retry, &fio->link);
	} else {
		file_blocking_rw(fio);
	}
}

/* Not all of it is done. */
static void __attribute__((noinline))
ring_part_done(struct file_io *fio, struct ebb_bdev_io_handle handle, int32_t res)
{
	if (handle.generation != fio->handle.generation) {
		ebb_bdev_io_complete(handle, -EIO); /* answered before: that is reported there */
	} else if (res == -EINTR) {
		file_io_to_ring(fio);
	} else if (res == -EAGAIN || res == -EOPNOTSUPP) {
		ring_again(fio);
	} else if (res < 0) {
		file_io_end(fio, res);
	} else {
		fio->done_bytes = (uint64_t)res;
		file_blocking_rw(fio);
	}
}

static void ring_complete(struct ebb_uring_op *op, int32_t res, uint32_t flags)
{
	struct file_io *fio = ebb_container_of(op, struct file_io, op);
	struct ebb_bdev_io_handle handle = {
		.io = file_io_bdev_io(fio),
		.generation = ebb_uring_tag(),
	};
	struct file_channel *ch = fio->ch;

	(void)flags;
	ch->ring_ops--;
	if (ebb_unlikely(!ebb_list_empty(&ch->retry))) {
		ring_retry(ch);
	}
	if (ebb_likely(res >= 0 && (uint64_t)res == io_bytes(handle.io))) {
		ebb_bdev_io_complete(handle, 0);
	} else {
		ring_part_done(fio, handle, res);
	}
}

void file_submit(void *ctx, struct ebb_bdev_io_handle handle)
{
	struct file_channel *ch = ctx;
	struct ebb_bdev_io *io = handle.io;
	struct file_io *fio = ebb_bdev_io_ctx(io);

	fio->handle = handle;
	fio->ch = ch;
	fio->done_bytes = 0;
	fio->tries = 0;
	switch (io->type) {
	case EBB_BDEV_READ:
	case EBB_BDEV_WRITE:
		if (ebb_likely(ch->use_ring)) {
			fio->op.complete = ring_complete;
			file_io_to_ring(fio);
		} else {
			file_blocking_rw(fio);
		}
		break;
	case EBB_BDEV_FLUSH:
		file_blocking_flush(fio);
		break;
	case EBB_BDEV_UNMAP:
	case EBB_BDEV_WRITE_ZEROES:
		file_allocate(fio);
		break;
	case EBB_BDEV_BLOCK_STATUS:
		file_status(fio);
		break;
	case EBB_BDEV_COMPARE:
	case EBB_BDEV_IO_TYPE_COUNT:
	default:
		ebb_bdev_io_complete(handle, -ENOTSUP);
		break;
	}
}
