/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NBD_TRANSMIT_H
#define DRIVERS_NBD_TRANSMIT_H

/*
 * Transmission: what has been received becomes requests, and they go to the bdev. What happens next
 * is returned; the connection does it.
 */

#include <stdbool.h>

#include "drivers/nbd/receive.h"
#include "drivers/nbd/request.h"
#include "drivers/nbd/send.h"

#define NBD_TRANSMIT_MAX (4u << 20) /* bytes begun in one go, for others live here too */

enum nbd_transmit_result {
	NBD_TRANSMIT_GO_ON,      /* only inside */
	NBD_TRANSMIT_RECEIVE,    /* more bytes are needed */
	NBD_TRANSMIT_WAIT,       /* one of the connection's own requests ends first */
	NBD_TRANSMIT_WAIT_MEM,   /* the pool is empty */
	NBD_TRANSMIT_LATER,      /* enough for once */
	NBD_TRANSMIT_DISCONNECT, /* the client has said that it will say no more */
	NBD_TRANSMIT_BAD,        /* not NBD: rx->parsed.error says why */
};

struct nbd_transmission {
	struct nbd_rx rx;
	struct nbd_tx tx; /* requests that are answered at once are pushed there */
	struct nbd_requests requests;
	bool stopping; /* the export goes: refuse what is new */
};

/**
 * nbd_transmit() - begin what has come, as far as there is room
 * No receive is under way. Thread: the connection's.
 * Return: what is to be done; or waited for, before this is called again.
 */
enum nbd_transmit_result nbd_transmit(struct nbd_transmission *transmission);

#endif
