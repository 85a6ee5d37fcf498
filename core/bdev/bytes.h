/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_BYTES_H
#define CORE_BDEV_BYTES_H

/*
 * Requests of bytes that are no whole blocks. One takes several steps, one after the other, each a
 * request of blocks; how these are begun and how they end is their caller's business: the functions
 * below say what is next. The idea: bytes.c. Thread: the channel's.
 */

#include "core/bdev/channel.h"

/* Bytes of a channel's memory for blocks that are not asked for whole; more wait. */
#define BDEV_BYTES_MEMORY_MAX (1u << 20)

/* Elements of a vector. */
#define BDEV_BYTES_IOV_MAX 1024

/* What lies beside each request of the pool, for the case that it is of bytes. */
struct bdev_bytes {
	struct bdev_req *req;
	struct bdev_range_lock lock;
	struct ebb_list link; /* of those that wait for memory */
	uint8_t type;         /* as the client asked */
	uint8_t steps;        /* still to be done */
	bool head;            /* the first block is not asked for whole */
	bool tail;            /* nor is the last one, which is another */
	bool merged;          /* their new contents are in @edges */
	uint32_t flags;
	uint64_t first; /* blocks: all that are touched */
	uint64_t num_blocks;
	uint32_t skip_bytes; /* of the first block, that are not asked for */
	size_t head_bytes;   /* of the first block, that are, if it is not whole */
	size_t tail_bytes;   /* of the last */
	uint64_t len_bytes;
	const struct iovec *iov; /* the client's */
	int iovcnt;
	char *edges; /* these blocks, the head before the tail; after them a long @vector */
	size_t edges_size;
	struct iovec *vector; /* of all blocks */
	int vector_count;
	struct iovec vector_short[BDEV_IOV_EMBEDDED + 2];
	struct iovec vector_edge[1]; /* of one edge, or of both side by side */
};

enum bdev_bytes_next {
	BDEV_BYTES_ISSUE,     /* the request is the next step's now: begin it */
	BDEV_BYTES_UNDER_WAY, /* it waits, for a lock or for memory */
	BDEV_BYTES_ENDED,     /* its status is final */
};

/* @req, which is of the pool, is one of bytes: all but its callback is filled in. */
void bdev_bytes_fill(struct bdev_req *req, enum ebb_bdev_io_type type, const struct iovec *iov,
		     int iovcnt, uint64_t offset_bytes, uint64_t len_bytes, uint32_t flags);

/* @granted: called later, if it waits for a lock; bdev_bytes_go_on() then */
enum bdev_bytes_next bdev_bytes_begin(struct bdev_channel *ch, struct bdev_req *req,
				      void (*granted)(struct bdev_range_lock *lock));
struct bdev_req *bdev_bytes_of_lock(struct bdev_range_lock *lock);

/* The step has ended with @req->status. */
enum bdev_bytes_next bdev_bytes_go_on(struct bdev_req *req);

/*
 * One that has waited for memory and does so no longer. NULL: none. Its status is 0: begin it again;
 * negative: it has ended.
 */
struct bdev_req *bdev_bytes_next_waiting(struct bdev_channel *ch);

#endif
