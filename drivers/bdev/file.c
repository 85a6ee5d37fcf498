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
#include "drivers/bdev/file.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

#define TRIES_MAX 8

static void ring_complete(struct ebb_uring_op *op, int32_t res, uint32_t flags);

static uint64_t io_bytes(const struct ebb_bdev_io *io)
{
	return io->num_blocks * io->bdev->block_size;
}

/* What can be done about it; or "". */
static const char *error_remedy(const struct file_bdev *file, const struct ebb_bdev_io *io, int rc)
{
	if (io->type == EBB_BDEV_FLUSH && !file->target.direct) {
		return "; data may be lost, so every flush fails from now on: delete the bdev, and "
		       "create it again";
	}
	switch (rc) {
	case -ENOSPC:
		return "; make room on its filesystem";
	case -EIO:
		return "; the kernel's log (dmesg) may say why";
	default:
		return "";
	}
}

static void __attribute__((cold, noinline))
log_error(struct file_io *fio, const char *how, const char *remedy)
{
	struct file_bdev *file = fio->ch->file;
	const struct ebb_bdev_io *io = file_io_bdev_io(fio);
	char range[64] = "";

	if (!ebb_ratelimit_ok(&file->log_limit)) {
		return;
	}
	if (io->type != EBB_BDEV_FLUSH) {
		snprintf(range, sizeof(range), " of %" PRIu64 " blocks at %" PRIu64, io->num_blocks,
			 io->offset_blocks);
	}
	ebb_warn("file", "%s: %s%s has failed: '%s' %s%s", file->name,
		 ebb_bdev_io_type_name(io->type), range, file->filename, how, remedy);
}

void file_io_end(struct file_io *fio, int rc)
{
	struct ebb_bdev_io *io = file_io_bdev_io(fio);
	char how[96];

	if (ebb_unlikely(rc < 0 && rc != -ENOTSUP)) {
		snprintf(how, sizeof(how), "says: %s", strerror(-rc));
		log_error(fio, how, error_remedy(fio->ch->file, io, rc));
	}
	ebb_bdev_io_complete(io, rc);
}

void file_io_end_short(struct file_io *fio)
{
	char how[160];

	snprintf(how, sizeof(how),
		 "has become shorter: it has %" PRIu64 " bytes; what it has lost is lost",
		 fio->end_bytes);
	log_error(fio, how, "");
	ebb_bdev_io_complete(file_io_bdev_io(fio), -EIO);
}

static void ring_prepare(struct io_uring_sqe *sqe, const struct ebb_bdev_io *io, int fd,
			 uint64_t offset)
{
	bool read = io->type == EBB_BDEV_READ;
	const struct iovec *iov = io->iov;
	int buf_index;

	if (io->iovcnt > 1) {
		if (read) {
			io_uring_prep_readv(sqe, fd, iov, (unsigned)io->iovcnt, offset);
		} else {
			io_uring_prep_writev(sqe, fd, iov, (unsigned)io->iovcnt, offset);
		}
		return;
	}
	buf_index = ebb_uring_buf_index(iov->iov_base, iov->iov_len);
	if (buf_index >= 0 && read) {
		io_uring_prep_read_fixed(sqe, fd, iov->iov_base, (unsigned)iov->iov_len, offset,
					 buf_index);
	} else if (buf_index >= 0) {
		io_uring_prep_write_fixed(sqe, fd, iov->iov_base, (unsigned)iov->iov_len, offset,
					  buf_index);
	} else if (read) {
		io_uring_prep_read(sqe, fd, iov->iov_base, (unsigned)iov->iov_len, offset);
	} else {
		io_uring_prep_write(sqe, fd, iov->iov_base, (unsigned)iov->iov_len, offset);
	}
}

void file_ring_submit(struct file_io *fio)
{
	struct file_channel *ch = fio->ch;
	struct ebb_bdev_io *io = file_io_bdev_io(fio);
	bool fixed_file = ch->file_index >= 0;
	struct io_uring_sqe *sqe;

	fio->op.complete = ring_complete;
	sqe = ebb_uring_sqe(&fio->op, EBB_URING_FILE);
	ring_prepare(sqe, io, fixed_file ? ch->file_index : ch->file->target.fd,
		     io->offset_blocks * io->bdev->block_size);
	if (fixed_file) {
		sqe->flags |= IOSQE_FIXED_FILE;
	}
	sqe->rw_flags = RWF_NOWAIT;
	ch->ring_ops++;
}

/* The end of one request may be room for another. */
static void ring_retry(struct file_channel *ch)
{
	struct ebb_list *node = ebb_list_pop_front(&ch->retry);

	if (node != NULL) {
		file_ring_submit(ebb_list_entry(node, struct file_io, link));
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
		file_slow_rw(fio);
	}
}

