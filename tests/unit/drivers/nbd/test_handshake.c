/* SPDX-License-Identifier: Apache-2.0 */

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/base.h>

#include "drivers/nbd/handshake.h"
#include "tests/unit/unit.h"

static const struct nbd_geometry geometry = {
	.size_bytes = 1ull << 40,
	.block_size = 512,
	.flags = NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH,
};

static uint64_t get(const uint8_t *at, size_t len)
{
	uint64_t value = 0;

	while (len-- > 0) {
		value = value << 8 | *at++;
	}
	return value;
}

/* Reads one option reply at *@at, checks its frame, and steps over it. Return: its data. */
static const uint8_t *next_reply(const struct nbd_out *out, size_t *at, uint32_t option,
				 uint32_t reply, size_t *ret_len)
{
	const uint8_t *header = out->bytes + *at;

	ck_assert_uint_le(*at + 20, out->len);
	ck_assert_uint_eq(get(header, 8), NBD_OPTION_REPLY_MAGIC);
	ck_assert_uint_eq(get(header + 8, 4), option);
	ck_assert_uint_eq(get(header + 12, 4), reply);
	*ret_len = get(header + 16, 4);
	*at += 20 + *ret_len;
	ck_assert_uint_le(*at, out->len);
	return header + 20;
}

static enum nbd_option_result decide(uint32_t option, const void *data, size_t len,
				     struct nbd_out *out, struct nbd_lookup *lookup)
{
	struct nbd_parsed parsed = {
		.type = NBD_PARSED_OPTION,
		.option = option,
		.data = data,
		.len_bytes = len,
	};

	return nbd_handshake_option(&parsed, out, lookup);
}

START_TEST(greets)
{
	static const uint8_t expected[] = {'N', 'B', 'D', 'M', 'A', 'G', 'I', 'C', 'I',
					   'H', 'A', 'V', 'E', 'O', 'P', 'T', 0,   3};
	struct nbd_out out = {0};

	nbd_out_greeting(&out);
	ck_assert_uint_eq(out.len, sizeof(expected));
	ck_assert_mem_eq(out.bytes, expected, sizeof(expected));
	nbd_out_reset(&out);
	ck_assert_ptr_null(out.bytes);
}
END_TEST

START_TEST(tells_all_about_an_export)
{
	struct nbd_geometry large = geometry;
	struct nbd_out out = {0};
	const uint8_t *data;
	size_t at = 0, len;

	nbd_out_info(&out, NBD_OPT_GO, &geometry, "disk", "what it is");
	data = next_reply(&out, &at, NBD_OPT_GO, NBD_REP_INFO, &len);
	ck_assert_uint_eq(len, 12);
	ck_assert_uint_eq(get(data, 2), NBD_INFO_EXPORT);
	ck_assert_uint_eq(get(data + 2, 8), 1ull << 40);
	ck_assert_uint_eq(get(data + 10, 2), geometry.flags);
	data = next_reply(&out, &at, NBD_OPT_GO, NBD_REP_INFO, &len);
	ck_assert_uint_eq(len, 14);
	ck_assert_uint_eq(get(data, 2), NBD_INFO_BLOCK_SIZE);
	ck_assert_uint_eq(get(data + 2, 4), 1);
	ck_assert_uint_eq(get(data + 6, 4), 4096);
	ck_assert_uint_eq(get(data + 10, 4), NBD_REQUEST_MAX);
	data = next_reply(&out, &at, NBD_OPT_GO, NBD_REP_INFO, &len);
	ck_assert_uint_eq(len, 6);
	ck_assert_uint_eq(get(data, 2), NBD_INFO_NAME);
	ck_assert_mem_eq(data + 2, "disk", 4);
	data = next_reply(&out, &at, NBD_OPT_GO, NBD_REP_INFO, &len);
	ck_assert_uint_eq(len, 12);
	ck_assert_uint_eq(get(data, 2), NBD_INFO_DESCRIPTION);
	ck_assert_mem_eq(data + 2, "what it is", 10);
	next_reply(&out, &at, NBD_OPT_GO, NBD_REP_ACK, &len);
	ck_assert_uint_eq(len, 0);
	ck_assert_uint_eq(at, out.len);
	nbd_out_reset(&out);
	/* What is not asked for by name; and a bdev of long blocks. */
	large.block_size = 65536;
	nbd_out_info(&out, NBD_OPT_INFO, &large, NULL, NULL);
	at = 0;
	data = next_reply(&out, &at, NBD_OPT_INFO, NBD_REP_INFO, &len);
	ck_assert_uint_eq(get(data, 2), NBD_INFO_EXPORT);
	data = next_reply(&out, &at, NBD_OPT_INFO, NBD_REP_INFO, &len);
	ck_assert_uint_eq(get(data, 2), NBD_INFO_BLOCK_SIZE);
	ck_assert_uint_eq(get(data + 2, 4), 1);
	ck_assert_uint_eq(get(data + 6, 4), 65536);
	next_reply(&out, &at, NBD_OPT_INFO, NBD_REP_ACK, &len);
	ck_assert_uint_eq(at, out.len);
	nbd_out_reset(&out);
}
END_TEST

