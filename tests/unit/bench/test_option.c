/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/option.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

struct values {
	const char *text;
	uint64_t count;
	uint64_t bytes;
	uint64_t time_ns;
	unsigned choice;
	struct bench_choices choices;
	bool flag;
	struct bench_numbers counts;
	struct bench_numbers sizes;
	struct bench_texts texts;
	struct bench_texts words;
	uint64_t even;
};

static int even_read(const char *text, void *field)
{
	unsigned number = (unsigned)(text[0] - '0');

	if (number % 2 != 0) {
		return -EINVAL;
	}
	*(uint64_t *)field = number;
	return 0;
}

static const char *const colours[] = {"red", "green", "blue", NULL};

static const struct bench_option table[] = {
	{.name = "text",
	 .value = "T",
	 .type = BENCH_OPTION_TEXT,
	 .offset = offsetof(struct values, text),
	 .help = "a text"},
	{.name = "count",
	 .value = "N",
	 .type = BENCH_OPTION_COUNT,
	 .offset = offsetof(struct values, count),
	 .min = 1,
	 .max = 10,
	 .help = "a count"},
	{.name = "bytes",
	 .value = "N",
	 .type = BENCH_OPTION_BYTES,
	 .offset = offsetof(struct values, bytes),
	 .help = "bytes"},
	{.name = "time",
	 .value = "S",
	 .type = BENCH_OPTION_SECONDS,
	 .offset = offsetof(struct values, time_ns),
	 .min = EBB_NS_PER_MS,
	 .help = "a time"},
	{.name = "choice",
	 .value = "C",
	 .type = BENCH_OPTION_CHOICE,
	 .offset = offsetof(struct values, choice),
	 .choices = colours,
	 .help = "a colour"},
	{.name = "choices",
	 .value = "C",
	 .type = BENCH_OPTION_CHOICES,
	 .offset = offsetof(struct values, choices),
	 .choices = colours,
	 .help = "colours"},
	{.name = "flag",
	 .type = BENCH_OPTION_FLAG,
	 .offset = offsetof(struct values, flag),
	 .help = "yes"},
	{.name = "counts",
	 .value = "N",
	 .type = BENCH_OPTION_COUNTS,
	 .offset = offsetof(struct values, counts),
	 .min = 1,
	 .max = 100,
	 .help = "counts"},
	{.name = "sizes",
	 .value = "N",
	 .type = BENCH_OPTION_SIZES,
	 .offset = offsetof(struct values, sizes),
	 .help = "sizes"},
	{.name = "texts",
	 .value = "T",
	 .type = BENCH_OPTION_TEXTS,
	 .offset = offsetof(struct values, texts),
	 .help = "texts"},
	{.name = "even",
	 .value = "N",
	 .type = BENCH_OPTION_OTHER,
	 .offset = offsetof(struct values, even),
	 .read = even_read,
	 .form = "give an even digit",
	 .help = "even"},
};

/* The same, with words that have no dashes. */
static const struct bench_option words_table[] = {
	{.name = "",
	 .value = "[WORD...]",
	 .type = BENCH_OPTION_TEXTS,
	 .offset = offsetof(struct values, words),
	 .help = "words"},
	{.name = "flag",
	 .type = BENCH_OPTION_FLAG,
	 .offset = offsetof(struct values, flag),
	 .help = "yes"},
};

static char error[BENCH_ERROR_MAX];

static int parse(struct values *values, const char *one, const char *two)
{
	char *args[] = {(char *)one, (char *)two};

	memset(values, 0, sizeof(*values));
	memset(error, 0, sizeof(error));
	return bench_option_parse("cmd", table, EBB_ARRAY_SIZE(table), args, two == NULL ? 1 : 2,
				  values, error);
}

START_TEST(test_two_forms)
{
	struct values values;

	ck_assert_int_eq(parse(&values, "--text", "a=b"), 0);
	ck_assert_str_eq(values.text, "a=b");
	ck_assert_int_eq(parse(&values, "--text=a=b", NULL), 0);
	ck_assert_str_eq(values.text, "a=b");
	ck_assert_int_eq(parse(&values, "--count=1", "--count=2"), 0);
	ck_assert_uint_eq(values.count, 2);
}
END_TEST

