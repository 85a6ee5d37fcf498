/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NBD_RECEIVE_H
#define DRIVERS_NBD_RECEIVE_H

/* What a connection receives. See the essay in receive.c. Thread: the connection's, for all. */

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "core/exporter/poll_group.h"
#include "drivers/nbd/protocol.h"
#include "drivers/nbd/request.h"

#define NBD_RX_SIZE      (16u << 10)
#define NBD_RX_BEGIN_MAX (4u << 20) /* bytes begun in one go, for others live here too */

static_assert(NBD_RX_SIZE >= 16u + NBD_OPTION_MAX, "an option fits in the buffer");

struct nbd_rx {
	struct exporter_op op; /* its complete() is the connection's */
	struct nbd_parser parser;
	struct nbd_parsed parsed; /* a request is taken out when it has begun */
	size_t pos;               /* [pos, len) of buf has come and is not parsed */
	size_t len;
	size_t direct_len;     /* bytes of the receive under way that go to @req */
	struct nbd_req *req;   /* whose payload comes; NULL: none, or it is dropped */
	struct nbd_req *whole; /* a long request, whose parts are being begun; a write's is @req */
	size_t filled;         /* bytes of @req that have come */
	bool header_only;      /* after a long write: do not take much of the next one's payload */
	uint64_t come_bytes;   /* all that has been received */
	struct iovec iov[2];
	uint8_t buf[NBD_RX_SIZE];
};

enum nbd_rx_result {
	NBD_RX_GO_ON,      /* only inside */
	NBD_RX_RECEIVE,    /* more bytes have been asked for */
	NBD_RX_WAIT,       /* for memory, or for one of the connection's own requests to end */
	NBD_RX_LATER,      /* enough for once */
	NBD_RX_DISCONNECT, /* the client has said that it will say no more */
	NBD_RX_BAD,        /* not NBD: rx->parsed.error says why */
};

void nbd_rx_init(struct nbd_rx *rx, void (*complete)(struct exporter_op *op, int32_t res));

/* Asks for bytes if nothing is asked for yet, and if operations may begin. */
void nbd_rx_receive(struct nbd_rx *rx, struct exporter_poll_group *group, int fd);

/* @len bytes have come during the handshake. */
void nbd_rx_received(struct nbd_rx *rx, size_t len);

/* True if something has come of which the rest has not. */
bool nbd_rx_is_partial(const struct nbd_rx *rx);

/**
 * nbd_rx_parse() - rx->parsed is the next thing in what has come
 * No receive is under way, and no request has all of its payload. Payload goes to its place.
 */
void nbd_rx_parse(struct nbd_rx *rx);

/**
 * nbd_rx_transmit() - begin the requests that have come, as far as there is room, and ask for more
 * No receive is under way, and the handshake is over.
 * @len: bytes have come; 0: none, but there may be room again
 * Return: what has been done, is to be done, or is waited for before this is called again.
 */
enum nbd_rx_result nbd_rx_transmit(struct nbd_rx *rx, struct nbd_requests *requests, int fd,
				   size_t len);

/**
 * nbd_rx_finish() - go on with a long read that has begun; nothing else is begun any more
 * Return: false: nothing is left of it to be begun.
 */
bool nbd_rx_finish(struct nbd_rx *rx, struct nbd_requests *requests);

/* Gives back the requests whose payload was still to come. */
void nbd_rx_fini(struct nbd_rx *rx);

#endif
