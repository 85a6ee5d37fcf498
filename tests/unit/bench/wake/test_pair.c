/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/wake/pair.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "tests/unit/unit.h"

/* Who was called, in order. */
static char calls[64];
static double baseline_next;
static double ebb_next;

static double measure_ebb(void *arg)
{
	(void)arg;
	strcat(calls, "e");
	return ebb_next;
}

static double measure_baseline(void *arg)
{
	(void)arg;
	strcat(calls, "b");
	return baseline_next;
}

static struct bench_pair pair_make(void)
{
	calls[0] = '\0';
	return (struct bench_pair){
		.name = "pair",
		.what = "something",
		.baseline = "less",
		.measure_ebb = measure_ebb,
		.measure_baseline = measure_baseline,
	};
}

static void round_of(struct bench_pair *pair, double baseline_ns, double ebb_ns)
{
	baseline_next = baseline_ns;
	ebb_next = ebb_ns;
	ck_assert_int_eq(bench_pair_round(pair), 0);
}

START_TEST(test_order)
{
	struct bench_pair pair = pair_make();

	for (unsigned i = 0; i < 4; i++) {
		round_of(&pair, 1, 1);
	}
	ck_assert_str_eq(calls, "beebbeeb");
}
END_TEST

/* The ratio is taken within each round: a round in which everything was slow does not show. */
START_TEST(test_ratio)
{
	struct bench_pair pair = pair_make();

	ck_assert_double_nan(bench_pair_ratio(&pair));
	round_of(&pair, 100, 120);
	round_of(&pair, 1000, 1300);
	round_of(&pair, 100, 200);
	ck_assert_double_eq_tol(bench_pair_ratio(&pair), 1.3, 1e-9);
}
END_TEST

START_TEST(test_failure)
{
	struct bench_pair pair = pair_make();

	baseline_next = NAN;
	ebb_next = 1;
	ck_assert_int_eq(bench_pair_round(&pair), -EIO);
	baseline_next = 1;
	ebb_next = NAN;
	ck_assert_int_eq(bench_pair_round(&pair), -EIO);
	ck_assert_uint_eq(pair.rounds, 0);
}
END_TEST

START_TEST(test_reports)
{
	struct bench_pair pairs[2] = {pair_make(), pair_make()};
	struct json_object *array;
	struct json_object *ratio;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	round_of(&pairs[1], 100, 150);
	bench_pair_print(pairs, 2, out);
	fclose(out);
	ck_assert_ptr_nonnull(strstr(text, "1.50      (1.50 … 1.50 in 1 rounds)"));
	free(text);
	array = bench_pair_json(pairs, 2);
	ck_assert_uint_eq(json_object_array_length(array), 1); /* the first has no round */
	ck_assert(json_object_object_get_ex(json_object_array_get_idx(array, 0), "ratio", &ratio));
	ck_assert_double_eq(json_object_get_double(ratio), 1.5);
	json_object_put(array);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_order),
		UNIT_TEST(test_ratio),
		UNIT_TEST(test_failure),
		UNIT_TEST(test_reports),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
