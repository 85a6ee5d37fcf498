/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A request on its way through the bdev. One of a chunk or less has all of its buffers before the
 * first byte is put in them.
 *
 * A long write takes buffers as its payload comes. It goes to the bdev in parts of a chunk, each a
 * request of its own here, and is answered when the last has ended, with the first error. So who
 * announces 32 MiB and stalls uses one chunk. Nor does it ever wait for memory with memory in
 * hand: a part that is full is the bdev's, which will give it back whatever others do. After an
 * error the rest of the payload is dropped, and then it is answered. Who hangs up amid a
 * long write has written what had come, as a disk may have that loses power. Where replies that the
 * client does not take use all that it may, a write goes on in smaller parts, with its reserve.
 *
 * A long read goes in such parts too. Answered with a structured reply, each is a chunk of that,
 * data or an error at its offset, sent when it has ended and in the order of that; a last chunk ends
 * the reply. The parts are begun as buffers are sent and given back.
 *
 * A simple reply tells of success before its data, and nothing may come between. So the first part
 * of a long read decides; an error of a later one can only be told by hanging up. From the first
 * part on all other replies are held until the last has been queued. They may have all of the
 * memory that the client has, and get rid of it only after this reply: so a long read keeps the
 * buffers of the part that has been sent for the next one, and never waits for memory once it
 * speaks. One part is at the bdev at a time, beside one that is being sent, if there is memory; the
 * next long read begins when this one's last part has been read, as that could end before it.
 *
 * What has been read and is not taken can be given back (nbd_requests_yield()), and read again. Other
 * reads begin after that; what the client sends, and a simple reply that has begun, go on meanwhile.
 *
 * What comes when the export is about to go has no answer: an error would be the last word on it,
 * while a client that reconnects asks again after the hang-up, and sees a pause.
 *
 * Nothing here knows of sockets: what can be answered stands on requests->replies.
 */

#include "drivers/nbd/request.h"

#include <stdlib.h>

#include <ebb/assert.h>
#include <ebb/io_channel.h>

#include "core/exporter/poll_group.h"
#include "drivers/nbd/status.h"

void nbd_requests_init(struct nbd_requests *requests, ebb_bdev_io_cb done,
		       const struct exporter_share_ops *share_ops)
{
	requests->done = done;
	requests->share_ops = share_ops;
	ebb_list_init(&requests->free);
	ebb_list_init(&requests->replies);
	ebb_list_init(&requests->held);
	ebb_list_init(&requests->redo);
}

const char *nbd_requests_open(struct nbd_requests *requests, struct exporter_poll_group *group,
			      struct ebb_bdev_desc *desc, const struct nbd_geometry *geometry,
			      bool structured)
{
	requests->group = group;
	exporter_share_open(&requests->share, &group->pot, requests->share_ops);
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

/* What is not read again. Of a long request that may be the last, and that is in no list then. */
static void requests_close_redo(struct nbd_requests *requests)
{
	struct ebb_list *node;

	while ((node = ebb_list_pop_front(&requests->redo)) != NULL) {
		struct nbd_req *req = ebb_list_entry(node, struct nbd_req, link);
		struct nbd_req *whole = req->whole;

		nbd_req_put(req);
		if (whole != NULL && --whole->parts == 0) {
			nbd_req_put(whole);
		}
	}
}

void nbd_requests_close(struct nbd_requests *requests)
{
	struct ebb_list *node;

	requests_close_redo(requests);
	ebb_list_splice_back(&requests->replies, &requests->held);
	while ((node = ebb_list_pop_front(&requests->replies)) != NULL) {
		nbd_req_put(ebb_list_entry(node, struct nbd_req, link));
	}
	ebb_assert(requests->num_reqs == 0 && requests->num_parts == 0);
	exporter_share_close(&requests->share);
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

struct nbd_req *nbd_req_get(struct nbd_requests *requests, const struct nbd_request *wire,
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
	req->buffers.iov.iov_len = 0;
	return req;
}

void nbd_buffers_move(struct exporter_buffers *to, struct exporter_buffers *from, uint32_t len)
{
	*to = *from;
	to->iov.iov_len = len;
	from->used_bytes = 0;
	from->iov.iov_len = 0;
}

/* A part's buffers are its whole's next part's, if that needs them. */
static void put_part(struct nbd_req *part)
{
	struct nbd_requests *requests = part->requests;
	struct nbd_req *whole = part->whole;

	if (!requests->unwanted && part->buffers.used_bytes == EXPORTER_CHUNK_SIZE &&
	    nbd_req_speaks(whole) && whole->begun_bytes < whole->wire.len_bytes &&
	    whole->buffers.used_bytes == 0) {
		nbd_buffers_move(&whole->buffers, &part->buffers, EXPORTER_CHUNK_SIZE);
	} else {
		exporter_buffers_free(&part->buffers, &requests->share);
	}
	requests->num_parts--;
}

void nbd_req_put(struct nbd_req *req)
{
	if (ebb_unlikely(req->whole != NULL)) {
		put_part(req);
	} else {
		exporter_buffers_free(&req->buffers, &req->requests->share);
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

bool nbd_req_queue(struct nbd_req *req)
{
	struct nbd_requests *requests = req->requests;

	if (ebb_unlikely(requests->unwanted)) {
		nbd_req_put(req);
		return false;
	}
	if (ebb_unlikely(requests->speaking != NULL) && req != requests->speaking &&
	    req->whole != requests->speaking) {
		ebb_list_push_back(&requests->held, &req->link);
		return false;
	}
	ebb_list_push_back(&requests->replies, &req->link);
	return true;
}

bool nbd_req_answer(struct nbd_req *req, uint32_t error)
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
	return nbd_req_queue(req);
}
