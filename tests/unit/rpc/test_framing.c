/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/framing.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#define VALUES_MAX 16

/* What came out of a stream: each value as text, and why it broke. */
struct outcome {
	char *values[VALUES_MAX];
	size_t num_values;
	bool broken;
	struct ebb_method_error error;
};

static void outcome_free(struct outcome *outcome)
{
	for (size_t i = 0; i < outcome->num_values; i++) {
		free(outcome->values[i]);
	}
}

static void outcome_add(struct outcome *outcome, enum rpc_framing_status status,
			struct json_object *value)
{
	if (status == RPC_FRAMING_VALUE) {
		ck_assert_uint_lt(outcome->num_values, VALUES_MAX);
		outcome->values[outcome->num_values++] =
			strdup(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
		json_object_put(value);
	}
	outcome->broken = outcome->broken || status == RPC_FRAMING_BROKEN;
}

static void feed(struct rpc_framing *framing, const char *data, size_t len, struct outcome *outcome)
{
	while (len > 0 && !outcome->broken) {
		struct json_object *value = NULL;
		size_t used = 0;
		enum rpc_framing_status status =
			rpc_framing_next(framing, data, len, &used, &value, &outcome->error);

		ck_assert_uint_le(used, len);
		ck_assert(status != RPC_FRAMING_MORE || used == len);
		outcome_add(outcome, status, value);
		data += used;
		len -= used;
	}
}

static void end(struct rpc_framing *framing, struct outcome *outcome)
{
	struct json_object *value = NULL;
	enum rpc_framing_status status;

	if (!outcome->broken) {
		status = rpc_framing_end(framing, &value, &outcome->error);
		outcome_add(outcome, status, value);
	}
}

/* The same bytes, cut at two places: what comes out must not depend on that. */
static struct outcome run_cut(const char *data, size_t len, size_t first, size_t second)
{
	struct outcome outcome = {0};
	struct rpc_framing framing;

	rpc_framing_init(&framing, RPC_FRAMING_BYTES_MAX);
	feed(&framing, data, first, &outcome);
	feed(&framing, data + first, second - first, &outcome);
	feed(&framing, data + second, len - second, &outcome);
	end(&framing, &outcome);
	rpc_framing_fini(&framing);
	return outcome;
}

static void check_same(const struct outcome *one, const struct outcome *other)
{
	ck_assert_uint_eq(one->num_values, other->num_values);
	for (size_t i = 0; i < one->num_values; i++) {
		ck_assert_str_eq(one->values[i], other->values[i]);
	}
	ck_assert(one->broken == other->broken);
	if (one->broken) {
		ck_assert_int_eq(one->error.code, other->error.code);
	}
}

/* Runs @data whole, in every two and three pieces, and byte by byte. */
static struct outcome run_all_cuts(const char *data, size_t len)
{
	struct outcome whole = run_cut(data, len, len, len);
	struct outcome bytes = {0};
	struct rpc_framing framing;

	for (size_t first = 0; first <= len; first++) {
		for (size_t second = first; second <= len; second++) {
			struct outcome cut = run_cut(data, len, first, second);

			check_same(&whole, &cut);
			outcome_free(&cut);
		}
	}
	rpc_framing_init(&framing, RPC_FRAMING_BYTES_MAX);
	for (size_t i = 0; i < len; i++) {
		feed(&framing, data + i, 1, &bytes);
	}
	end(&framing, &bytes);
	check_same(&whole, &bytes);
	outcome_free(&bytes);
	rpc_framing_fini(&framing);
	return whole;
}

START_TEST(needs_no_newline)
{
	static const char text[] = "{\"a\":1}{\"b\":[2,3]} \n\t [4]\"x\"";
	struct outcome outcome = run_all_cuts(text, strlen(text));

	ck_assert_uint_eq(outcome.num_values, 4);
	ck_assert(!outcome.broken);
	ck_assert_str_eq(outcome.values[0], "{\"a\":1}");
	ck_assert_str_eq(outcome.values[1], "{\"b\":[2,3]}");
	ck_assert_str_eq(outcome.values[2], "[4]");
	ck_assert_str_eq(outcome.values[3], "\"x\"");
	outcome_free(&outcome);
}
END_TEST

START_TEST(is_not_misled_by_strings)
{
	static const char text[] =
		"{\"}{\\\"]\":\"\\\\\",\"\xc3\xa4\":\"\xf0\x9f\x90\x9f\\u00e4\"}1";
	struct outcome outcome = run_all_cuts(text, strlen(text));

	ck_assert_uint_eq(outcome.num_values, 2);
	ck_assert_str_eq(outcome.values[1], "1");
	outcome_free(&outcome);
}
END_TEST

START_TEST(takes_every_kind_of_value)
{
	static const char text[] = "null true false -1.5e3 18446744073709551615 \"\" [] {} 12";
	struct outcome outcome = run_all_cuts(text, strlen(text));

	ck_assert(!outcome.broken);
	ck_assert_uint_eq(outcome.num_values, 9);
	ck_assert_str_eq(outcome.values[0], "null");
	ck_assert_str_eq(outcome.values[3], "-1.5e3");
	ck_assert_str_eq(outcome.values[4], "18446744073709551615");
	ck_assert_str_eq(outcome.values[8], "12");
	outcome_free(&outcome);
}
END_TEST

START_TEST(breaks_at_garbage)
{
	static const struct {
		const char *text;
		size_t len;
		size_t num_values;
	} streams[] = {
		{"{\"a\":1}garbage{\"b\":2}", 21, 1},
		{"}", 1, 0},
		{"{\"a\" 1}", 7, 0},
		{"{'a':1}", 7, 0},
		{"[1,]", 4, 0},
		{"{]", 2, 0},
		{"[}", 2, 0},
		{"5-\n", 3, 0},
		{"1 ,2", 4, 1},
		{"truefalse", 9, 0},
		{"tru", 3, 0},
		{"-", 1, 0},
		{"[-]", 3, 0},
		{"[.5]", 4, 0},
		{"[+1]", 4, 0},
		{"[1e]", 4, 0},
		{"[Infinity]", 10, 0},
		{"['a']", 5, 0},
		{"\"a\nb\"", 5, 0},
		{"/* no */ {}", 11, 0},
		{"{\"a\":01}", 8, 0},
		{"[NaN]", 5, 0},
		{"{\"a\":1}\0{\"b\":2}", 15, 1},
		{"{\"a\0b\":1}", 9, 0},
		{"\"\xff\"", 3, 0},
		{"\"\xc0\xaf\"", 4, 0},
		{"\"\xed\xa0\x80\"", 5, 0},
		{"\"\xf4\x90\x80\x80\"", 6, 0},
		{"\"\xc3\"", 3, 0},
	};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(streams); i++) {
		struct outcome outcome = run_all_cuts(streams[i].text, streams[i].len);

		ck_assert_msg(outcome.broken, "not broken: %s", streams[i].text);
		ck_assert_int_eq(outcome.error.code, EBB_METHOD_PARSE_ERROR);
		ck_assert_uint_eq(outcome.num_values, streams[i].num_values);
		outcome_free(&outcome);
	}
}
END_TEST

