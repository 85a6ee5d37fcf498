/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_DRIVERS_BDEV_FILE_TARGET_H
#define EBB_DRIVERS_BDEV_FILE_TARGET_H

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
	bool fallocate;      /* unmap may free blocks */
	uint32_t block_size; /* 0: what the file suggests */

	/* What came of it. */
	int fd;
	bool is_block_device;
	bool nowait; /* RWF_NOWAIT is known: io_uring need not punt */
	bool can_unmap;
	uint32_t io_align; /* of memory, offsets and lengths, in bytes */
	uint64_t num_blocks;
	char error[240]; /* for people, if opening failed */
};

/**
 * file_target_open() - open and lock the file, and find out what it can do
 * Return: 0; or negative errno, and @target->error says what was wrong and what to do.
 */
int file_target_open(struct file_target *target);
void file_target_close(struct file_target *target);

/* Fills in @target->error. Return: @rc. */
int file_target_fail(struct file_target *target, int rc, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * file_lock() - lock a regular file against QEMU, its tools and other ebbds
 * The lock goes with file_unlock(), or when the last copy of @fd is closed, an io_uring's included.
 * @ret_holder: who has it, for people
 * Return: 0; -EBUSY: @ret_holder has it in use; or the errno of a filesystem without locks.
 */
int file_lock(int fd, bool read_only, char *ret_holder, size_t holder_size);

/* Gives up what file_lock() has locked, whoever else still has the file open by a copy of @fd. */
void file_unlock(int fd);

#endif
