/* SPDX-License-Identifier: Apache-2.0 */
/* Where a text that is no JSON goes wrong. */
#include "config/loader/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fixtures/json_cases.h"
#include "tests/unit/unit.h"

static struct config_file *config;

static void check(const char *text, size_t len)
{
	config_destroy(config);
	ck_assert_int_eq(config_create("F", text, len, &config), 0);
}

static void teardown(void)
{
	config_destroy(config);
}

/* Exactly one mistake, which is this. */
static void mistake(const char *text, const char *expected)
{
	check(text, strlen(text));
	ck_assert_msg(config->num_mistakes == 1, "%zu mistakes in %s", config->num_mistakes, text);
	ck_assert_str_eq(config->mistakes[0], expected);
}

/* A file with a value of every kind and a comment in every place, and where its value ends. */
static const char whole[] =
	"// head\n/* c */ {\n \"subsystems\": [ { \"subsystem\": \"vmd\", /* in */"
	" \"config\": [ {\"method\": \"any\", \"params\": {\"name\": "
	"\"b\\u00e9d\xc3\xa9v\\\"\", \"size\": 12 } } ] // x\n } ], /* y */\n"
	" \"more\": [-1.5e+3, true, null, [false] /* z */, 2 // u\n ] /* v */ }";

START_TEST(test_every_prefix_ends_too_early)
{
	char text[sizeof(whole)];
	char expected[160];
	unsigned line = 1;
	unsigned column = 1;

	for (size_t len = 0; len < strlen(whole); len++) {
		memcpy(text, whole, len);
		text[len] = '\0';
		snprintf(expected, sizeof(expected),
			 "F: line %u, column %u: not JSON: the text ends too early: a bracket, a "
			 "brace, a quote or a comment is not closed",
			 line, column);
		mistake(text, expected);
		column = whole[len] == '\n' ? 1 : column + 1;
		line += whole[len] == '\n';
	}
	check(whole, strlen(whole));
	ck_assert_uint_eq(config->num_mistakes, 0);
}
END_TEST

/* Nothing is missing but the end of a comment, or not even that. */
START_TEST(test_comments_after_the_end)
{
	static const char *const good[] = {"",   " ",      "\n",   "// x",
					   "//", "// x\n", "/**/", "/* x */ //"};
	static const char *const open[] = {"/", "/*", "/* x", "/* x *", "/* x */ /", "// x\n/*"};
	char text[64];

	for (size_t i = 0; i < EBB_ARRAY_SIZE(good); i++) {
		snprintf(text, sizeof(text), "{\"subsystems\": []}%s", good[i]);
		check(text, strlen(text));
		ck_assert_msg(config->num_mistakes == 0, "%s", text);
	}
	for (size_t i = 0; i < EBB_ARRAY_SIZE(open); i++) {
		snprintf(text, sizeof(text), "{\"subsystems\": []}%s", open[i]);
		check(text, strlen(text));
		ck_assert_msg(config->num_mistakes == 1, "%s", text);
		ck_assert_ptr_nonnull(strstr(config->mistakes[0], "the text ends too early"));
	}
	mistake("{\"subsystems\": []} /* x */ y",
		"F: line 1, column 28: not JSON: something follows after the end of the value");
}
END_TEST

START_TEST(test_nul_bytes)
{
	static const char text[] = "{\"subsystems\": [\n[1] /* \0 */ ]}";

	check(text, sizeof(text) - 1);
	ck_assert_uint_eq(config->num_mistakes, 1);
	ck_assert_str_eq(config->mistakes[0],
			 "F: line 2, column 8: not JSON: a NUL byte: this is no text");
}
END_TEST

/* A text that is no JSON, or has a bad name, has a place; one that is no object has none. */
START_TEST(test_cases)
{
	for (size_t i = 0; i < EBB_ARRAY_SIZE(json_cases); i++) {
		const struct json_case *json = &json_cases[i];
		bool taken = json->verdict == JSON_TAKEN || json->verdict == JSON_FILE_ONLY;
		const char *mistake;

		check(json->text, json->len);
		mistake = config->num_mistakes > 0 ? config->mistakes[0] : "none";
		ck_assert_msg((strstr(mistake, "F: line ") == NULL) == taken, "%.*s: %s",
			      (int)json->len, json->text, mistake);
		ck_assert((strstr(mistake, "not JSON") != NULL) ==
			  (!taken && json->verdict != JSON_BAD_NAME));
	}
}
END_TEST

