/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks that are given up (unmap), and zeroes: with their blocks given up, so that a thin file stays
 * thin, unless the client wants room there afterwards (EBB_BDEV_NO_HOLE) or the bdev's creator none
 * given up (fallocate=false).
 *
 * Filesystems differ in what they can. None that cannot has touched anything by saying so: so it is
 * asked for what is best, and then for the next. In the end zeroes are written, which gives them room
 * anywhere, and which is not for who wants them fast or not at all (EBB_BDEV_FAST_ZERO).
 *
 * A block device knows the same requests. Its zeroes without room are the driver's to make, and fail
 * where the disk cannot; those with room are written by the kernel where the disk cannot, and nobody
 * is told. So there are none of those that are fast. BLKDISCARD is for unmap alone: the blocks may
 * hold anything afterwards.
 */
#include "drivers/file/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>

#include <ebb/memory.h>

#include "drivers/file/size.h"

#define ZEROES_SIZE (256u << 10)
#define PIECE_BYTES (16u << 20) /* of one job, where each byte may cost time */

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

		rc = file_blocking_write(fd, zeroes, piece, offset);
		offset += piece;
		len -= piece;
	}
	ebb_mem_free(zeroes, ZEROES_SIZE);
	return rc;
}

/* The file's length stays. Return: 0; -ENOTSUP, with nothing changed; or another negative errno. */
static int range_change(const struct file_target *target, int mode, uint64_t offset, uint64_t len)
{
	int rc;

	do {
		rc = fallocate(target->fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)len);
	} while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : 0;
}

static uint64_t piece_len(uint64_t len)
{
	return len < PIECE_BYTES ? len : PIECE_BYTES;
}

/* @len: as much as shall be done; less, if that was enough for one job. */
static int zeroes_make(const struct file_target *target, uint32_t flags, uint64_t offset,
		       uint64_t *len)
{
	bool fast = (flags & EBB_BDEV_FAST_ZERO) != 0;
	int rc = -ENOTSUP;

	if (target->fallocate && (flags & EBB_BDEV_NO_HOLE) == 0) {
		rc = range_change(target, FALLOC_FL_PUNCH_HOLE, offset, *len);
	}
	if (rc == -ENOTSUP && !(target->is_block_device && fast)) {
		rc = range_change(target, FALLOC_FL_ZERO_RANGE, offset, *len);
	}
	if (rc == -ENOTSUP && !fast) {
		*len = piece_len(*len);
		rc = zeroes_write(target->fd, offset, *len);
	}
	return rc;
}

static int range_discard(const struct file_target *target, uint64_t offset, uint64_t len)
{
	if (target->is_block_device) {
		uint64_t range[2] = {offset, len};

		return ioctl(target->fd, BLKDISCARD, range) < 0 ? -errno : 0;
	}
	return range_change(target, FALLOC_FL_PUNCH_HOLE, offset, len);
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
	uint32_t flags = io->flags;

	/* A filesystem changes its map; a device may have to go over all of its blocks. */
	if (target->is_block_device) {
		len = piece_len(len);
	}
	if (!file_size_has(target, offset + len, &fio->end_bytes)) {
		return;
	}
	if (fio->done_bytes > 0) {
		flags &= ~EBB_BDEV_FAST_ZERO; /* it may be refused only while nothing has changed */
	}
	fio->rc = io->type == EBB_BDEV_UNMAP ? range_discard(target, offset, len)
					     : zeroes_make(target, flags, offset, &len);
	fio->done_bytes += len;
}

static void allocate_done(struct ebb_work *work)
{
	struct file_io *fio = ebb_container_of(work, struct file_io, work);

	if (fio->end_bytes == UINT64_MAX && fio->rc == 0 && allocate_left(fio) > 0) {
		ebb_helper_submit(&fio->work);
		return;
	}
	file_blocking_done(work);
}

void file_allocate(struct file_io *fio)
{
	ebb_work_init(&fio->work, allocate_run, allocate_done);
	file_blocking_submit(fio);
}