START_TEST(lists_names)
{
	struct nbd_out out = {0};
	const uint8_t *data;
	size_t at = 0, len;

	nbd_out_server(&out, "one", "what");
	data = next_reply(&out, &at, NBD_OPT_LIST, NBD_REP_SERVER, &len);
	ck_assert_uint_eq(len, 11);
	ck_assert_uint_eq(get(data, 4), 3);
	ck_assert_mem_eq(data + 4, "onewhat", 7);
	ck_assert_uint_eq(at, out.len);
	nbd_out_reset(&out);
}
END_TEST

START_TEST(lists_contexts)
{
	struct nbd_out out = {0};
	const uint8_t *data;
	size_t at = 0, len;

	nbd_out_meta_context(&out, NBD_OPT_SET_META_CONTEXT, 1, "base:allocation");
	data = next_reply(&out, &at, NBD_OPT_SET_META_CONTEXT, NBD_REP_META_CONTEXT, &len);
	ck_assert_uint_eq(len, 4 + 15);
	ck_assert_uint_eq(get(data, 4), 1);
	ck_assert_mem_eq(data + 4, "base:allocation", 15);
	ck_assert_uint_eq(at, out.len);
	nbd_out_reset(&out);
}
END_TEST

START_TEST(answers_export_name_with_and_without_zeroes)
{
	static const uint8_t zeroes[124];
	struct nbd_out out = {0};

	nbd_out_export_name(&out, &geometry, true);
	ck_assert_uint_eq(out.len, 10);
	nbd_out_reset(&out);
	nbd_out_export_name(&out, &geometry, false);
	ck_assert_uint_eq(out.len, 134);
	ck_assert_uint_eq(get(out.bytes, 8), 1ull << 40);
	ck_assert_uint_eq(get(out.bytes + 8, 2), geometry.flags);
	ck_assert_mem_eq(out.bytes + 10, zeroes, sizeof(zeroes));
	nbd_out_reset(&out);
}
END_TEST

START_TEST(asks_about_exports)
{
	static const uint8_t go[] = {0, 0, 0, 1, 'x', 0, 1, 0, 1};
	struct nbd_lookup lookup = {0};
	struct nbd_out out = {0};

	ck_assert_int_eq(decide(NBD_OPT_GO, go, sizeof(go), &out, &lookup), NBD_OPTION_LOOK_UP);
	ck_assert_uint_eq(lookup.option, NBD_OPT_GO);
	ck_assert_uint_eq(lookup.name_len, 1);
	ck_assert_int_eq(lookup.name[0], 'x');
	ck_assert(lookup.wants_name);
	ck_assert_int_eq(decide(NBD_OPT_LIST, NULL, 0, &out, &lookup), NBD_OPTION_LOOK_UP);
	ck_assert_uint_eq(lookup.option, NBD_OPT_LIST);
	ck_assert_int_eq(decide(NBD_OPT_EXPORT_NAME, "disk", 4, &out, &lookup), NBD_OPTION_LOOK_UP);
	ck_assert_uint_eq(lookup.name_len, 4);
	ck_assert_uint_eq(out.len, 0);
}
END_TEST

