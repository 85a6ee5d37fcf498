/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/best_plans.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/compare/progress.h"
#include "bench/compare/rounds.h"
#include "bench/report/text.h"
#include "bench/signals.h"

/* One plan is tried for so long at most; neighbours cost nearly the same, so that will do. */
#define TRY_MAX_NS    (60 * EBB_NS_PER_MS)
#define WARMUP_MAX_NS (10 * EBB_NS_PER_MS)

/* What a contender is: all the plans of one price. */
struct best {
	const struct bench_best_plans *plans;
	unsigned price;
};

static struct bench_load try_load(const struct bench_load *load)
{
	struct bench_load shorter = *load;

	shorter.time_ns = shorter.time_ns < TRY_MAX_NS ? shorter.time_ns : TRY_MAX_NS;
	shorter.warmup_ns = shorter.warmup_ns < WARMUP_MAX_NS ? shorter.warmup_ns : WARMUP_MAX_NS;
	return shorter;
}

uint64_t bench_best_plans_time_ns(const struct bench_load *load)
{
	struct bench_load shorter = try_load(load);

	return BENCH_SEARCH_POINTS_MAX * (shorter.time_ns + shorter.warmup_ns);
}

/* Tries plans until the search has ended. A plan that cannot be measured is not the best. */
static int plans_try(const struct bench_best_plans *plans, const struct bench_target *target,
		     const struct bench_load *load, struct bench_search *search)
{
	static struct bench_outcome outcome; /* too large for a stack; the harness's only */
	const struct bench_load shorter = try_load(load);
	char error[BENCH_TEXT_MAX];
	struct bench_plan plan;

	bench_search_begin(search, plans->prices, plans->num_prices);
	while (bench_search_next(search, &plan)) {
		const double *metric = outcome.sample.metric;
		int rc;

		if (bench_signals_seen()) {
			return -ECANCELED;
		}
		bench_rounds_outcome_init(&outcome);
		rc = bench_modes_run_plan(plans->modes, "search", plan.sleep_ns, plan.look_ns,
					  target, &shorter, &outcome, error);
		if (rc == -ECANCELED) {
			return rc;
		}
		/* Seconds of CPU for a million I/Os are microseconds for one. */
		bench_search_add(search, &plan, metric[BENCH_CPU_PER_MILLION] * 1e3,
				 metric[BENCH_LATENCY_MEAN], metric[BENCH_IOPS]);
	}
	return 0;
}

static unsigned place_of(const struct bench_best_plans *plans, unsigned target, unsigned row,
			 unsigned price)
{
	return (target * plans->num_rows + row) * plans->num_prices + price;
}

static void best_keep(struct bench_best_plans *plans, unsigned target, unsigned row,
		      const struct bench_search *search)
{
	char load[BENCH_TEXT_MAX];

	bench_results_load_name(&plans->rows[row].load, load);
	for (unsigned i = 0; i < plans->num_prices; i++) {
		const struct bench_search_point *best = bench_search_best(search, plans->prices[i]);
		unsigned place = place_of(plans, target, row, i);
		char name[48];

		if (best == NULL) {
			continue;
		}
		plans->plans[place] = best->plan;
		plans->found[place] = true;
		bench_modes_plan_name(best->plan.sleep_ns, best->plan.look_ns, name, sizeof(name));
		bench_text_say("the best of %u plans for %s on %s at price %g: %s",
			       search->num_points, load, plans->targets[target].name,
			       plans->prices[i], name);
	}
}

