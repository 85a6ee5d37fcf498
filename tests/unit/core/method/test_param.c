/* SPDX-License-Identifier: Apache-2.0 */
#include "core/method/param.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json_build.h"
#include "tests/unit/unit.h"

struct values {
	bool flag;
	int32_t i32;
	uint32_t u32;
	uint64_t u64;
	char *text;
	uint8_t uuid[16];
	int word;
	struct json_object *any;
	bool u32_given;
};

static const char *const words[] = {"poll", "interrupt", "adaptive", NULL};

static const struct ebb_param table[] = {
	EBB_PARAM(struct values, flag, EBB_PARAM_BOOL, .optional = true),
	EBB_PARAM(struct values, i32, EBB_PARAM_INT32, .optional = true),
	EBB_PARAM(struct values, u32, EBB_PARAM_UINT32, .optional = true, .min = 512, .max = 4096,
		  .given_offset = offsetof(struct values, u32_given), .help = "bytes"),
	EBB_PARAM(struct values, u64, EBB_PARAM_UINT64, .optional = true),
	EBB_PARAM(struct values, text, EBB_PARAM_STRING),
	EBB_PARAM(struct values, uuid, EBB_PARAM_UUID, .optional = true),
	EBB_PARAM(struct values, word, EBB_PARAM_ENUM, .optional = true, .names = words),
	EBB_PARAM(struct values, any, EBB_PARAM_ANY, .optional = true),
};

static const struct values defaults = {.u32 = 512, .word = 2};

static const struct ebb_method method = {
	.name = "test_method",
	.alias = "test_alias",
	.states = EBB_METHOD_RUNTIME,
	.help = "does nothing",
	.params = table,
	.num_params = EBB_ARRAY_SIZE(table),
	.params_size = sizeof(struct values),
	.defaults = &defaults,
};

static const struct ebb_method bare_method = {.name = "test_bare"};

static struct json_object *json;
static struct values values;
static struct ebb_method_error error;

static void teardown(void)
{
	json_object_put(json);
	json = NULL;
}

/* The strings that are decoded are borrowed from json, so it lives on to the test's end. */
static int decode_by(const struct ebb_method *by, const char *text)
{
	json_object_put(json);
	json = NULL;
	if (text != NULL) {
		ck_assert_int_eq(base_json_parse(text, strlen(text), &json), 0);
	}
	error = (struct ebb_method_error){0};
	return method_param_decode(by, json, &values, &error);
}

static int decode(const char *text)
{
	return decode_by(&method, text);
}

/* @text is refused, and the error has each of the two pieces. */
static void check_refused(const char *text, const char *piece1, const char *piece2)
{
	ck_assert_int_eq(decode(text), -EINVAL);
	ck_assert_int_eq(error.code, EBB_METHOD_INVALID_PARAMS);
	ck_assert_msg(strstr(error.text, piece1) != NULL, "%s: no \"%s\"", error.text, piece1);
	ck_assert_msg(strstr(error.text, piece2) != NULL, "%s: no \"%s\"", error.text, piece2);
}

START_TEST(takes_every_type)
{
	static const uint8_t uuid[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
					 0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF};

	ck_assert_int_eq(decode("{\"flag\": true, \"i32\": -5, \"u32\": 4096,"
				"\"u64\": 18446744073709551615, \"text\": \"disk\","
				"\"uuid\": \"01234567-89ab-cdef-0123-456789ABCDEF\","
				"\"word\": \"interrupt\", \"any\": [1]}"),
			 0);
	ck_assert(values.flag);
	ck_assert_int_eq(values.i32, -5);
	ck_assert_uint_eq(values.u32, 4096);
	ck_assert(values.u32_given);
	ck_assert_uint_eq(values.u64, UINT64_MAX);
	ck_assert_str_eq(values.text, "disk");
	ck_assert_mem_eq(values.uuid, uuid, sizeof(uuid));
	ck_assert_int_eq(values.word, 1);
	ck_assert(json_object_is_type(values.any, json_type_array));
}
END_TEST

START_TEST(fills_in_defaults)
{
	ck_assert_int_eq(decode("{\"text\": \"\", \"u64\": null}"), 0);
	ck_assert_uint_eq(values.u32, 512);
	ck_assert(!values.u32_given);
	ck_assert_int_eq(values.word, 2);
	ck_assert_uint_eq(values.u64, 0);
	ck_assert_str_eq(values.text, "");
}
END_TEST

