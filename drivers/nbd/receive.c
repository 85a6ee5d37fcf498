/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a connection receives. Headers come into a small buffer, several at a time; the payload of a
 * write comes into the request's own buffers, but for its beginning that came with the header; that
 * of a long write into one part of it after the other, each by a receive of its own. One
 * receive is outstanding whenever there is room for what it may bring, and none otherwise: then the
 * client is held up by its socket, and costs nothing. An idle connection is that one receive.
 *
 * What comes after the handshake is requests, which are begun as they come, as far as there is
 * room: what happens when there is none is returned, and the connection does it.
 */

#include "drivers/nbd/receive.h"

#include <string.h>

#include <ebb/assert.h>

#include "drivers/nbd/begin.h"
#include "drivers/nbd/part.h"
#include "drivers/nbd/yield.h"

#define HEADER_ONLY_SIZE 512u /* of a receive that shall bring a header and little payload */

void nbd_rx_init(struct nbd_rx *rx, void (*complete)(struct exporter_op *op, int32_t res))
{
	nbd_parser_init(&rx->parser);
	rx->op.complete = complete;
}

void nbd_rx_received(struct nbd_rx *rx, size_t len)
{
	size_t direct = len < rx->direct_len ? len : rx->direct_len;

	rx->come_bytes += len;
	rx->len += len - direct;
	if (direct > 0) {
		nbd_parser_take_payload(&rx->parser, direct);
		rx->filled += direct;
	}
}

bool nbd_rx_is_partial(const struct nbd_rx *rx)
{
	return rx->len > 0 || nbd_parser_payload_left(&rx->parser) > 0;
}

/* Bytes that rx->req, which is not NULL, has not got yet. */
static size_t rx_missing(const struct nbd_rx *rx)
{
	return rx->req->wire.len_bytes - rx->filled;
}

/* Payload that came into buf: to its place, or nowhere if the request was refused. */
static void rx_place(struct nbd_rx *rx, const uint8_t *data, size_t len)
{
	struct iovec iov;

	if (rx->req != NULL && exporter_buffers_iov(&rx->req->buffers, rx->filled, &iov) > 0) {
		ebb_assert(len <= iov.iov_len);
		memcpy(iov.iov_base, data, len);
		rx->filled += len;
	}
}

/* Something has come. */
static void rx_parse(struct nbd_rx *rx)
{
	size_t len = rx->len - rx->pos;

	/* One write or part takes no more than its own. */
	if (rx->req != NULL && len > rx_missing(rx)) {
		len = rx_missing(rx);
	}
	rx->pos += nbd_parse(&rx->parser, rx->buf + rx->pos, len, &rx->parsed);
	if (rx->parsed.type == NBD_PARSED_PAYLOAD) {
		rx_place(rx, rx->parsed.data, rx->parsed.len_bytes);
	}
}

void nbd_rx_parse(struct nbd_rx *rx)
{
	if (rx->pos < rx->len) {
		rx_parse(rx);
	} else {
		rx->parsed.type = NBD_PARSED_NONE;
	}
}

/* The payload goes to @req from here on: what has come of it is parsed next. */
static void rx_begin_payload(struct nbd_rx *rx, struct nbd_req *req)
{
	rx->req = req;
	rx->filled = 0;
}

void nbd_rx_receive(struct nbd_rx *rx, struct exporter_poll_group *group, int fd)
{
	int count = 0;

	if (!exporter_poll_group_may_begin(group, &rx->op)) {
		return;
	}
	if (rx->pos > 0) {
		rx->len -= rx->pos;
		if (rx->len > 0) {
			memmove(rx->buf, rx->buf + rx->pos, rx->len);
		}
		rx->pos = 0;
	}
	rx->direct_len = 0;
	if (rx->req != NULL) {
		rx->direct_len = rx_missing(rx);
		count = exporter_buffers_iov(&rx->req->buffers, rx->filled, rx->iov);
	}
	/* Behind a part that is not the last comes payload, which has a place of its own. */
	if (rx->direct_len == 0 || rx->direct_len == nbd_parser_payload_left(&rx->parser)) {
		rx->iov[count].iov_base = rx->buf + rx->len;
		rx->iov[count].iov_len =
			rx->header_only ? HEADER_ONLY_SIZE : sizeof(rx->buf) - rx->len;
		count++;
	}
	exporter_op_recv(&group->ops, &rx->op, fd, rx->iov, count);
}

/*
 * Reads that are to be read again come before what has not begun. What the client sends goes on, for
 * it may take nothing before that has; and a reply that has begun, for others are held until its end.
 */
static bool rx_is_behind(const struct nbd_requests *requests, uint16_t type)
{
	return ebb_unlikely(!ebb_list_empty(&requests->redo)) && type == NBD_CMD_READ;
}

/* Begins the request that has come. It stays in @rx if it cannot begin yet. */
static enum nbd_rx_result rx_begin(struct nbd_rx *rx, struct nbd_requests *requests)
{
	const struct nbd_request *wire = &rx->parsed.request;
	struct nbd_req *req;
	int rc;

