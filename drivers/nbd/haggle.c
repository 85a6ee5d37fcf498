/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nbd/haggle.h"

#include "drivers/nbd/handshake.h"

static enum nbd_haggle_result haggle_option(struct nbd_rx *rx, struct nbd_out *out,
					    struct nbd_lookup *lookup, const char **ret_why)
{
	switch (nbd_handshake_option(&rx->parsed, out, lookup)) {
	case NBD_OPTION_REPLIED:
		return NBD_HAGGLE_SEND;
	case NBD_OPTION_ABORTED:
		return NBD_HAGGLE_SEND_LAST;
	case NBD_OPTION_LOOK_UP:
		lookup->agreed.no_zeroes = rx->parser.no_zeroes;
		return NBD_HAGGLE_LOOK_UP;
	case NBD_OPTION_HANG_UP:
		break;
	}
	*ret_why = "asked for an export with too long a name";
	return NBD_HAGGLE_HANG_UP;
}

enum nbd_haggle_result nbd_haggle(struct nbd_rx *rx, struct nbd_out *out, struct nbd_lookup *lookup,
				  const char **ret_why)
{
	/* The client's flags come before the first option, and have no answer. */
	do {
		nbd_rx_parse(rx);
	} while (rx->parsed.type == NBD_PARSED_FLAGS);
	switch (rx->parsed.type) {
	case NBD_PARSED_OPTION:
	case NBD_PARSED_OPTION_TOO_LONG:
		return haggle_option(rx, out, lookup, ret_why);
	case NBD_PARSED_BAD:
		*ret_why = rx->parsed.error;
		return NBD_HAGGLE_HANG_UP;
	default:
		return NBD_HAGGLE_RECEIVE;
	}
}
