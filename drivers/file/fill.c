/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes into the holes of a sparse file. Finding blocks for one may wait for the journal, so the
 * helper does it; the write itself then is the ring's again, like any other.
 *
 * The filesystem finds blocks only when no direct write is under way in the file. One hole after
 * the other would make each wait for the write into the one before. So those that come while the
 * helper is at it make the next batch, and the writes of a batch go together.
 */
#include "drivers/file/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>

#include "drivers/file/size.h"

static int fill_one(const struct file_bdev *file, const struct ebb_bdev_io *io)
{
	off_t offset = (off_t)(io->offset_blocks * file->bdev.block_size);
	off_t len = (off_t)(io->num_blocks * file->bdev.block_size);
	uint64_t bytes;
	int rc;

	if (!file_size_has(&file->target, (uint64_t)(offset + len), &bytes)) {
		return -EIO; /* what is written there is refused */
	}
	do {
		rc = fallocate(file->target.fd, FALLOC_FL_KEEP_SIZE, offset, len);
	} while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : 0;
}

static void fill_run(struct ebb_work *work)
{
	struct file_channel *ch = ebb_container_of(work, struct file_channel, fill_work);
	struct ebb_list *node;

	ebb_list_for_each(node, &ch->filling) {
		struct file_io *fio = ebb_list_entry(node, struct file_io, link);

		fio->rc = fill_one(ch->file, file_io_bdev_io(fio));
	}
}

static void fill_begin(struct file_channel *ch);

static void fill_done(struct ebb_work *work)
{
	struct file_channel *ch = ebb_container_of(work, struct file_channel, fill_work);
	struct ebb_list filled;
	struct ebb_list *node;

	ebb_list_init(&filled);
	ebb_list_splice_back(&filled, &ch->filling);
	ch->fill_runs = false;
	while ((node = ebb_list_pop_front(&filled)) != NULL) {
		struct file_io *fio = ebb_list_entry(node, struct file_io, link);

		if (fio->rc == 0) {
			file_io_to_ring(fio);
		} else if (fio->rc == -ENOSPC) {
			file_io_end(fio, -ENOSPC);
		} else {
			file_blocking_rw(fio); /* a filesystem that cannot: the write itself can */
		}
	}
	fill_begin(ch);
}

static void fill_begin(struct file_channel *ch)
{
	if (ch->fill_runs || ebb_list_empty(&ch->fill_next)) {
		return;
	}
	ch->fill_runs = true;
	ebb_list_splice_back(&ch->filling, &ch->fill_next);
	ebb_work_init(&ch->fill_work, fill_run, fill_done);
	ebb_helper_submit(&ch->fill_work);
}

void file_fill(struct file_io *fio)
{
	ebb_list_push_back(&fio->ch->fill_next, &fio->link);
	fill_begin(fio->ch);
}
