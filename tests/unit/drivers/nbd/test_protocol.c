/* SPDX-License-Identifier: Apache-2.0 */

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/base.h>

#include "drivers/nbd/protocol.h"
#include "tests/unit/unit.h"

/* A conversation as a client would say it, put together piece by piece. */
struct script {
	uint8_t bytes[64 << 10];
	size_t len;
};

static void say(struct script *script, const void *bytes, size_t len)
{
	ck_assert_uint_le(script->len + len, sizeof(script->bytes));
	if (len > 0) {
		memcpy(script->bytes + script->len, bytes, len);
	}
	script->len += len;
}

static void say_flags(struct script *script, uint32_t flags)
{
	uint32_t wire = htobe32(flags);

	say(script, &wire, sizeof(wire));
}

static void say_option(struct script *script, uint32_t option, const void *data, uint32_t len)
{
	struct nbd_wire_option wire = {
		.magic = htobe64(NBD_OPTION_MAGIC),
		.option = htobe32(option),
		.len_bytes = htobe32(len),
	};

	say(script, &wire, sizeof(wire));
	say(script, data, len);
}

static void say_request(struct script *script, uint16_t type, uint64_t offset, uint32_t len)
{
	struct nbd_wire_request wire = {
		.magic = htobe32(NBD_REQUEST_MAGIC),
		.type = htobe16(type),
		.cookie = 0x1122334455667788ull,
		.offset_bytes = htobe64(offset),
		.len_bytes = htobe32(len),
	};

	say(script, &wire, sizeof(wire));
}

/* What came out, in a form that two runs can be compared in: payloads are joined. */
struct heard {
	struct nbd_parsed all[32];
	unsigned count;
	uint8_t data[64 << 10]; /* of options and payloads, in order */
	size_t data_len;
};

static void hear(struct heard *heard, const struct nbd_parsed *parsed)
{
	struct nbd_parsed *last = heard->count > 0 ? &heard->all[heard->count - 1] : NULL;

	ck_assert_uint_le(heard->data_len + parsed->len_bytes, sizeof(heard->data));
	if (parsed->len_bytes > 0) {
		memcpy(heard->data + heard->data_len, parsed->data, parsed->len_bytes);
		heard->data_len += parsed->len_bytes;
	}
	if (last != NULL && last->type == NBD_PARSED_PAYLOAD &&
	    parsed->type == NBD_PARSED_PAYLOAD) {
		last->len_bytes += parsed->len_bytes;
		return;
	}
	ck_assert_uint_lt(heard->count, EBB_ARRAY_SIZE(heard->all));
	heard->all[heard->count] = *parsed;
	heard->all[heard->count].data = NULL; /* it was in the buffer of that run */
	heard->count++;
}

/*
 * Feeds @script in two pieces, cut at @cut, from a buffer that is as long as what has come, so that
 * a sanitizer sees a read past it. NBD_OPT_GO ends the handshake.
 */
static void listen_to(const struct script *script, size_t cut, struct heard *heard)
{
	const size_t pieces[] = {cut, script->len - cut};
	struct nbd_parser parser;
	size_t at = 0, have = 0;
	unsigned i;

	memset(heard, 0, sizeof(*heard));
	nbd_parser_init(&parser);
	for (i = 0; i < EBB_ARRAY_SIZE(pieces); i++) {
		struct nbd_parsed parsed;

		have += pieces[i];
		do {
			uint8_t *copy = malloc(have - at + 1);
			size_t used;

			ck_assert_ptr_nonnull(copy);
			memcpy(copy, script->bytes + at, have - at);
			used = nbd_parse(&parser, copy, have - at, &parsed);
			ck_assert_uint_le(used, have - at);
			at += used;
			if (parsed.type != NBD_PARSED_NONE) {
				hear(heard, &parsed);
			}
			free(copy);
			if (parsed.type == NBD_PARSED_OPTION && parsed.option == NBD_OPT_GO) {
				nbd_parser_begin_transmission(&parser);
			}
		} while (parsed.type != NBD_PARSED_NONE && parsed.type != NBD_PARSED_BAD);
	}
}

static const uint8_t go_default[] = {0, 0, 0, 0, 0, 0};

