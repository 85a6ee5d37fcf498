/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_DRIVERS_BDEV_FILE_H
#define EBB_DRIVERS_BDEV_FILE_H

/* The file bdev, private to its files. */

#include <ebb/bdev_module.h>
#include <ebb/helper.h>
#include <ebb/io_channel.h>
#include <ebb/list.h>
#include <ebb/log.h>
#include <ebb/uring.h>

#include "drivers/bdev/file_target.h"

struct ebb_call;

struct file_bdev {
	struct ebb_bdev bdev;
	struct file_target target;
	struct ebb_work work;  /* open, then close */
	int rc;                /* of open */
	struct ebb_call *call; /* that is to be answered, or NULL */
	char *name;
	char *filename;
	struct ebb_ratelimit log_limit;
	int lost_rc; /* the helper's, see file_slow.c */
};

struct file_channel {
	struct file_bdev *file;
	bool use_ring;
	int file_index;        /* of the registered file; -1: none */
	unsigned ring_ops;     /* in flight on the ring */
	struct ebb_list retry; /* of file_io: reads that the device had no room for */

	/* Writes into holes, see file_fill.c. */
	struct ebb_work fill_work;
	bool fill_runs;
	struct ebb_list filling;
	struct ebb_list fill_next;

	/* One flush runs for all that were waiting when it began. */
	struct ebb_work flush_work;
	int flush_rc;
	bool flush_runs;
	struct ebb_list flushing;
	struct ebb_list flush_next;
};

/* The driver's context of each request. */
struct file_io {
	union {
		struct ebb_uring_op op;
		struct ebb_work work;
	};
	struct file_channel *ch;
	struct ebb_list link;
	uint64_t done_bytes;
	uint64_t end_bytes; /* helper: of the file, if a read has met its end; else UINT64_MAX */
	int rc;
	unsigned tries;
};

static inline struct ebb_bdev_io *file_io_bdev_io(struct file_io *fio)
{
	return ebb_bdev_io_from_ctx(fio);
}

extern const struct ebb_bdev_ops file_bdev_ops;
extern const struct ebb_io_device_ops file_device_ops;

/*
 * Answer a request; the second, a read that has met the file's end. An error is told to the log, as
 * a client learns no more than its number. Thread: the request's.
 */
void file_io_end(struct file_io *fio, int rc);
void file_io_end_short(struct file_io *fio);

/* Reads or writes by the ring. */
void file_ring_submit(struct file_io *fio);

/* Finds blocks for a write, and goes on by the ring. */
void file_fill(struct file_io *fio);

/* What may block: on the helper. Each completes its request. */
void file_slow_rw(struct file_io *fio);       /* from fio->done_bytes on */
void file_slow_allocate(struct file_io *fio); /* unmap, write_zeroes */
void file_slow_flush(struct file_io *fio);

/* Closes the file, frees @file and answers its call. App thread; no channel is left. */
void file_bdev_gone(void *device);

#endif
