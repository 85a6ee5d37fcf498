/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A request on its way through the bdev. A read, and a write of a chunk or less, gets all of its
 * buffers before the first byte is put in them, or none (two connections that each held half of
 * what they need would wait for each other for ever), and counts them against its thread as the
 * pool rounds them.
 *
 * A long write takes buffers as its payload comes. It goes to the bdev in parts of a chunk, each a
 * request of its own here, and is answered when the last has ended, with the first error. So who
 * announces 32 MiB and stalls holds one chunk. Nor does it ever wait for memory with memory in
 * hand: a part that is full is the bdev's, which will give it back whatever others do, and a long
 * write of which no part is under way gets the next one whatever the thread holds. After an error
 * the rest of the payload is dropped, and the reply need not wait for it. Who hangs up amid a long
 * write has written what had come, as a disk may have that loses power.
 */

#include "drivers/nbd/connection.h"

#include <errno.h>

#include <ebb/assert.h>

struct nbd_req *nbd_req_get(struct nbd_conn *conn, const struct nbd_request *wire,
			    struct nbd_req *whole)
{
	unsigned *count = whole != NULL ? &conn->num_parts : &conn->num_reqs;
	struct ebb_list *node;
	struct nbd_req *req;

	if (*count == (whole != NULL ? NBD_PARTS_MAX : NBD_REQUESTS_MAX)) {
		return NULL;
	}
	(*count)++;
	node = ebb_list_pop_front(&conn->reqs_free);
	if (node != NULL) {
		req = ebb_list_entry(node, struct nbd_req, link);
	} else {
		/* Untouched ones cost no memory: a client of queue depth 1 uses one page of them. */
		ebb_assert(conn->reqs_touched < NBD_REQUESTS_MAX + NBD_PARTS_MAX);
		req = &conn->reqs[conn->reqs_touched++];
		ebb_list_init(&req->link);
		ebb_list_init(&req->wait.link);
		req->conn = conn;
	}
	req->whole = whole;
	req->parts = 0;
	req->error = 0;
	req->wire = *wire;
	req->sends_data = false;
	req->flush_next = false;
	req->held_bytes = 0;
	req->iovcnt = 0;
	return req;
}

static void req_free_buffers(struct nbd_req *req)
{
	struct nbd_conn *conn = req->conn;
	int i;

	if (req->iovcnt == 0) {
		return;
	}
	for (i = 0; i < req->iovcnt; i++) {
		ebb_mem_free(req->iov[i].iov_base, req->iov[i].iov_len);
	}
	conn->held_bytes -= req->held_bytes;
	conn->group->held_bytes -= req->held_bytes;
	req->held_bytes = 0;
	req->iovcnt = 0;
	conn->group->freed = true;
}

void nbd_req_put(struct nbd_req *req)
{
	req_free_buffers(req);
	if (req->whole != NULL) {
		req->conn->num_parts--;
	} else {
		req->conn->num_reqs--;
	}
	ebb_list_push_front(&req->conn->reqs_free, &req->link);
}

/* What the pool makes of @len_bytes. */
static uint32_t pool_size(uint32_t len_bytes)
{
	if (len_bytes <= EBB_MEM_ALLOC_MIN) {
		return EBB_MEM_ALLOC_MIN;
	}
	return 1u << (32 - __builtin_clz(len_bytes - 1));
}

int nbd_req_alloc(struct nbd_req *req)
{
	struct nbd_conn *conn = req->conn;
	uint32_t left = req->wire.len_bytes;
	uint32_t whole = left / NBD_CHUNK_SIZE * NBD_CHUNK_SIZE;
	uint32_t rest = left - whole;
	uint32_t held = whole + (rest > 0 ? pool_size(rest) : 0);

	/* Who waits goes on when what it holds has been answered, at the latest. */
	if (conn->held_bytes != 0 && conn->group->held_bytes + held > NBD_POLL_GROUP_BUFFERS_MAX &&
	    (req->whole == NULL || req->whole->parts > 1)) {
		return -EBUSY;
	}
	conn->held_bytes += held;
	conn->group->held_bytes += held;
	req->held_bytes = held;
	while (left > 0) {
		uint32_t len = left < NBD_CHUNK_SIZE ? left : NBD_CHUNK_SIZE;
		void *buf = ebb_mem_alloc(len);

		if (buf == NULL) {
			/* Not as one gives back what was used: nobody has more now than before. */
			while (req->iovcnt > 0) {
				req->iovcnt--;
				ebb_mem_free(req->iov[req->iovcnt].iov_base,
					     req->iov[req->iovcnt].iov_len);
			}
			conn->held_bytes -= held;
			conn->group->held_bytes -= held;
			req->held_bytes = 0;
			return -ENOMEM;
		}
		req->iov[req->iovcnt] = (struct iovec){.iov_base = buf, .iov_len = len};
		req->iovcnt++;
		left -= len;
	}
	return 0;
}