static void script_whole(struct script *script)
{
	static uint8_t payload[5000];
	size_t i;

	for (i = 0; i < sizeof(payload); i++) {
		payload[i] = (uint8_t)(i * 7);
	}
	script->len = 0;
	say_flags(script, NBD_FLAG_C_FIXED_NEWSTYLE | NBD_FLAG_C_NO_ZEROES);
	say_option(script, NBD_OPT_STRUCTURED_REPLY, NULL, 0);
	say_option(script, NBD_OPT_LIST, NULL, 0);
	say_option(script, 77, payload, 300);
	say_option(script, NBD_OPT_GO, go_default, sizeof(go_default));
	say_request(script, NBD_CMD_READ, 4096, 512);
	say_request(script, NBD_CMD_WRITE, 8192, sizeof(payload));
	say(script, payload, sizeof(payload));
	say_request(script, NBD_CMD_FLUSH, 0, 0);
	say_request(script, NBD_CMD_WRITE, 0, 1);
	say(script, payload, 1);
	say_request(script, NBD_CMD_DISC, 0, 0);
}

START_TEST(hears_a_whole_conversation)
{
	static struct script script;
	static struct heard heard;
	static const enum nbd_parsed_type expected[] = {
		NBD_PARSED_FLAGS,   NBD_PARSED_OPTION,  NBD_PARSED_OPTION,  NBD_PARSED_OPTION,
		NBD_PARSED_OPTION,  NBD_PARSED_REQUEST, NBD_PARSED_REQUEST, NBD_PARSED_PAYLOAD,
		NBD_PARSED_REQUEST, NBD_PARSED_REQUEST, NBD_PARSED_PAYLOAD, NBD_PARSED_REQUEST,
	};
	unsigned i;

	script_whole(&script);
	listen_to(&script, script.len, &heard);
	ck_assert_uint_eq(heard.count, EBB_ARRAY_SIZE(expected));
	for (i = 0; i < heard.count; i++) {
		ck_assert_int_eq(heard.all[i].type, expected[i]);
	}
	ck_assert_uint_eq(heard.all[2].option, NBD_OPT_LIST);
	ck_assert_uint_eq(heard.all[3].option, 77);
	ck_assert_uint_eq(heard.all[3].len_bytes, 300);
	ck_assert_uint_eq(heard.all[5].request.type, NBD_CMD_READ);
	ck_assert_uint_eq(heard.all[5].request.offset_bytes, 4096);
	ck_assert_uint_eq(heard.all[5].request.len_bytes, 512);
	ck_assert_uint_eq(heard.all[5].request.cookie, 0x1122334455667788ull);
	ck_assert_uint_eq(heard.all[7].len_bytes, 5000);
	ck_assert_uint_eq(heard.all[11].request.type, NBD_CMD_DISC);
}
END_TEST

START_TEST(hears_the_same_wherever_it_is_cut)
{
	static struct script script;
	static struct heard whole, cut;
	size_t at;

	script_whole(&script);
	listen_to(&script, script.len, &whole);
	for (at = 0; at < script.len; at++) {
		listen_to(&script, at, &cut);
		ck_assert_uint_eq(cut.count, whole.count);
		ck_assert_uint_eq(cut.data_len, whole.data_len);
		ck_assert_mem_eq(cut.data, whole.data, whole.data_len);
		ck_assert_mem_eq(cut.all, whole.all, sizeof(whole.all));
	}
}
END_TEST

START_TEST(skips_an_option_that_is_too_long)
{
	static struct script script;
	static struct heard heard;
	static uint8_t data[NBD_OPTION_MAX + 1];
	size_t cut;

	script.len = 0;
	say_flags(&script, NBD_FLAG_C_FIXED_NEWSTYLE);
	say_option(&script, NBD_OPT_INFO, data, sizeof(data));
	say_option(&script, NBD_OPT_LIST, NULL, 0);
	for (cut = 0; cut < script.len; cut += 13) {
		listen_to(&script, cut, &heard);
		ck_assert_uint_eq(heard.count, 3);
		ck_assert_int_eq(heard.all[1].type, NBD_PARSED_OPTION_TOO_LONG);
		ck_assert_uint_eq(heard.all[1].option, NBD_OPT_INFO);
		ck_assert_int_eq(heard.all[2].type, NBD_PARSED_OPTION);
		ck_assert_uint_eq(heard.all[2].option, NBD_OPT_LIST);
	}
}
END_TEST

