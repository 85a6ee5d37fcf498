/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A request on its way through the bdev. One of a chunk or less has all of its buffers before the
 * first byte is put in them.
 *
 * A long write takes buffers as its payload comes. It goes to the bdev in parts of a chunk, each a
 * request of its own here, and is answered when the last has ended, with the first error. So who
 * announces 32 MiB and stalls uses one chunk. Nor does it ever wait for memory with memory in
 * hand: a part that is full is the bdev's, which will give it back whatever others do. After an
 * error the rest of the payload is dropped, and the reply need not wait for it. Who hangs up amid a
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
 * speaks. One part is at the bdev at a time, beside one that is being sent, if there is memory.
 *
 * What has been read and is not taken can be given back (nbd_requests_yield()), and read again.
 *
 * Nothing here knows of sockets: what can be answered stands on requests->replies.
 */

#include "drivers/nbd/request.h"

#include <errno.h>
#include <stdlib.h>

#include <ebb/assert.h>
#include <ebb/io_channel.h>

#include "core/exporter/poll_group.h"

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

void nbd_requests_close(struct nbd_requests *requests)
{
	struct ebb_list *node;

	ebb_list_splice_back(&requests->replies, &requests->held);
	ebb_list_splice_back(&requests->replies, &requests->redo);
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
	req->buffers.iov.iov_len = 0;
	return req;
}

/* It is a read whose reply is a simple one, in parts. */
static bool req_speaks(const struct nbd_req *whole)
{
	return whole->wire.type == NBD_CMD_READ && !whole->requests->structured;
}

/* Buffers for @len bytes go from one to another, which has none. */
static void buffers_move(struct exporter_buffers *to, struct exporter_buffers *from, uint32_t len)
{
	*to = *from;
	to->iov.iov_len = len;
	from->used_bytes = 0;
	from->iov.iov_len = 0;
}

/* A part's buffers are its whole's next part's, if that needs them. */
static void part_put_buffers(struct nbd_req *part)
{
	struct nbd_requests *requests = part->requests;
	struct nbd_req *whole = part->whole;

	if (!requests->unwanted && part->buffers.used_bytes == EXPORTER_CHUNK_SIZE &&
	    req_speaks(whole) && whole->begun_bytes < whole->wire.len_bytes &&
	    whole->buffers.used_bytes == 0) {
		buffers_move(&whole->buffers, &part->buffers, EXPORTER_CHUNK_SIZE);
	} else {
		exporter_buffers_free(&part->buffers, &requests->share);
	}
}

