/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/pas_sleep.h"

#include "tests/unit/unit.h"

#define UNDER false
#define OVER  true

static struct bench_pas_sleep state;

static void setup(void)
{
	bench_pas_sleep_init(&state);
	state.duration_ns = 10000;
}

/* The factor by which the duration changes. */
static double learn(bool over)
{
	double before_ns = state.duration_ns;

	bench_pas_sleep_learn(&state, over);
	return state.duration_ns / before_ns;
}

static void check_factor(bool over, double factor)
{
	ck_assert_double_eq_tol(learn(over), factor, 1e-9);
}

START_TEST(it_begins_with_its_least)
{
	bench_pas_sleep_init(&state);
	ck_assert_uint_eq(bench_pas_sleep_ns(&state), BENCH_PAS_SLEEP_MIN_NS);
	learn(OVER);
	ck_assert_uint_eq(bench_pas_sleep_ns(&state), BENCH_PAS_SLEEP_MIN_NS);
}
END_TEST

/* It counts as under before the first. UP is 0.01, DOWN 0.1, and both are at their most. */
START_TEST(alike_accelerates)
{
	check_factor(UNDER, 1.01);
	check_factor(UNDER, 1.02);
	check_factor(UNDER, 1.03);
	/* Now they differ: DOWN is 0.1 still, and shrinks. */
	check_factor(OVER, 0.9);
	ck_assert_double_eq_tol(state.down, 0.09, 1e-9);
	ck_assert_double_eq_tol(state.up, 0.009, 1e-9);
	check_factor(OVER, 0.81);
	ck_assert_double_eq_tol(state.down, 0.0945, 1e-9);
	check_factor(OVER, 0.7155);
}
END_TEST

START_TEST(different_begins_anew)
{
	check_factor(OVER, 0.9);
	check_factor(UNDER, 1.009);
	check_factor(OVER, 1 - 0.081);
	check_factor(UNDER, 1 + 0.00729);
}
END_TEST

START_TEST(the_steps_have_their_bounds)
{
	for (unsigned i = 0; i < 100; i++) {
		learn(i % 2 == 0 ? OVER : UNDER);
	}
	ck_assert_double_eq_tol(state.down, 0.01, 1e-9);
	ck_assert_double_eq_tol(state.up, 0.001, 1e-9);
	for (unsigned i = 0; i < 100; i++) {
		learn(UNDER);
	}
	ck_assert_double_eq_tol(state.down, 0.1, 1e-9);
	ck_assert_double_eq_tol(state.up, 0.01, 1e-9);
}
END_TEST

/* Whatever it learns, it is a time. */
START_TEST(the_duration_has_its_bounds)
{
	for (unsigned i = 0; i < 1000; i++) {
		learn(UNDER);
	}
	ck_assert_uint_eq(bench_pas_sleep_ns(&state), BENCH_PAS_SLEEP_MAX_NS);
	for (unsigned i = 0; i < 1000; i++) {
		learn(OVER);
		ck_assert_double_gt(state.adjust, 0);
	}
	ck_assert_uint_eq(bench_pas_sleep_ns(&state), BENCH_PAS_SLEEP_MIN_NS);
}
END_TEST

/* So many requests to a device that takes @device_ns, waking after the sleep by @late_ns. */
static void serve(unsigned count, double device_ns, double late_ns)
{
	for (unsigned i = 0; i < count; i++) {
		learn(state.duration_ns + late_ns > device_ns);
	}
}

START_TEST(it_follows_the_device)
{
	bench_pas_sleep_init(&state);
	serve(1000, 50000, 0);
	ck_assert_double_eq_tol(state.duration_ns, 50000, 3000);
	serve(300, 10000, 0);
	ck_assert_double_eq_tol(state.duration_ns, 10000, 600);
	serve(300, 80000, 0);
	ck_assert_double_eq_tol(state.duration_ns, 80000, 5000);
	/* What waking takes is a part of it, though nobody has measured that. */
	serve(300, 80000, 15000);
	ck_assert_double_eq_tol(state.duration_ns, 65000, 5000);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, NULL),
		UNIT_TEST(it_begins_with_its_least),
		UNIT_TEST(alike_accelerates),
		UNIT_TEST(different_begins_anew),
		UNIT_TEST(the_steps_have_their_bounds),
		UNIT_TEST(the_duration_has_its_bounds),
		UNIT_TEST(it_follows_the_device),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
