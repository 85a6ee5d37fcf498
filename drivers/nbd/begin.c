/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nbd/begin.h"

#include <errno.h>

#include "drivers/nbd/issue.h"
#include "drivers/nbd/part.h"
#include "drivers/nbd/status.h"

void nbd_req_submit(struct nbd_req *req)
{
	int rc;

	req->requests->in_flight++;
	rc = nbd_req_issue(req);
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

static int req_alloc(struct nbd_req *req)
{
	struct nbd_requests *requests = req->requests;
	uint32_t size = req_buffer_size(&req->wire);
	int rc;

	if (size == 0) {
		return 0;
	}
	if (ebb_unlikely(size > EXPORTER_CHUNK_SIZE)) {
		req->parts = 1;
		return 0;
	}
	rc = exporter_buffers_alloc(&req->buffers, &requests->share, size);
	if (ebb_likely(rc == 0) || !nbd_req_is_write(req) ||
	    !nbd_requests_may_use_reserve(requests, rc)) {
		return rc;
	}
	if (size > EXPORTER_RESERVE) {
		req->parts = 1;
		return 0;
	}
	return exporter_buffers_alloc_reserve(&req->buffers, &requests->share, size);
}

int nbd_req_begin(struct nbd_requests *requests, const struct nbd_request *wire,
		  struct nbd_req **ret_req)
{
	struct nbd_req *req = nbd_req_get(requests, wire, NULL);
	uint32_t error;
	int rc;

	if (req == NULL) {
		return -EBUSY;
	}
	*ret_req = NULL;
	if (ebb_unlikely(requests->stopping)) {
		nbd_req_put(req);
		return 0;
	}
	error = nbd_validate_request(&requests->geometry, wire);
	/* No bdev has a cache that it could be told to fill, other than by reading. */
	if (ebb_unlikely(error != 0 || wire->type == NBD_CMD_CACHE)) {
		if (nbd_req_is_write(req)) {
			/* As a long one of which a part has failed: what comes of it is dropped. */
			req->error = error;
			req->parts = 1;
			*ret_req = req;
		} else {
			(void)nbd_req_answer(req, error);
		}
		return 0;
	}
	rc = req_alloc(req);
	if (ebb_unlikely(rc != 0)) {
		nbd_req_put(req);
		return rc;
	}
	if (nbd_req_is_write(req) || ebb_unlikely(nbd_req_is_long(req))) {
		*ret_req = req;
	} else {
		nbd_req_submit(req);
	}
	return 0;
}

int nbd_req_begin_part(struct nbd_req *whole, struct nbd_req **ret_part)
{
	int rc;
	struct nbd_req *part = nbd_part_get(whole, &rc);

	if (part == NULL) {
		return rc;
	}
	*ret_part = part;
	if (!nbd_req_is_write(whole)) {
		nbd_req_submit(part);
	}
	return 0;
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
		status = nbd_req_issue(req);
		if (status == 0) {
			return false;
		}
	}
	req->requests->in_flight--;
	error = nbd_error_from_status(status);
	return req->whole != NULL ? nbd_part_end(req, error) : nbd_req_answer(req, error);
}

bool nbd_req_end(struct nbd_req *req, int status)
{
	if (ebb_unlikely(req->flush_next || req->whole != NULL)) {
		return req_end_special(req, status);
	}
	req->requests->in_flight--;
	return nbd_req_answer(req, status == 0 ? 0 : nbd_error_from_status(status));
}
