/* SPDX-License-Identifier: Apache-2.0 */
/* Where a text that is no JSON goes wrong. */
#include "config/loader/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(NULL, teardown),
		UNIT_TEST(test_every_prefix_ends_too_early),
		UNIT_TEST(test_comments_after_the_end),
		UNIT_TEST(test_nul_bytes),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
