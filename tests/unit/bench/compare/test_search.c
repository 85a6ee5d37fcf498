/* SPDX-License-Identifier: Apache-2.0 */
/* The search on surfaces of cost that are known. */
#include "bench/compare/search.h"

#include <math.h>

#include <ebb/reactor.h>

#include "tests/unit/unit.h"

static const double prices[] = {0.25, 1, 4};
static struct bench_search search;

/* What one request of a device of constant speed costs under a plan. */
struct device {
	double service_ns;
	double sleep_cpu_ns; /* of one sleep and wake */
	double wake_ns;      /* how late a sleeper is */
};

static void plan_price(const struct device *device, const struct bench_plan *plan,
		       double *ret_cpu_ns, double *ret_latency_ns)
{
	double sleep_ns = (double)plan->sleep_ns;
	double look_ns = plan->look_ns == EBB_REACTOR_FOREVER ? INFINITY : (double)plan->look_ns;
	double awake_ns = plan->sleep_ns > 0 ? sleep_ns + device->wake_ns : 0;

	*ret_cpu_ns = 500;
	*ret_latency_ns = fmax(device->service_ns, awake_ns);
	if (plan->sleep_ns > 0) {
		*ret_cpu_ns += device->sleep_cpu_ns;
	}
	if (device->service_ns <= look_ns) {
		*ret_cpu_ns += fmax(device->service_ns - awake_ns, 0);
		return;
	}
	*ret_cpu_ns += fmax(look_ns - awake_ns, 0) + device->sleep_cpu_ns;
	*ret_latency_ns = device->service_ns + device->wake_ns;
}

static unsigned search_run(const struct device *device, double iops)
{
	struct bench_plan plan;
	double cpu_ns, latency_ns;
	unsigned count = 0;

	bench_search_begin(&search, prices, EBB_ARRAY_SIZE(prices));
	while (bench_search_next(&search, &plan)) {
		ck_assert_uint_lt(count, BENCH_SEARCH_POINTS_MAX);
		ck_assert(plan.look_ns == 0 || plan.look_ns > plan.sleep_ns);
		plan_price(device, &plan, &cpu_ns, &latency_ns);
		bench_search_add(&search, &plan, cpu_ns, latency_ns, iops);
		count++;
	}
	ck_assert(!bench_search_next(&search, &plan));
	return count;
}

/* The least cost of all plans, on a fine grid. (No reactor sleeps for less than a microsecond.) */
static double least_cost(const struct device *device, double price)
{
	struct bench_search_point point;
	double least = INFINITY;

	for (unsigned sleep = 0; sleep <= 100; sleep++) {
		for (unsigned look = sleep; look <= 400; look++) {
			point.plan.sleep_ns = (uint64_t)(device->service_ns * sleep / 100);
			point.plan.look_ns = (uint64_t)(device->service_ns * look / 100);
			if (point.plan.sleep_ns > 0 && point.plan.sleep_ns < 1000) {
				continue;
			}
			plan_price(device, &point.plan, &point.cpu_ns, &point.latency_ns);
			least = fmin(least, bench_search_cost(&point, price));
		}
	}
	return least;
}

static const struct device devices[] = {
	{10000, 2000, 5000},   /* a fast drive */
	{80000, 2000, 5000},   /* a slow one */
	{80000, 2000, 40000},  /* waking takes long */
	{80000, 60000, 5000},  /* sleeping costs much */
	{1000000, 3000, 8000}, /* a network */
	{3000, 2000, 5000},    /* faster than a sleep */
	{100000, 2000, 35000}, /* the best sleep is not on the grid */
};

START_TEST(the_best_is_found_at_each_price)
{
	const struct device *device = &devices[_i];

	search_run(device, 1e9 / device->service_ns);
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(prices); i++) {
		const struct bench_search_point *best = bench_search_best(&search, prices[i]);

		ck_assert_ptr_nonnull(best);
		ck_assert_double_le(bench_search_cost(best, prices[i]),
				    1.05 * least_cost(device, prices[i]));
	}
}
END_TEST

START_TEST(the_budget_is_small)
{
	const struct device *device = &devices[_i];
	unsigned count = search_run(device, 1e9 / device->service_ns);

	ck_assert_uint_le(count, BENCH_SEARCH_POINTS_MAX);
	for (unsigned i = 0; i < count; i++) {
		for (unsigned j = 0; j < i; j++) {
			ck_assert(search.points[i].plan.sleep_ns !=
					  search.points[j].plan.sleep_ns ||
				  search.points[i].plan.look_ns != search.points[j].plan.look_ns);
		}
	}
}
END_TEST

/* Of 32 in flight one completes in a thirty-second of a latency: that is how long a wait is. */
START_TEST(a_wait_is_shorter_with_many_in_flight)
{
	const struct device device = {320000, 2000, 5000};

	search_run(&device, 100000);
	ck_assert_double_eq_tol(search.wait_ns, 10000, 1);
}
END_TEST

START_TEST(what_cannot_be_measured_is_never_the_best)
{
	struct bench_plan plan;
	unsigned count = 0;

	bench_search_begin(&search, prices, 1);
	while (bench_search_next(&search, &plan)) {
		bool fails = count % 2 == 1;

		bench_search_add(&search, &plan, fails ? NAN : 1000, fails ? NAN : 10000, 1000);
		count++;
	}
	ck_assert(!isnan(bench_search_best(&search, 1)->cpu_ns));

	bench_search_begin(&search, prices, 1);
	ck_assert(bench_search_next(&search, &plan));
	ck_assert_uint_eq(plan.look_ns, EBB_REACTOR_FOREVER);
	bench_search_add(&search, &plan, NAN, NAN, NAN);
	ck_assert(!bench_search_next(&search, &plan)); /* nothing is known of the device */
	ck_assert_ptr_null(bench_search_best(&search, 1));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_LOOP(the_best_is_found_at_each_price, 0, EBB_ARRAY_SIZE(devices)),
		UNIT_LOOP(the_budget_is_small, 0, EBB_ARRAY_SIZE(devices)),
		UNIT_TEST(a_wait_is_shorter_with_many_in_flight),
		UNIT_TEST(what_cannot_be_measured_is_never_the_best),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
