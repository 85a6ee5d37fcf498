/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/envelope.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/framing.h"
#include "tests/unit/need.h"
#include "tests/unit/unit.h"

/* A heap that has no memory for one allocation, after so many. */
static long allocations_left = LONG_MAX;

#ifndef UNIT_HEAP_IS_TAKEN
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);

void *malloc(size_t size)
{
	return allocations_left-- == 0 ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return allocations_left-- == 0 ? NULL : __libc_calloc(count, size);
}
#endif

static struct json_object *json;
static struct rpc_envelope envelope;
static struct ebb_method_error error;

static void teardown(void)
{
	json_object_put(json);
	json = NULL;
}

static struct json_object *framed(const char *text)
{
	struct ebb_method_error broken;
	struct json_object *value = NULL;
	struct rpc_framing framing;
	size_t used;

	rpc_framing_init(&framing, RPC_FRAMING_BYTES_MAX);
	if (rpc_framing_next(&framing, text, strlen(text), &used, &value, &broken) ==
	    RPC_FRAMING_MORE) {
		ck_assert_int_eq(rpc_framing_end(&framing, &value, &broken), RPC_FRAMING_VALUE);
	}
	rpc_framing_fini(&framing);
	return value;
}

static int parse(const char *text)
{
	json_object_put(json);
	json = framed(text);
	return rpc_envelope_parse(json, &envelope, &error);
}

static void check_refused(const char *text, const char *piece)
{
	ck_assert_int_eq(parse(text), -EINVAL);
	ck_assert_int_eq(error.code, EBB_METHOD_INVALID_REQUEST);
	ck_assert_msg(strstr(error.text, piece) != NULL, "%s: no \"%s\"", error.text, piece);
}

START_TEST(reads_a_request)
{
	ck_assert_int_eq(parse("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":{\"a\":1},"
			       "\"id\":7}"),
			 0);
	ck_assert_str_eq(envelope.method, "m");
	ck_assert(json_object_is_type(envelope.params, json_type_object));
	ck_assert_int_eq(json_object_get_int(envelope.id), 7);
	ck_assert(!envelope.notification);
}
END_TEST

START_TEST(does_without_what_may_be_left_out)
{
	ck_assert_int_eq(parse("{\"method\":\"m\",\"params\":null}"), 0);
	ck_assert(envelope.notification);
	ck_assert_ptr_null(envelope.params);
}
END_TEST

START_TEST(tells_a_null_id_from_none)
{
	ck_assert_int_eq(parse("{\"method\":\"m\",\"id\":null}"), 0);
	ck_assert(!envelope.notification);
	ck_assert_ptr_null(envelope.id);
}
END_TEST

START_TEST(refuses_what_is_no_request)
{
	check_refused("null", "object");
	check_refused("[]", "object");
	check_refused("\"m\"", "object");
	check_refused("{\"method\":\"m\",\"id\":true}", "\"id\"");
	check_refused("{\"method\":\"m\",\"id\":[1]}", "\"id\"");
	check_refused("{\"method\":\"m\",\"id\":{}}", "\"id\"");
	ck_assert_ptr_null(envelope.id);
	check_refused("{\"id\":1}", "\"method\"");
	ck_assert_int_eq(json_object_get_int(envelope.id), 1);
	check_refused("{\"method\":1,\"id\":\"x\"}", "\"method\"");
	check_refused("{\"method\":\"m\\u0000\",\"id\":1}", "NUL");
	check_refused("{\"jsonrpc\":\"1.0\",\"method\":\"m\"}", "\"jsonrpc\"");
	check_refused("{\"jsonrpc\":2.0,\"method\":\"m\"}", "\"jsonrpc\"");
	check_refused("{\"method\":\"m\",\"params\":1}", "\"params\"");
	check_refused("{\"method\":\"m\",\"param\":{},\"id\":2}", "\"param\"");
	ck_assert_int_eq(json_object_get_int(envelope.id), 2);
}
END_TEST

/* The id is told, unless it is what comes twice. */
START_TEST(refuses_a_name_that_comes_twice)
{
	check_refused("{\"id\":5,\"method\":\"m\",\"params\":{\"a\":1,\"a\":2}}",
		      "\"a\" comes twice");
	ck_assert_int_eq(json_object_get_int(envelope.id), 5);
	check_refused("{\"method\":\"m\",\"\\u006dethod\":\"n\",\"id\":6}", "\"method\" comes");
	ck_assert_int_eq(json_object_get_int(envelope.id), 6);
	check_refused("{\"method\":\"m\",\"method\":\"m\"}", "invalid request: the name");
	ck_assert_ptr_null(envelope.id);
	check_refused("{\"id\":5,\"id\":5,\"method\":\"m\"}", "\"id\" comes twice");
	ck_assert_ptr_null(envelope.id);
	check_refused("{\"a\":{\"x\":1,\"x\":1},\"id\":5,\"id\":6,\"method\":\"m\"}",
		      "\"x\" comes twice in a");
	ck_assert_ptr_null(envelope.id);
}
END_TEST

static void check_answer(const char *id, struct json_object *result,
			 const struct ebb_method_error *how, const char *expected)
{
	struct json_object *id_json = framed(id);
	struct json_object *answer = rpc_envelope_answer(id_json, result, how);

	ck_assert_str_eq(json_object_to_json_string_ext(answer,
							JSON_C_TO_STRING_PLAIN |
								JSON_C_TO_STRING_NOSLASHESCAPE),
			 expected);
	json_object_put(answer);
	json_object_put(id_json);
}

START_TEST(gives_every_kind_of_id_back)
{
	static const char *const ids[] = {"1",    "1.50",   "\"x\"", "null",
					  "true", "[1,{}]", "-0",    "1.0",
					  "1e2",  "1E+02",  "0e0",   "12345678901234567890123",
					  "1e99", "-1.5e9", "\"\"",  "\"/\""};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(ids); i++) {
		char expected[128];

		snprintf(expected, sizeof(expected),
			 "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":null}", ids[i]);
		check_answer(ids[i], NULL, NULL, expected);
	}
}
END_TEST

