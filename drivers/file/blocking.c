/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file bdev's requests that may block, on the helper. There is one helper for all, so a request
 * that may take long is done in pieces: each is a job of its own, and others' jobs come between.
 *
 * Without direct I/O the kernel keeps what is written, and tells of what it could not put on the
 * disk once: the next flush of whoever succeeds, with the data gone. So after an error every flush
 * fails. With direct I/O a flush concerns the disk's cache only, and the next may well succeed.
 */
#include "drivers/file/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ebb/memory.h>

#define ZEROES_SIZE (256u << 10)
#define PIECE_BYTES (16u << 20) /* of one job, where each byte may cost time */

static void blocking_done(struct ebb_work *work)
{
	struct file_io *fio = ebb_container_of(work, struct file_io, work);

	if (fio->end_bytes != UINT64_MAX) {
		file_io_end_short(fio);
		return;
	}
	file_io_end(fio, fio->rc);
}

static void blocking_submit(struct file_io *fio)
{
	fio->end_bytes = UINT64_MAX;
	ebb_helper_submit(&fio->work);
}

/* Reads or writes all of one piece. Return: 0, or negative errno. */
static int rw_piece(int fd, bool read, char *buf, size_t len, uint64_t offset)
{
	while (len > 0) {
		ssize_t done = read ? pread(fd, buf, len, (off_t)offset)
				    : pwrite(fd, buf, len, (off_t)offset);

		if (done < 0 && (errno == EINTR || errno == EAGAIN)) {
			continue;
		}
		if (done < 0) {
			return -errno;
		}
		if (done == 0) {
			return -EIO; /* the file has become shorter */
		}
		buf += done;
		len -= (size_t)done;
		offset += (uint64_t)done;
	}
	return 0;
}

static int rw_pieces(int fd, const struct ebb_bdev_io *io, uint64_t skip)
{
	uint64_t offset = io->offset_blocks * io->bdev->block_size + skip;
	int i, rc = 0;

	for (i = 0; i < io->iovcnt && rc == 0; i++) {
		size_t len = io->iov[i].iov_len;

		if (skip >= len) {
			skip -= len;
			continue;
		}
		len -= (size_t)skip;
		rc = rw_piece(fd, io->type == EBB_BDEV_READ, (char *)io->iov[i].iov_base + skip,
			      len, offset);
		offset += len;
		skip = 0;
	}
	return rc;
}

static void rw_run(struct ebb_work *work)
{
	struct file_io *fio = ebb_container_of(work, struct file_io, work);
	const struct ebb_bdev_io *io = file_io_bdev_io(fio);
	int fd = fio->ch->file->target.fd;
	struct stat st;

	fio->rc = rw_pieces(fd, io, fio->done_bytes);
	if (fio->rc == -EIO && io->type == EBB_BDEV_READ && fstat(fd, &st) == 0 &&
	    S_ISREG(st.st_mode) &&
	    (uint64_t)st.st_size < (io->offset_blocks + io->num_blocks) * io->bdev->block_size) {
		fio->end_bytes = (uint64_t)st.st_size;
	}
}

void file_blocking_rw(struct file_io *fio)
{
	ebb_work_init(&fio->work, rw_run, blocking_done);
	blocking_submit(fio);
}

/* Where nothing can make zeroes, they are written. */
static int zeroes_write(int fd, uint64_t offset, uint64_t len)
{
	char *zeroes = ebb_mem_alloc(ZEROES_SIZE);
	int rc = 0;

	if (zeroes == NULL) {
		return -ENOMEM;
	}
	memset(zeroes, 0, ZEROES_SIZE);
	while (rc == 0 && len > 0) {
		size_t piece = len < ZEROES_SIZE ? (size_t)len : ZEROES_SIZE;

		rc = rw_piece(fd, false, zeroes, piece, offset);
		offset += piece;
		len -= piece;
	}
	ebb_mem_free(zeroes, ZEROES_SIZE);
	return rc;
}

static int fallocate_retry(int fd, int mode, uint64_t offset, uint64_t len)
{
	int rc;

	do {
		rc = fallocate(fd, mode, (off_t)offset, (off_t)len);
	} while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : 0;
}

static uint64_t piece_len(uint64_t len)
{
	return len < PIECE_BYTES ? len : PIECE_BYTES;
}