START_TEST(takes_the_longest_option_whole)
{
	static struct script script;
	static struct heard heard;
	static uint8_t data[NBD_OPTION_MAX];

	script.len = 0;
	say_flags(&script, NBD_FLAG_C_FIXED_NEWSTYLE);
	say_option(&script, 99, data, sizeof(data));
	listen_to(&script, script.len - 1, &heard);
	ck_assert_uint_eq(heard.count, 2);
	ck_assert_int_eq(heard.all[1].type, NBD_PARSED_OPTION);
	ck_assert_uint_eq(heard.all[1].len_bytes, NBD_OPTION_MAX);
}
END_TEST

/* Ends in NBD_PARSED_BAD, at once and for ever. */
static void assert_bad(const struct script *script)
{
	static struct heard heard;
	struct nbd_parsed *last;

	listen_to(script, script->len, &heard);
	ck_assert_uint_gt(heard.count, 0);
	last = &heard.all[heard.count - 1];
	ck_assert_int_eq(last->type, NBD_PARSED_BAD);
	ck_assert_ptr_nonnull(last->error);
}

/* The old newstyle has one option, and no way to answer another. */
START_TEST(without_fixed_newstyle_there_is_one_option)
{
	static struct script script;
	static struct heard heard;

	script.len = 0;
	say_flags(&script, 0);
	say_option(&script, NBD_OPT_EXPORT_NAME, "disk", 4);
	listen_to(&script, script.len, &heard);
	ck_assert_uint_eq(heard.count, 2);
	ck_assert_int_eq(heard.all[1].type, NBD_PARSED_OPTION);

	script.len = 0;
	say_flags(&script, NBD_FLAG_C_NO_ZEROES);
	say_option(&script, NBD_OPT_LIST, NULL, 0);
	assert_bad(&script);
}
END_TEST

START_TEST(refuses_what_is_not_nbd)
{
	static struct script script;
	static const char http[] = "GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n";

	script.len = 0;
	say(&script, http, sizeof(http));
	assert_bad(&script);

	script.len = 0;
	say_flags(&script, NBD_FLAG_C_FIXED_NEWSTYLE | 0x8000);
	assert_bad(&script);

	script.len = 0;
	say_flags(&script, NBD_FLAG_C_FIXED_NEWSTYLE);
	say(&script, http, sizeof(http));
	assert_bad(&script);

	script.len = 0;
	say_flags(&script, NBD_FLAG_C_FIXED_NEWSTYLE);
	say_option(&script, NBD_OPT_GO, go_default, sizeof(go_default));
	say(&script, http, sizeof(http));
	assert_bad(&script);
}
END_TEST

START_TEST(refuses_an_option_without_bounds)
{
	struct nbd_wire_option wire = {
		.magic = htobe64(NBD_OPTION_MAGIC),
		.option = htobe32(NBD_OPT_GO),
		.len_bytes = htobe32(NBD_OPTION_SKIP_MAX + 1),
	};
	static struct script script;

	script.len = 0;
	say_flags(&script, NBD_FLAG_C_FIXED_NEWSTYLE);
	say(&script, &wire, sizeof(wire));
	assert_bad(&script);
}
END_TEST

START_TEST(counts_payload_that_goes_past_it)
{
	static struct script script;
	struct nbd_parser parser;
	struct nbd_parsed parsed;

	script.len = 0;
	say_request(&script, NBD_CMD_WRITE, 0, 1000);
	nbd_parser_init(&parser);
	nbd_parser_begin_transmission(&parser);
	ck_assert_uint_eq(nbd_parser_payload_left(&parser), 0);
	ck_assert_uint_eq(nbd_parse(&parser, script.bytes, script.len, &parsed), script.len);
	ck_assert_uint_eq(nbd_parser_payload_left(&parser), 1000);
	nbd_parser_take_payload(&parser, 999);
	ck_assert_uint_eq(nbd_parser_payload_left(&parser), 1);
	ck_assert_uint_eq(nbd_parse(&parser, script.bytes, script.len, &parsed), 1);
	ck_assert_int_eq(parsed.type, NBD_PARSED_PAYLOAD);
	ck_assert_uint_eq(nbd_parser_payload_left(&parser), 0);
	ck_assert_uint_eq(nbd_parse(&parser, script.bytes, script.len, &parsed), script.len);
	ck_assert_int_eq(parsed.type, NBD_PARSED_REQUEST);
}
END_TEST

