/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/arrivals.h"

#include <math.h>

#include "tests/unit/unit.h"

#define RATE 10000.0
#define MS   EBB_NS_PER_MS

static struct bench_arrivals arrivals;

static struct bench_load load_make(enum bench_shape shape)
{
	return (struct bench_load){
		.shape = shape,
		.rate_iops = RATE,
		.burst_ios = 8,
		.on_ns = 20 * MS,
		.off_ns = 30 * MS,
		.time_ns = 1000 * MS,
		.warmup_ns = 130 * MS,
		.seed = 7,
	};
}

/* How many of a stream come from @from_ns to @until_ns. It is begun anew. */
static uint64_t count(const struct bench_load *load, uint64_t from_ns, uint64_t until_ns)
{
	uint64_t moment_ns, last_ns = 0, found = 0;

	bench_arrivals_init(&arrivals, load, 0, 1);
	while ((moment_ns = bench_arrivals_next(&arrivals)) < until_ns) {
		ck_assert_uint_ge(moment_ns, last_ns);
		last_ns = moment_ns;
		found += moment_ns >= from_ns;
	}
	return found;
}

START_TEST(test_even)
{
	struct bench_load load = load_make(BENCH_SHAPE_EVEN);

	bench_arrivals_init(&arrivals, &load, 0, 1);
	for (uint64_t i = 1; i <= 1000; i++) {
		ck_assert_uint_eq(bench_arrivals_next(&arrivals), i * 100 * EBB_NS_PER_US);
	}
}
END_TEST

/* Distances of a Poisson stream spread as far as they are long. */
START_TEST(test_poisson)
{
	struct bench_load load = load_make(BENCH_SHAPE_POISSON);
	double sum = 0, squares = 0;
	uint64_t last_ns = 0;

	bench_arrivals_init(&arrivals, &load, 0, 1);
	for (unsigned i = 0; i < 100000; i++) {
		uint64_t moment_ns = bench_arrivals_next(&arrivals);
		double distance = (double)(moment_ns - last_ns);

		last_ns = moment_ns;
		sum += distance;
		squares += distance * distance;
	}
	sum /= 100000;
	ck_assert_double_eq_tol(sum, 1e5, 1e3);
	ck_assert_double_eq_tol(sqrt(squares / 100000 - sum * sum), 1e5, 2e3);
}
END_TEST

START_TEST(test_bursts)
{
	struct bench_load load = load_make(BENCH_SHAPE_BURST);

	bench_arrivals_init(&arrivals, &load, 0, 1);
	for (uint64_t burst = 1; burst <= 100; burst++) {
		for (unsigned i = 0; i < 8; i++) {
			ck_assert_uint_eq(bench_arrivals_next(&arrivals),
					  burst * 800 * EBB_NS_PER_US);
		}
	}
}
END_TEST

/* Off means off, the rate is that while on, and the counting begins with a beginning. */
START_TEST(test_on_off)
{
	struct bench_load load = load_make(BENCH_SHAPE_ON_OFF);
	uint64_t on = 0;

	for (uint64_t at_ns = load.warmup_ns; at_ns < load.warmup_ns + load.time_ns;
	     at_ns += 50 * MS) {
		on += count(&load, at_ns, at_ns + 20 * MS);
		ck_assert_uint_eq(count(&load, at_ns + 20 * MS + 1, at_ns + 50 * MS - 1), 0);
	}
	ck_assert_double_eq_tol((double)on, RATE * 0.4, RATE * 0.4 / 10);
	/* The warm-up ends with the end of a pause, and 30 ms of pause lie 80 ms before that. */
	ck_assert_uint_eq(count(&load, 101 * MS, 129 * MS), 0);
	ck_assert_uint_gt(count(&load, 81 * MS, 99 * MS), 100);
	load.off_ns = 0;
	ck_assert_double_eq_tol((double)count(&load, 0, load.time_ns), RATE, RATE / 10);
}
END_TEST

/* A whole day has the rate that was asked for; its nights are quiet and its mornings are not. */
START_TEST(test_day)
{
	struct bench_load load = load_make(BENCH_SHAPE_DAY);
	uint64_t begin_ns = load.warmup_ns, hour_ns = load.time_ns / 24;
	uint64_t morning = count(&load, begin_ns + 9 * hour_ns, begin_ns + 10 * hour_ns);
	uint64_t night = count(&load, begin_ns + 2 * hour_ns, begin_ns + 3 * hour_ns);
	uint64_t last_ns = 0, moment_ns, together = 0;

	ck_assert_double_eq_tol((double)count(&load, begin_ns, begin_ns + load.time_ns), RATE,
				RATE / 10);
	ck_assert_uint_gt(morning, 10 * night);
	bench_arrivals_init(&arrivals, &load, 0, 1);
	while ((moment_ns = bench_arrivals_next(&arrivals)) < load.time_ns) {
		together += moment_ns == last_ns;
		last_ns = moment_ns;
	}
	ck_assert_uint_gt(together, (uint64_t)RATE / 30); /* there are bursts in it */
}
END_TEST

/* Two who share a stream have all of it, and nothing twice; another seed is another stream. */
START_TEST(test_shares)
{
	static struct bench_arrivals shares[2];
	struct bench_load load = load_make(BENCH_SHAPE_DAY);
	struct bench_load other = load;
	bool differs = false;

	other.seed = 8;
	bench_arrivals_init(&arrivals, &load, 0, 1);
	bench_arrivals_init(&shares[0], &load, 0, 2);
	bench_arrivals_init(&shares[1], &load, 1, 2);
	for (unsigned i = 0; i < 5000; i++) {
		ck_assert_uint_eq(bench_arrivals_next(&arrivals),
				  bench_arrivals_next(&shares[i % 2]));
	}
	bench_arrivals_init(&shares[0], &load, 0, 1);
	bench_arrivals_init(&shares[1], &other, 0, 1);
	for (unsigned i = 0; i < 100; i++) {
		differs |= bench_arrivals_next(&shares[0]) != bench_arrivals_next(&shares[1]);
	}
	ck_assert(differs);
}
END_TEST

START_TEST(test_check)
{
	struct bench_load load = load_make(BENCH_SHAPE_BURST);

	ck_assert_ptr_null(bench_arrivals_check(&load));
	load.burst_ios = 0;
	ck_assert_str_eq(bench_arrivals_check(&load), "the number of requests in a burst");
	load = load_make(BENCH_SHAPE_ON_OFF);
	load.on_ns = 0;
	ck_assert_str_eq(bench_arrivals_check(&load), "how long it is on");
	load.shape = BENCH_SHAPE_DAY;
	load.time_ns = 0;
	ck_assert_str_eq(bench_arrivals_check(&load), "the length of the run");
	load.rate_iops = 0;
	ck_assert_str_eq(bench_arrivals_check(&load), "a rate");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_even),   UNIT_TEST(test_poisson),
		UNIT_TEST(test_bursts), UNIT_TEST(test_on_off),
		UNIT_TEST(test_day),    UNIT_TEST(test_shares),
		UNIT_TEST(test_check),  UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