void nbd_req_put(struct nbd_req *req)
{
	if (ebb_unlikely(req->whole != NULL)) {
		part_put_buffers(req);
		req->requests->num_parts--;
	} else {
		exporter_buffers_free(&req->buffers, &req->requests->share);
		req->requests->num_reqs--;
	}
	ebb_list_push_front(&req->requests->free, &req->link);
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
static bool req_queue(struct nbd_req *req)
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

static bool req_answer(struct nbd_req *req, uint32_t error)
{
	struct nbd_requests *requests = req->requests;
	uint32_t data_len = 0;

	if (req->buffers.used_bytes > 0) {
		if (req->wire.type == NBD_CMD_READ && error == 0) {
			data_len = req->wire.len_bytes;
		} else {
			exporter_buffers_free(&req->buffers, &requests->share);
		}
	}
	if (requests->structured) {
		req_encode_structured(req, error, data_len);
	} else {
		nbd_reply_simple(&req->reply, req->wire.cookie, error, data_len);
	}
	return req_queue(req);
}

/* All of its reply has been queued with its parts: now the others' are. It goes when they have gone. */
static bool whole_end_speaking(struct nbd_req *whole)
{
	struct nbd_requests *requests = whole->requests;
	bool queued;

	exporter_buffers_free(&whole->buffers, &requests->share);
	whole->reply.head_len = 0;
	whole->reply.data_len = 0;
	queued = req_queue(whole);
	requests->speaking = NULL;
	ebb_list_splice_back(&requests->replies, &requests->held);
	return queued;
}

bool nbd_req_end_parts(struct nbd_req *whole)
{
	whole->parts--;
	if (whole->parts > 0) {
		return false;
	}
	return whole == whole->requests->speaking ? whole_end_speaking(whole)
						  : req_answer(whole, whole->error);
}

static void req_retry(void *arg);

/* Return: 0: requests->done will come; < 0: it will not. */
static int req_issue(struct nbd_req *req)
{
	struct nbd_requests *requests = req->requests;
	const struct nbd_request *wire = &req->wire;
	uint64_t offset = wire->offset_bytes >> requests->block_shift;
	uint64_t count = wire->len_bytes >> requests->block_shift;
	bool fua = (wire->flags & NBD_CMD_FLAG_FUA) != 0;
	int rc = -EINVAL;

	switch (wire->type) {
	case NBD_CMD_READ:
		rc = ebb_bdev_readv(requests->desc, requests->channel, &req->buffers.iov, 1, offset,
				    count, requests->done, req);
		break;
	case NBD_CMD_WRITE:
		rc = ebb_bdev_writev(requests->desc, requests->channel, &req->buffers.iov, 1,
				     offset, count, fua ? EBB_BDEV_FUA : 0, requests->done, req);
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
					   fua ? EBB_BDEV_FUA : 0, requests->done, req);
		break;
	default:
		break;
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

/* Replies that its client does not take use all that it may: the write goes on with the reserve. */
static int req_begin_reserve(struct nbd_req *req, struct nbd_req **ret_req)
{
	int rc = 0;

	if (req->wire.len_bytes > EXPORTER_RESERVE) {
		req->parts = 1;
	} else {
		rc = exporter_buffers_alloc_reserve(&req->buffers, &req->requests->share,
						    req->wire.len_bytes);
	}
	if (rc != 0) {
		nbd_req_put(req);
	} else {
		*ret_req = req;
	}
	return rc;
}

static bool requests_may_use_reserve(const struct nbd_requests *requests, int rc)
{
	return rc == -EBUSY && !ebb_list_empty(&requests->replies);
}

int nbd_req_begin(struct nbd_requests *requests, const struct nbd_request *wire,
		  struct nbd_req **ret_req)
{
	bool write = wire->type == NBD_CMD_WRITE;
	struct nbd_req *req = req_get(requests, wire, NULL);
	uint32_t error;
	int rc;

	if (req == NULL) {
		return -EBUSY;
	}
	error = requests->stopping ? NBD_ESHUTDOWN
				   : nbd_validate_request(&requests->geometry, wire);
	if (error != 0) {
		(void)req_answer(req, error);
		*ret_req = NULL;
		return 0;
	}
	if (write || wire->type == NBD_CMD_READ) {
		if (ebb_unlikely(wire->len_bytes > EXPORTER_CHUNK_SIZE)) {
			req->parts = 1;
			*ret_req = req;
			return 0;
		}
		rc = exporter_buffers_alloc(&req->buffers, &requests->share, wire->len_bytes);
		if (ebb_unlikely(rc != 0)) {
			if (write && requests_may_use_reserve(requests, rc)) {
				return req_begin_reserve(req, ret_req);
			}
			nbd_req_put(req);
			return rc;
		}
	}
	*ret_req = write ? req : NULL;
	if (!write) {
		nbd_req_submit(req);
	}
	return 0;
}

static int part_alloc_write(struct nbd_req *part)
{
	struct nbd_requests *requests = part->requests;
	int rc = exporter_buffers_alloc(&part->buffers, &requests->share, part->wire.len_bytes);

	if (requests_may_use_reserve(requests, rc)) {
		if (part->wire.len_bytes > EXPORTER_RESERVE) {
			part->wire.len_bytes = EXPORTER_RESERVE;
		}
		rc = exporter_buffers_alloc_reserve(&part->buffers, &requests->share,
						    part->wire.len_bytes);
	}
	return rc;
}

/* Of a simple reply. All but the first can wait for the buffers of the part before. */
static int part_alloc_speaking(struct nbd_req *part)
{
	struct exporter_share *share = &part->requests->share;
	struct nbd_req *whole = part->whole;
	uint32_t len = part->wire.len_bytes;

	if (whole->parts > 1) {
		return -EBUSY;
	}
	if (whole->begun_bytes == 0) {
		/* Rounded up, as the others' it may become. */
		int rc = exporter_buffers_alloc(&part->buffers, share, EXPORTER_CHUNK_SIZE);

		part->buffers.iov.iov_len = len;
		return rc;
	}
	if (whole->buffers.used_bytes > 0) {
		buffers_move(&part->buffers, &whole->buffers, len);
		return 0;
	}
	/* The last one would be in the way of nbd_requests_yield(). */
	if (whole->begun_bytes + len == whole->wire.len_bytes) {
		return -EBUSY;
	}
	return exporter_buffers_try(&part->buffers, share, len) == 0 ? 0 : -EBUSY;
}

static int part_alloc(struct nbd_req *part)
{
	if (nbd_req_is_write(part)) {
		return part_alloc_write(part);
	}
	if (req_speaks(part->whole)) {
		return part_alloc_speaking(part);
	}
	return exporter_buffers_alloc(&part->buffers, &part->requests->share, part->wire.len_bytes);
}

int nbd_req_begin_part(struct nbd_req *whole, struct nbd_req **ret_part)
{
	struct nbd_requests *requests = whole->requests;
	uint32_t left = whole->wire.len_bytes - whole->begun_bytes;
	struct nbd_request wire = whole->wire;
	struct nbd_req *part;
	int rc;

	wire.offset_bytes += whole->begun_bytes;
	wire.len_bytes = left < EXPORTER_CHUNK_SIZE ? left : EXPORTER_CHUNK_SIZE;
	part = req_get(requests, &wire, whole);
	if (part == NULL) {
		return -EBUSY;
	}
	rc = part_alloc(part);
	if (rc != 0) {
		nbd_req_put(part);
		return rc;
	}
	whole->parts++;
	whole->begun_bytes += part->wire.len_bytes;
	*ret_part = part;
	if (!nbd_req_is_write(whole)) {
		nbd_req_submit(part);
	}
	return 0;
}

/* The first part of a simple reply decides what that is; the others have but data. */
static bool part_speak(struct nbd_req *part, uint32_t error)
{
	struct nbd_requests *requests = part->requests;
	struct nbd_req *whole = part->whole;

	if (error != 0) {
		requests->broken = requests->speaking == whole;
		whole->error = error;
		nbd_req_put(part);
		return false;
	}
	nbd_reply_simple(&part->reply, part->wire.cookie, 0, part->wire.len_bytes);
	if (requests->speaking == whole) {
		part->reply.head_len = 0;
	}
	requests->speaking = whole;
	return req_queue(part);
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
	} else if (req_speaks(whole)) {
		answers = part_speak(part, error);
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

/* It gives its buffers back, and is to be read again. Return: false: it cannot. */
static bool req_yield(struct nbd_req *req)
{
	struct nbd_requests *requests = req->requests;
	struct nbd_req *whole = req->whole;

	if (whole != NULL && req_speaks(whole)) {
		/* The last that has been begun, and none follows it yet: it is begun again. */
		if (whole->parts != 1 || whole->begun_bytes == whole->wire.len_bytes) {
			return false;
		}
		whole->begun_bytes -= req->wire.len_bytes;
		ebb_list_remove(&req->link);
		exporter_buffers_yield(&req->buffers, &requests->share);
		nbd_req_put(req);
		if (whole->begun_bytes == 0) {
			/* Nothing of its reply has been sent. */
			requests->speaking = NULL;
			ebb_list_splice_back(&requests->replies, &requests->held);
		}
		return true;
	}
	if (whole != NULL) {
		/* The end of its reply stands behind this one, if it is there. */
		if (whole->parts == 0) {
			ebb_list_remove(&whole->link);
		}
		whole->parts++;
	}
	ebb_list_remove(&req->link);
	exporter_buffers_yield(&req->buffers, &requests->share);
	ebb_list_push_front(&requests->redo, &req->link);
	return true;
}

static void yield_from(struct nbd_requests *requests, struct ebb_list *list,
		       const struct ebb_list *keep)
{
	struct ebb_list *node = list->prev, *previous;

	for (; node != list && requests->share.used_bytes > EXPORTER_FLOOR; node = previous) {
		struct nbd_req *req = ebb_list_entry(node, struct nbd_req, link);

		previous = node->prev;
		if (node != keep && req->reply.data_len > 0) {
			(void)req_yield(req);
		}
	}
}

void nbd_requests_yield(struct nbd_requests *requests, bool partly_sent)
{
	yield_from(requests, &requests->held, NULL);
	yield_from(requests, &requests->replies, partly_sent ? requests->replies.next : NULL);
}

int nbd_requests_redo(struct nbd_requests *requests)
{
	while (!ebb_list_empty(&requests->redo)) {
		struct nbd_req *req = ebb_list_first(&requests->redo, struct nbd_req, link);
		int rc = exporter_buffers_alloc(&req->buffers, &requests->share,
						req->wire.len_bytes);

		if (rc != 0) {
			return rc;
		}
		ebb_list_remove(&req->link);
		nbd_req_submit(req);
	}
	return 0;
}