/* @len: as much as shall be done; less, if that was enough for one job. */
static int zeroes_make(const struct file_target *target, uint64_t offset, uint64_t *len)
{
	int keep = FALLOC_FL_KEEP_SIZE;
	int rc;

	rc = fallocate_retry(target->fd, FALLOC_FL_ZERO_RANGE | keep, offset, *len);
	if (rc == -EOPNOTSUPP && target->can_unmap && !target->is_block_device) {
		rc = fallocate_retry(target->fd, FALLOC_FL_PUNCH_HOLE | keep, offset, *len);
	}
	if (rc == -EOPNOTSUPP) {
		*len = piece_len(*len);
		rc = zeroes_write(target->fd, offset, *len);
	}
	return rc;
}

static int range_discard(const struct file_target *target, uint64_t offset, uint64_t len)
{
	int rc;

	if (target->is_block_device) {
		uint64_t range[2] = {offset, len};

		rc = ioctl(target->fd, BLKDISCARD, range) < 0 ? -errno : 0;
	} else {
		rc = fallocate_retry(target->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
				     len);
	}
	return rc == -EOPNOTSUPP ? -ENOTSUP : rc;
}

static uint64_t allocate_left(struct file_io *fio)
{
	const struct ebb_bdev_io *io = file_io_bdev_io(fio);

	return io->num_blocks * io->bdev->block_size - fio->done_bytes;
}

static void allocate_run(struct ebb_work *work)
{
	struct file_io *fio = ebb_container_of(work, struct file_io, work);
	const struct ebb_bdev_io *io = file_io_bdev_io(fio);
	const struct file_target *target = &fio->ch->file->target;
	uint64_t offset = io->offset_blocks * io->bdev->block_size + fio->done_bytes;
	uint64_t len = allocate_left(fio);

	/* A filesystem changes its map; a device may have to go over all of its blocks. */
	if (target->is_block_device) {
		len = piece_len(len);
	}
	fio->rc = io->type == EBB_BDEV_UNMAP ? range_discard(target, offset, len)
					     : zeroes_make(target, offset, &len);
	fio->done_bytes += len;
}

static void allocate_done(struct ebb_work *work)
{
	struct file_io *fio = ebb_container_of(work, struct file_io, work);

	if (fio->rc == 0 && allocate_left(fio) > 0) {
		ebb_helper_submit(&fio->work);
		return;
	}
	blocking_done(work);
}

void file_blocking_allocate(struct file_io *fio)
{
	ebb_work_init(&fio->work, allocate_run, allocate_done);
	blocking_submit(fio);
}

static void flush_begin(struct file_channel *ch);

static void flush_run(struct ebb_work *work)
{
	struct file_channel *ch = ebb_container_of(work, struct file_channel, flush_work);
	struct file_bdev *file = ch->file;
	int rc;

	if (file->lost_rc != 0) {
		ch->flush_rc = file->lost_rc;
		return;
	}
	do {
		rc = fdatasync(file->target.fd);
	} while (rc < 0 && errno == EINTR);
	ch->flush_rc = rc < 0 ? -errno : 0;
	if (!file->target.direct) {
		file->lost_rc = ch->flush_rc;
	}
}

static void flush_done(struct ebb_work *work)
{
	struct file_channel *ch = ebb_container_of(work, struct file_channel, flush_work);
	struct ebb_list ended;
	struct ebb_list *node;
	int rc = ch->flush_rc;

	ebb_list_init(&ended);
	ebb_list_splice_back(&ended, &ch->flushing);
	ch->flush_runs = false;
	/* Before the callbacks, which may flush again: theirs must not be taken for older. */
	flush_begin(ch);
	while ((node = ebb_list_pop_front(&ended)) != NULL) {
		file_io_end(ebb_list_entry(node, struct file_io, link), rc);
	}
}

/* Starts one flush for all that wait, unless one runs, which may have missed writes of theirs. */
static void flush_begin(struct file_channel *ch)
{
	if (ch->flush_runs || ebb_list_empty(&ch->flush_next)) {
		return;
	}
	ch->flush_runs = true;
	ebb_list_splice_back(&ch->flushing, &ch->flush_next);
	ebb_work_init(&ch->flush_work, flush_run, flush_done);
	ebb_helper_submit(&ch->flush_work);
}

void file_blocking_flush(struct file_io *fio)
{
	ebb_list_push_back(&fio->ch->flush_next, &fio->link);
	flush_begin(fio->ch);
}
