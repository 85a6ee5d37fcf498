/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nbd/handshake.h"

static enum nbd_option_result handshake_info(const struct nbd_parsed *parsed, struct nbd_out *out,
					     struct nbd_lookup *lookup)
{
	struct nbd_go go;

	if (nbd_go_decode(parsed->data, parsed->len_bytes, &go) != 0) {
		nbd_out_option_error(out, parsed->option, NBD_REP_ERR_INVALID,
				     "the option's lengths do not add up");
		return NBD_OPTION_REPLIED;
	}
	nbd_lookup_ask(lookup, parsed->option, go.name, go.name_len);
	lookup->wants_name = go.wants_name;
	lookup->wants_description = go.wants_description;
	return NBD_OPTION_LOOK_UP;
}

/* Some options have none. */
static bool handshake_has_data(const struct nbd_parsed *parsed, struct nbd_out *out)
{
	if (parsed->len_bytes == 0) {
		return false;
	}
	nbd_out_option_error(out, parsed->option, NBD_REP_ERR_INVALID,
			     "this option is asked for without data");
	return true;
}

static enum nbd_option_result handshake_meta(const struct nbd_parsed *parsed, struct nbd_out *out,
					     struct nbd_lookup *lookup)
{
	struct nbd_meta meta;

	if (!lookup->agreed.structured) {
		nbd_out_option_error(out, parsed->option, NBD_REP_ERR_INVALID,
				     "metadata contexts need structured replies: agree on them "
				     "first");
		return NBD_OPTION_REPLIED;
	}
	if (nbd_meta_decode(parsed->option, parsed->data, parsed->len_bytes, &meta) != 0) {
		nbd_out_option_error(out, parsed->option, NBD_REP_ERR_INVALID,
				     "the option's lengths do not add up");
		return NBD_OPTION_REPLIED;
	}
	nbd_lookup_ask(lookup, parsed->option, meta.name, meta.name_len);
	lookup->wants_allocation = meta.allocation;
	return NBD_OPTION_LOOK_UP;
}

enum nbd_option_result nbd_handshake_option(const struct nbd_parsed *parsed, struct nbd_out *out,
					    struct nbd_lookup *lookup)
{
	switch (parsed->option) {
	case NBD_OPT_EXPORT_NAME:
		/* It has no form for an error: to hang up is the answer. */
		if (parsed->type == NBD_PARSED_OPTION_TOO_LONG ||
		    parsed->len_bytes > NBD_NAME_MAX) {
			return NBD_OPTION_HANG_UP;
		}
		nbd_lookup_ask(lookup, parsed->option, (const char *)parsed->data,
			       parsed->len_bytes);
		return NBD_OPTION_LOOK_UP;
	case NBD_OPT_ABORT:
		nbd_out_option_reply(out, parsed->option, NBD_REP_ACK, NULL, 0);
		return NBD_OPTION_ABORTED;
	case NBD_OPT_SET_META_CONTEXT:
		/* It replaces what has been set before even if it fails. */
		lookup->agreed.allocation = NULL;
		break;
	default:
		break;
	}
	if (parsed->type == NBD_PARSED_OPTION_TOO_LONG) {
		nbd_out_option_error(out, parsed->option, NBD_REP_ERR_TOO_BIG,
				     "the option's data is longer than 8 KiB");
		return NBD_OPTION_REPLIED;
	}
	switch (parsed->option) {
	case NBD_OPT_LIST:
		if (handshake_has_data(parsed, out)) {
			return NBD_OPTION_REPLIED;
		}
		nbd_lookup_ask(lookup, parsed->option, NULL, 0);
		return NBD_OPTION_LOOK_UP;
	case NBD_OPT_STRUCTURED_REPLY:
		if (!handshake_has_data(parsed, out)) {
			lookup->agreed.structured = true;
			nbd_out_option_reply(out, parsed->option, NBD_REP_ACK, NULL, 0);
		}
		return NBD_OPTION_REPLIED;
	case NBD_OPT_STARTTLS:
		nbd_out_option_error(out, parsed->option, NBD_REP_ERR_UNSUP,
				     "the server has no encryption");
		return NBD_OPTION_REPLIED;
	case NBD_OPT_INFO:
	case NBD_OPT_GO:
		return handshake_info(parsed, out, lookup);
	case NBD_OPT_LIST_META_CONTEXT:
	case NBD_OPT_SET_META_CONTEXT:
		return handshake_meta(parsed, out, lookup);
	default:
		nbd_out_option_error(out, parsed->option, NBD_REP_ERR_UNSUP,
				     "the server does not know this option");
		return NBD_OPTION_REPLIED;
	}
}
