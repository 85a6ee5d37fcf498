/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NBD_HAGGLE_H
#define DRIVERS_NBD_HAGGLE_H

/*
 * Option haggling: what has been received becomes answers. What happens next is returned; the
 * connection does it.
 */

#include "drivers/nbd/lookup.h"
#include "drivers/nbd/out.h"
#include "drivers/nbd/receive.h"

enum nbd_haggle_result {
	NBD_HAGGLE_RECEIVE,   /* more bytes are needed */
	NBD_HAGGLE_SEND,      /* the answer */
	NBD_HAGGLE_SEND_LAST, /* the answer, and hang up */
	NBD_HAGGLE_LOOK_UP,   /* the app thread has the answer */
	NBD_HAGGLE_HANG_UP,
};

/**
 * nbd_haggle() - answer the next option that has come
 * @out: empty; the answer of SEND and SEND_LAST
 * @lookup: what LOOK_UP is about
 * @ret_why: of HANG_UP, for the log
 * No receive is under way. Thread: the connection's.
 * Return: what is to be done, before this is called again.
 */
enum nbd_haggle_result nbd_haggle(struct nbd_rx *rx, struct nbd_out *out, struct nbd_lookup *lookup,
				  const char **ret_why);

#endif
