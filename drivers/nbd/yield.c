/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nbd/yield.h"

#include "drivers/nbd/begin.h"

/*
 * May that part of a simple reply be begun again? It is the last that has been begun, and none follows
 * it yet. A reply of which something has been sent keeps what it goes on with: it does not wait.
 */
static bool part_may_yield(const struct nbd_req *part)
{
	const struct nbd_requests *requests = part->requests;
	const struct nbd_req *whole = part->whole;

	if (whole->parts != 1 || whole->begun_bytes == whole->wire.len_bytes) {
		return false;
	}
	return whole->begun_bytes == part->wire.len_bytes || whole->buffers.used_bytes > 0 ||
	       requests->replies.next != &part->link;
}

/* It gives its buffers back, and is to be read again. Return: false: it cannot. */
static bool req_yield(struct nbd_req *req)
{
	struct nbd_requests *requests = req->requests;
	struct nbd_req *whole = req->whole;

	if (whole != NULL && nbd_req_speaks(whole)) {
		if (!part_may_yield(req)) {
			return false;
		}
		whole->begun_bytes -= req->wire.len_bytes;
		ebb_list_remove(&req->link);
		exporter_buffers_yield(&req->buffers, &requests->share);
		nbd_req_put(req);
		if (whole->begun_bytes == 0) {
			/* Nothing of its reply has been sent. */
			requests->speaking = NULL;
			requests->speaker = NULL;
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

/* @keep: one that is left as it is; @list: there is none. */
static void yield_from(struct nbd_requests *requests, struct ebb_list *list,
		       const struct ebb_list *keep)
{
	struct ebb_list *node = list->prev, *previous;

	for (; node != list && requests->share.used_bytes > EXPORTER_FLOOR; node = previous) {
		struct nbd_req *req = ebb_list_entry(node, struct nbd_req, link);

		previous = node->prev;
		if (node != keep && req->wire.type == NBD_CMD_READ && req->reply.data_len > 0) {
			(void)req_yield(req);
		}
	}
}

void nbd_requests_yield(struct nbd_requests *requests, bool partly_sent)
{
	struct ebb_list *replies = &requests->replies;

	yield_from(requests, &requests->held, &requests->held);
	yield_from(requests, replies, partly_sent ? replies->next : replies);
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
