/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NBD_SEND_H
#define DRIVERS_NBD_SEND_H

/* What a connection sends. See the essay in send.c. Thread: the connection's, for all. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <ebb/list.h>

#include "drivers/nbd/out.h"
#include "core/exporter/poll_group.h"
#include "drivers/nbd/request.h"

#define NBD_TX_IOV_MAX 256u

struct nbd_tx {
	struct exporter_op op; /* its complete() is the connection's */
	struct nbd_out out;    /* during the handshake; replies from then on; never both */
	size_t out_sent;
	struct ebb_list *replies; /* requests; each is given back when its reply has been sent */
	size_t skip;              /* bytes of the first reply that have been sent */
	uint64_t sent_bytes;      /* all that the kernel has taken */
	bool moved;               /* a send has ended since nbd_tx_progressed() */
	int unsent;               /* bytes that the kernel had to send then */
	struct iovec iov[NBD_TX_IOV_MAX];
};

void nbd_tx_init(struct nbd_tx *tx, struct ebb_list *replies,
		 void (*complete)(struct exporter_op *op, int32_t res));

/* Sends what is ready if nothing is being sent, and if operations may begin. */
void nbd_tx_send(struct nbd_tx *tx, struct exporter_poll_group *group, int fd);

/* @len bytes have been sent. Return: true: there are more. */
bool nbd_tx_sent(struct nbd_tx *tx, size_t len);

/* Has the client taken anything since the last call? */
bool nbd_tx_progressed(struct nbd_tx *tx, int fd);

/* True if the first reply has been sent in part. */
static inline bool nbd_tx_is_amid(const struct nbd_tx *tx)
{
	return tx->skip > 0;
}

/* A number that changes when the client takes something. */
uint64_t nbd_tx_taken(const struct nbd_tx *tx, int fd);

/* Frees what is not sent of the handshake. */
void nbd_tx_fini(struct nbd_tx *tx);

#endif
