/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nbd/issue.h"

#include <errno.h>

#include "drivers/nbd/status.h"

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
		.extent = req->buffers.iov.iov_base,
	};
	return ebb_bdev_block_status(requests->desc, requests->channel, first, last - first + 1,
				     &req->extents, requests->done, req);
}

/* Return: as the bdev's calls. */
static int req_issue(struct nbd_req *req)
{
	struct nbd_requests *requests = req->requests;
	const struct nbd_request *wire = &req->wire;
	bool fua = (wire->flags & NBD_CMD_FLAG_FUA) != 0;

	switch (wire->type) {
	case NBD_CMD_READ:
		return ebb_bdev_readv_bytes(requests->desc, requests->channel, &req->buffers.iov, 1,
					    wire->offset_bytes, wire->len_bytes, requests->done,
					    req);
	case NBD_CMD_WRITE:
		return ebb_bdev_writev_bytes(requests->desc, requests->channel, &req->buffers.iov,
					     1, wire->offset_bytes, wire->len_bytes,
					     fua ? EBB_BDEV_FUA : 0, requests->done, req);
	case NBD_CMD_FLUSH:
		return ebb_bdev_flush(requests->desc, requests->channel, requests->done, req);
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

int nbd_req_issue(struct nbd_req *req)
{
	int rc = req_issue(req);

	if (ebb_unlikely(rc == -ENOMEM)) {
		req->wait.fn = req_retry;
		req->wait.arg = req;
		ebb_bdev_queue_io_wait(req->requests->channel, &req->wait);
		return 0;
	}
	return rc;
}

static void req_retry(void *arg)
{
	struct nbd_req *req = arg;
	int rc;

	/* Whoever hung up meanwhile does not want it any more. */
	rc = req->requests->unwanted ? -ESHUTDOWN : nbd_req_issue(req);
	if (rc != 0) {
		req->requests->done(req, rc);
	}
}