START_TEST(refuses_options)
{
	static const struct {
		uint32_t option;
		const char *data;
		size_t len;
		uint32_t reply;
	} cases[] = {
		{NBD_OPT_STRUCTURED_REPLY, "data", 4, NBD_REP_ERR_INVALID},
		{NBD_OPT_STARTTLS, "", 0, NBD_REP_ERR_UNSUP},
		{11, "", 0, NBD_REP_ERR_UNSUP}, /* NBD_OPT_EXTENDED_HEADERS */
		{4711, "whatever", 8, NBD_REP_ERR_UNSUP},
		{NBD_OPT_LIST_META_CONTEXT, "\0\0\0\0\0\0\0\0", 8, NBD_REP_ERR_INVALID},
		{NBD_OPT_SET_META_CONTEXT, "\0\0\0\0\0\0\0\0", 8, NBD_REP_ERR_INVALID},
		{NBD_OPT_LIST, "data", 4, NBD_REP_ERR_INVALID},
		{NBD_OPT_GO, "\0\0\0\7ab\0\0", 8, NBD_REP_ERR_INVALID},
	};
	struct nbd_lookup lookup = {0};
	size_t i, at, len;

	for (i = 0; i < EBB_ARRAY_SIZE(cases); i++) {
		struct nbd_out out = {0};

		ck_assert_int_eq(decide(cases[i].option, cases[i].data, cases[i].len, &out,
					&lookup),
				 NBD_OPTION_REPLIED);
		at = 0;
		next_reply(&out, &at, cases[i].option, cases[i].reply, &len);
		ck_assert_uint_gt(len, 0);
		nbd_out_reset(&out);
	}
	ck_assert(!lookup.agreed.structured);
}
END_TEST

/* It holds for all options that come later. */
START_TEST(agrees_on_structured_replies)
{
	struct nbd_lookup lookup = {0};
	struct nbd_out out = {0};
	size_t at = 0, len;

	ck_assert_int_eq(decide(NBD_OPT_STRUCTURED_REPLY, NULL, 0, &out, &lookup),
			 NBD_OPTION_REPLIED);
	next_reply(&out, &at, NBD_OPT_STRUCTURED_REPLY, NBD_REP_ACK, &len);
	ck_assert_uint_eq(len, 0);
	ck_assert_uint_eq(at, out.len);
	nbd_out_reset(&out);
	ck_assert_int_eq(decide(NBD_OPT_LIST, NULL, 0, &out, &lookup), NBD_OPTION_LOOK_UP);
	ck_assert_int_eq(decide(NBD_OPT_EXPORT_NAME, "disk", 4, &out, &lookup), NBD_OPTION_LOOK_UP);
	ck_assert(lookup.agreed.structured);
}
END_TEST