START_TEST(test_names_that_come_twice)
{
	mistake("{\"subsystems\": [],\n \"subsystems\": []}",
		"F: line 2, column 2: the name \"subsystems\" comes twice in the outermost object; "
		"keep one");
	mistake("\xef\xbb\xbf{\"a\": 1, \"\\u0061\": 1}",
		"F: line 1, column 10: the name \"a\" comes twice in the outermost object; keep "
		"one");
	mistake("{\"subsystems\": [{\"subsystem\": \"bdev\", \"config\": [\n"
		"{}, {\"method\": \"m\", /* \n */ \"params\": {\"name\": \"a\",\n\t\"name\": "
		"1}}]}]}",
		"F: line 4, column 2: the name \"name\" comes twice in "
		"subsystems[0].config[1].params; keep one");
	mistake("{\"a\": {\"b\\u0000c\": 1}}",
		"F: line 1, column 8: a name in a contains a NUL character");
}
END_TEST

/* All of them are told, and nothing is made of the rest. */
START_TEST(test_every_name_that_comes_twice)
{
	static const char text[] =
		"{\"a\": [{\"b\": 1, \"b\": 1}, {\"b\": 2, \"b\": 2, \"b\": 2}]}";

	check(text, strlen(text));
	ck_assert_uint_eq(config->num_mistakes, 3);
	ck_assert_ptr_nonnull(strstr(config->mistakes[0], "column 17: the name \"b\""));
	ck_assert_ptr_nonnull(strstr(config->mistakes[1], "a[1]"));
	ck_assert_ptr_nonnull(strstr(config->mistakes[2], "column 43"));
	ck_assert_ptr_null(config->root);
}
END_TEST

/* Neither the search for what comes twice nor its report may take a time that is squared. */
START_TEST(test_many_names)
{
	char *text = malloc(4 * 1024 * 1024);
	size_t len = 1;

	ck_assert_ptr_nonnull(text);
	text[0] = '{';
	for (unsigned i = 0; i < 200000; i++) {
		len += (size_t)sprintf(text + len, "\"%x\":\n1,", i % 100000);
	}
	len += (size_t)sprintf(text + len, "\"subsystems\":[]}");
	check(text, len);
	ck_assert_uint_eq(config->num_mistakes, 100000);
	ck_assert_str_eq(config->mistakes[1],
			 "F: line 100002, column 3: the name \"1\" comes twice in the outermost "
			 "object; keep one");
	free(text);
}
END_TEST

/* Each is the best that can be said of what people do. */
START_TEST(test_what_is_said)
{
	static const struct {
		const char *text;
		const char *what;
	} rows[] = {
		{"{\"a\": 1,}", "column 9: not JSON: expected a quoted name"},
		{"{'a': 1}", "column 2: not JSON: expected a quoted name or a closing brace"},
		{"{\"a\": 'b'}", "column 7: not JSON: expected a value: strings are in double"},
		{"{\"a\": 1 \"b\": 2}", "column 9: not JSON: expected a comma or a closing brace"},
		{"{\"a\": [1,]}", "column 10: not JSON: expected a value"},
		{"{\"a\": 8e}", "column 9: not JSON: a number that is not legal JSON"},
		{"{\"a\": 01}", "column 8: not JSON: a number that is not legal JSON"},
		{"{\"a\": +1}", "column 7: not JSON: a number that is not legal JSON: it begins"},
		{"{\"a\": .5}", "column 7: not JSON: a number that is not legal JSON: it begins"},
		{"{\"a\": 1.}", "column 9: not JSON: a number that is not legal JSON: expected a"},
		{"{\"a\": 0x10}", "column 8: not JSON: a number that is not legal JSON"},
		{"{\"a\": NaN}", "column 7: not JSON: expected a value: JSON has no NaN"},
		{"{\"a\": True}", "column 7: not JSON: expected a value: it is true, false and"},
		{"{\"a\": nil}", "column 8: not JSON: expected true, false or null"},
		{"{\"a\": \"\t\"}", "column 8: not JSON: a control character in a string"},
		{"{\"a\": \"\\x\"}", "column 9: not JSON: an escape that JSON does not have"},
		{"{\"a\": \"\\u12g4\"}", "column 12: not JSON: expected four hexadecimal digits"},
		{"{\"a\": \"\\ud800\"}", "column 14: not JSON: half of a surrogate pair"},
		{"{\"a\": \"\xff\"}", "column 8: not JSON: not UTF-8"},
		{"{\"a\": 1 / 2}", "column 10: not JSON: expected a comment"},
	};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(rows); i++) {
		check(rows[i].text, strlen(rows[i].text));
		ck_assert_uint_eq(config->num_mistakes, 1);
		ck_assert_msg(strstr(config->mistakes[0], rows[i].what) != NULL, "%s: %s",
			      rows[i].text, config->mistakes[0]);
	}
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(NULL, teardown),
		UNIT_TEST(test_every_prefix_ends_too_early),
		UNIT_TEST(test_comments_after_the_end),
		UNIT_TEST(test_nul_bytes),
		UNIT_TEST(test_cases),
		UNIT_TEST(test_names_that_come_twice),
		UNIT_TEST(test_every_name_that_comes_twice),
		UNIT_TEST(test_many_names),
		UNIT_TEST(test_what_is_said),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