static void ring_complete(struct ebb_uring_op *op, int32_t res, uint32_t flags)
{
	struct file_io *fio = ebb_container_of(op, struct file_io, op);
	struct ebb_bdev_io *io = file_io_bdev_io(fio);
	struct file_channel *ch = fio->ch;

	(void)flags;
	ch->ring_ops--;
	if (ebb_unlikely(!ebb_list_empty(&ch->retry))) {
		ring_retry(ch);
	}
	if (ebb_likely(res >= 0 && (uint64_t)res == io_bytes(io))) {
		ebb_bdev_io_complete(io, 0);
	} else if (res == -EINTR) {
		file_ring_submit(fio);
	} else if (res == -EAGAIN || res == -EOPNOTSUPP) {
		ring_again(fio);
	} else if (res < 0) {
		file_io_end(fio, res);
	} else {
		fio->done_bytes = (uint64_t)res;
		file_slow_rw(fio);
	}
}

static void file_submit(void *ctx, struct ebb_bdev_io *io)
{
	struct file_channel *ch = ctx;
	struct file_io *fio = ebb_bdev_io_ctx(io);

	fio->ch = ch;
	fio->done_bytes = 0;
	fio->tries = 0;
	switch (io->type) {
	case EBB_BDEV_READ:
	case EBB_BDEV_WRITE:
		if (ebb_likely(ch->use_ring)) {
			file_ring_submit(fio);
		} else {
			file_slow_rw(fio);
		}
		break;
	case EBB_BDEV_FLUSH:
		file_slow_flush(fio);
		break;
	case EBB_BDEV_UNMAP:
	case EBB_BDEV_WRITE_ZEROES:
		file_slow_allocate(fio);
		break;
	case EBB_BDEV_COMPARE:
	case EBB_BDEV_IO_TYPE_COUNT:
	default:
		ebb_bdev_io_complete(io, -ENOTSUP);
		break;
	}
}

/* On the reactor that has the thread now. */
static void channel_attach(struct file_channel *ch)
{
	ch->file_index = -1;
	ch->use_ring = ch->file->target.nowait && ebb_uring_open(EBB_URING_PLAIN) == 0;
	if (ch->use_ring) {
		ch->file_index = ebb_uring_file_register(ch->file->target.fd);
	}
}

static void channel_detach(struct file_channel *ch)
{
	if (ch->file_index >= 0) {
		ebb_uring_file_unregister(ch->file_index);
		ch->file_index = -1;
	}
}

static int channel_create(void *device, void *ctx)
{
	struct file_channel *ch = ctx;

	ch->file = device;
	ebb_list_init(&ch->retry);
	ebb_list_init(&ch->filling);
	ebb_list_init(&ch->fill_next);
	ebb_list_init(&ch->flushing);
	ebb_list_init(&ch->flush_next);
	channel_attach(ch);
	return 0;
}

static void channel_destroy(void *device, void *ctx)
{
	(void)device;
	channel_detach(ctx);
}

/*
 * The bdev's channel above this one lets its requests end, whatever they take here; until they
 * have, they go on by the plain descriptor.
 */
static void channel_quiesce(void *ctx, struct ebb_io_channel *channel)
{
	channel_detach(ctx);
	ebb_io_channel_quiesced(channel);
}

static void channel_resume(void *ctx, struct ebb_io_channel *channel)
{
	(void)channel;
	channel_attach(ctx);
}

const struct ebb_io_device_ops file_device_ops = {
	.name = "file",
	.ctx_size = sizeof(struct file_channel),
	.create = channel_create,
	.destroy = channel_destroy,
	.quiesce = channel_quiesce,
	.resume = channel_resume,
};

static void file_destruct(struct ebb_bdev *bdev)
{
	ebb_io_device_unregister(ebb_container_of(bdev, struct file_bdev, bdev), file_bdev_gone);
}

static void file_dump_info(const struct ebb_bdev *bdev, struct json_object *into)
{
	const struct file_bdev *file = ebb_container_of(bdev, struct file_bdev, bdev);
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "filename", json_object_new_string(file->filename));
	json_object_object_add(object, "direct", json_object_new_boolean(file->target.direct));
	json_object_object_add(object, "readonly", json_object_new_boolean(bdev->read_only));
	json_object_object_add(object, "io_uring", json_object_new_boolean(file->target.nowait));
	json_object_object_add(into, "uring", object);
}

const struct ebb_bdev_ops file_bdev_ops = {
	.submit = file_submit,
	.destruct = file_destruct,
	.dump_info = file_dump_info,
};
