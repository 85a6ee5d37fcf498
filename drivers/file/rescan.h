/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_FILE_RESCAN_H
#define DRIVERS_FILE_RESCAN_H

/* A look at what has become of a bdev's file: it is longer or shorter, or has no name any more. */

#include <stdbool.h>
#include <stdint.h>

#include <ebb/helper.h>

struct file_bdev;

/* @error: for people; "" if @rc is 0. */
typedef void (*file_rescan_done)(void *arg, int rc, const char *error);

struct file_look {
	struct ebb_work work;
	struct file_bdev *file;
	file_rescan_done done;
	void *arg;
	/* What was seen. */
	int rc;
	uint64_t bytes;
	uint64_t num_blocks;
	bool deleted;
};

/* Of each file bdev: the look that nobody has asked for. */
struct file_rescan {
	struct file_look look;
	bool runs;
	bool again; /* something has happened since it began */
	bool going; /* the bdev is being taken away */
	/* What is known, and has been told. */
	uint64_t bytes;
	bool deleted;
};

/* The kernel has said something about the file: look, without waiting. Thread: app. */
void file_rescan_by_itself(struct file_bdev *file);

/**
 * file_rescan() - look at the file's length, and give the bdev that size
 * @done: once, later: 0; -ENODEV the bdev is going; -EINVAL no block is left, and the bdev stays as
 *	long as it was; or the errno of asking
 * Thread: app.
 * Return: 0; -ENOMEM: @done will not run.
 */
int file_rescan(struct file_bdev *file, file_rescan_done done, void *arg);

#endif