START_TEST(test_bytes)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{"0", 0},           {"4096", 4096},
		{"4k", 4096},       {"4K", 4096},
		{"1m", 1 << 20},    {"3g", 3ull << 30},
		{"2t", 2ull << 40}, {"16777215t", 16777215ull << 40},
	};
	static const char *const bad[] = {"",          "k",   "-1", " 1",  "+1",
					  "1.5k",      "1kb", "1x", "4 k", "99999999999999999999",
					  "16777216t", "0x10"};
	struct values values;

	for (size_t i = 0; i < EBB_ARRAY_SIZE(good); i++) {
		ck_assert_int_eq(parse(&values, "--bytes", good[i].text), 0);
		ck_assert_uint_eq(values.bytes, good[i].bytes);
	}
	for (size_t i = 0; i < EBB_ARRAY_SIZE(bad); i++) {
		ck_assert_int_eq(parse(&values, "--bytes", bad[i]), -EINVAL);
		ck_assert_ptr_nonnull(strstr(error, "--bytes"));
		ck_assert_uint_eq(values.bytes, 0);
	}
}
END_TEST

START_TEST(test_seconds)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{"2", 2000000000},    {"0.5", 500000000},  {".25", 250000000}, {"2s", 2000000000},
		{"200ms", 200000000}, {"1500us", 1500000}, {"0.001", 1000000},
	};
	static const char *const bad[] = {"",    ".",   "-1",   "1e3", "0x1p3", "inf",
					  "nan", "2 s", "2min", "1s2", "1..2",  "99999999999999"};
	struct values values;

	for (size_t i = 0; i < EBB_ARRAY_SIZE(good); i++) {
		ck_assert_int_eq(parse(&values, "--time", good[i].text), 0);
		ck_assert_uint_eq(values.time_ns, good[i].ns);
	}
	for (size_t i = 0; i < EBB_ARRAY_SIZE(bad); i++) {
		ck_assert_int_eq(parse(&values, "--time", bad[i]), -EINVAL);
	}
	ck_assert_int_eq(parse(&values, "--time", "999us"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "at least 0.001 seconds"));
}
END_TEST

START_TEST(test_choices)
{
	struct values values;

	ck_assert_int_eq(parse(&values, "--choice", "blue"), 0);
	ck_assert_uint_eq(values.choice, 2);
	ck_assert_int_eq(parse(&values, "--choices", "blue,red"), 0);
	ck_assert_uint_eq(values.choices.count, 2);
	ck_assert_uint_eq(values.choices.index[0], 2);
	ck_assert_uint_eq(values.choices.index[1], 0);

	ck_assert_int_eq(parse(&values, "--choice", "blu"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "red, green, blue"));
	ck_assert_int_eq(parse(&values, "--choice", "blue,red"), -EINVAL);
	ck_assert_int_eq(parse(&values, "--choices", "blue,"), -EINVAL);
	ck_assert_int_eq(parse(&values, "--choices", ",blue"), -EINVAL);
	ck_assert_int_eq(parse(&values, "--choices", ""), -EINVAL);
	ck_assert_int_eq(parse(&values, "--choices", "blue,blue"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "each once"));
}
END_TEST

START_TEST(test_count_range)
{
	struct values values;

	ck_assert_int_eq(parse(&values, "--count", "10"), 0);
	ck_assert_int_eq(parse(&values, "--count", "0"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "out of range: give 1 to 10"));
	ck_assert_int_eq(parse(&values, "--count", "11"), -EINVAL);
	ck_assert_int_eq(parse(&values, "--count", "4k"), -EINVAL);
}
END_TEST

START_TEST(test_lists)
{
	struct values values;
	char many[64] = "1";

	ck_assert_int_eq(parse(&values, "--counts", "8"), 0);
	ck_assert_uint_eq(values.counts.count, 1);
	ck_assert_int_eq(parse(&values, "--counts=1,32,8", NULL), 0);
	ck_assert_uint_eq(values.counts.count, 3);
	ck_assert_uint_eq(values.counts.number[1], 32);
	ck_assert_int_eq(parse(&values, "--sizes", "4k,64k,1m"), 0);
	ck_assert_uint_eq(values.sizes.number[2], 1 << 20);

	ck_assert_int_eq(parse(&values, "--counts", "1,,2"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "not understood: give whole numbers with commas"));
	ck_assert_int_eq(parse(&values, "--counts", "1,"), -EINVAL);
	ck_assert_int_eq(parse(&values, "--counts", "4k"), -EINVAL);
	ck_assert_int_eq(parse(&values, "--sizes", "4kk"), -EINVAL);
	ck_assert_int_eq(parse(&values, "--counts", "1,101"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "out of range: give 1 to 100"));
	ck_assert_int_eq(parse(&values, "--sizes", "4k,8k,4096"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "the same twice: give each once"));
	for (unsigned i = 2; i <= BENCH_NUMBERS_MAX + 1; i++) {
		snprintf(many + strlen(many), sizeof(many) - strlen(many), ",%u", i);
	}
	ck_assert_int_eq(parse(&values, "--counts", many), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "too many: give at most 16"));
	ck_assert_uint_eq(values.counts.count, 0);
}
END_TEST

