/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/print.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static char *printed;

static void teardown(void)
{
	free(printed);
	printed = NULL;
}

static const char *print(const char *text, bool colour)
{
	struct json_object *json = json_tokener_parse(text);
	size_t size;
	FILE *out;

	free(printed);
	out = open_memstream(&printed, &size);
	ck_assert_ptr_nonnull(out);
	rpc_print_json(json, colour, out);
	fclose(out);
	json_object_put(json);
	return printed;
}

START_TEST(prints_every_kind)
{
	ck_assert_str_eq(print("{\"a\":[1,-2.50,true,null,\"x/y\"],\"b\":{},\"c\":[]}", false),
			 "{\n"
			 "  \"a\": [\n"
			 "    1,\n"
			 "    -2.50,\n"
			 "    true,\n"
			 "    null,\n"
			 "    \"x/y\"\n"
			 "  ],\n"
			 "  \"b\": {},\n"
			 "  \"c\": []\n"
			 "}\n");
	ck_assert_str_eq(print("\"bare\"", false), "\"bare\"\n");
	ck_assert_str_eq(print("null", false), "null\n");
}
END_TEST

/* Names, strings and words differ; nothing else than colours is added. */
START_TEST(colours_only_colour)
{
	static const char text[] = "{\"a\":[1,\"x\",true,null,{}]}";
	char *plain = strdup(print(text, false));
	char stripped[256];
	size_t len = 0;

	ck_assert_ptr_nonnull(plain);
	ck_assert_ptr_nonnull(strstr(print(text, true), "\033["));
	for (const char *c = printed; *c != '\0'; c++) {
		if (*c == '\033') {
			c = strchr(c, 'm');
			ck_assert_ptr_nonnull(c);
		} else {
			stripped[len++] = *c;
		}
	}
	stripped[len] = '\0';
	ck_assert_str_eq(stripped, plain);
	free(plain);
}
END_TEST

START_TEST(lets_no_control_character_through)
{
	ck_assert_str_eq(print("{\"\\u001b[2J\":\"\\u001b]0;x\\u0007\"}", false),
			 "{\n  \"\\u001b[2J\": \"\\u001b]0;x\\u0007\"\n}\n");
}
END_TEST

START_TEST(has_no_colour_without_a_terminal)
{
	FILE *out = tmpfile();

	ck_assert_ptr_nonnull(out);
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	ck_assert(!rpc_print_colour(out));
	fclose(out);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(NULL, teardown),
		UNIT_TEST(prints_every_kind),
		UNIT_TEST(colours_only_colour),
		UNIT_TEST(lets_no_control_character_through),
		UNIT_TEST(has_no_colour_without_a_terminal),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