int nbd_req_iov(const struct nbd_req *req, size_t skip, struct iovec *iov, int max)
{
	int i, count = 0;

	for (i = (int)(skip / NBD_CHUNK_SIZE); i < req->iovcnt && count < max; i++) {
		size_t into = skip - (size_t)i * NBD_CHUNK_SIZE;

		iov[count].iov_base = (char *)req->iov[i].iov_base + into;
		iov[count].iov_len = req->iov[i].iov_len - into;
		skip += iov[count].iov_len;
		count++;
	}
	return count;
}

static void req_reply(struct nbd_req *req, uint32_t error)
{
	struct nbd_conn *conn = req->conn;

	req->sends_data = req->wire.type == NBD_CMD_READ && error == 0;
	if (!req->sends_data) {
		req_free_buffers(req);
	}
	nbd_reply_encode(&req->reply, req->wire.cookie, error);
	ebb_list_push_back(&conn->replies, &req->link);
	/* The last one in flight has nobody to wait for; the others share one system call. */
	if (conn->in_flight == 0) {
		nbd_conn_send(conn);
	} else {
		nbd_conn_send_soon(conn);
	}
}

/* A long write loses a part, or the hope for more payload. */
static void req_lose_part(struct nbd_req *whole)
{
	if (--whole->parts > 0) {
		return;
	}
	if (whole->conn->state == NBD_CONN_CLOSING) {
		nbd_req_put(whole);
	} else {
		req_reply(whole, whole->error);
	}
}

void nbd_req_end_payload(struct nbd_req *whole)
{
	req_lose_part(whole);
}

/* The bdev has done it, or refuses to. */
static void req_end(struct nbd_req *req, uint32_t error)
{
	struct nbd_req *whole = req->whole;

	if (whole != NULL) {
		if (whole->error == 0) {
			whole->error = error;
		}
		nbd_req_put(req);
		req_lose_part(whole);
	} else if (req->conn->state == NBD_CONN_CLOSING) {
		nbd_req_put(req);
	} else {
		req_reply(req, error);
	}
}

void nbd_req_refuse(struct nbd_req *req, uint32_t error)
{
	req_reply(req, error);
}

static int req_start(struct nbd_req *req);

/* The bdev is done with it. */
static void req_done(void *arg, int status)
{
	struct nbd_req *req = arg;
	struct nbd_conn *conn = req->conn;
	struct nbd_poll_group *group = conn->group;

	if (status == 0 && req->flush_next) {
		req->flush_next = false;
		req->wire.type = NBD_CMD_FLUSH;
		status = req_start(req);
		if (status == 0) {
			return;
		}
	}
	conn->in_flight--;
	req_end(req, nbd_error_from_status(status));
	nbd_conn_run(conn);
	nbd_poll_group_wake_waiters(group);
}

static int req_to_bdev(struct nbd_req *req)
{
	const struct nbd_request *wire = &req->wire;
	struct nbd_conn *conn = req->conn;
	unsigned shift = (unsigned)__builtin_ctz(conn->geometry.block_size);
	uint64_t offset = wire->offset_bytes >> shift;
	uint64_t count = wire->len_bytes >> shift;
	bool fua = (wire->flags & NBD_CMD_FLAG_FUA) != 0;

	switch (wire->type) {
	case NBD_CMD_READ:
		return ebb_bdev_readv(conn->desc, conn->channel, req->iov, req->iovcnt, offset,
				      count, req_done, req);
	case NBD_CMD_WRITE:
		return ebb_bdev_writev(conn->desc, conn->channel, req->iov, req->iovcnt, offset,
				       count, fua ? EBB_BDEV_FUA : 0, req_done, req);
	case NBD_CMD_FLUSH:
		return ebb_bdev_flush(conn->desc, conn->channel, req_done, req);
	case NBD_CMD_TRIM:
		req->flush_next = fua;
		return ebb_bdev_unmap(conn->desc, conn->channel, offset, count, req_done, req);
	case NBD_CMD_WRITE_ZEROES:
		return ebb_bdev_write_zeroes(conn->desc, conn->channel, offset, count,
					     fua ? EBB_BDEV_FUA : 0, req_done, req);
	default:
		return -EINVAL;
	}
}

static void req_retry(void *arg)
{
	struct nbd_req *req = arg;
	int rc;

	/* Whoever hung up meanwhile does not want it any more. */
	rc = req->conn->state == NBD_CONN_CLOSING ? -ESHUTDOWN : req_start(req);
	if (rc != 0) {
		req_done(req, rc);
	}
}

/* Return: 0: req_done() will come; < 0: it will not. */
static int req_start(struct nbd_req *req)
{
	int rc = req_to_bdev(req);

	if (rc == -ENOMEM) {
		req->wait.fn = req_retry;
		req->wait.arg = req;
		ebb_bdev_queue_io_wait(req->conn->channel, &req->wait);
		return 0;
	}
	return rc;
}

void nbd_req_submit(struct nbd_req *req)
{
	int rc;

	req->conn->in_flight++;
	if (req->whole != NULL) {
		req->whole->parts++;
	}
	rc = req_start(req);
	if (rc != 0) {
		req->conn->in_flight--;
		req_end(req, nbd_error_from_status(rc));
	}
}
