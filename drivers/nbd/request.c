/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A request on its way through the bdev. One of a chunk or less has all of its buffers before the
 * first byte is put in them.
 *
 * A long write takes buffers as its payload comes. It goes to the bdev in parts of a chunk, each a
 * request of its own here, and is answered when the last has ended, with the first error. So who
 * announces 32 MiB and stalls uses one chunk. Nor does it ever wait for memory with memory in
 * hand: a part that is full is the bdev's, which will give it back whatever others do, and a long
 * write of which no part is under way gets the next one whatever the thread's clients use. After an
 * error the rest of the payload is dropped, and the reply need not wait for it. Who hangs up amid a
 * long write has written what had come, as a disk may have that loses power.
 *
 * A long read that is answered with a structured reply goes in such parts too. Each is a chunk of
 * the reply, data or an error at its offset, sent when it has ended and in the order of that; a last
 * chunk ends the reply. The parts are begun as buffers are sent and given back. One answered with a
 * simple reply, or in one chunk (NBD_CMD_FLAG_DF), has all of its buffers first: nothing is known
 * of its success before all of it has been read.
 *
 * Nothing here knows of sockets: what can be answered stands on requests->replies.
 */

#include "drivers/nbd/request.h"

#include <errno.h>
#include <stdlib.h>

#include <ebb/assert.h>
#include <ebb/io_channel.h>

#include "drivers/nbd/status.h"

void nbd_requests_init(struct nbd_requests *requests, ebb_bdev_io_cb done)
{
	requests->done = done;
	ebb_list_init(&requests->free);
	ebb_list_init(&requests->replies);
}

const char *nbd_requests_open(struct nbd_requests *requests, struct exporter_poll_group *group,
			      struct ebb_bdev_desc *desc, const struct nbd_geometry *geometry,
			      bool structured)
{
	requests->share.group = group;
	requests->structured = structured;
	requests->desc = desc;
	requests->geometry = *geometry;
	requests->block_shift = (unsigned)__builtin_ctz(geometry->block_size);
	requests->channel = ebb_bdev_channel_get(desc);
	if (requests->channel == NULL) {
		return "its thread gets no channel to the bdev (see above)";
	}
	/* Not zeroed: a request is touched when it is used first. */
	requests->reqs = malloc((NBD_REQUESTS_MAX + NBD_PARTS_MAX) * sizeof(*requests->reqs));
	return requests->reqs == NULL ? "there is no memory to serve it" : NULL;
}

void nbd_requests_close(struct nbd_requests *requests)
{
	struct ebb_list *node;

	while ((node = ebb_list_pop_front(&requests->replies)) != NULL) {
		nbd_req_put(ebb_list_entry(node, struct nbd_req, link));
	}
	ebb_assert(requests->share.used_bytes == 0 && requests->num_reqs == 0 &&
		   requests->num_parts == 0);
	if (requests->channel != NULL) {
		ebb_io_channel_put(requests->channel);
	}
	free(requests->reqs);
}

/* Untouched ones cost no memory: a client of queue depth 1 uses one page of them. */
static struct nbd_req *requests_touch(struct nbd_requests *requests)
{
	struct nbd_req *req;

	ebb_assert(requests->num_touched < NBD_REQUESTS_MAX + NBD_PARTS_MAX);
	req = &requests->reqs[requests->num_touched++];
	ebb_list_init(&req->link);
	ebb_list_init(&req->wait.link);
	req->requests = requests;
	return req;
}

/* Without buffers. Return: NULL: as many as may be are in flight. */
static struct nbd_req *req_get(struct nbd_requests *requests, const struct nbd_request *wire,
			       struct nbd_req *whole)
{
	unsigned *count = whole != NULL ? &requests->num_parts : &requests->num_reqs;
	struct ebb_list *node;
	struct nbd_req *req;

	if (*count == (whole != NULL ? NBD_PARTS_MAX : NBD_REQUESTS_MAX)) {
		return NULL;
	}
	(*count)++;
	node = ebb_list_pop_front(&requests->free);
	req = node != NULL ? ebb_list_entry(node, struct nbd_req, link) : requests_touch(requests);
	req->whole = whole;
	req->parts = 0;
	req->error = 0;
	req->wire = *wire;
	req->begun_bytes = 0;
	req->flush_next = false;
	req->buffers.used_bytes = 0;
	req->buffers.iovcnt = 0;
	return req;
}

