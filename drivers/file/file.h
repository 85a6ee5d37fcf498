/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_FILE_FILE_H
#define DRIVERS_FILE_FILE_H

/* The file bdev, private to its files. */

#include <ebb/bdev_module.h>
#include <ebb/helper.h>
#include <ebb/io_channel.h>
#include <ebb/list.h>
#include <ebb/log.h>
#include <ebb/uring.h>

#include "drivers/file/target.h"

struct file_bdev {
	struct ebb_bdev bdev;
	struct file_target target;
	struct ebb_work work; /* open, then close */
	int rc;               /* of open */
	/* Once, on the app thread, when it has been opened; and when it has been closed. */
	void (*opened)(struct file_bdev *file, void *arg, int rc);
	void (*closed)(void *arg);
	void *arg;
	char *name;
	char *filename;
	struct ebb_ratelimit log_limit;
	int lost_rc; /* the helper's, see blocking.c */
};

struct file_channel {
	struct file_bdev *file;
	bool use_ring;
	int file_index;        /* of the registered file; -1: none */
	unsigned ring_ops;     /* in flight on the ring */
	struct ebb_list retry; /* of file_io: reads that the device had no room for */

	/* Writes into holes, see fill.c. */
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

/*
 * The driver's context of each request. While a request is in the ring, its tag there says which
 * handle it is answered by, whatever is written here meanwhile. What takes it further from there (a
 * list, the helper) begins with a look whether it is still the one that is meant.
 */
struct file_io {
	union {
		struct ebb_uring_op op;
		struct ebb_work work;
	};
	struct ebb_bdev_io_handle handle;
	struct file_channel *ch;
	struct ebb_list link;
	uint64_t done_bytes;
	uint64_t end_bytes; /* helper: of the file, if that has become too short; else UINT64_MAX */
	int rc;
	unsigned tries;
};

static inline struct ebb_bdev_io *file_io_bdev_io(struct file_io *fio)
{
	return ebb_bdev_io_from_ctx(fio);
}

/*
 * Answer a request; the second, one past the end of a file that has become shorter. An error is told to the log, as
 * a client learns no more than its number. Thread: the request's.
 */
void file_io_end(struct file_io *fio, int rc);
void file_io_end_short(struct file_io *fio);

/**
 * file_io_to_ring() - read or write by the ring, without waiting for anything
 * @fio: fio->op.complete is set, and gets the kernel's result
 */
void file_io_to_ring(struct file_io *fio);

/* Finds blocks for a write, and goes on by the ring. */
void file_fill(struct file_io *fio);

/* What may block: on the helper. Each completes its request. */
void file_blocking_rw(struct file_io *fio); /* from fio->done_bytes on */
void file_blocking_flush(struct file_io *fio);
void file_allocate(struct file_io *fio); /* unmap, write_zeroes */
void file_status(struct file_io *fio);   /* block_status */

/*
 * For those: runs fio->work on the helper; its done(), or what that calls in the end, which answers
 * by fio->end_bytes and fio->rc; and what run() may use, which writes all of it (0) or fails.
 */
void file_blocking_submit(struct file_io *fio);
void file_blocking_done(struct ebb_work *work);
int file_blocking_write(int fd, const void *buf, size_t len, uint64_t offset);

/* Begins a request that came by the channel @ctx. Thread: the channel's. */
void file_submit(void *ctx, struct ebb_bdev_io_handle handle);

extern const struct ebb_bdev_ops file_bdev_ops;

struct file_bdev_opts {
	const char *name;
	const char *filename;
	uint32_t block_size; /* 0: the least the file can do */
	bool direct;
	bool read_only;
	bool fallocate;
	const uint8_t *uuid; /* 16 bytes */
};

/**
 * file_bdev_create() - open a file, and register a bdev of it
 * @opened: once, later, with 0, or negative errno: file->rc says whether the file could not be
 *	opened (file->target.error tells why, for people) or there can be no such bdev. It must not
 *	keep @file, which is gone or going then.
 * Thread: app.
 * Return: 0: @opened will run; -ENOMEM: it will not.
 */
int file_bdev_create(const struct file_bdev_opts *opts,
		     void (*opened)(struct file_bdev *file, void *arg, int rc), void *arg);

/* @closed: once, when @bdev, which is being unregistered, has gone and its file is closed. */
void file_bdev_on_closed(struct ebb_bdev *bdev, void (*closed)(void *arg), void *arg);

#endif
