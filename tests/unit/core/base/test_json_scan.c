/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/json_scan.h"

#include <string.h>

#include <ebb/base.h>

#include "tests/unit/fixtures/json_cases.h"
#include "tests/unit/unit.h"

/* Where a text's first value ends, or goes wrong. */
struct verdict {
	enum base_json_status status;
	size_t used;
};

/* The text in two pieces. */
static struct verdict scan_cut(enum base_json_kind kind, const char *text, size_t len, size_t cut)
{
	struct verdict verdict;
	struct base_json_scan scan;
	size_t used;

	base_json_scan_init(&scan, kind);
	verdict.status = base_json_scan_next(&scan, text, cut, &verdict.used);
	if (verdict.status == BASE_JSON_MORE) {
		ck_assert_uint_eq(verdict.used, cut);
		verdict.status = base_json_scan_next(&scan, text + cut, len - cut, &used);
		verdict.used += used;
	}
	if (verdict.status == BASE_JSON_MORE) {
		verdict.status = base_json_scan_end(&scan);
	}
	ck_assert((verdict.status == BASE_JSON_WRONG) == (scan.wrong != NULL));
	return verdict;
}

static struct verdict scan_bytes(enum base_json_kind kind, const char *text, size_t len)
{
	struct verdict verdict = {.status = BASE_JSON_MORE};
	struct base_json_scan scan;
	size_t used;

	base_json_scan_init(&scan, kind);
	while (verdict.used < len && verdict.status == BASE_JSON_MORE) {
		verdict.status = base_json_scan_next(&scan, text + verdict.used, 1, &used);
		ck_assert_uint_eq(used, verdict.status == BASE_JSON_MORE ? 1 : used);
		verdict.used += used;
	}
	if (verdict.status == BASE_JSON_MORE) {
		verdict.status = base_json_scan_end(&scan);
	}
	return verdict;
}

static struct verdict scan_all_cuts(enum base_json_kind kind, const char *text, size_t len)
{
	struct verdict whole = scan_cut(kind, text, len, len);
	struct verdict bytes = scan_bytes(kind, text, len);

	ck_assert_int_eq(whole.status, bytes.status);
	ck_assert_uint_eq(whole.used, bytes.used);
	for (size_t cut = 0; cut < len; cut++) {
		struct verdict other = scan_cut(kind, text, len, cut);

		ck_assert_int_eq(whole.status, other.status);
		ck_assert_uint_eq(whole.used, other.used);
	}
	return whole;
}

/* A mark at the beginning is not of the text, so those rows are wrong here. */
START_TEST(judges_a_file)
{
	for (size_t i = 0; i < EBB_ARRAY_SIZE(json_cases); i++) {
		const struct json_case *json = &json_cases[i];
		struct verdict verdict = scan_all_cuts(BASE_JSON_FILE, json->text, json->len);
		bool taken = json->verdict == JSON_TAKEN || json->verdict == JSON_BAD_NAME ||
			     (json->verdict == JSON_FILE_ONLY && json->text[0] != '\xef');

		ck_assert_msg((verdict.status == BASE_JSON_END) == taken, "%.*s", (int)json->len,
			      json->text);
		ck_assert(!taken || verdict.used == json->len);
	}
}
END_TEST

/* The first value of a stream may be right although the stream is not. */
START_TEST(judges_a_stream)
{
	for (size_t i = 0; i < EBB_ARRAY_SIZE(json_cases); i++) {
		const struct json_case *json = &json_cases[i];
		struct verdict verdict = scan_all_cuts(BASE_JSON_STREAM, json->text, json->len);

		if (json->verdict == JSON_TAKEN || json->verdict == JSON_BAD_NAME) {
			ck_assert_msg(verdict.status == BASE_JSON_END, "%.*s", (int)json->len,
				      json->text);
		}
	}
}
END_TEST

START_TEST(finds_the_end_or_the_first_wrong_byte)
{
	static const struct {
		const char *text;
		enum base_json_status status;
		size_t used;
	} rows[] = {
		{"[1]]", BASE_JSON_END, 3},         {" {} {}", BASE_JSON_END, 3},
		{"\"]\" ", BASE_JSON_END, 3},       {"12 ", BASE_JSON_END, 2},
		{"12,", BASE_JSON_END, 2},          {"null{", BASE_JSON_END, 4},
		{"0\"", BASE_JSON_END, 1},          {"1.5", BASE_JSON_END, 3},
		{"1.5x", BASE_JSON_WRONG, 3},       {"truex", BASE_JSON_WRONG, 4},
		{"[1,\n2,]", BASE_JSON_WRONG, 6},   {"{\"a\"}", BASE_JSON_WRONG, 4},
		{"\"ab\x01\"", BASE_JSON_WRONG, 3}, {"\"\xe2\x82x\"", BASE_JSON_WRONG, 3},
		{"\"\\ud800x", BASE_JSON_WRONG, 7}, {"", BASE_JSON_WRONG, 0},
	};

	for (size_t i = 0; i < EBB_ARRAY_SIZE(rows); i++) {
		struct verdict verdict =
			scan_all_cuts(BASE_JSON_STREAM, rows[i].text, strlen(rows[i].text));

		ck_assert_int_eq(verdict.status, rows[i].status);
		ck_assert_uint_eq(verdict.used, rows[i].used);
	}
}
END_TEST

/* Every state is left and come back to at every level. */
START_TEST(knows_its_level)
{
	static const char text[] = "[[{\"a\":[1,{\"b\":{\"c\":[[],{},[0]]}},2]},3],{\"d\":4}]";
	struct verdict verdict = scan_all_cuts(BASE_JSON_FILE, text, strlen(text));

	ck_assert_int_eq(verdict.status, BASE_JSON_END);
	for (size_t i = 0; i < strlen(text); i++) {
		char other[sizeof(text)];

		memcpy(other, text, sizeof(text));
		if (strchr("[]{}", text[i]) == NULL) {
			continue;
		}
		other[i] = (char)(text[i] ^ ('[' ^ '{')); /* a bracket is a brace, or back */
		verdict = scan_cut(BASE_JSON_FILE, other, strlen(other), 0);
		ck_assert_msg(verdict.status == BASE_JSON_WRONG, "%s", other);
	}
}
END_TEST

START_TEST(goes_so_deep_and_no_deeper)
{
	char text[BASE_JSON_DEPTH_MAX + 1];
	struct verdict verdict;

	memset(text, '[', sizeof(text));
	verdict = scan_all_cuts(BASE_JSON_FILE, text, BASE_JSON_DEPTH_MAX);
	ck_assert_int_eq(verdict.status, BASE_JSON_WRONG); /* only its end is missing */
	ck_assert_uint_eq(verdict.used, BASE_JSON_DEPTH_MAX);
	verdict = scan_all_cuts(BASE_JSON_FILE, text, BASE_JSON_DEPTH_MAX + 1);
	ck_assert_int_eq(verdict.status, BASE_JSON_TOO_DEEP);
	ck_assert_uint_eq(verdict.used, BASE_JSON_DEPTH_MAX);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(judges_a_file),
		UNIT_TEST(judges_a_stream),
		UNIT_TEST(finds_the_end_or_the_first_wrong_byte),
		UNIT_TEST(knows_its_level),
		UNIT_TEST(goes_so_deep_and_no_deeper),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