START_TEST(wraps_a_result_or_an_error)
{
	struct ebb_method_error how = {.code = -19, .text = "bdev \"x\" is gone"};

	check_answer("1", json_object_new_boolean(true), NULL,
		     "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":true}");
	check_answer("1", NULL, &how,
		     "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-19,\"message\":\"bdev "
		     "\\\"x\\\" is gone\"}}");
}
END_TEST

START_TEST(never_sends_what_is_not_utf8)
{
	static const struct {
		const char *text;
		const char *told;
	} texts[] = {
		{"a\xff"
		 "b",
		 "a?b"},
		{"cut \xe2\x82", "cut "},
		{"\xc3"
		 "\xc3\xa4",
		 "?\xc3\xa4"},
		{"\xe2\x82\xac", "\xe2\x82\xac"},
	};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(texts); i++) {
		struct ebb_method_error how = {.code = -1};
		char expected[128];

		snprintf(how.text, sizeof(how.text), "%s", texts[i].text);
		snprintf(expected, sizeof(expected),
			 "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-1,\"message\":\"%"
			 "s\"}}",
			 texts[i].told);
		check_answer("null", NULL, &how, expected);
	}
}
END_TEST

/* Where there is no memory for it there is none, and that is no end of the process. */
START_TEST(an_answer_needs_memory)
{
	unsigned missing = 0;

	need_heap();
	for (long after = 0; after < 40; after++) {
		struct ebb_method_error how = {.code = -1, .text = "why"};
		struct json_object *answer;

		allocations_left = after;
		answer = rpc_envelope_answer(NULL, NULL, &how);
		allocations_left = LONG_MAX;
		missing += answer == NULL;
		json_object_put(answer);
	}
	ck_assert_uint_ge(missing, 2); /* itself, and the error in it */
	ck_assert_uint_lt(missing, 40);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(NULL, teardown),
		UNIT_TEST(reads_a_request),
		UNIT_TEST(does_without_what_may_be_left_out),
		UNIT_TEST(tells_a_null_id_from_none),
		UNIT_TEST(refuses_what_is_no_request),
		UNIT_TEST(refuses_a_name_that_comes_twice),
		UNIT_TEST(gives_every_kind_of_id_back),
		UNIT_TEST(wraps_a_result_or_an_error),
		UNIT_TEST(never_sends_what_is_not_utf8),
		UNIT_TEST(an_answer_needs_memory),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