START_TEST(test_flag)
{
	struct values values;

	ck_assert_int_eq(parse(&values, "--flag", "--count=3"), 0);
	ck_assert(values.flag);
	ck_assert_uint_eq(values.count, 3);
	ck_assert_int_eq(parse(&values, "--flag=no", NULL), -EINVAL);
	ck_assert_str_eq(error, "cmd: --flag no: not understood: it takes no value");
}
END_TEST

START_TEST(test_repeated)
{
	struct values values;

	ck_assert_int_eq(parse(&values, "--texts=one", "--texts=two"), 0);
	ck_assert_uint_eq(values.texts.count, 2);
	ck_assert_str_eq(values.texts.text[1], "two");
	ck_assert_int_eq(parse(&values, "--texts=one", "--texts=one"), -EINVAL);
	ck_assert_str_eq(error, "cmd: --texts one: the same twice: give each once");
}
END_TEST

START_TEST(test_other)
{
	struct values values;

	ck_assert_int_eq(parse(&values, "--even", "4"), 0);
	ck_assert_uint_eq(values.even, 4);
	ck_assert_int_eq(parse(&values, "--even", "5"), -EINVAL);
	ck_assert_str_eq(error, "cmd: --even 5: not understood: give an even digit");
}
END_TEST

START_TEST(test_words)
{
	char *args[] = {"one", "--flag", "two"};
	char *twice[] = {"one", "one"};
	char *empty[] = {"--"};
	struct values values = {0};

	ck_assert_int_eq(bench_option_parse("cmd", words_table, EBB_ARRAY_SIZE(words_table), args,
					    3, &values, error),
			 0);
	ck_assert_uint_eq(values.words.count, 2);
	ck_assert_str_eq(values.words.text[1], "two");
	ck_assert(values.flag);
	ck_assert_int_eq(bench_option_parse("cmd", words_table, EBB_ARRAY_SIZE(words_table), twice,
					    2, &values, error),
			 -EINVAL);
	ck_assert_str_eq(error, "cmd: one: the same twice: give each once");
	ck_assert_int_eq(bench_option_parse("cmd", words_table, EBB_ARRAY_SIZE(words_table), empty,
					    1, &values, error),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "no such option"));
}
END_TEST

/* Who mistypes a name or a word is told which one was meant. */
START_TEST(test_guesses)
{
	struct values values;

	ck_assert_int_eq(parse(&values, "--cuont", "1"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "did you mean --count?"));
	ck_assert_int_eq(parse(&values, "--choice", "geren"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "did you mean green? give one of red, green, blue"));
	ck_assert_int_eq(parse(&values, "--choices", "red,bleu"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "did you mean blue? give one or more of"));
	ck_assert_int_eq(parse(&values, "--choices", "violet"), -EINVAL);
	ck_assert_ptr_null(strstr(error, "did you mean"));
}
END_TEST

START_TEST(test_complaints)
{
	struct values values;

	ck_assert_int_eq(parse(&values, "--colour", "red"), -EINVAL);
	ck_assert_str_eq(error, "cmd: --colour: no such option; see ebb-bench cmd --help");
	ck_assert_int_eq(parse(&values, "--tex", "x"), -EINVAL);
	ck_assert_int_eq(parse(&values, "text", "x"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "not an option"));
	ck_assert_int_eq(parse(&values, "--text", NULL), -EINVAL);
	ck_assert_str_eq(error, "cmd: --text: its value T is missing");
	ck_assert_int_eq(parse(&values, "--text", ""), -EINVAL);
	ck_assert_int_eq(parse(&values, "--text", "--help"), -ECANCELED);
	ck_assert_int_eq(parse(&values, "-h", NULL), -ECANCELED);
}
END_TEST

/* However long an argument is, the complaint about it is one line that fits. */
START_TEST(test_long_argument)
{
	struct values values;
	char text[4096];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(parse(&values, "--count", text), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "give a whole number"));
	memcpy(text, "--", 2);
	ck_assert_int_eq(parse(&values, text, NULL), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "no such option"));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_two_forms),     UNIT_TEST(test_bytes),
		UNIT_TEST(test_seconds),       UNIT_TEST(test_choices),
		UNIT_TEST(test_count_range),   UNIT_TEST(test_complaints),
		UNIT_TEST(test_long_argument), UNIT_TEST(test_lists),
		UNIT_TEST(test_flag),          UNIT_TEST(test_repeated),
		UNIT_TEST(test_other),         UNIT_TEST(test_words),
		UNIT_TEST(test_guesses),       UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
