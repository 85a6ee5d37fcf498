/* SPDX-License-Identifier: Apache-2.0 */
/* sources: drivers/nbd/protocol.c drivers/nbd/handshake.c drivers/nbd/out.c drivers/nbd/status.c */
/* sources: core/base/assert.c core/base/log.c core/base/log_flag.c core/base/clock.c */

/*
 * A client's bytes, cut where the first byte of the input says, through the parser, the answers to
 * options and the checks of requests: the path that every byte of a stranger takes. GO and
 * EXPORT_NAME are granted, so that requests are reached, and so are metadata contexts. The extents
 * that answer a block status are made of its cookie.
 */

#include <endian.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/bdev.h>

#include "drivers/nbd/handshake.h"
#include "drivers/nbd/protocol.h"
#include "drivers/nbd/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FLAGS                                                                                \
	(NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH | NBD_FLAG_SEND_FUA | NBD_FLAG_SEND_TRIM | \
	 NBD_FLAG_SEND_CACHE | NBD_FLAG_SEND_WRITE_ZEROES | NBD_FLAG_SEND_FAST_ZERO)
#define EXTENTS_MAX 16u

/* One client. */
static struct nbd_geometry geometry;
static struct nbd_lookup lookup;

static void check(int holds)
{
	if (!holds) {
		abort();
	}
}

static void handle_option(struct nbd_parser *parser, const struct nbd_parsed *parsed)
{
	struct nbd_out out = {0};

	switch (nbd_handshake_option(parsed, &out, &lookup)) {
	case NBD_OPTION_LOOK_UP:
		if (lookup.name_len > 0) {
			check((const uint8_t *)lookup.name >= parsed->data &&
			      (const uint8_t *)lookup.name + lookup.name_len <=
				      parsed->data + parsed->len_bytes);
		}
		check(parsed->option != NBD_OPT_SET_META_CONTEXT ||
		      (lookup.agreed.structured && lookup.agreed.allocation == NULL));
		if (parsed->option == NBD_OPT_SET_META_CONTEXT && lookup.wants_allocation) {
			lookup.agreed.allocation = (const struct exporter_export *)(void *)&lookup;
		}
		if (lookup.option == NBD_OPT_GO || lookup.option == NBD_OPT_EXPORT_NAME) {
			geometry.allocation = lookup.agreed.allocation != NULL;
			geometry.flags =
				lookup.agreed.structured ? FLAGS | NBD_FLAG_SEND_DF : FLAGS;
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

/* A bdev's answer, which covers some of what is asked for, as the client gets it. */
static void handle_status(const struct nbd_request *request)
{
	struct ebb_bdev_extent memory[EXTENTS_MAX];
	struct ebb_bdev_extents extents = {.max = EXTENTS_MAX, .extent = memory};
	uint32_t skip = (uint32_t)(request->offset_bytes % geometry.block_size);
	uint64_t left = (skip + (uint64_t)request->len_bytes + geometry.block_size - 1) /
			geometry.block_size;
	bool one = (request->flags & NBD_CMD_FLAG_REQ_ONE) != 0;
	uint64_t bits = request->cookie, sum = 0;
	uint32_t bytes, i, flags = UINT32_MAX;

	do {
		uint64_t blocks = bits % 64 + 1;

		blocks = blocks < left ? blocks : left;
		memory[extents.count].num_blocks = blocks;
		memory[extents.count].flags = (uint32_t)(bits >> 6);
		extents.count++;
		left -= blocks;
		bits = bits >> 5 | bits << 59;
	} while (left > 0 && extents.count < EXTENTS_MAX && bits % 8 != 7);
	bytes = nbd_status_encode(&extents, skip, request->len_bytes, geometry.block_size, one);
	check(bytes > 0 && bytes % sizeof(struct nbd_wire_extent) == 0 &&
	      bytes <= extents.count * sizeof(struct nbd_wire_extent));
	check(!one || bytes == sizeof(struct nbd_wire_extent));
	for (i = 0; i < bytes / sizeof(struct nbd_wire_extent); i++) {
		struct nbd_wire_extent wire;

		memcpy(&wire, (char *)memory + i * sizeof(wire), sizeof(wire));
		check(wire.len_bytes != 0 && be32toh(wire.flags) != flags);
		flags = be32toh(wire.flags);
		check((flags & ~(NBD_STATE_HOLE | NBD_STATE_ZERO)) == 0);
		sum += be32toh(wire.len_bytes);
	}
	check(sum <= request->len_bytes);
}

static void handle_request(const struct nbd_request *request)
{
	if (nbd_validate_request(&geometry, request) != 0 || request->type == NBD_CMD_FLUSH ||
	    request->type == NBD_CMD_DISC) {
		return;
	}
	check(request->len_bytes > 0 && request->offset_bytes < geometry.size_bytes &&
	      request->len_bytes <= geometry.size_bytes - request->offset_bytes);
	check((request->flags & NBD_CMD_FLAG_DF) == 0 ||
	      (lookup.agreed.structured && request->len_bytes <= NBD_DF_MAX));
	check((request->type != NBD_CMD_READ && request->type != NBD_CMD_WRITE) ||
	      request->len_bytes <= NBD_REQUEST_MAX);
	if (request->type == NBD_CMD_BLOCK_STATUS) {
		check(geometry.allocation && lookup.agreed.structured);
		handle_status(request);
	}
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
	lookup = (struct nbd_lookup){0};
	geometry = (struct nbd_geometry){.size_bytes = 1u << 30, .block_size = 512};
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