START_TEST(decodes_go)
{
	const uint8_t data[] = {0, 0, 0, 4, 'd', 'i', 's', 'k', 0, 3, 0, 3, 0, 1, 0, 2};
	const uint8_t neither[] = {0, 0, 0, 0, 0, 1, 0, 3};
	struct nbd_go go;
	size_t len;

	ck_assert_int_eq(nbd_go_decode(data, sizeof(data), &go), 0);
	ck_assert_uint_eq(go.name_len, 4);
	ck_assert_mem_eq(go.name, "disk", 4);
	ck_assert(go.wants_name && go.wants_description);
	ck_assert_int_eq(nbd_go_decode(neither, sizeof(neither), &go), 0);
	ck_assert(!go.wants_name && !go.wants_description);
	for (len = 0; len < sizeof(data); len++) {
		ck_assert_int_eq(nbd_go_decode(data, len, &go), -EINVAL);
	}
	ck_assert_int_eq(nbd_go_decode(go_default, sizeof(go_default), &go), 0);
	ck_assert_uint_eq(go.name_len, 0);
	ck_assert(!go.wants_name);
}
END_TEST

/* A list or set of metadata contexts of "disk" by queries, each behind its length. */
static size_t say_meta(uint8_t *at, const char *const *queries, uint32_t count)
{
	struct script script = {.len = 0};
	uint32_t wire = htobe32(4), i;

	say(&script, &wire, sizeof(wire));
	say(&script, "disk", 4);
	wire = htobe32(count);
	say(&script, &wire, sizeof(wire));
	for (i = 0; i < count; i++) {
		wire = htobe32((uint32_t)strlen(queries[i]));
		say(&script, &wire, sizeof(wire));
		say(&script, queries[i], strlen(queries[i]));
	}
	memcpy(at, script.bytes, script.len);
	return script.len;
}

static const struct meta_case {
	const char *queries[3];
	uint32_t count;
	bool listed;
	bool set;
} meta_cases[] = {
	{{NULL}, 0, true, false},
	{{"base:allocation"}, 1, true, true},
	{{"base:"}, 1, true, false},
	{{"base:allocatio"}, 1, false, false},
	{{"base:allocation2"}, 1, false, false},
	{{"basE:allocation"}, 1, false, false},
	{{"", "x", "qemu:dirty-bitmap:b"}, 3, false, false},
	{{"x-y:", "base:allocation", "base:dirty"}, 3, true, true},
};

START_TEST(decodes_contexts)
{
	const struct meta_case *c = &meta_cases[_i];
	uint8_t data[200];
	size_t whole = say_meta(data, c->queries, c->count), len;
	struct nbd_meta meta;

	ck_assert_int_eq(nbd_meta_decode(NBD_OPT_LIST_META_CONTEXT, data, whole, &meta), 0);
	ck_assert(meta.allocation == c->listed);
	ck_assert_uint_eq(meta.name_len, 4);
	ck_assert_mem_eq(meta.name, "disk", 4);
	ck_assert_int_eq(nbd_meta_decode(NBD_OPT_SET_META_CONTEXT, data, whole, &meta), 0);
	ck_assert(meta.allocation == c->set);
	for (len = 0; len < whole + 5; len++) {
		uint8_t *copy = calloc(1, len + 1);

		ck_assert_ptr_nonnull(copy);
		memcpy(copy, data, len < whole ? len : whole);
		ck_assert_int_eq(nbd_meta_decode(NBD_OPT_SET_META_CONTEXT, copy, len, &meta),
				 len == whole ? 0 : -EINVAL);
		free(copy);
	}
}
END_TEST