	if (wire->type == NBD_CMD_DISC) {
		return NBD_RX_DISCONNECT;
	}
	if (rx_is_behind(requests, wire->type)) {
		return NBD_RX_WAIT;
	}
	rc = nbd_req_begin(requests, wire, &req);
	if (ebb_unlikely(rc != 0)) {
		return NBD_RX_WAIT;
	}
	rx->parsed.type = NBD_PARSED_NONE;
	rx->header_only = false;
	if (req != NULL) {
		rx->header_only = nbd_req_is_write(req) && wire->len_bytes > NBD_RX_SIZE;
		if (nbd_req_is_long(req)) {
			rx->whole = req;
		} else {
			rx_begin_payload(rx, req);
		}
	}
	return NBD_RX_GO_ON;
}

static void rx_end_parts(struct nbd_rx *rx)
{
	struct nbd_req *whole = rx->whole;

	rx->whole = NULL;
	(void)nbd_req_end_parts(whole);
}

/*
 * What comes of a write that has failed has no place. Its reply waits for that: a client need not
 * look for one before it has sent all, and libnbd does not.
 */
static bool rx_drops(const struct nbd_rx *rx)
{
	return rx->whole->error != 0 && nbd_req_is_write(rx->whole) &&
	       nbd_parser_payload_left(&rx->parser) > 0;
}

/* Begins the next part of the long request, unless the rest is given up. */
static enum nbd_rx_result rx_begin_part(struct nbd_rx *rx, struct nbd_requests *requests)
{
	struct nbd_req *whole = rx->whole;
	struct nbd_req *part;
	int rc;

	if (requests->stopping && !nbd_req_is_write(whole) && whole->begun_bytes == 0) {
		rx->header_only = false;
		rx->whole = NULL;
		nbd_req_put(whole);
		return NBD_RX_GO_ON;
	}
	if (whole->error != 0) {
		rx->header_only = false;
		rx_end_parts(rx);
		return NBD_RX_GO_ON;
	}
	if (whole != requests->speaking && rx_is_behind(requests, whole->wire.type)) {
		return NBD_RX_WAIT;
	}
	rc = nbd_req_begin_part(whole, &part);
	if (rc != 0) {
		return NBD_RX_WAIT;
	}
	if (nbd_req_is_write(whole)) {
		rx_begin_payload(rx, part);
	} else if (whole->begun_bytes == whole->wire.len_bytes) {
		rx_end_parts(rx);
	}
	return NBD_RX_GO_ON;
}

/* The write or part that has all of its payload goes on its way. */
static void rx_submit(struct nbd_rx *rx)
{
	struct nbd_req *req = rx->req;

	rx->req = NULL;
	nbd_req_submit(req);
	if (rx->whole != NULL && nbd_parser_payload_left(&rx->parser) == 0) {
		rx_end_parts(rx);
	}
}

enum nbd_rx_result nbd_rx_transmit(struct nbd_rx *rx, struct nbd_requests *requests, int fd,
				   size_t len)
{
	enum nbd_rx_result result = NBD_RX_GO_ON;
	uint64_t begun = 0;

	if (len > 0) {
		nbd_rx_received(rx, len);
	}
	if (ebb_unlikely(!ebb_list_empty(&requests->redo))) {
		(void)nbd_requests_redo(requests);
	}
	while (result == NBD_RX_GO_ON) {
		if (rx->req != NULL && rx_missing(rx) == 0) {
			rx_submit(rx);
			continue;
		}
		if (rx->whole != NULL && rx->req == NULL && !rx_drops(rx)) {
			result = rx_begin_part(rx, requests);
			continue;
		}
		/* A request that could not begin is the one to go on with. */
		if (rx->parsed.type != NBD_PARSED_REQUEST) {
			if (rx->pos == rx->len) {
				result = NBD_RX_RECEIVE;
				break;
			}
			rx_parse(rx);
		}
		switch (rx->parsed.type) {
		case NBD_PARSED_NONE:
			result = NBD_RX_RECEIVE;
			break;
		case NBD_PARSED_PAYLOAD:
			break;
		case NBD_PARSED_REQUEST:
			/* Fresh memory costs a page fault for each 4 KiB: so much of it at most. */
			if (begun >= NBD_RX_BEGIN_MAX) {
				return NBD_RX_LATER;
			}
			begun += rx->parsed.request.len_bytes;
			result = rx_begin(rx, requests);
			break;
		default:
			result = NBD_RX_BAD;
			break;
		}
	}
	if (result == NBD_RX_RECEIVE) {
		nbd_rx_receive(rx, requests->group, fd);
	}
	return result;
}

bool nbd_rx_finish(struct nbd_rx *rx, struct nbd_requests *requests)
{
	(void)nbd_requests_redo(requests);
	while (rx->whole != NULL && !nbd_req_is_write(rx->whole) &&
	       rx_begin_part(rx, requests) == NBD_RX_GO_ON) {
	}
	return rx->whole != NULL && !nbd_req_is_write(rx->whole);
}

void nbd_rx_fini(struct nbd_rx *rx)
{
	if (rx->req != NULL) {
		nbd_req_put(rx->req);
		rx->req = NULL;
	}
	if (rx->whole != NULL) {
		nbd_req_put(rx->whole);
		rx->whole = NULL;
	}
}