void nbd_req_put(struct nbd_req *req)
{
	if (req->buffers.used_bytes > 0) {
		exporter_buffers_free(&req->buffers, &req->requests->share);
	}
	if (req->whole != NULL) {
		req->requests->num_parts--;
	} else {
		req->requests->num_reqs--;
	}
	ebb_list_push_front(&req->requests->free, &req->link);
}

/* Return: bytes of extents, in its buffer. */
static uint32_t req_encode_status(struct nbd_req *req)
{
	const struct nbd_request *wire = &req->wire;
	uint32_t block_size = req->requests->geometry.block_size;

	return nbd_status_encode(&req->extents, (uint32_t)(wire->offset_bytes & (block_size - 1u)),
				 wire->len_bytes, block_size,
				 (wire->flags & NBD_CMD_FLAG_REQ_ONE) != 0);
}

/* A chunk for a part, and for a request what ends its reply. @data_len: it has read that much. */
static void req_encode_structured(struct nbd_req *req, uint32_t error, uint32_t data_len)
{
	struct nbd_reply *reply = &req->reply;
	const struct nbd_request *wire = &req->wire;

	if (error != 0 && req->whole != NULL) {
		nbd_reply_error_at(reply, wire->cookie, error, wire->offset_bytes);
	} else if (error != 0) {
		nbd_reply_error(reply, wire->cookie, error);
	} else if (wire->type == NBD_CMD_BLOCK_STATUS) {
		nbd_reply_status(reply, wire->cookie, data_len);
	} else if (data_len > 0) {
		nbd_reply_data(reply, wire->cookie, wire->offset_bytes, data_len,
			       req->whole == NULL);
	} else if (wire->type == NBD_CMD_READ) {
		nbd_reply_none(reply, wire->cookie);
	} else {
		nbd_reply_simple(reply, wire->cookie, 0, 0);
	}
}

/* It has its reply, and waits for the send, unless nobody is left to answer. Return: true: it does. */
static bool req_answer(struct nbd_req *req, uint32_t error)
{
	struct nbd_requests *requests = req->requests;
	uint32_t data_len = 0;

	if (req->buffers.used_bytes > 0) {
		if (req->wire.type == NBD_CMD_READ && error == 0) {
			data_len = req->wire.len_bytes;
		} else if (req->wire.type == NBD_CMD_BLOCK_STATUS && error == 0) {
			data_len = req_encode_status(req);
		} else {
			exporter_buffers_free(&req->buffers, &requests->share);
		}
	}
	if (requests->structured) {
		req_encode_structured(req, error, data_len);
	} else {
		nbd_reply_simple(&req->reply, req->wire.cookie, error, data_len);
	}
	if (ebb_unlikely(requests->unwanted)) {
		nbd_req_put(req);
		return false;
	}
	ebb_list_push_back(&requests->replies, &req->link);
	return true;
}

bool nbd_req_end_parts(struct nbd_req *whole)
{
	whole->parts--;
	return whole->parts == 0 && req_answer(whole, whole->error);
}

static void req_retry(void *arg);

static uint32_t req_zero_flags(const struct nbd_request *wire)
{
	return ((wire->flags & NBD_CMD_FLAG_FUA) != 0 ? EBB_BDEV_FUA : 0) |
	       ((wire->flags & NBD_CMD_FLAG_NO_HOLE) != 0 ? EBB_BDEV_NO_HOLE : 0) |
	       ((wire->flags & NBD_CMD_FLAG_FAST_ZERO) != 0 ? EBB_BDEV_FAST_ZERO : 0);
}

/* The blocks that the client's bytes are in are asked about. */
static int req_issue_status(struct nbd_req *req)
{
	struct nbd_requests *requests = req->requests;
	const struct nbd_request *wire = &req->wire;
	uint64_t first = wire->offset_bytes >> requests->block_shift;
	uint64_t last = (wire->offset_bytes + wire->len_bytes - 1) >> requests->block_shift;
	bool one = (wire->flags & NBD_CMD_FLAG_REQ_ONE) != 0;

	req->extents = (struct ebb_bdev_extents){
		.max = one ? 1 : NBD_EXTENTS_MAX,
		.extent = req->buffers.iov[0].iov_base,
	};
	return ebb_bdev_block_status(requests->desc, requests->channel, first, last - first + 1,
				     &req->extents, requests->done, req);
}