START_TEST(refuses_contexts_that_lie_about_lengths)
{
	const char *const queries[] = {"base:allocation"};
	uint8_t data[200];
	size_t len = say_meta(data, queries, 1);
	struct nbd_meta meta;

	data[8] = 0xff; /* queries that are not there */
	ck_assert_int_eq(nbd_meta_decode(NBD_OPT_SET_META_CONTEXT, data, len, &meta), -EINVAL);
	data[8] = 0;
	data[12] = 0xff; /* bytes of the first that are not there */
	ck_assert_int_eq(nbd_meta_decode(NBD_OPT_SET_META_CONTEXT, data, len, &meta), -EINVAL);
}
END_TEST

START_TEST(refuses_a_go_that_lies_about_lengths)
{
	uint8_t data[4 + NBD_NAME_MAX + 1 + 2] = {0xff, 0xff, 0xff, 0xff};
	const uint32_t too_long = htobe32(NBD_NAME_MAX + 1);
	struct nbd_go go;

	ck_assert_int_eq(nbd_go_decode(data, sizeof(data), &go), -EINVAL);
	memcpy(data, &too_long, sizeof(too_long));
	ck_assert_int_eq(nbd_go_decode(data, sizeof(data), &go), -EINVAL);
}
END_TEST

#define RANGE_SIZE (1u << 30)
#define ALL_FLAGS                                                                            \
	(NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH | NBD_FLAG_SEND_FUA | NBD_FLAG_SEND_TRIM | \
	 NBD_FLAG_SEND_WRITE_ZEROES)

#define ALLOCATION 0x10000u /* of the tests: NBD_META_ALLOCATION is set */

