/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nbd/transmit.h"

#include <errno.h>

/* What can be answered at once. */
static void transmit_reply(struct nbd_transmission *t, struct nbd_req *req)
{
	ebb_list_push_back(&t->tx.replies, &req->link);
}

static void transmit_submit(struct nbd_transmission *t, struct nbd_req *req)
{
	req = nbd_req_submit(req);
	if (ebb_unlikely(req != NULL)) {
		transmit_reply(t, req);
	}
}

static void transmit_end_payload(struct nbd_transmission *t)
{
	struct nbd_req *whole = nbd_req_end_payload(t->rx.long_write);

	t->rx.long_write = NULL;
	if (whole != NULL) {
		transmit_reply(t, whole);
	}
}

/* The write or part that has all of its payload goes on its way. */
static void transmit_written(struct nbd_transmission *t)
{
	struct nbd_req *req = t->rx.req;

	t->rx.req = NULL;
	transmit_submit(t, req);
	if (t->rx.long_write != NULL && nbd_parser_payload_left(&t->rx.parser) == 0) {
		transmit_end_payload(t);
	}
}

/* A request that gets no buffers is given back, to begin again. */
static enum nbd_transmit_result transmit_wait(struct nbd_req *req, int rc)
{
	nbd_req_put(req);
	return rc == -ENOMEM ? NBD_TRANSMIT_WAIT_MEM : NBD_TRANSMIT_WAIT;
}

/* Begins the request that has come. */
static enum nbd_transmit_result transmit_request(struct nbd_transmission *t)
{
	const struct nbd_request *wire = &t->rx.parsed.request;
	struct nbd_req *req;
	uint32_t error;
	int rc;

	if (wire->type == NBD_CMD_DISC) {
		return NBD_TRANSMIT_DISCONNECT;
	}
	req = nbd_req_get(&t->requests, wire, NULL);
	if (req == NULL) {
		return NBD_TRANSMIT_WAIT;
	}
	error = t->stopping ? NBD_ESHUTDOWN : nbd_validate_request(&t->requests.geometry, wire);
	if (error != 0) {
		t->rx.header_only = false;
		transmit_reply(t, nbd_req_answer(req, error));
		return NBD_TRANSMIT_GO_ON;
	}
	if (wire->type == NBD_CMD_WRITE && wire->len_bytes > NBD_CHUNK_SIZE) {
		t->rx.header_only = true;
		t->rx.long_write = req;
		req->parts = 1;
		return NBD_TRANSMIT_GO_ON;
	}
	if (wire->type == NBD_CMD_READ || wire->type == NBD_CMD_WRITE) {
		rc = nbd_buffers_alloc(&req->buffers, &t->requests.share, wire->len_bytes, false);
		if (ebb_unlikely(rc != 0)) {
			return transmit_wait(req, rc);
		}
	}
	if (wire->type == NBD_CMD_WRITE) {
		nbd_rx_begin_payload(&t->rx, req);
		t->rx.header_only = wire->len_bytes > NBD_RX_SIZE;
	} else {
		t->rx.header_only = false;
		transmit_submit(t, req);
	}
	return NBD_TRANSMIT_GO_ON;
}

/* Begins the next part of the long write whose payload comes, unless that is dropped. */
static enum nbd_transmit_result transmit_part(struct nbd_transmission *t)
{
	struct nbd_req *whole = t->rx.long_write;
	struct nbd_request wire = whole->wire;
	uint32_t left = nbd_parser_payload_left(&t->rx.parser);
	struct nbd_req *part;
	int rc;

	if (whole->error != 0) {
		t->rx.header_only = false;
		transmit_end_payload(t);
		return NBD_TRANSMIT_GO_ON;
	}
	wire.offset_bytes += wire.len_bytes - left;
	wire.len_bytes = left < NBD_CHUNK_SIZE ? left : NBD_CHUNK_SIZE;
	part = nbd_req_get(&t->requests, &wire, whole);
	if (part == NULL) {
		return NBD_TRANSMIT_WAIT;
	}
	/* It is entitled to one part, whatever the others use. */
	rc = nbd_buffers_alloc(&part->buffers, &t->requests.share, wire.len_bytes,
			       whole->parts == 1);
	if (rc != 0) {
		return transmit_wait(part, rc);
	}
	nbd_rx_begin_payload(&t->rx, part);
	return NBD_TRANSMIT_GO_ON;
}

enum nbd_transmit_result nbd_transmit(struct nbd_transmission *t)
{
	enum nbd_transmit_result result = NBD_TRANSMIT_GO_ON;
	struct nbd_rx *rx = &t->rx;
	uint64_t begun = 0;

	while (result == NBD_TRANSMIT_GO_ON) {
		if (rx->req != NULL && nbd_rx_missing(rx) == 0) {
			transmit_written(t);
			continue;
		}
		if (rx->long_write != NULL && rx->req == NULL) {
			result = transmit_part(t);
			continue;
		}
		/* A request that could not begin is the one to go on with. */
		if (rx->parsed.type != NBD_PARSED_REQUEST) {
			nbd_rx_parse(rx);
		}
		switch (rx->parsed.type) {
		case NBD_PARSED_NONE:
			result = NBD_TRANSMIT_RECEIVE;
			break;
		case NBD_PARSED_PAYLOAD:
			break;
		case NBD_PARSED_REQUEST:
			/* Fresh memory costs a page fault for each 4 KiB: so much of it at most. */
			if (begun >= NBD_TRANSMIT_MAX) {
				return NBD_TRANSMIT_LATER;
			}
			result = transmit_request(t);
			if (result == NBD_TRANSMIT_GO_ON) {
				begun += rx->parsed.request.len_bytes;
				rx->parsed.type = NBD_PARSED_NONE;
			}
			break;
		default:
			result = NBD_TRANSMIT_BAD;
			break;
		}
	}
	return result;
}
