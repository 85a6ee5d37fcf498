/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which blocks of a file are holes, by SEEK_DATA and SEEK_HOLE. A block is a hole if all of it is. What
 * nobody knows is data: past the end of a file that has become shorter, on a filesystem that cannot
 * say, after so many steps (the client asks again for the rest; other jobs of the helper come between).
 *
 * The answers of a moment do not fit together when somebody writes meanwhile: a hole that begins
 * where data was found, say. Each is of some time during the call, which is all that is promised.
 */
#include "drivers/file/file.h"

#include <errno.h>
#include <unistd.h>

#include "drivers/file/size.h"

#define STEPS_MAX 128 /* of two seeks each, in one answer */

struct status {
	const struct file_target *target;
	struct ebb_bdev_extents *extents;
	uint64_t at; /* up to here there is an answer; at blocks, as all of these in bytes */
	uint64_t end;
};

/* Answers for what is before @to. Return: false: there is no room. */
static bool status_add(struct status *status, uint64_t to, uint32_t flags)
{
	uint64_t blocks = (to - status->at) / status->target->block_size;

	if (!ebb_bdev_extents_add(status->extents, blocks, flags)) {
		return false;
	}
	status->at = to;
	return true;
}

static uint64_t status_round(const struct status *status, uint64_t offset, bool up)
{
	uint32_t block = status->target->block_size;
	uint64_t whole = (up ? offset + block - 1 : offset) / block * block;

	return whole < status->at ? status->at : whole > status->end ? status->end : whole;
}

/* One hole and the data behind it. Return: false: that was the last step. */
static bool status_step(struct status *status)
{
	const uint32_t hole = EBB_BDEV_EXTENT_HOLE | EBB_BDEV_EXTENT_ZERO;
	off_t data = lseek(status->target->fd, (off_t)status->at, SEEK_DATA);
	off_t data_end;

	if (data < 0) {
		return status_add(status, status->end, errno == ENXIO ? hole : 0) && false;
	}
	if (!status_add(status, status_round(status, (uint64_t)data, false), hole) ||
	    status->at == status->end) {
		return false;
	}
	data_end = lseek(status->target->fd, data, SEEK_HOLE);
	if (data_end <= data) {
		return status_add(status, status->end, 0) && false;
	}
	return status_add(status, status_round(status, (uint64_t)data_end, true), 0) &&
	       status->at < status->end;
}

static void status_run(struct ebb_work *work)
{
	struct file_io *fio = ebb_container_of(work, struct file_io, work);
	const struct ebb_bdev_io *io = file_io_bdev_io(fio);
	const struct file_target *target = &fio->ch->file->target;
	uint64_t begin = io->offset_blocks * io->bdev->block_size;
	struct status status = {
		.target = target,
		.extents = io->extents,
		.at = begin,
		.end = begin + io->num_blocks * io->bdev->block_size,
	};
	uint64_t bytes;
	int steps = 0;

	fio->rc = 0;
	while (status_step(&status) && steps < STEPS_MAX) {
		steps++;
	}
	/* Last, so that what the file loses meanwhile is not taken for a hole. */
	if (!file_size_has(target, status.end, &bytes)) {
		io->extents->count = 0;
		status.at = begin;
		(void)status_add(&status, status.end, 0);
	}
}

void file_status(struct file_io *fio)
{
	ebb_work_init(&fio->work, status_run, file_blocking_done);
	file_blocking_submit(fio);
}