/* They come after structured replies, and what is set stays set until it is set anew. */
START_TEST(asks_about_contexts)
{
	static const char set[] = "\0\0\0\1x\0\0\0\1\0\0\0\17base:allocation";
	static const struct exporter_export *const some = (void *)&geometry;
	struct nbd_lookup lookup = {.agreed = {.structured = true, .allocation = some}};
	struct nbd_parsed too_long = {.type = NBD_PARSED_OPTION_TOO_LONG,
				      .option = NBD_OPT_LIST_META_CONTEXT};
	struct nbd_out out = {0};
	size_t at = 0, len;

	ck_assert_int_eq(decide(NBD_OPT_LIST_META_CONTEXT, set, sizeof(set) - 1, &out, &lookup),
			 NBD_OPTION_LOOK_UP);
	ck_assert_uint_eq(lookup.option, NBD_OPT_LIST_META_CONTEXT);
	ck_assert_uint_eq(lookup.name_len, 1);
	ck_assert(lookup.wants_allocation);
	ck_assert_int_eq(nbd_handshake_option(&too_long, &out, &lookup), NBD_OPTION_REPLIED);
	next_reply(&out, &at, NBD_OPT_LIST_META_CONTEXT, NBD_REP_ERR_TOO_BIG, &len);
	nbd_out_reset(&out);
	ck_assert_ptr_eq(lookup.agreed.allocation, some);
	ck_assert_int_eq(decide(NBD_OPT_SET_META_CONTEXT, set, sizeof(set) - 1, &out, &lookup),
			 NBD_OPTION_LOOK_UP);
	ck_assert(lookup.wants_allocation);
	ck_assert_ptr_null(lookup.agreed.allocation);
	/* One that fails has set nothing, too. */
	lookup.agreed.allocation = some;
	ck_assert_int_eq(decide(NBD_OPT_SET_META_CONTEXT, set, sizeof(set) - 2, &out, &lookup),
			 NBD_OPTION_REPLIED);
	ck_assert_ptr_null(lookup.agreed.allocation);
	nbd_out_reset(&out);
	lookup.agreed.allocation = some;
	too_long.option = NBD_OPT_SET_META_CONTEXT;
	ck_assert_int_eq(nbd_handshake_option(&too_long, &out, &lookup), NBD_OPTION_REPLIED);
	ck_assert_ptr_null(lookup.agreed.allocation);
	nbd_out_reset(&out);
}
END_TEST

START_TEST(refuses_what_is_too_long)
{
	struct nbd_parsed parsed = {.type = NBD_PARSED_OPTION_TOO_LONG, .option = NBD_OPT_GO};
	static char name[NBD_NAME_MAX + 1];
	struct nbd_lookup lookup = {0};
	struct nbd_out out = {0};
	size_t at = 0, len;

	ck_assert_int_eq(nbd_handshake_option(&parsed, &out, &lookup), NBD_OPTION_REPLIED);
	next_reply(&out, &at, NBD_OPT_GO, NBD_REP_ERR_TOO_BIG, &len);
	nbd_out_reset(&out);
	parsed.option = NBD_OPT_EXPORT_NAME;
	ck_assert_int_eq(nbd_handshake_option(&parsed, &out, &lookup), NBD_OPTION_HANG_UP);
	ck_assert_int_eq(decide(NBD_OPT_EXPORT_NAME, name, sizeof(name), &out, &lookup),
			 NBD_OPTION_HANG_UP);
	ck_assert_uint_eq(out.len, 0);
}
END_TEST

START_TEST(says_goodbye)
{
	struct nbd_lookup lookup = {0};
	struct nbd_out out = {0};
	size_t at = 0, len;

	ck_assert_int_eq(decide(NBD_OPT_ABORT, NULL, 0, &out, &lookup), NBD_OPTION_ABORTED);
	next_reply(&out, &at, NBD_OPT_ABORT, NBD_REP_ACK, &len);
	ck_assert_uint_eq(at, out.len);
	nbd_out_reset(&out);
}
END_TEST

START_TEST(grows_without_losing)
{
	struct nbd_out out = {0};
	uint8_t piece[777];
	size_t i;

	for (i = 0; i < 50; i++) {
		memset(piece, (int)i, sizeof(piece));
		nbd_out_append(&out, piece, sizeof(piece));
	}
	ck_assert(!out.failed);
	ck_assert_uint_eq(out.len, 50 * sizeof(piece));
	for (i = 0; i < out.len; i++) {
		ck_assert_uint_eq(out.bytes[i], i / sizeof(piece));
	}
	nbd_out_reset(&out);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(greets),
		UNIT_TEST(tells_all_about_an_export),
		UNIT_TEST(lists_names),
		UNIT_TEST(lists_contexts),
		UNIT_TEST(answers_export_name_with_and_without_zeroes),
		UNIT_TEST(asks_about_exports),
		UNIT_TEST(refuses_options),
		UNIT_TEST(agrees_on_structured_replies),
		UNIT_TEST(asks_about_contexts),
		UNIT_TEST(refuses_what_is_too_long),
		UNIT_TEST(says_goodbye),
		UNIT_TEST(grows_without_losing),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
