/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NBD_REQUEST_H
#define DRIVERS_NBD_REQUEST_H

/* A client's requests on their way through the bdev. See the essay in request.c. */

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include <ebb/bdev.h>
#include <ebb/list.h>

#include "core/exporter/buffers.h"
#include "drivers/nbd/protocol.h"
#include "drivers/nbd/reply.h"

#define NBD_REQUESTS_MAX 256u /* in flight on one connection */
#define NBD_PARTS_MAX    8u   /* and beside them, parts of its long requests */

/* NOLINTNEXTLINE(misc-redundant-expression): two limits, each with a reason of its own */
static_assert(NBD_DF_MAX <= EXPORTER_CHUNK_SIZE, "it has all of its buffers at once");

struct nbd_requests;

/*
 * A request from its header's coming to its reply's going. It owns its buffers all that time. A
 * long request has no buffers, but parts that have.
 */
struct nbd_req {
	struct ebb_list link; /* in the connection's replies, or its free requests */
	struct nbd_requests *requests;
	struct nbd_request wire;
	struct nbd_reply reply; /* or the chunk of it that this part is */
	struct ebb_bdev_io_wait wait;
	bool flush_next;       /* FUA, where the bdev's call has no such flag */
	struct nbd_req *whole; /* the long request that this is a part of; NULL: none */
	/* Of a long request: */
	unsigned parts;       /* at the bdev, and one more while there are parts to begin */
	uint32_t begun_bytes; /* by its parts */
	uint32_t error;       /* of a write: the first of its parts'; of a read: why it has none */
	struct ebb_bdev_extents extents; /* of a block status, in its buffer */
	struct exporter_buffers buffers; /* of a long read: kept for its next part */
};

/* All requests of one connection. */
struct nbd_requests {
	struct exporter_poll_group *group;
	const struct exporter_share_ops *share_ops;
	struct exporter_share share;
	struct ebb_bdev_desc *desc;
	struct ebb_io_channel *channel; /* NULL: not open */
	struct nbd_geometry geometry;
	unsigned block_shift;
	bool structured;     /* replies */
	ebb_bdev_io_cb done; /* the bdev is done with a request, which is its argument */
	struct nbd_req *reqs;
	unsigned num_touched;
	unsigned num_reqs;  /* in use, of NBD_REQUESTS_MAX */
	unsigned num_parts; /* in use, of NBD_PARTS_MAX */
	struct ebb_list free;
	struct ebb_list replies;  /* requests and parts that have theirs, in order of their end */
	struct nbd_req *speaking; /* a long read amid its simple reply; NULL: none */
	struct nbd_req *speaker;  /* the one that is, or will be: others wait for its end */
	struct ebb_list held;     /* as replies, while that is sent */
	struct ebb_list redo;     /* reads that have given their buffers back, to be read again */
	unsigned in_flight;       /* requests that the bdev has, or will have when it can */
	bool stopping;            /* the export goes: what is new has no answer */
	bool broken;              /* a simple reply cannot be ended: hang up */
	bool unwanted; /* nobody is left to answer: what waits for the bdev is not begun */
};

/* @done: called with a request that the bdev is done with; it calls nbd_req_end(). */
void nbd_requests_init(struct nbd_requests *requests, ebb_bdev_io_cb done,
		       const struct exporter_share_ops *share_ops);

/**
 * nbd_requests_open() - begin to use a bdev
 * @structured: the client takes structured replies
 * Thread: the connection's, like all that follows.
 * Return: NULL; or what was wrong, for people. nbd_requests_close() in any case.
 */
const char *nbd_requests_open(struct nbd_requests *requests, struct exporter_poll_group *group,
			      struct ebb_bdev_desc *desc, const struct nbd_geometry *geometry,
			      bool structured);

/* Gives back the requests that have a reply. No other may be in use. */
void nbd_requests_close(struct nbd_requests *requests);

/* Nothing that has begun waits for anything. */
static inline bool nbd_requests_are_done(const struct nbd_requests *requests)
{
	return requests->in_flight == 0 && ebb_list_empty(&requests->replies) &&
	       ebb_list_empty(&requests->held) && ebb_list_empty(&requests->redo);
}

/* True if it has parts. */
static inline bool nbd_req_is_long(const struct nbd_req *req)
{
	return req->parts > 0;
}

/* A write, or part of one. */
static inline bool nbd_req_is_write(const struct nbd_req *req)
{
	return req->wire.type == NBD_CMD_WRITE;
}

/* It is a read that is answered by a simple reply, part by part. */
static inline bool nbd_req_speaks(const struct nbd_req *whole)
{
	return whole->wire.type == NBD_CMD_READ && !whole->requests->structured;
}

/* After @rc: replies that the client does not take may hold all its memory; what it sends goes on. */
static inline bool nbd_requests_may_use_reserve(const struct nbd_requests *requests, int rc)
{
	return rc == -EBUSY && !ebb_list_empty(&requests->replies);
}

/**
 * nbd_req_get() - a request without buffers
 * @whole: that it is to be a part of; NULL: none
 * Return: NULL: as many as may be are in flight.
 */
struct nbd_req *nbd_req_get(struct nbd_requests *requests, const struct nbd_request *wire,
			    struct nbd_req *whole);

/* Buffers for @len bytes go from one to another, which has none. */
void nbd_buffers_move(struct exporter_buffers *to, struct exporter_buffers *from, uint32_t len);

/* It has its reply, and waits for the send, unless nobody is left to answer. Return: true: it does. */
bool nbd_req_queue(struct nbd_req *req);

/* The same, with the reply that @error makes. */
bool nbd_req_answer(struct nbd_req *req, uint32_t error);

/* Gives it back, with its buffers. */
void nbd_req_put(struct nbd_req *req);

#endif