START_TEST(names_what_is_unknown)
{
	check_refused("{\"text\": \"x\", \"nmae\": 1}", "\"nmae\"", "flag, i32, u32");
	ck_assert_ptr_nonnull(strstr(error.text, "\"test_method\""));
	ck_assert_int_eq(decode_by(&bare_method, "{\"a\": 1}"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.text, "no parameters"));
}
END_TEST

START_TEST(names_what_is_missing)
{
	check_refused("{}", "\"text\"", "missing; it is a string");
	check_refused(NULL, "\"text\"", "missing");
	check_refused("{\"text\": null}", "\"text\"", "not null");
}
END_TEST

START_TEST(says_what_was_expected)
{
	check_refused("{\"text\": 7}", "must be a string", "not the number 7");
	check_refused("{\"text\": [7]}", "must be a string", "not an array");
	check_refused("{\"text\": \"\", \"flag\": 1}", "true or false", "the number 1");
	check_refused("{\"text\": \"\", \"u32\": \"512\"}", "an integer", "the string \"512\"");
	check_refused("{\"text\": \"\", \"u32\": 512.5}", "an integer", "512.5");
	check_refused("{\"text\": \"\", \"i32\": {}}", "an integer", "an object");
	check_refused("{\"text\": \"\", \"i32\": 0.5}", "an integer", "0.5");
	check_refused("{\"text\": \"\", \"word\": 1}", "a word", "the number 1");
	check_refused("{\"text\": \"\", \"uuid\": false}", "a UUID", "a boolean");
	ck_assert_int_eq(decode("[1]"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.text, "by name"));
}
END_TEST

START_TEST(holds_ranges)
{
	check_refused("{\"text\": \"\", \"u32\": 511}", "is 511", "at least 512");
	check_refused("{\"text\": \"\", \"u32\": 4097}", "is 4097", "at most 4096");
	check_refused("{\"text\": \"\", \"u32\": -1}", "is -1", "at least 512");
	check_refused("{\"text\": \"\", \"u64\": -1}", "is -1", "at least 0");
	check_refused("{\"text\": \"\", \"i32\": 2147483648}", "is 2147483648", "2147483647");
	check_refused("{\"text\": \"\", \"i32\": -2147483649}", "is -2147483649", "-2147483648");
	ck_assert_int_eq(decode("{\"text\": \"\", \"u32\": 512, \"i32\": -2147483648}"), 0);
}
END_TEST

START_TEST(takes_integers_however_written)
{
	ck_assert_int_eq(decode("{\"text\": \"\", \"u64\": 1e6, \"u32\": 1024.0, \"i32\": -2.0}"),
			 0);
	ck_assert_uint_eq(values.u64, 1000000);
	ck_assert_uint_eq(values.u32, 1024);
	ck_assert_int_eq(values.i32, -2);
	check_refused("{\"text\": \"\", \"u64\": 1e40}", "\"u64\"", "1e40");
	check_refused("{\"text\": \"\", \"u64\": -1.0}", "\"u64\"", "-1.0");
	ck_assert_int_eq(decode("{\"text\": \"\", \"u64\": -0, \"i32\": -0.0e5}"), 0);
	ck_assert_uint_eq(values.u64, 0);
	ck_assert_int_eq(values.i32, 0);
}
END_TEST

/* Nothing is rounded, and nothing is moved to the nearest number that has room. */
START_TEST(takes_integers_exactly)
{
	ck_assert_int_eq(decode("{\"text\": \"\", \"u64\": 9223372036854775808}"), 0);
	ck_assert_uint_eq(values.u64, (uint64_t)INT64_MAX + 1);
	ck_assert_int_eq(decode("{\"text\": \"\", \"u64\": 9007199254740993.0}"), 0);
	ck_assert_uint_eq(values.u64, 9007199254740993);
	ck_assert_int_eq(decode("{\"text\": \"\", \"u64\": 1.8446744073709551615e19}"), 0);
	ck_assert_uint_eq(values.u64, UINT64_MAX);
	check_refused("{\"text\": \"\", \"u64\": 18446744073709551616}", "64 bits",
		      "not the number 18446744073709551616");
	check_refused("{\"text\": \"\", \"u64\": 1.00000000000000001}", "\"u64\"",
		      "the number 1.00000000000000001");
	check_refused("{\"text\": \"\", \"u32\": 512.000000000000000000001}", "\"u32\"",
		      "an integer");
	check_refused("{\"text\": \"\", \"u32\": 1e3000}", "\"u32\"", "an integer");
	check_refused("{\"text\": \"\", \"u32\": 1e-3000}", "\"u32\"", "an integer");
	check_refused("{\"text\": \"\", \"i32\": 9223372036854775808}", "is 9223372036854775808",
		      "2147483647");
	check_refused("{\"text\": \"\", \"i32\": -9223372036854775809}", "is -9223372036854775809",
		      "-2147483648");
}
END_TEST

