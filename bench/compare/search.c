/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/search.h"

#include <math.h>
#include <string.h>

#include <ebb/reactor.h>

#define STAGE_POLL   0
#define STAGE_GRID   1
#define STAGE_REFINE 2
#define STAGE_END    4

/* Plans that differ by less are one: no figure is that exact. */
#define SAME_SHARE 0.04

static const double grid_sleeps[] = {0, 0.25, 0.5, 0.75};
static const double grid_looks[] = {0, 0.5, 1, 2, 4};

/* Two digits: a plan is told to people, and its neighbours cost the same. */
static uint64_t time_round(double time_ns)
{
	double unit;

	if (time_ns < 1000) {
		return 0; /* no reactor sleeps or looks for less than a microsecond */
	}
	unit = pow(10, floor(log10(time_ns)) - 1);
	return (uint64_t)llround(round(time_ns / unit) * unit);
}

static struct bench_plan plan_make(double sleep_ns, double look_ns)
{
	struct bench_plan plan = {time_round(sleep_ns), time_round(look_ns)};

	/* Without a look there is one sleep, as long as it takes. */
	return plan.look_ns <= plan.sleep_ns ? (struct bench_plan){0, 0} : plan;
}

static bool time_same(uint64_t a, uint64_t b, double wait_ns)
{
	double difference = fabs((double)a - (double)b);

	return difference <= SAME_SHARE * fmax((double)a, (double)b) ||
	       difference <= SAME_SHARE * wait_ns / 2;
}

static bool is_tried(const struct bench_search *search, const struct bench_plan *plan)
{
	for (unsigned i = 0; i < search->num_points; i++) {
		const struct bench_plan *other = &search->points[i].plan;

		if (time_same(other->sleep_ns, plan->sleep_ns, search->wait_ns) &&
		    time_same(other->look_ns, plan->look_ns, search->wait_ns)) {
			return true;
		}
	}
	return false;
}

static bool grid_next(const struct bench_search *search, struct bench_plan *ret_plan)
{
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(grid_sleeps); i++) {
		for (unsigned j = 0; j < EBB_ARRAY_SIZE(grid_looks); j++) {
			struct bench_plan plan = plan_make(grid_sleeps[i] * search->wait_ns,
							   grid_looks[j] * search->wait_ns);

			if (!is_tried(search, &plan)) {
				*ret_plan = plan;
				return true;
			}
		}
	}
	return false;
}

/* A neighbour of @plan that has not been tried; @step: how far away, in waits. */
static bool neighbour_next(const struct bench_search *search, const struct bench_plan *plan,
			   double step, struct bench_plan *ret_plan)
{
	double sleep_ns = (double)plan->sleep_ns;
	double look_ns =
		plan->look_ns == EBB_REACTOR_FOREVER ? 8 * search->wait_ns : (double)plan->look_ns;
	double step_ns = step * search->wait_ns;
	const struct bench_plan neighbours[] = {
		plan_make(sleep_ns, look_ns + step_ns),
		plan_make(sleep_ns, look_ns - step_ns),
		plan_make(sleep_ns + step_ns, look_ns),
		plan_make(fmax(sleep_ns - step_ns, 0), look_ns),
	};

	for (unsigned i = 0; i < EBB_ARRAY_SIZE(neighbours); i++) {
		if (!is_tried(search, &neighbours[i])) {
			*ret_plan = neighbours[i];
			return true;
		}
	}
	return false;
}

static bool refine_next(const struct bench_search *search, struct bench_plan *ret_plan)
{
	double step = search->stage == STAGE_REFINE ? 0.125 : 0.0625;

	for (unsigned i = 0; i < search->num_prices; i++) {
		const struct bench_search_point *best =
			bench_search_best(search, search->prices[i]);

		if (best != NULL && neighbour_next(search, &best->plan, step, ret_plan)) {
			return true;
		}
	}
	return false;
}

void bench_search_begin(struct bench_search *search, const double *prices, unsigned num_prices)
{
	memset(search, 0, sizeof(*search));
	memcpy(search->prices, prices, num_prices * sizeof(prices[0]));
	search->num_prices = num_prices;
}

bool bench_search_next(struct bench_search *search, struct bench_plan *ret_plan)
{
	if (search->stage == STAGE_POLL) {
		if (search->num_points == 0) {
			*ret_plan = (struct bench_plan){0, EBB_REACTOR_FOREVER};
			return true;
		}
		/* How long a wait is, is not known if even polling does not work. */
		search->stage = search->wait_ns > 0 ? STAGE_GRID : STAGE_END;
	}
	while (search->stage < STAGE_END && search->num_points < BENCH_SEARCH_POINTS_MAX) {
		if (search->stage == STAGE_GRID ? grid_next(search, ret_plan)
						: refine_next(search, ret_plan)) {
			return true;
		}
		search->stage++;
	}
	return false;
}

void bench_search_add(struct bench_search *search, const struct bench_plan *plan, double cpu_ns,
		      double latency_ns, double iops)
{
	if (search->num_points == BENCH_SEARCH_POINTS_MAX) {
		return;
	}
	search->points[search->num_points++] =
		(struct bench_search_point){.plan = *plan,
					    .cpu_ns = cpu_ns,
					    .latency_ns = latency_ns};
	if (search->num_points == 1 && latency_ns > 0) {
		/* With several in flight (Little's law says how many) completions come closer. */
		search->wait_ns = latency_ns / fmax(1, iops * latency_ns / (double)EBB_NS_PER_S);
	}
}

double bench_search_cost(const struct bench_search_point *point, double price)
{
	double cost = point->cpu_ns + price * point->latency_ns;

	return isnan(cost) ? INFINITY : cost;
}

const struct bench_search_point *bench_search_best(const struct bench_search *search, double price)
{
	const struct bench_search_point *best = NULL;

	for (unsigned i = 0; i < search->num_points; i++) {
		const struct bench_search_point *point = &search->points[i];

		if (!isinf(bench_search_cost(point, price)) &&
		    (best == NULL ||
		     bench_search_cost(point, price) < bench_search_cost(best, price))) {
			best = point;
		}
	}
	return best;
}
