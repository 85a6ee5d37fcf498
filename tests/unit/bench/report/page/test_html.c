/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/page/html.h"

#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "tests/unit/unit.h"

static char *text_of(const char *text)
{
	char *made = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&made, &size);

	bench_page_text(out, text);
	fclose(out);
	return made;
}

static void assert_text(const char *text, const char *wanted)
{
	char *made = text_of(text);

	ck_assert_str_eq(made, wanted);
	free(made);
}

START_TEST(what_is_markup_is_text)
{
	assert_text(NULL, "");
	assert_text("a b", "a b");
	assert_text("</script><img src=x onerror='a'>",
		    "&#60;/script&#62;&#60;img src=x onerror=&#39;a&#39;&#62;");
	assert_text("\" onload=\"", "&#34; onload=&#34;");
	assert_text("&lt;", "&#38;lt;");
}
END_TEST

START_TEST(all_languages_pass)
{
	assert_text("\u00fc \u4e2d\u6587 \U0001f600 \u05d0",
		    "\u00fc \u4e2d\u6587 \U0001f600 \u05d0");
}
END_TEST

/* "exe.txt" read from right to left is another name. */
START_TEST(what_turns_the_direction_is_seen)
{
	assert_text("a\u202etxt.exe", "a\\u202etxt.exe");
	assert_text("\u2066\u200f\u061c\ufeff", "\\u2066\\u200f\\u061c\\ufeff");
	assert_text("\U000e0041", "\\U000e0041");
	assert_text("\x1b[2J\x7f", "\\u001b[2J\\u007f");
	assert_text("a\tb\nc", "a\tb\nc");
}
END_TEST

START_TEST(bytes_that_are_no_utf8_are_replaced)
{
	assert_text("a\xff"
		    "b",
		    "a\ufffd"
		    "b");
	assert_text("\xc0\xbc", "\ufffd\ufffd");           /* "<" in two bytes */
	assert_text("\xe0\x80\xbc", "\ufffd\ufffd\ufffd"); /* in three */
	assert_text("\xed\xa0\x80", "\ufffd\ufffd\ufffd"); /* a surrogate */
	assert_text("\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd");
	assert_text("\xe4\xb8", "\ufffd\ufffd"); /* cut off: its end is not passed over */
	assert_text("\xf0<", "\ufffd&#60;");
}
END_TEST

START_TEST(printed_text_is_escaped)
{
	char *made = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&made, &size);

	bench_page_textf(out, "<%s %d>", "&", 7);
	fclose(out);
	ck_assert_str_eq(made, "&#60;&#38; 7&#62;");
	free(made);
}
END_TEST

START_TEST(json_ends_no_script_and_parses_to_the_same)
{
	const char *const hostile = "</script><!--<script>&\u202e\u2028\x7f \u4e2d";
	struct json_object *object = json_object_new_object();
	struct json_object *parsed;
	char *made = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&made, &size);

	json_object_object_add(object, hostile, json_object_new_string(hostile));
	bench_page_json(out, object);
	fclose(out);
	ck_assert_msg(strpbrk(made, "<>&\x7f") == NULL, "%s", made);
	ck_assert_ptr_null(strstr(made, "\u202e"));
	ck_assert_ptr_null(strstr(made, "\u2028"));
	parsed = json_tokener_parse(made);
	ck_assert(json_object_equal(parsed, object));
	json_object_put(parsed);
	json_object_put(object);
	free(made);
}
END_TEST

START_TEST(json_of_other_bytes_is_utf8)
{
	struct json_object *object = json_object_new_string("a\xff\xc0\xbc");
	char *made = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&made, &size);

	bench_page_json(out, object);
	fclose(out);
	ck_assert_str_eq(made, "\"a\ufffd\ufffd\ufffd\"");
	json_object_put(object);
	free(made);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(what_is_markup_is_text),
		UNIT_TEST(all_languages_pass),
		UNIT_TEST(what_turns_the_direction_is_seen),
		UNIT_TEST(bytes_that_are_no_utf8_are_replaced),
		UNIT_TEST(printed_text_is_escaped),
		UNIT_TEST(json_ends_no_script_and_parses_to_the_same),
		UNIT_TEST(json_of_other_bytes_is_utf8),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