static const struct check_case {
	uint32_t export_flags;
	uint16_t flags;
	uint16_t type;
	uint64_t offset;
	uint32_t len;
	uint32_t error;
} check_cases[] = {
	{ALL_FLAGS, 0, NBD_CMD_READ, 0, 4096, 0},
	{ALL_FLAGS, 0, NBD_CMD_READ, RANGE_SIZE - 512, 512, 0},
	{ALL_FLAGS, 0, NBD_CMD_READ, 0, NBD_REQUEST_MAX, 0},
	{ALL_FLAGS, 0, NBD_CMD_READ, 0, NBD_REQUEST_MAX + 512, NBD_EINVAL},
	{ALL_FLAGS, 0, NBD_CMD_READ, 0, 0, NBD_EINVAL},
	{ALL_FLAGS, 0, NBD_CMD_READ, RANGE_SIZE, 512, NBD_EINVAL},
	{ALL_FLAGS, 0, NBD_CMD_READ, RANGE_SIZE - 512, 1024, NBD_EINVAL},
	{ALL_FLAGS, 0, NBD_CMD_READ, UINT64_MAX - 511, 1024, NBD_EINVAL},
	{ALL_FLAGS, 0, NBD_CMD_READ, 1, 512, 0},
	{ALL_FLAGS, 0, NBD_CMD_READ, 512, 513, 0},
	{ALL_FLAGS, 0, NBD_CMD_READ, RANGE_SIZE - 1, 1, 0},
	{ALL_FLAGS, 0, NBD_CMD_READ, RANGE_SIZE - 1, 2, NBD_EINVAL},
	{ALL_FLAGS, 0, NBD_CMD_WRITE, 1, 1, 0},
	{ALL_FLAGS, 0, NBD_CMD_WRITE, RANGE_SIZE - 1, 2, NBD_ENOSPC},
	{ALL_FLAGS, 0, NBD_CMD_TRIM, 1, 1, 0},
	{ALL_FLAGS, 0, NBD_CMD_WRITE_ZEROES, 1, 1, 0},
	{ALL_FLAGS, NBD_CMD_FLAG_FUA, NBD_CMD_READ, 0, 512, 0},
	{NBD_FLAG_HAS_FLAGS, NBD_CMD_FLAG_FUA, NBD_CMD_WRITE, 0, 512, NBD_EINVAL},
	{ALL_FLAGS, 0x8000, NBD_CMD_READ, 0, 512, NBD_EINVAL},
	{ALL_FLAGS, NBD_CMD_FLAG_NO_HOLE, NBD_CMD_WRITE, 0, 512, NBD_EINVAL},
	{ALL_FLAGS, NBD_CMD_FLAG_DF, NBD_CMD_READ, 0, 512, NBD_EINVAL},
	{ALL_FLAGS | NBD_FLAG_SEND_DF, NBD_CMD_FLAG_DF, NBD_CMD_READ, 0, 512, 0},
	{ALL_FLAGS | NBD_FLAG_SEND_DF, NBD_CMD_FLAG_DF, NBD_CMD_READ, 0, NBD_DF_MAX, 0},
	{ALL_FLAGS | NBD_FLAG_SEND_DF, NBD_CMD_FLAG_DF, NBD_CMD_READ, 0, NBD_DF_MAX + 512,
	 NBD_EOVERFLOW},
	{ALL_FLAGS | NBD_FLAG_SEND_DF, NBD_CMD_FLAG_DF, NBD_CMD_WRITE, 0, 512, NBD_EINVAL},
	{ALL_FLAGS, NBD_CMD_FLAG_NO_HOLE, NBD_CMD_WRITE_ZEROES, 0, 512, 0},
	{ALL_FLAGS, NBD_CMD_FLAG_FUA, NBD_CMD_WRITE, 0, 512, 0},
	{ALL_FLAGS, 0, NBD_CMD_WRITE, RANGE_SIZE, 512, NBD_ENOSPC},
	{ALL_FLAGS, 0, NBD_CMD_WRITE_ZEROES, RANGE_SIZE, 512, NBD_ENOSPC},
	{ALL_FLAGS, 0, NBD_CMD_TRIM, RANGE_SIZE, 512, NBD_EINVAL},
	{ALL_FLAGS, 0, NBD_CMD_TRIM, 0, RANGE_SIZE, 0},
	{ALL_FLAGS, 0, NBD_CMD_WRITE_ZEROES, 0, RANGE_SIZE, 0},
	{ALL_FLAGS | NBD_FLAG_READ_ONLY, 0, NBD_CMD_WRITE, 0, 512, NBD_EPERM},
	{ALL_FLAGS | NBD_FLAG_READ_ONLY, 0, NBD_CMD_TRIM, 0, 512, NBD_EPERM},
	{ALL_FLAGS | NBD_FLAG_READ_ONLY, 0, NBD_CMD_WRITE_ZEROES, 0, 512, NBD_EPERM},
	{ALL_FLAGS | NBD_FLAG_READ_ONLY, 0, NBD_CMD_READ, 0, 512, 0},
	{NBD_FLAG_HAS_FLAGS, 0, NBD_CMD_TRIM, 0, 512, NBD_EINVAL},
	{NBD_FLAG_HAS_FLAGS, 0, NBD_CMD_WRITE_ZEROES, 0, 512, NBD_EINVAL},
	{NBD_FLAG_HAS_FLAGS, 0, NBD_CMD_FLUSH, 0, 0, NBD_EINVAL},
	{ALL_FLAGS, 0, NBD_CMD_FLUSH, 0, 0, 0},
	{ALL_FLAGS, 0, NBD_CMD_FLUSH, 512, 0, NBD_EINVAL},
	{ALL_FLAGS, 0, NBD_CMD_FLUSH, 0, 512, NBD_EINVAL},
	{ALL_FLAGS, 0, NBD_CMD_CACHE, 0, 512, NBD_EINVAL},
	{ALL_FLAGS | NBD_FLAG_SEND_CACHE, 0, NBD_CMD_CACHE, 0, RANGE_SIZE, 0},
	{ALL_FLAGS | NBD_FLAG_SEND_CACHE, 0, NBD_CMD_CACHE, 512, RANGE_SIZE, NBD_EINVAL},
	{ALL_FLAGS | NBD_FLAG_SEND_CACHE, NBD_CMD_FLAG_DF, NBD_CMD_CACHE, 0, 512, NBD_EINVAL},
	{ALL_FLAGS, NBD_CMD_FLAG_FAST_ZERO, NBD_CMD_WRITE_ZEROES, 0, 512, NBD_EINVAL},
	{ALL_FLAGS | NBD_FLAG_SEND_FAST_ZERO, NBD_CMD_FLAG_FAST_ZERO | NBD_CMD_FLAG_NO_HOLE,
	 NBD_CMD_WRITE_ZEROES, 0, 512, 0},
	{ALL_FLAGS | NBD_FLAG_SEND_FAST_ZERO, NBD_CMD_FLAG_FAST_ZERO, NBD_CMD_TRIM, 0, 512,
	 NBD_EINVAL},
	{ALL_FLAGS, 0, NBD_CMD_BLOCK_STATUS, 0, 512, NBD_EINVAL},
	{ALL_FLAGS | ALLOCATION, 0, NBD_CMD_BLOCK_STATUS, 0, RANGE_SIZE, 0},
	{ALL_FLAGS | ALLOCATION, NBD_CMD_FLAG_REQ_ONE, NBD_CMD_BLOCK_STATUS, 0, 512, 0},
	{ALL_FLAGS | ALLOCATION, NBD_CMD_FLAG_NO_HOLE, NBD_CMD_BLOCK_STATUS, 0, 512, NBD_EINVAL},
	{ALL_FLAGS | ALLOCATION, 0, NBD_CMD_BLOCK_STATUS, 0, 0, NBD_EINVAL},
	{ALL_FLAGS | ALLOCATION, 0, NBD_CMD_BLOCK_STATUS, RANGE_SIZE, 512, NBD_EINVAL},
	{ALL_FLAGS | ALLOCATION, NBD_CMD_FLAG_REQ_ONE, NBD_CMD_READ, 0, 512, NBD_EINVAL},
	{ALL_FLAGS, 0, 8, 0, 512, NBD_EINVAL},
	{ALL_FLAGS, 0, 0xffff, 0, 512, NBD_EINVAL},
};

