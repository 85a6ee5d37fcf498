/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/json_build.h"

#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/base.h>

#include "tests/unit/need.h"
#include "tests/unit/unit.h"

/* A heap that has no memory for one allocation, after so many. */
static long allocations_left = LONG_MAX;
static long allocations_live;

#ifndef UNIT_HEAP_IS_TAKEN
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void __libc_free(void *memory);

static bool heap_is_full(void)
{
	return allocations_left-- == 0;
}

static void *allocated(void *memory)
{
	allocations_live += memory != NULL ? 1 : 0;
	return memory;
}

void *malloc(size_t size)
{
	return heap_is_full() ? NULL : allocated(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
	return heap_is_full() ? NULL : allocated(__libc_calloc(count, size));
}

void *realloc(void *memory, size_t size)
{
	if (heap_is_full()) {
		return NULL;
	}
	return memory != NULL ? __libc_realloc(memory, size)
			      : allocated(__libc_realloc(NULL, size));
}

void free(void *memory)
{
	allocations_live -= memory != NULL ? 1 : 0;
	__libc_free(memory);
}
#endif

static void no_bad_name(void *arg, const struct base_json_bad_name *bad)
{
	(void)arg;
	ck_abort_msg("bad name %s", bad->name);
}

static const struct base_json_build_opts any = {.bad_name = no_bad_name};

static struct json_object *build(const char *text)
{
	struct json_object *value = NULL;

	ck_assert_int_eq(base_json_build(text, strlen(text), &any, &value), 0);
	return value;
}

/* @text is read, and printed again as @expected. */
static void check(const char *text, const char *expected)
{
	struct json_object *value = build(text);

	ck_assert_str_eq(json_object_to_json_string_ext(value,
							JSON_C_TO_STRING_PLAIN |
								JSON_C_TO_STRING_NOSLASHESCAPE),
			 expected);
	json_object_put(value);
}

static void check_same(const char *text)
{
	check(text, text);
}

START_TEST(makes_every_kind_of_value)
{
	check_same("null");
	check_same("true");
	check_same("false");
	check_same("[]");
	check_same("{}");
	check_same("\"\"");
	check_same("[null,true,false,0,\"a\",{},[]]");
	check_same("{\"a\":{\"b\":[1,{\"c\":null}],\"d\":[[],[[]]]},\"\":2}");
	check(" // x\n {/**/ \"a\" /* * / \" */ : // {\n [ 1 /*,*/ , 2 ] } // y", "{\"a\":[1,2]}");
	check("1//", "1");
	check("1/**/", "1");
}
END_TEST

static void check_type(const char *text, enum json_type type)
{
	struct json_object *value = build(text);

	ck_assert_msg(json_object_get_type(value) == type, "%s", text);
	ck_assert_str_eq(json_object_to_json_string(value), text);
	json_object_put(value);
}

START_TEST(keeps_numbers_as_they_are_written)
{
	static const char *const integers[] = {
		"0",
		"-1",
		"9223372036854775807",
		"9223372036854775808",
		"18446744073709551615",
		"-9223372036854775808",
	};
	static const char *const others[] = {
		"-0",   "0.0",   "1.0",  "1e2",   "1E+2",
		"1e-2", "-1.50", "1e99", "1e400", "-9223372036854775809",
		"1e-9", "0e0",   "-0e1", "12.5",  "18446744073709551616",
	};
	char text[200] = "0.";
	struct json_object *value;

	for (size_t i = 0; i < EBB_ARRAY_SIZE(integers); i++) {
		check_type(integers[i], json_type_int);
	}
	for (size_t i = 0; i < EBB_ARRAY_SIZE(others); i++) {
		check_type(others[i], json_type_double);
	}
	memset(text + 2, '3', 150);
	check_type(text, json_type_double);

	value = build("[18446744073709551615,-9223372036854775808,-2.5e1]");
	ck_assert_uint_eq(json_object_get_uint64(json_object_array_get_idx(value, 0)), UINT64_MAX);
	ck_assert_int_eq(json_object_get_int64(json_object_array_get_idx(value, 1)), INT64_MIN);
	ck_assert_double_eq(json_object_get_double(json_object_array_get_idx(value, 2)), -25.0);
	json_object_put(value);
}
END_TEST

/* As a copy, too: what a method was given is kept so. */
START_TEST(copies_numbers_as_they_are_written)
{
	struct json_object *value = build("[1e2,-0]");
	struct json_object *copy = NULL;

	ck_assert_int_eq(json_object_deep_copy(value, &copy, NULL), 0);
	json_object_put(value);
	ck_assert_str_eq(json_object_to_json_string_ext(copy, JSON_C_TO_STRING_PLAIN), "[1e2,-0]");
	json_object_put(copy);
}
END_TEST

START_TEST(has_a_point_in_every_locale)
{
	static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
	struct json_object *value;

	for (size_t i = 0; i < EBB_ARRAY_SIZE(names); i++) {
		if (setlocale(LC_NUMERIC, names[i]) != NULL) {
			value = build("1.5");
			ck_assert_double_eq(json_object_get_double(value), 1.5);
			json_object_put(value);
			return;
		}
	}
	unit_skip("no locale with a decimal comma is installed");
}
END_TEST

START_TEST(decodes_strings)
{
	static const char text[] =
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t \\u0041\\u00e9\\u20ac\\ud83d\\udc1f"
		"\\u0000\\uFFFF \xc3\xa9\"";
	static const char expected[] = "\"\\/\b\f\n\r\t A\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x9f"
				       "\0\xef\xbf\xbf \xc3\xa9";
	struct json_object *value = build(text);
	struct json_object *pairs;

	ck_assert_int_eq(json_object_get_string_len(value), sizeof(expected) - 1);
	ck_assert_mem_eq(json_object_get_string(value), expected, sizeof(expected));
	json_object_put(value);

	/* The ends of the ranges that take one, two, three and four bytes. */
	pairs = build("\"\\u007f\\u0080\\u07ff\\u0800\\ud7ff\\ue000\\uD800\\uDC00\\uDBFF\\uDFFF\"");
	ck_assert_str_eq(json_object_get_string(pairs),
			 "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80"
			 "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
	json_object_put(pairs);
	check("{\"\\u0061\\n\":\"\\\\u0061\"}", "{\"a\\n\":\"\\\\u0061\"}");
}
END_TEST

/* What was said of bad names. */
struct bad_names {
	char text[512];
	unsigned num_outermost;
};

static void note_bad_name(void *arg, const struct base_json_bad_name *bad)
{
	struct bad_names *names = arg;
	size_t len = strlen(names->text);

	snprintf(names->text + len, sizeof(names->text) - len, "%s%s@%zu in '%s';", bad->name,
		 bad->has_nul ? "(NUL)" : "", bad->offset, bad->path);
	ck_assert(json_object_is_type(bad->outermost, json_type_object));
	names->num_outermost += bad->is_outermost ? 1 : 0;
}

static void check_bad_names(const char *text, const char *expected, unsigned num_outermost,
			    const char *left)
{
	struct bad_names names = {.text = ""};
	const struct base_json_build_opts opts = {.bad_name = note_bad_name, .arg = &names};
	long live = allocations_live;
	struct json_object *value;

	ck_assert_int_eq(base_json_build(text, strlen(text), &opts, &value), 0);
	ck_assert_str_eq(names.text, expected);
	ck_assert_uint_eq(names.num_outermost, num_outermost);
	ck_assert_str_eq(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN), left);
	json_object_put(value);
	ck_assert_int_eq(allocations_live, live);
}

START_TEST(tells_names_that_come_twice)
{
	check_bad_names("{\"a\":1,\"\\u0061\":2}", "a@7 in '';", 1, "{\"a\":2}");
	check_bad_names("{\"a\":1,\"a\":2,\"a\":3}", "a@7 in '';a@13 in '';", 2, "{\"a\":3}");
	check_bad_names("[1,{\"b\":[0,{\"a\":1,\"a\":2}],\"c\":{\"a\":0}}]", "a@18 in '[1].b[1]';",
			0, "[1,{\"b\":[0,{\"a\":2}],\"c\":{\"a\":0}}]");
	/* What it is in may come twice as well, and what it is may be of any kind. */
	check_bad_names("{\"a\":{\"x\":1},\"a\":{\"y\":[],\"y\":[[]],\"y\":null}}",
			"a@13 in '';y@25 in 'a';y@34 in 'a';", 1, "{\"a\":{\"y\":null}}");
	check_bad_names("{\"a\\u0000b\":1,\"c\":1}", "a(NUL)@1 in '';", 1, "{\"a\":1,\"c\":1}");
	check_bad_names("[[{\"a\":1,\"a\":1}]]", "a@9 in '[0][0]';", 1, "[[{\"a\":1}]]");
}
END_TEST

START_TEST(cuts_a_path_that_is_too_long)
{
	char text[512] = "{\"";
	struct bad_names names = {.text = ""};
	const struct base_json_build_opts opts = {.bad_name = note_bad_name, .arg = &names};
	struct json_object *value;

	memset(text + 2, 'p', 300);
	strcat(text, "\":{\"q\":{\"a\":1,\"a\":1}}}");
	ck_assert_int_eq(base_json_build(text, strlen(text), &opts, &value), 0);
	ck_assert_uint_eq(strspn(strchr(names.text, '\'') + 1, "p"), BASE_JSON_PATH_MAX - 1);
	json_object_put(value);
}
END_TEST

START_TEST(holds_its_bound)
{
	struct base_json_build_opts opts = any;
	struct json_object *value = NULL;

	for (unsigned kind = 0; kind < 5; kind++) {
		static const char *const pieces[] = {"{}", "[]", "1", "\"xxxxxxxx\"", "null"};
		char text[2048] = "[";

		for (unsigned i = 0; i < 100; i++) {
			strcat(strcat(text, pieces[kind]), ",");
		}
		strcat(text, "1]");
		opts.max_bytes = 100 * 64;
		ck_assert_int_eq(base_json_build(text, strlen(text), &opts, &value), -E2BIG);
		opts.max_bytes = 100 * 1000;
		ck_assert_int_eq(base_json_build(text, strlen(text), &opts, &value), 0);
		json_object_put(value);
	}
	opts.max_bytes = 100;
	ck_assert_int_eq(base_json_build("\"\\u0041\"", 8, &opts, &value), 0);
	json_object_put(value);
	opts.max_bytes = 1000;
	ck_assert_int_eq(base_json_build("{\"a\":1,\"b\":2}", 13, &opts, &value), -E2BIG);
}
END_TEST

START_TEST(survives_an_allocation_that_fails)
{
	static const char text[] =
		"{\"name\":[1,-0,18446744073709551615,1e2,true,null,\"a\\n\",\"b\","
		"{\"x\":{}},[[],6,7,8]],\"long\":0.33333333333333333333333333333"
		"33333333333333333333333333333333333333333333333333333333,"
		"\"name2\":{\"a\":1,\"b\":[\"c\"]}}";
	struct json_object *value = NULL;
	long live = allocations_live;
	long after = 0;
	int rc;

	need_heap();
	do {
		allocations_left = after++;
		rc = base_json_build(text, strlen(text), &any, &value);
		allocations_left = LONG_MAX;
		ck_assert(rc == 0 || rc == -ENOMEM);
		ck_assert(rc == 0 || allocations_live == live);
	} while (rc != 0);
	ck_assert_int_gt(after, 30);
	json_object_put(value);
	ck_assert_int_eq(allocations_live, live);
}
END_TEST

START_TEST(parses_a_whole_text)
{
	static const struct {
		const char *text;
		int rc;
	} rows[] = {
		{"[1]", 0},
		{" 17 ", 0},
		{"17", 0},
		{"\"a\"\n", 0},
		{"", -EINVAL},
		{" ", -EINVAL},
		{"[1", -EINVAL},
		{"[1] 2", -EINVAL},
		{"disk", -EINVAL},
		{"/**/1", -EINVAL},
		{"01", -EINVAL},
		{"1.", -EINVAL},
		{"{\"a\":1,\"a\":1}", -EEXIST},
	};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(rows); i++) {
		struct json_object *value = NULL;
		int rc = base_json_parse(rows[i].text, strlen(rows[i].text), &value);

		ck_assert_msg(rc == rows[i].rc, "%s: %d", rows[i].text, rc);
		ck_assert((value != NULL) == (rc == 0));
		json_object_put(value);
	}
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(makes_every_kind_of_value),
		UNIT_TEST(keeps_numbers_as_they_are_written),
		UNIT_TEST(copies_numbers_as_they_are_written),
		UNIT_TEST(has_a_point_in_every_locale),
		UNIT_TEST(decodes_strings),
		UNIT_TEST(tells_names_that_come_twice),
		UNIT_TEST(cuts_a_path_that_is_too_long),
		UNIT_TEST(holds_its_bound),
		UNIT_TEST(survives_an_allocation_that_fails),
		UNIT_TEST(parses_a_whole_text),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
