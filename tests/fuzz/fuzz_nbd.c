/* SPDX-License-Identifier: Apache-2.0 */
/* sources: drivers/nbd/protocol.c drivers/nbd/handshake.c drivers/nbd/out.c */

/*
 * A client's bytes, cut where the first byte of the input says, through the parser, the answers to
 * options and the checks of requests: the path that every byte of a stranger takes. GO and
 * EXPORT_NAME are granted, so that requests are reached.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/nbd/handshake.h"
#include "drivers/nbd/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct nbd_geometry geometry = {
	.size_bytes = 1u << 30,
	.block_size = 512,
	.flags = NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH | NBD_FLAG_SEND_FUA | NBD_FLAG_SEND_TRIM,
};

static void check(int holds)
{
	if (!holds) {
		abort();
	}
}

static void handle_option(struct nbd_parser *parser, const struct nbd_parsed *parsed)
{
	struct nbd_lookup lookup = {0};
	struct nbd_out out = {0};

	switch (nbd_handshake_option(parsed, &out, &lookup)) {
	case NBD_OPTION_LOOK_UP:
		if (lookup.name_len > 0) {
			check((const uint8_t *)lookup.name >= parsed->data &&
			      (const uint8_t *)lookup.name + lookup.name_len <=
				      parsed->data + parsed->len_bytes);
		}
		if (lookup.option == NBD_OPT_GO || lookup.option == NBD_OPT_EXPORT_NAME) {
			nbd_parser_begin_transmission(parser);
		}
		break;
	case NBD_OPTION_REPLIED:
	case NBD_OPTION_ABORTED:
		check(out.len >= sizeof(struct nbd_wire_option_reply));
		break;
	case NBD_OPTION_HANG_UP:
		check(out.len == 0);
		break;
	}
	nbd_out_reset(&out);
}

static void handle_request(const struct nbd_request *request)
{
	if (nbd_validate_request(&geometry, request) != 0 || request->type == NBD_CMD_FLUSH ||
	    request->type == NBD_CMD_DISC) {
		return;
	}
	check(request->len_bytes > 0 && request->offset_bytes < geometry.size_bytes &&
	      request->len_bytes <= geometry.size_bytes - request->offset_bytes);
	check(request->offset_bytes % geometry.block_size == 0 &&
	      request->len_bytes % geometry.block_size == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nbd_parser parser;
	struct nbd_parsed parsed;
	size_t step, have = 0, at = 0;

	if (size == 0) {
		return 0;
	}
	step = data[0] + 1u;
	data++;
	size--;
	nbd_parser_init(&parser);
	while (have < size) {
		have = size - have < step ? size : have + step;
		do {
			/* Its own allocation, so that a read past what has come is seen. */
			uint8_t *come = malloc(have - at + 1);
			size_t used;

			check(come != NULL);
			memcpy(come, data + at, have - at);
			used = nbd_parse(&parser, come, have - at, &parsed);
			check(used <= have - at);
			check(parsed.type == NBD_PARSED_NONE || parsed.type == NBD_PARSED_BAD ||
			      used > 0);
			if (parsed.type == NBD_PARSED_OPTION ||
			    parsed.type == NBD_PARSED_OPTION_TOO_LONG) {
				handle_option(&parser, &parsed);
			} else if (parsed.type == NBD_PARSED_REQUEST) {
				handle_request(&parsed.request);
			} else if (parsed.type == NBD_PARSED_PAYLOAD) {
				check(parsed.data == come && parsed.len_bytes == used);
			}
			at += used;
			free(come);
		} while (parsed.type != NBD_PARSED_NONE && parsed.type != NBD_PARSED_BAD);
		if (parsed.type == NBD_PARSED_BAD) {
			check(parsed.error != NULL);
			break;
		}
		check(have - at < sizeof(struct nbd_wire_option) + NBD_OPTION_MAX);
	}
	return 0;
}