START_TEST(breaks_at_an_end_in_the_middle)
{
	static const char text[] = "{\"a\":1}{\"b\":";
	struct outcome outcome = run_all_cuts(text, strlen(text));

	ck_assert(outcome.broken);
	ck_assert_int_eq(outcome.error.code, EBB_METHOD_PARSE_ERROR);
	ck_assert_uint_eq(outcome.num_values, 1);
	outcome_free(&outcome);
}
END_TEST

START_TEST(limits_the_depth)
{
	for (unsigned levels = RPC_FRAMING_DEPTH_MAX - 1; levels <= RPC_FRAMING_DEPTH_MAX + 2;
	     levels++) {
		for (unsigned kind = 0; kind < 3; kind++) {
			static const char *const inner[] = {"", "1", "\"x\""};
			char text[256] = "";
			struct outcome outcome;

			memset(text, '[', levels);
			strcat(text, inner[kind]);
			memset(text + strlen(text), ']', levels);
			outcome = run_cut(text, strlen(text), strlen(text), strlen(text));
			ck_assert(outcome.broken == (levels > RPC_FRAMING_DEPTH_MAX));
			if (outcome.broken) {
				ck_assert_int_eq(outcome.error.code, EBB_METHOD_INVALID_REQUEST);
				ck_assert_ptr_nonnull(strstr(outcome.error.text, "32"));
			}
			outcome_free(&outcome);
		}
	}
}
END_TEST

START_TEST(limits_objects_as_it_does_arrays)
{
	char text[512] = "";
	struct outcome outcome;

	for (unsigned i = 0; i < RPC_FRAMING_DEPTH_MAX + 1; i++) {
		strcat(text, i < RPC_FRAMING_DEPTH_MAX ? "{\"a\":" : "{");
	}
	memset(text + strlen(text), '}', RPC_FRAMING_DEPTH_MAX + 1);
	outcome = run_cut(text, strlen(text), 7, 9);
	ck_assert(outcome.broken);
	ck_assert_int_eq(outcome.error.code, EBB_METHOD_INVALID_REQUEST);
}
END_TEST

START_TEST(limits_the_size)
{
	char *text = malloc(RPC_FRAMING_BYTES_MAX + 64);
	struct outcome outcome;

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', RPC_FRAMING_BYTES_MAX + 64);
	text[0] = '"';
	text[RPC_FRAMING_BYTES_MAX - 1] = '"';
	text[RPC_FRAMING_BYTES_MAX] = '1';
	outcome = run_cut(text, RPC_FRAMING_BYTES_MAX + 1, 1000, 70000);
	ck_assert(!outcome.broken);
	ck_assert_uint_eq(outcome.num_values, 2);
	outcome_free(&outcome);

	text[RPC_FRAMING_BYTES_MAX - 1] = 'x';
	text[RPC_FRAMING_BYTES_MAX] = '"';
	outcome = run_cut(text, RPC_FRAMING_BYTES_MAX + 1, 1000, 70000);
	ck_assert(outcome.broken);
	ck_assert_int_eq(outcome.error.code, EBB_METHOD_INVALID_REQUEST);
	ck_assert_ptr_nonnull(strstr(outcome.error.text, "1048576"));
	outcome_free(&outcome);
	free(text);
}
END_TEST

START_TEST(does_not_count_space_between)
{
	char *text = malloc(RPC_FRAMING_BYTES_MAX + 64);
	struct outcome outcome;

	ck_assert_ptr_nonnull(text);
	memset(text, ' ', RPC_FRAMING_BYTES_MAX + 64);
	text[RPC_FRAMING_BYTES_MAX + 60] = '1';
	outcome = run_cut(text, RPC_FRAMING_BYTES_MAX + 64, 1000, 70000);
	ck_assert(!outcome.broken);
	ck_assert_uint_eq(outcome.num_values, 1);
	outcome_free(&outcome);
	free(text);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(needs_no_newline),
		UNIT_TEST(is_not_misled_by_strings),
		UNIT_TEST(takes_every_kind_of_value),
		UNIT_TEST(breaks_at_garbage),
		UNIT_TEST(breaks_at_an_end_in_the_middle),
		UNIT_TEST(limits_the_depth),
		UNIT_TEST(limits_objects_as_it_does_arrays),
		UNIT_TEST(limits_the_size),
		UNIT_TEST(does_not_count_space_between),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