START_TEST(lists_the_legal_words)
{
	check_refused("{\"text\": \"\", \"word\": \"fast\"}", "\"fast\"",
		      "one of: poll, interrupt, adaptive");
}
END_TEST

START_TEST(takes_words_in_any_case)
{
	ck_assert_int_eq(decode("{\"text\": \"\", \"word\": \"POLL\"}"), 0);
	ck_assert_int_eq(values.word, 0);
	ck_assert_int_eq(decode("{\"text\": \"\", \"word\": \"Interrupt\"}"), 0);
	ck_assert_int_eq(values.word, 1);
}
END_TEST

START_TEST(refuses_bad_strings)
{
	struct json_object *object = json_object_new_object();
	char text[METHOD_PARAM_STRING_MAX + 2];

	check_refused("{\"text\": \"a\\u0000b\"}", "\"text\"", "byte 1 is 0x00");
	check_refused("{\"text\": \"disk\\n\"}", "\"text\"", "byte 4 is 0x0a");
	check_refused("{\"text\": \"\\u007f\"}", "\"text\"", "byte 0 is 0x7f");
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	json_object_object_add(object, "text", json_object_new_string(text));
	ck_assert_int_eq(method_param_decode(&method, object, &values, &error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.text, "at most 4095"));
	text[METHOD_PARAM_STRING_MAX] = '\0';
	json_object_object_add(object, "text", json_object_new_string(text));
	ck_assert_int_eq(method_param_decode(&method, object, &values, &error), 0);
	json_object_put(object);
}
END_TEST

START_TEST(refuses_bad_uuids)
{
	static const char *const bad[] = {
		"",
		"01234567-89ab-cdef-0123-456789abcde",
		"01234567-89ab-cdef-0123-456789abcdef0",
		"0123456789abcdef0123456789abcdef",
		"g1234567-89ab-cdef-0123-456789abcdef",
		"01234567+89ab-cdef-0123-456789abcdef",
	};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(bad); i++) {
		char text[128];

		snprintf(text, sizeof(text), "{\"text\": \"\", \"uuid\": \"%s\"}", bad[i]);
		check_refused(text, "\"uuid\"", "must be a UUID");
	}
}
END_TEST

START_TEST(takes_no_parameters_in_any_form)
{
	ck_assert_int_eq(decode_by(&bare_method, NULL), 0);
	ck_assert_int_eq(decode_by(&bare_method, "{}"), 0);
	ck_assert_int_eq(decode_by(&bare_method, "[]"), 0);
}
END_TEST

START_TEST(prints_help_from_the_table)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(out);
	method_param_help_print(&method, out);
	method_param_help_print(&bare_method, out);
	fclose(out);
	ck_assert_ptr_nonnull(strstr(text, "test_method: does nothing"));
	ck_assert_ptr_nonnull(strstr(text, "Also called test_alias"));
	ck_assert_ptr_nonnull(strstr(text, "512..4096"));
	ck_assert_ptr_nonnull(strstr(text, "optional; bytes (default 512)"));
	ck_assert_ptr_nonnull(strstr(text, "poll|interrupt|adaptive"));
	ck_assert_ptr_nonnull(strstr(text, "(default adaptive)"));
	ck_assert_ptr_nonnull(strstr(text, "needed"));
	ck_assert_ptr_nonnull(strstr(text, "It takes no parameters."));
	free(text);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(NULL, teardown),
		UNIT_TEST(takes_every_type),
		UNIT_TEST(fills_in_defaults),
		UNIT_TEST(names_what_is_unknown),
		UNIT_TEST(names_what_is_missing),
		UNIT_TEST(says_what_was_expected),
		UNIT_TEST(holds_ranges),
		UNIT_TEST(takes_integers_however_written),
		UNIT_TEST(takes_integers_exactly),
		UNIT_TEST(lists_the_legal_words),
		UNIT_TEST(takes_words_in_any_case),
		UNIT_TEST(refuses_bad_strings),
		UNIT_TEST(refuses_bad_uuids),
		UNIT_TEST(takes_no_parameters_in_any_form),
		UNIT_TEST(prints_help_from_the_table),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