/* They are no whole blocks of the bdev. */
static int __attribute__((noinline)) req_issue_bytes(struct nbd_req *req)
{
	struct nbd_requests *requests = req->requests;
	const struct nbd_request *wire = &req->wire;
	bool fua = (wire->flags & NBD_CMD_FLAG_FUA) != 0;

	switch (wire->type) {
	case NBD_CMD_READ:
		return ebb_bdev_readv_bytes(requests->desc, requests->channel, req->buffers.iov,
					    req->buffers.iovcnt, wire->offset_bytes,
					    wire->len_bytes, requests->done, req);
	case NBD_CMD_WRITE:
		return ebb_bdev_writev_bytes(requests->desc, requests->channel, req->buffers.iov,
					     req->buffers.iovcnt, wire->offset_bytes,
					     wire->len_bytes, fua ? EBB_BDEV_FUA : 0,
					     requests->done, req);
	case NBD_CMD_TRIM:
		req->flush_next = fua;
		return ebb_bdev_unmap_bytes(requests->desc, requests->channel, wire->offset_bytes,
					    wire->len_bytes, requests->done, req);
	case NBD_CMD_WRITE_ZEROES:
		return ebb_bdev_write_zeroes_bytes(requests->desc, requests->channel,
						   wire->offset_bytes, wire->len_bytes,
						   req_zero_flags(wire), requests->done, req);
	case NBD_CMD_BLOCK_STATUS:
		return req_issue_status(req);
	default:
		return -EINVAL;
	}
}

/* Return: as the bdev's calls. */
static int req_issue_blocks(struct nbd_req *req)
{
	struct nbd_requests *requests = req->requests;
	const struct nbd_request *wire = &req->wire;
	uint64_t offset = wire->offset_bytes >> requests->block_shift;
	uint64_t count = wire->len_bytes >> requests->block_shift;
	bool fua = (wire->flags & NBD_CMD_FLAG_FUA) != 0;
	int rc = -EINVAL;

	switch (wire->type) {
	case NBD_CMD_READ:
		rc = ebb_bdev_readv(requests->desc, requests->channel, req->buffers.iov,
				    req->buffers.iovcnt, offset, count, requests->done, req);
		break;
	case NBD_CMD_WRITE:
		rc = ebb_bdev_writev(requests->desc, requests->channel, req->buffers.iov,
				     req->buffers.iovcnt, offset, count, fua ? EBB_BDEV_FUA : 0,
				     requests->done, req);
		break;
	case NBD_CMD_FLUSH:
		rc = ebb_bdev_flush(requests->desc, requests->channel, requests->done, req);
		break;
	case NBD_CMD_TRIM:
		req->flush_next = fua;
		rc = ebb_bdev_unmap(requests->desc, requests->channel, offset, count,
				    requests->done, req);
		break;
	case NBD_CMD_WRITE_ZEROES:
		rc = ebb_bdev_write_zeroes(requests->desc, requests->channel, offset, count,
					   req_zero_flags(wire), requests->done, req);
		break;
	case NBD_CMD_BLOCK_STATUS:
		rc = req_issue_status(req);
		break;
	default:
		break;
	}
	return rc;
}

/* Return: 0: requests->done will come; < 0: it will not. */
static int req_issue(struct nbd_req *req)
{
	struct nbd_requests *requests = req->requests;
	uint64_t bytes = req->wire.offset_bytes | req->wire.len_bytes;
	int rc;

	if (ebb_unlikely((bytes & (requests->geometry.block_size - 1u)) != 0)) {
		rc = req_issue_bytes(req);
	} else {
		rc = req_issue_blocks(req);
	}
	if (ebb_unlikely(rc == -ENOMEM)) {
		req->wait.fn = req_retry;
		req->wait.arg = req;
		ebb_bdev_queue_io_wait(requests->channel, &req->wait);
		return 0;
	}
	return rc;
}

static void req_retry(void *arg)
{
	struct nbd_req *req = arg;
	int rc;

	/* Whoever hung up meanwhile does not want it any more. */
	rc = req->requests->unwanted ? -ESHUTDOWN : req_issue(req);
	if (rc != 0) {
		req->requests->done(req, rc);
	}
}

void nbd_req_submit(struct nbd_req *req)
{
	int rc;

	req->requests->in_flight++;
	rc = req_issue(req);
	if (ebb_unlikely(rc != 0)) {
		(void)nbd_req_end(req, rc);
	}
}

/* Bytes that its data takes. */
static uint32_t req_buffer_size(const struct nbd_request *wire)
{
	switch (wire->type) {
	case NBD_CMD_READ:
	case NBD_CMD_WRITE:
		return wire->len_bytes;
	case NBD_CMD_BLOCK_STATUS:
		return NBD_EXTENTS_MAX * (uint32_t)sizeof(struct ebb_bdev_extent);
	default:
		return 0;
	}
}

