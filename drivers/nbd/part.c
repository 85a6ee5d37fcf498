/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nbd/part.h"

#include <errno.h>

#include <ebb/assert.h>

/* Bytes of its first block that are before it. */
static uint32_t part_skips(const struct nbd_req *part)
{
	return (uint32_t)(part->wire.offset_bytes & (part->requests->geometry.block_size - 1u));
}

static int part_alloc_write(struct nbd_req *part)
{
	struct nbd_requests *requests = part->requests;
	int rc = exporter_buffers_alloc(&part->buffers, &requests->share, part->wire.len_bytes);

	if (nbd_requests_may_use_reserve(requests, rc)) {
		uint32_t max = EXPORTER_RESERVE - part_skips(part);

		part->wire.len_bytes = part->wire.len_bytes < max ? part->wire.len_bytes : max;
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
	int rc;

	if (whole->parts > 1) {
		return -EBUSY;
	}
	if (whole->begun_bytes == 0) {
		struct nbd_requests *requests = part->requests;

		if (requests->speaker != NULL) {
			return -EBUSY;
		}
		/* A whole chunk, as it becomes the others'. */
		rc = exporter_buffers_alloc(&part->buffers, share, EXPORTER_CHUNK_SIZE);
		part->buffers.iov.iov_len = len;
		if (rc == 0) {
			requests->speaker = whole;
		}
		return rc;
	}
	if (whole->buffers.used_bytes > 0) {
		nbd_buffers_move(&part->buffers, &whole->buffers, len);
		return 0;
	}
	/* The last one would be in the way of nbd_requests_yield(). */
	if (whole->begun_bytes + len == whole->wire.len_bytes) {
		return -EBUSY;
	}
	rc = exporter_buffers_try(&part->buffers, share, EXPORTER_CHUNK_SIZE);
	part->buffers.iov.iov_len = len;
	return rc == 0 ? 0 : -EBUSY;
}

static int part_alloc(struct nbd_req *part)
{
	if (nbd_req_is_write(part)) {
		return part_alloc_write(part);
	}
	if (nbd_req_speaks(part->whole)) {
		return part_alloc_speaking(part);
	}
	return exporter_buffers_alloc(&part->buffers, &part->requests->share, part->wire.len_bytes);
}

struct nbd_req *nbd_part_get(struct nbd_req *whole, int *ret_rc)
{
	uint32_t left = whole->wire.len_bytes - whole->begun_bytes, max;
	struct nbd_request wire = whole->wire;
	struct nbd_req *part;

	wire.offset_bytes += whole->begun_bytes;
	wire.len_bytes = left;
	part = nbd_req_get(whole->requests, &wire, whole);
	if (part == NULL) {
		*ret_rc = -EBUSY;
		return NULL;
	}
	/* The next one begins with a whole block: none is read and written back for both. */
	max = EXPORTER_CHUNK_SIZE - part_skips(part);
	part->wire.len_bytes = left < max ? left : max;
	*ret_rc = part_alloc(part);
	if (*ret_rc != 0) {
		nbd_req_put(part);
		return NULL;
	}
	whole->parts++;
	whole->begun_bytes += part->wire.len_bytes;
	return part;
}

/* All of its reply has been queued with its parts: now the others' are. It goes when they have gone. */
static bool whole_end_speaking(struct nbd_req *whole)
{
	struct nbd_requests *requests = whole->requests;
	bool queued;

	exporter_buffers_free(&whole->buffers, &requests->share);
	whole->reply.head_len = 0;
	whole->reply.data_len = 0;
	queued = nbd_req_queue(whole);
	requests->speaking = NULL;
	/* The client would take them for the data that it lacks. */
	if (!requests->broken) {
		ebb_list_splice_back(&requests->replies, &requests->held);
	}
	return queued;
}

bool nbd_req_end_parts(struct nbd_req *whole)
{
	whole->parts--;
	if (whole->parts > 0) {
		return false;
	}
	if (whole == whole->requests->speaker) {
		whole->requests->speaker = NULL;
	}
	return whole == whole->requests->speaking ? whole_end_speaking(whole)
						  : nbd_req_answer(whole, whole->error);
}

/* The first part of a simple reply decides what that is; the others have but data. */
static bool part_speak(struct nbd_req *part, uint32_t error)
{
	struct nbd_requests *requests = part->requests;
	struct nbd_req *whole = part->whole;

	if (error != 0) {
		if (requests->speaking == whole) {
			requests->broken = true;
			requests->unwanted = true;
		}
		whole->error = error;
		nbd_req_put(part);
		return false;
	}
	ebb_assert(requests->speaker == whole);
	nbd_reply_simple(&part->reply, part->wire.cookie, 0, part->wire.len_bytes);
	if (requests->speaking == whole) {
		part->reply.head_len = 0;
	}
	requests->speaking = whole;
	return nbd_req_queue(part);
}

bool nbd_part_end(struct nbd_req *part, uint32_t error)
{
	struct nbd_req *whole = part->whole;
	bool answers = false;

	if (nbd_req_is_write(part)) {
		if (whole->error == 0) {
			whole->error = error;
		}
		nbd_req_put(part);
	} else if (nbd_req_speaks(whole)) {
		answers = part_speak(part, error);
	} else {
		answers = nbd_req_answer(part, error);
	}
	return nbd_req_end_parts(whole) || answers;
}