START_TEST(checks_requests)
{
	const struct check_case *c = &check_cases[_i];
	const struct nbd_geometry geometry = {
		.size_bytes = RANGE_SIZE,
		.block_size = 512,
		.flags = (uint16_t)c->export_flags,
		.allocation = (c->export_flags & ALLOCATION) != 0,
	};
	const struct nbd_request request = {
		.flags = c->flags,
		.type = c->type,
		.offset_bytes = c->offset,
		.len_bytes = c->len,
	};

	ck_assert_uint_eq(nbd_validate_request(&geometry, &request), c->error);
}
END_TEST

START_TEST(translates_errors)
{
	static const struct {
		int status;
		uint32_t error;
	} cases[] = {
		{0, 0},
		{-EIO, NBD_EIO},
		{-EPERM, NBD_EPERM},
		{-EROFS, NBD_EPERM},
		{-EINVAL, NBD_EINVAL},
		{-ENOMEM, NBD_ENOMEM},
		{-ENOSPC, NBD_ENOSPC},
		{-EOVERFLOW, NBD_EOVERFLOW},
		{-ENOTSUP, NBD_ENOTSUP},
		{-ESHUTDOWN, NBD_ESHUTDOWN},
		{-ENODEV, NBD_ESHUTDOWN},
		{-EILSEQ, NBD_EIO},
	};
	size_t i;

	for (i = 0; i < EBB_ARRAY_SIZE(cases); i++) {
		ck_assert_uint_eq(nbd_error_from_status(cases[i].status), cases[i].error);
	}
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(hears_a_whole_conversation),
		UNIT_TEST(hears_the_same_wherever_it_is_cut),
		UNIT_TEST(skips_an_option_that_is_too_long),
		UNIT_TEST(takes_the_longest_option_whole),
		UNIT_TEST(without_fixed_newstyle_there_is_one_option),
		UNIT_TEST(refuses_what_is_not_nbd),
		UNIT_TEST(refuses_an_option_without_bounds),
		UNIT_TEST(counts_payload_that_goes_past_it),
		UNIT_TEST(decodes_go),
		UNIT_LOOP(decodes_contexts, 0, (int)EBB_ARRAY_SIZE(meta_cases)),
		UNIT_TEST(refuses_contexts_that_lie_about_lengths),
		UNIT_TEST(refuses_a_go_that_lies_about_lengths),
		UNIT_LOOP(checks_requests, 0, (int)EBB_ARRAY_SIZE(check_cases)),
		UNIT_TEST(translates_errors),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