/* Too long to have all of its buffers at once, and it need not. */
static bool req_goes_in_parts(const struct nbd_requests *requests, const struct nbd_request *wire)
{
	if (wire->type == NBD_CMD_READ) {
		return requests->structured && (wire->flags & NBD_CMD_FLAG_DF) == 0;
	}
	return wire->type == NBD_CMD_WRITE;
}

int nbd_req_begin(struct nbd_requests *requests, const struct nbd_request *wire,
		  struct nbd_req **ret_req)
{
	struct nbd_req *req = req_get(requests, wire, NULL);
	uint32_t error, size;
	int rc;

	if (req == NULL) {
		return -EBUSY;
	}
	error = requests->stopping ? NBD_ESHUTDOWN
				   : nbd_validate_request(&requests->geometry, wire);
	/* No bdev has a cache that it could be told to fill, other than by reading. */
	if (ebb_unlikely(error != 0 || wire->type == NBD_CMD_CACHE)) {
		(void)req_answer(req, error);
		*ret_req = NULL;
		return 0;
	}
	if (ebb_unlikely(wire->len_bytes > EXPORTER_CHUNK_SIZE) &&
	    req_goes_in_parts(requests, wire)) {
		req->parts = 1;
		*ret_req = req;
		return 0;
	}
	size = req_buffer_size(wire);
	if (size > 0) {
		rc = exporter_buffers_alloc(&req->buffers, &requests->share, size, false);
		if (ebb_unlikely(rc != 0)) {
			nbd_req_put(req);
			return rc;
		}
	}
	if (nbd_req_is_write(req)) {
		*ret_req = req;
	} else {
		*ret_req = NULL;
		nbd_req_submit(req);
	}
	return 0;
}

int nbd_req_begin_part(struct nbd_req *whole, struct nbd_req **ret_part)
{
	struct nbd_requests *requests = whole->requests;
	uint32_t left = whole->wire.len_bytes - whole->begun_bytes, max;
	struct nbd_request wire = whole->wire;
	struct nbd_req *part;
	int rc;

	wire.offset_bytes += whole->begun_bytes;
	/* The next one begins with a whole block: none is read and written back for both. */
	max = EXPORTER_CHUNK_SIZE -
	      (uint32_t)(wire.offset_bytes & (requests->geometry.block_size - 1u));
	wire.len_bytes = left < max ? left : max;
	part = req_get(requests, &wire, whole);
	if (part == NULL) {
		return -EBUSY;
	}
	/*
	 * A write is entitled to one part, whatever the others use. A read's buffers are given back
	 * when its client takes them: it is entitled to one while nothing else is its client's.
	 */
	rc = exporter_buffers_alloc(&part->buffers, &requests->share, wire.len_bytes,
				    nbd_req_is_write(whole) && whole->parts == 1);
	if (rc != 0) {
		nbd_req_put(part);
		return rc;
	}
	whole->parts++;
	whole->begun_bytes += wire.len_bytes;
	*ret_part = part;
	if (!nbd_req_is_write(whole)) {
		nbd_req_submit(part);
	}
	return 0;
}

/* Its read is a chunk of the whole's reply, its write a share in the whole's success. */
static bool req_end_part(struct nbd_req *part, uint32_t error)
{
	struct nbd_req *whole = part->whole;
	bool answers = false;

	if (nbd_req_is_write(part)) {
		if (whole->error == 0) {
			whole->error = error;
		}
		nbd_req_put(part);
	} else {
		answers = req_answer(part, error);
	}
	return nbd_req_end_parts(whole) || answers;
}

/* A flush follows, or it is a part. */
static bool __attribute__((noinline)) req_end_special(struct nbd_req *req, int status)
{
	uint32_t error;

	if (req->flush_next && status == 0) {
		req->flush_next = false;
		req->wire.type = NBD_CMD_FLUSH;
		req->wire.offset_bytes = 0;
		req->wire.len_bytes = 0;
		status = req_issue(req);
		if (status == 0) {
			return false;
		}
	}
	req->requests->in_flight--;
	error = nbd_error_from_status(status);
	return req->whole != NULL ? req_end_part(req, error) : req_answer(req, error);
}

bool nbd_req_end(struct nbd_req *req, int status)
{
	if (ebb_unlikely(req->flush_next || req->whole != NULL)) {
		return req_end_special(req, status);
	}
	req->requests->in_flight--;
	return req_answer(req, status == 0 ? 0 : nbd_error_from_status(status));
}
