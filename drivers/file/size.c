/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The length of a file is the client's data too. What a file had when it was opened (looked at,
 * written to) it must have: if it has become shorter, what it has lost is an error. It must not come
 * back as zeroes, and so a write must not make the file longer again, with a hole in place of what is
 * lost. Only who looks again (rescan.c) takes the new length for what is there.
 *
 * The one thing past the end that is served is the rest of the last block, where direct I/O does not
 * forbid it: it reads as zeroes, and a write to that block makes the file so much longer.
 */
#include "drivers/file/size.h"

#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "drivers/file/target.h"

int file_size_ask(const struct file_target *target, uint64_t *ret_bytes)
{
	uint64_t bytes = 0;
	struct stat st;
	int rc;

	if (target->is_block_device) {
		rc = ioctl(target->fd, BLKGETSIZE64, &bytes);
	} else {
		rc = fstat(target->fd, &st);
		bytes = (uint64_t)st.st_size;
	}
	if (rc < 0) {
		return -errno;
	}
	*ret_bytes = bytes;
	return 0;
}

uint64_t file_size_blocks(const struct file_target *target, uint64_t bytes)
{
	bool tail = !target->direct && !target->is_block_device && bytes % target->block_size != 0;

	return bytes / target->block_size + tail;
}

bool file_size_has(const struct file_target *target, uint64_t end, uint64_t *ret_bytes)
{
	uint64_t served = file_size_blocks(target, target->bytes) * target->block_size;
	uint64_t bytes;

	/* Who cannot be asked will not do the I/O either, and says what is wrong. */
	if (file_size_ask(target, &bytes) < 0 || bytes >= end ||
	    (bytes >= target->bytes && served >= end)) {
		return true;
	}
	*ret_bytes = bytes;
	return false;
}

void file_size_written(struct file_target *target, uint64_t end)
{
	if (end > target->bytes) {
		target->bytes = end;
	}
}
