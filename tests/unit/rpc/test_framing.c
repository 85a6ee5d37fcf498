/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/framing.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fixtures/json_cases.h"
#include "tests/unit/need.h"
#include "tests/unit/unit.h"

#define VALUES_MAX 16

/* A heap that has no memory for one allocation, after so many. */
static long allocations_left = LONG_MAX;

#ifndef UNIT_HEAP_IS_TAKEN
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

void *malloc(size_t size)
{
	return allocations_left-- == 0 ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return allocations_left-- == 0 ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
	return allocations_left-- == 0 ? NULL : __libc_realloc(memory, size);
}
#endif

/* What came out of a stream: each value as text, and why it broke. */
struct outcome {
	char *values[VALUES_MAX];
	size_t num_values;
	bool faulty; /* one of them has a fault, or a member of one */
	bool broken;
	struct ebb_method_error error;
};

static void outcome_free(struct outcome *outcome)
{
	for (size_t i = 0; i < outcome->num_values; i++) {
		free(outcome->values[i]);
	}
}

static bool has_fault(struct json_object *value)
{
	bool found = rpc_framing_fault(value) != NULL;

	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++) {
			found = found || has_fault(json_object_array_get_idx(value, i));
		}
	}
	return found;
}

static void outcome_add(struct outcome *outcome, enum rpc_framing_status status,
			struct json_object *value)
{
	if (status == RPC_FRAMING_VALUE) {
		ck_assert_uint_lt(outcome->num_values, VALUES_MAX);
		outcome->values[outcome->num_values++] =
			strdup(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
		outcome->faulty = outcome->faulty || has_fault(value);
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
	ck_assert(one->faulty == other->faulty);
	ck_assert(one->broken == other->broken);
	if (one->broken) {
		ck_assert_int_eq(one->error.code, other->error.code);
	}
}

static void check_cut(const struct outcome *whole, const char *data, size_t len, size_t first,
		      size_t second)
{
	struct outcome cut = run_cut(data, len, first, second);

	check_same(whole, &cut);
	outcome_free(&cut);
}

/* Runs @data whole, in every two pieces, and byte by byte. */
static struct outcome run_cuts(const char *data, size_t len)
{
	struct outcome whole = run_cut(data, len, len, len);
	struct outcome bytes = {0};
	struct rpc_framing framing;

	for (size_t first = 0; first <= len; first++) {
		check_cut(&whole, data, len, first, len);
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

/* And in every three pieces. */
static struct outcome run_all_cuts(const char *data, size_t len)
{
	struct outcome whole = run_cuts(data, len);

	for (size_t first = 0; first <= len; first++) {
		for (size_t second = first; second <= len; second++) {
			check_cut(&whole, data, len, first, second);
		}
	}
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

/* Whatever the cuts. */
START_TEST(takes_and_refuses_as_files_do)
{
	for (size_t i = 0; i < EBB_ARRAY_SIZE(json_cases); i++) {
		const struct json_case *json = &json_cases[i];
		struct outcome outcome = run_cuts(json->text, json->len);
		bool broken = json->verdict == JSON_REFUSED || json->verdict == JSON_FILE_ONLY;

		ck_assert_msg(outcome.broken == broken, "%.*s: %s", (int)json->len, json->text,
			      outcome.broken ? outcome.error.text : "taken");
		ck_assert(!broken || outcome.error.code == EBB_METHOD_PARSE_ERROR ||
			  strstr(outcome.error.text, "levels nested") != NULL);
		ck_assert(outcome.faulty == (json->verdict == JSON_BAD_NAME));
		outcome_free(&outcome);
	}
}
END_TEST

START_TEST(keeps_numbers_as_they_were_sent)
{
	static const char text[] =
		"[1.0,1e2,1E+2,-0,-0.0,12345678901234567890123,18446744073709551616,"
		"-9223372036854775809,1e999,0.10,100000000000000000000000000000000000000000000000"
		"0000000000000000000000000000000000.5,-9223372036854775808]";
	struct outcome outcome = run_cuts(text, strlen(text));

	ck_assert_uint_eq(outcome.num_values, 1);
	ck_assert_str_eq(outcome.values[0], text);
	outcome_free(&outcome);
}
END_TEST

static struct json_object *framed(const char *text)
{
	struct json_object *value = NULL;
	struct ebb_method_error error;
	struct rpc_framing framing;
	size_t used;

	rpc_framing_init(&framing, RPC_FRAMING_BYTES_MAX);
	ck_assert_int_eq(rpc_framing_next(&framing, text, strlen(text), &used, &value, &error),
			 RPC_FRAMING_VALUE);
	rpc_framing_fini(&framing);
	return value;
}

static void check_fault(struct json_object *value, bool in_id, const char *expected)
{
	const struct rpc_framing_fault *fault = rpc_framing_fault(value);

	ck_assert_ptr_nonnull(fault);
	ck_assert_str_eq(fault->text, expected);
	ck_assert(fault->in_id == in_id);
}

/* Of a batch, only the members that have it are at fault; the first is told. */
START_TEST(says_where_a_name_comes_twice)
{
	struct json_object *value = framed("{\"id\":1,\"params\":{\"x\":[0,{\"a\":1,\"a\":2}]}}");

	check_fault(value, false,
		    "the name \"a\" comes twice in params.x[1], the second time at byte 33");
	json_object_put(value);
	value = framed("[{\"id\":1,\"id\":1},{\"a\":{\"id\":1}},{\"a\":{\"id\":1,\"id\":2},"
		       "\"a\\u0000\":0}]");
	check_fault(json_object_array_get_idx(value, 0), true,
		    "the name \"id\" comes twice in [0], the second time at byte 10");
	ck_assert_ptr_null(rpc_framing_fault(json_object_array_get_idx(value, 1)));
	check_fault(json_object_array_get_idx(value, 2), false,
		    "the name \"id\" comes twice in [2].a, the second time at byte 46");
	json_object_put(value);
	value = framed("{\"id\\u0000\":1}");
	check_fault(value, true,
		    "a name in the outermost object, at byte 2, contains a NUL character");
	json_object_put(value);
}
END_TEST

/* Its length is right, but what json-c would make of it is more than a hundred times as large. */
START_TEST(limits_the_memory)
{
	char *text = malloc(RPC_FRAMING_BYTES_MAX + 64);
	size_t len = 1;
	struct json_object *value;

	ck_assert_ptr_nonnull(text);
	text[0] = '[';
	while (len + 4 < RPC_FRAMING_BYTES_MAX) {
		len += (size_t)sprintf(text + len, "{},");
	}
	len += (size_t)sprintf(text + len, "1]");
	value = framed(text);
	ck_assert_ptr_nonnull(
		strstr(rpc_framing_fault(value)->text, "more than 67108864 bytes of memory"));
	ck_assert(rpc_framing_fault(value)->in_id);
	json_object_put(value);

	/* As many numbers as there can be are not too many. */
	for (size_t i = 1; i < RPC_FRAMING_BYTES_MAX - 1; i++) {
		text[i] = i % 2 != 0 ? '1' : ',';
	}
	text[RPC_FRAMING_BYTES_MAX - 1] = ']';
	text[RPC_FRAMING_BYTES_MAX - 2] = '1';
	text[RPC_FRAMING_BYTES_MAX - 3] = '1';
	text[RPC_FRAMING_BYTES_MAX] = '\0';
	value = framed(text);
	ck_assert_uint_gt(json_object_array_length(value), 500000);
	json_object_put(value);
	free(text);
}
END_TEST

/* What is wrong with a value is never forgotten. */
START_TEST(breaks_where_there_is_no_memory)
{
	static const char text[] = "[{\"id\":1,\"params\":{\"a\":[1.5],\"a\":\"\\n\"}}]";
	enum rpc_framing_status status = RPC_FRAMING_BROKEN;
	long after = 0;

	need_heap();
	while (status == RPC_FRAMING_BROKEN) {
		struct json_object *value = NULL;
		struct ebb_method_error error = {0};
		struct rpc_framing framing;
		size_t used;

		rpc_framing_init(&framing, RPC_FRAMING_BYTES_MAX);
		allocations_left = after++;
		status = rpc_framing_next(&framing, text, 9, &used, &value, &error);
		if (status == RPC_FRAMING_MORE) {
			status = rpc_framing_next(&framing, text + 9, strlen(text) - 9, &used,
						  &value, &error);
		}
		allocations_left = LONG_MAX;
		if (status == RPC_FRAMING_BROKEN) {
			ck_assert_ptr_nonnull(strstr(error.text, "out of memory"));
		} else {
			check_fault(json_object_array_get_idx(value, 0), false,
				    "the name \"a\" comes twice in [0].params, the second time at "
				    "byte 30");
			json_object_put(value);
		}
		rpc_framing_fini(&framing);
	}
	ck_assert_int_gt(after, 15);
}
END_TEST

START_TEST(says_what_was_expected)
{
	static const char *const rows[][2] = {
		{"{\"a\":[1,]}", "parse error at byte 9: expected a value"},
		{" \n {\"a\" 1}", "parse error at byte 6: expected a colon after the name"},
		{"{\"a\":-x}",
		 "parse error at byte 7: a number that is not legal JSON: expected a"},
		{"/**/{}", "parse error at byte 1: expected a value: there are no comments here"},
		{"\xef\xbb\xbf{}",
		 "parse error at byte 1: expected a value: there is no byte-order"},
	};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(rows); i++) {
		size_t len = strlen(rows[i][0]);
		struct outcome outcome = run_cut(rows[i][0], len, 2, 3);

		ck_assert(outcome.broken);
		ck_assert_msg(strstr(outcome.error.text, rows[i][1]) == outcome.error.text, "%s",
			      outcome.error.text);
		outcome_free(&outcome);
	}
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
		UNIT_TEST(takes_and_refuses_as_files_do),
		UNIT_TEST(keeps_numbers_as_they_were_sent),
		UNIT_TEST(says_where_a_name_comes_twice),
		UNIT_TEST(limits_the_memory),
		UNIT_TEST(breaks_where_there_is_no_memory),
		UNIT_TEST(says_what_was_expected),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
