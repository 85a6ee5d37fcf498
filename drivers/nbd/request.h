/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NBD_REQUEST_H
#define DRIVERS_NBD_REQUEST_H

/* A client's requests on their way through the bdev. See the essay in request.c. */

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <ebb/bdev.h>
#include <ebb/list.h>

#include "core/exporter/buffers.h"
#include "drivers/nbd/protocol.h"
#include "drivers/nbd/reply.h"

#define NBD_REQUESTS_MAX 256u /* in flight on one connection */
#define NBD_PARTS_MAX    8u   /* and beside them, parts of its long requests */

static_assert(NBD_DF_MAX <= EXPORTER_POLL_GROUP_BUFFERS_MAX, "it has all of its buffers at once");
/* NOLINTNEXTLINE(misc-redundant-expression): two limits, each with a reason of its own */
static_assert(EXPORTER_BUFFERS_MAX == NBD_REQUEST_MAX, "there are buffers for any request");

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
	uint32_t error;       /* of a write: the first of its parts' */
	struct ebb_bdev_extents extents; /* of a block status, in its buffer */
	struct exporter_buffers buffers;
};

/* All requests of one connection. */
struct nbd_requests {
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
	struct ebb_list
		replies;    /* requests and parts that have theirs, in the order of their end */
	unsigned in_flight; /* requests that the bdev has, or will have when it can */
	bool stopping;      /* the export goes: refuse what is new */
	bool unwanted;      /* nobody is left to answer: what waits for the bdev is not begun */
};

/* @done: called with a request that the bdev is done with; it calls nbd_req_end(). */
void nbd_requests_init(struct nbd_requests *requests, ebb_bdev_io_cb done);

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

/**
 * nbd_req_begin() - begin what @wire asks
 * It is checked, gets its buffers and goes to the bdev; or has its reply at once.
 * @ret_req: a write, whose payload comes next; or a long request, whose parts are to be begun.
 *	NULL: neither, or the payload is to be dropped.
 * Return: 0; -EBUSY one of the connection's own requests ends first; -ENOMEM the pool is empty: then
 *	nothing has begun.
 */
int nbd_req_begin(struct nbd_requests *requests, const struct nbd_request *wire,
		  struct nbd_req **ret_req);

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

/**
 * nbd_req_begin_part() - the next part of a long request, of which there is some left to begin
 * @ret_part: a write's has its payload to come; it is submitted with that; a read's has been submitted
 * Return: as nbd_req_begin().
 */
int nbd_req_begin_part(struct nbd_req *whole, struct nbd_req **ret_part);

/* A write or part that has all of its payload goes to the bdev. */
void nbd_req_submit(struct nbd_req *req);

/* No part of it will be begun any more. Return: true: none was under way, and it has its reply. */
bool nbd_req_end_parts(struct nbd_req *whole);

/* The bdev is done with it. Return: true: there is a reply; false: a flush follows, or other parts. */
bool nbd_req_end(struct nbd_req *req, int status);

/* Gives it back, with its buffers. */
void nbd_req_put(struct nbd_req *req);

#endif