int bench_best_plans_search(struct bench_best_plans *plans, char error[BENCH_TEXT_MAX])
{
	unsigned num_searches = plans->num_targets * plans->num_rows;
	struct bench_progress progress;
	int rc = 0;

	plans->plans = calloc((size_t)num_searches * plans->num_prices, sizeof(*plans->plans));
	plans->found = calloc((size_t)num_searches * plans->num_prices, sizeof(*plans->found));
	if (plans->plans == NULL || plans->found == NULL) {
		snprintf(error, BENCH_TEXT_MAX, "compare: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	bench_progress_start(&progress, stderr, num_searches);
	for (unsigned i = 0; i < num_searches && rc == 0; i++) {
		unsigned target = i / plans->num_rows;
		unsigned row = i % plans->num_rows;
		struct bench_search search;

		bench_progress_show(&progress, "searching for the best plan");
		if (bench_modes_fit(&plans->targets[target])) {
			rc = plans_try(plans, &plans->targets[target], &plans->rows[row].load,
				       &search);
		}
		bench_progress_clear(&progress);
		if (rc == 0 && bench_modes_fit(&plans->targets[target])) {
			best_keep(plans, target, row, &search);
		}
		bench_progress_step(&progress);
	}
	return rc;
}

void bench_best_plans_fini(struct bench_best_plans *plans)
{
	free(plans->plans);
	free(plans->found);
	plans->plans = NULL;
	plans->found = NULL;
}

/* The plan of that load on that target; NULL: none was found. */
static const struct bench_plan *plan_find(const struct best *best,
					  const struct bench_target *target,
					  const struct bench_load *load)
{
	const struct bench_best_plans *plans = best->plans;
	char wanted[BENCH_TEXT_MAX], name[BENCH_TEXT_MAX];

	bench_results_load_name(load, wanted);
	for (unsigned i = 0; i < plans->num_targets; i++) {
		for (unsigned row = 0; row < plans->num_rows; row++) {
			unsigned place = place_of(plans, i, row, best->price);

			bench_results_load_name(&plans->rows[row].load, name);
			if (strcmp(name, wanted) == 0 &&
			    strcmp(plans->targets[i].name, target->name) == 0) {
				return plans->found[place] ? &plans->plans[place] : NULL;
			}
		}
	}
	return NULL;
}

static bool best_fits(const struct bench_contender *contender, const struct bench_target *target)
{
	(void)contender;
	return bench_modes_fit(target);
}

static int best_measure(struct bench_contender *contender, const struct bench_target *target,
			const struct bench_load *load, struct bench_outcome *ret_outcome,
			char error[BENCH_TEXT_MAX])
{
	const struct best *best = contender->context;
	const struct bench_plan *plan = plan_find(best, target, load);

	if (plan == NULL) {
		snprintf(error, BENCH_TEXT_MAX, "%s: no plan could be measured", contender->name);
		return -EOPNOTSUPP;
	}
	return bench_modes_run_plan(best->plans->modes, contender->name, plan->sleep_ns,
				    plan->look_ns, target, load, ret_outcome, error);
}

static void best_destroy(struct bench_contender *contender)
{
	free(contender->context);
	contender->context = NULL;
}

/* The one plan of this price; NULL: there are several, or none. */
static const struct bench_plan *plan_only(const struct bench_best_plans *plans, unsigned price)
{
	const struct bench_plan *only = NULL;

	for (unsigned i = 0; i < plans->num_targets * plans->num_rows; i++) {
		const struct bench_plan *plan = &plans->plans[i * plans->num_prices + price];

		if (!plans->found[i * plans->num_prices + price]) {
			continue;
		}
		if (only != NULL &&
		    (only->sleep_ns != plan->sleep_ns || only->look_ns != plan->look_ns)) {
			return NULL;
		}
		only = plan;
	}
	return only;
}

/* Which plan it is for which load, as far as there is room. */
static void note_make(const struct bench_best_plans *plans, unsigned price, char *note, size_t size)
{
	size_t used = 0;

	for (unsigned i = 0; i < plans->num_targets * plans->num_rows && used < size; i++) {
		const struct bench_plan *plan = &plans->plans[i * plans->num_prices + price];
		char load[BENCH_TEXT_MAX], name[48];

		if (!plans->found[i * plans->num_prices + price]) {
			continue;
		}
		bench_results_load_name(&plans->rows[i % plans->num_rows].load, load);
		bench_modes_plan_name(plan->sleep_ns, plan->look_ns, name, sizeof(name));
		used += (size_t)snprintf(note + used, size - used, "%s%s: %s", used > 0 ? "; " : "",
					 load, name);
	}
}

int bench_best_plans_make(const struct bench_best_plans *plans, unsigned index,
			  struct bench_contender *ret_contender)
{
	const struct bench_plan *only = plan_only(plans, index);
	struct best *best = malloc(sizeof(*best));
	char name[48] = "";

	if (best == NULL) {
		return -ENOMEM;
	}
	*best = (struct best){plans, index};
	if (only != NULL) {
		bench_modes_plan_name(only->sleep_ns, only->look_ns, name, sizeof(name));
	}
	snprintf(ret_contender->name, sizeof(ret_contender->name), "best plan %.24s%sat price %g",
		 name, only != NULL ? " " : "", plans->prices[index]);
	note_make(plans, index, ret_contender->note, sizeof(ret_contender->note));
	ret_contender->kind = BENCH_CONTENDER_PLAN;
	ret_contender->fits = best_fits;
	ret_contender->measure = best_measure;
	ret_contender->destroy = best_destroy;
	ret_contender->context = best;
	return 0;
}
