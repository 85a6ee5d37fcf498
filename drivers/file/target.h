/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_FILE_TARGET_H
#define DRIVERS_FILE_TARGET_H

/*
 * A file or block device as the file bdev opens it. All of this may block: it runs on the helper,
 * and nothing here knows of bdevs.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct file_target {
	/* What is asked for. */
	const char *filename;
	bool direct;
	bool read_only;
	bool fallocate;      /* unmap and zeroes may free blocks */
	uint32_t block_size; /* 0: what the file suggests */

	/* What came of it. */
	int fd;
	bool is_block_device;
	bool nowait; /* RWF_NOWAIT is known: io_uring need not punt */
	bool can_unmap;
	bool zeroes_unmap;   /* zeroes are made by freeing blocks, if nobody minds */
	bool fast_zeroes;    /* they can be made without writing them */
	uint32_t io_align;   /* of memory, offsets and lengths, in bytes */
	uint64_t num_blocks; /* when it was opened */
	uint64_t bytes;      /* that it must have; the helper's (size.h) */
	char error[240];     /* for people, if opening failed */
};

/**
 * file_target_open() - open and lock the file, and find out what it can do
 * Return: 0; or negative errno, and @target->error says what was wrong and what to do.
 */
int file_target_open(struct file_target *target);
void file_target_close(struct file_target *target);

#endif
