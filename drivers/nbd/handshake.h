/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NBD_HANDSHAKE_H
#define DRIVERS_NBD_HANDSHAKE_H

/* What the server makes of options, one at a time, while they are haggled over. */

#include "drivers/nbd/lookup.h"
#include "drivers/nbd/out.h"
#include "drivers/nbd/protocol.h"

/* What a connection does with an option. */
enum nbd_option_result {
	NBD_OPTION_REPLIED, /* the answer is in @out */
	NBD_OPTION_LOOK_UP, /* @lookup is for the app thread */
	NBD_OPTION_ABORTED, /* the answer is in @out; hang up after it */
	NBD_OPTION_HANG_UP,
};

/**
 * nbd_handshake_option() - answer an option, or see whom to ask
 * @parsed: NBD_PARSED_OPTION or NBD_PARSED_OPTION_TOO_LONG
 * @out: the answer, if there is one to give here
 * @lookup: the question if it is for the app thread, its name in @parsed's bytes; lookup->agreed is
 *	kept from option to option
 * Thread: the connection's.
 * Return: what the connection does.
 */
enum nbd_option_result nbd_handshake_option(const struct nbd_parsed *parsed, struct nbd_out *out,
					    struct nbd_lookup *lookup);

#endif
