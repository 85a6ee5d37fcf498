/* SPDX-License-Identifier: Apache-2.0 */
/* One request: on its way to the ring, and its end. */
#include "drivers/file/file.h"

#include <inttypes.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

/* What can be done about it; or "". */
static const char *error_remedy(const struct file_bdev *file, const struct ebb_bdev_io *io, int rc)
{
	if (io->type == EBB_BDEV_FLUSH && !file->target.direct) {
		return "; data may be lost, so every flush fails from now on: delete the bdev, and "
		       "create it again";
	}
	switch (rc) {
	case -ENOSPC:
		return file->target.is_block_device ? "; it may have become smaller"
						    : "; make room on its filesystem";
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
	ebb_bdev_io_complete(fio->handle, rc);
}

void file_io_end_short(struct file_io *fio)
{
	char how[160];

	snprintf(how, sizeof(how),
		 "has become shorter: it has %" PRIu64 " bytes; what it has lost is lost",
		 fio->end_bytes);
	log_error(fio, how, "");
	ebb_bdev_io_complete(fio->handle, -EIO);
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

void file_io_to_ring(struct file_io *fio)
{
	struct file_channel *ch = fio->ch;
	struct ebb_bdev_io *io = file_io_bdev_io(fio);
	bool fixed_file = ch->file_index >= 0;
	struct io_uring_sqe *sqe;

	fio->op.tag = fio->handle.generation;
	sqe = ebb_uring_sqe(&fio->op, EBB_URING_FILE);
	ring_prepare(sqe, io, fixed_file ? ch->file_index : ch->file->target.fd,
		     io->offset_blocks * io->bdev->block_size);
	if (fixed_file) {
		sqe->flags |= IOSQE_FIXED_FILE;
	}
	sqe->rw_flags = RWF_NOWAIT;
	ch->ring_ops++;
}
