/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a connection sends. One send is outstanding at most; replies that become ready meanwhile, or
 * in the same turn, go together in the next.
 */

#include "drivers/nbd/send.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

void nbd_tx_init(struct nbd_tx *tx, struct ebb_list *replies,
		 void (*complete)(struct exporter_op *op, int32_t res))
{
	tx->op.complete = complete;
	tx->replies = replies;
}

static int tx_gather_data(const struct nbd_req *req, size_t skip, struct iovec *iov)
{
	int count = exporter_buffers_iov(&req->buffers, skip, iov);

	/* Extents need not fill their one buffer. */
	if (ebb_unlikely(req->wire.type == NBD_CMD_BLOCK_STATUS) && count > 0) {
		iov->iov_len = req->reply.data_len - skip;
	}
	return count;
}

/* The batch: heads and data of the first replies, less what has been sent. */
static int tx_gather(struct nbd_tx *tx)
{
	const struct ebb_list *replies = tx->replies;
	size_t skip = tx->skip;
	struct ebb_list *node;
	int count = 0;

	ebb_list_for_each(node, replies) {
		struct nbd_req *req = ebb_list_entry(node, struct nbd_req, link);

		if (count == NBD_TX_IOV_MAX) {
			break;
		}
		if (skip < req->reply.head_len) {
			tx->iov[count].iov_base = (char *)&req->reply.head + skip;
			tx->iov[count].iov_len = req->reply.head_len - skip;
			count++;
			skip = 0;
		} else {
			skip -= req->reply.head_len;
		}
		if (req->reply.data_len > 0) {
			if (count == NBD_TX_IOV_MAX) {
				break;
			}
			count += tx_gather_data(req, skip, &tx->iov[count]);
		}
		skip = 0;
	}
	return count;
}

void nbd_tx_send(struct nbd_tx *tx, struct exporter_poll_group *group, int fd)
{
	bool replies = !ebb_list_empty(tx->replies);
	int count = 1;

	if ((!replies && tx->out.len == 0) || !exporter_poll_group_may_begin(group, &tx->op)) {
		return;
	}
	if (replies) {
		count = tx_gather(tx);
	} else {
		tx->iov[0].iov_base = tx->out.bytes + tx->out_sent;
		tx->iov[0].iov_len = tx->out.len - tx->out_sent;
	}
	exporter_op_send(&group->ops, &tx->op, fd, tx->iov, count);
}

static void tx_sent_out(struct nbd_tx *tx, size_t len)
{
	tx->out_sent += len;
	if (tx->out_sent == tx->out.len) {
		nbd_out_reset(&tx->out);
		tx->out_sent = 0;
	}
}

bool nbd_tx_sent(struct nbd_tx *tx, size_t len)
{
	struct ebb_list *replies = tx->replies;
	size_t sent = tx->skip + len;

	tx->moved = true;
	tx->sent_bytes += len;
	if (tx->out.len > 0) {
		tx_sent_out(tx, len);
		return tx->out.len > 0;
	}
	while (!ebb_list_empty(replies)) {
		struct nbd_req *req = ebb_list_first(replies, struct nbd_req, link);
		size_t size = nbd_reply_len(&req->reply);

		if (sent < size) {
			tx->skip = sent;
			return true;
		}
		sent -= size;
		ebb_list_remove(&req->link);
		nbd_req_put(req);
	}
	tx->skip = 0;
	return false;
}

/*
 * A send of ours ends only when much of the kernel's buffer is free again; the buffer itself tells
 * more.
 */
bool nbd_tx_progressed(struct nbd_tx *tx, int fd)
{
	bool moved = tx->moved;
	int unsent = 0;

	(void)ioctl(fd, SIOCOUTQ, &unsent);
	moved = moved || unsent < tx->unsent;
	tx->unsent = unsent;
	tx->moved = false;
	return moved;
}

uint64_t nbd_tx_taken(const struct nbd_tx *tx, int fd)
{
	int unsent = 0;

	(void)ioctl(fd, SIOCOUTQ, &unsent);
	return tx->sent_bytes - (uint64_t)unsent;
}

void nbd_tx_fini(struct nbd_tx *tx)
{
	nbd_out_reset(&tx->out);
}
