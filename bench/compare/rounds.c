/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/rounds.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/clock.h>

#include "bench/compare/order.h"
#include "bench/machine/disturbance.h"
#include "bench/machine/energy.h"
#include "bench/signals.h"

void bench_rounds_outcome_init(struct bench_outcome *outcome)
{
	memset(outcome, 0, sizeof(*outcome));
	ebb_histogram_reset(&outcome->latency);
	for (unsigned metric = 0; metric < BENCH_METRIC_COUNT; metric++) {
		outcome->sample.metric[metric] = NAN;
	}
	outcome->companion_percent = NAN;
}

bool bench_rounds_fits(const struct bench_contender *contender, const struct bench_target *target)
{
	return contender->fits == NULL || contender->fits(contender, target);
}

int bench_rounds_measure(struct bench_modes *modes, struct bench_contender *contender,
			 const struct bench_target *target, const struct bench_load *load,
			 struct bench_outcome *ret_outcome, char error[BENCH_TEXT_MAX])
{
	bench_rounds_outcome_init(ret_outcome);
	error[0] = '\0';
	if (contender->kind == BENCH_CONTENDER_PEER) {
		int rc = bench_modes_rest(modes, target, error);

		if (rc < 0) {
			return rc;
		}
	}
	return contender->measure(contender, target, load, ret_outcome, error);
}

/*
 * What the machine used while the run went on, its warm-up included, is its power under this load; a
 * peer is another program that has to start and end meanwhile, so that says nothing of it.
 */
static void energy_note(const struct bench_contender *contender, double joules, uint64_t time_ns,
			struct bench_outcome *outcome)
{
	double iops = outcome->sample.metric[BENCH_IOPS];

	if (contender->kind != BENCH_CONTENDER_PEER && joules > 0 && iops > 0) {
		outcome->sample.metric[BENCH_JOULES_PER_MILLION] =
			joules / ((double)time_ns / (double)EBB_NS_PER_S) / iops * 1e6;
	}
}

/* The run itself, and what the machine did meanwhile. */
static int cell_measure(struct bench_rounds *rounds, const struct bench_cell *cell,
			struct bench_outcome *outcome, char error[BENCH_TEXT_MAX])
{
	struct bench_results *results = rounds->results;
	struct bench_contender *contender = &results->contenders[cell->contender];
	uint64_t start_ns = ebb_clock_now_ns();
	double before, after;
	bool energy = bench_energy_read(&before) == 0;
	int rc;

	if (rounds->disturbance != NULL) {
		bench_disturbance_begin(rounds->disturbance);
	}
	rc = bench_rounds_measure(rounds->modes, contender, &results->targets[cell->target],
				  &results->loads[cell->load], outcome, error);
	if (rc < 0) {
		return rc;
	}
	if (rounds->disturbance != NULL) {
		bench_disturbance_end(rounds->disturbance);
	}
	if (energy && bench_energy_read(&after) == 0) {
		energy_note(contender, after - before, ebb_clock_now_ns() - start_ns, outcome);
	}
	return rc;
}

static void cell_failed(struct bench_rounds *rounds, struct bench_cell *cell, int rc,
			const char *error)
{
	const struct bench_contender *contender = &rounds->results->contenders[cell->contender];

	if (error[0] == '\0') {
		snprintf(cell->error, sizeof(cell->error), "%s: %s", contender->name,
			 strerror(-rc));
	} else {
		snprintf(cell->error, sizeof(cell->error), "%s", error);
	}
	if (rc != -EOPNOTSUPP && !rounds->failed) {
		rounds->failed = true;
		snprintf(rounds->error, sizeof(rounds->error), "%s", cell->error);
	}
}

/* One run of @cell. Return: 0; -ECANCELED; -ENOMEM. */
static int cell_run(struct bench_rounds *rounds, struct bench_cell *cell)
{
	struct bench_results *results = rounds->results;
	static struct bench_outcome outcome; /* too large for a stack; the harness's only */
	char error[BENCH_TEXT_MAX];
	int added = 0;
	int rc;

	rc = cell_measure(rounds, cell, &outcome, error);
	if (rc == -ECANCELED) {
		return rc;
	}
	if (!isnan(outcome.sample.metric[BENCH_IOPS])) {
		added = bench_results_add(cell, &outcome);
	}
	if (rc < 0) {
		cell_failed(rounds, cell, rc, error);
	} else if (outcome.errors > 0) {
		snprintf(error, sizeof(error), "%s: %llu requests failed",
			 results->contenders[cell->contender].name,
			 (unsigned long long)outcome.errors);
		cell_failed(rounds, cell, -EIO, error);
	}
	return added;
}

static void cell_show(const struct bench_rounds *rounds, const struct bench_cell *cell)
{
	const struct bench_results *results = rounds->results;
	char load[BENCH_TEXT_MAX];
	char what[3 * BENCH_TEXT_MAX];

	bench_results_load_name(&results->loads[cell->load], load);
	snprintf(what, sizeof(what), "%s, %s%s%s", load, results->contenders[cell->contender].name,
		 results->num_targets > 1 ? ", " : "",
		 results->num_targets > 1 ? results->targets[cell->target].name : "");
	bench_progress_show(&rounds->progress, what);
}

static int round_run(struct bench_rounds *rounds, const unsigned *order)
{
	struct bench_results *results = rounds->results;
	int lost = 0;
	int rc;

	for (unsigned i = 0; i < results->num_cells; i++) {
		struct bench_cell *cell = &results->cells[order[i]];

		if (bench_signals_seen()) {
			return -ECANCELED;
		}
		if (cell->error[0] == '\0') {
			cell_show(rounds, cell);
			rc = cell_run(rounds, cell);
			if (rc == -ECANCELED) {
				return rc;
			}
			lost = rc < 0 ? rc : lost;
		}
		bench_progress_step(&rounds->progress);
	}
	return lost;
}

/* Cells of who cannot measure that target at all: with others he can. */
static void misfits_mark(struct bench_results *results)
{
	for (unsigned i = 0; i < results->num_cells; i++) {
		struct bench_cell *cell = &results->cells[i];
		const struct bench_contender *contender = &results->contenders[cell->contender];
		const struct bench_target *target = &results->targets[cell->target];

		if (!bench_rounds_fits(contender, target)) {
			snprintf(cell->error, sizeof(cell->error), "%s cannot measure %.120s",
				 contender->name, target->name);
		}
	}
}

int bench_rounds_run(struct bench_rounds *rounds)
{
	struct bench_results *results = rounds->results;
	unsigned *order = calloc(results->num_cells, sizeof(*order));
	int lost = 0;
	int rc;

	if (order == NULL) {
		return -ENOMEM;
	}
	misfits_mark(results);
	bench_progress_start(&rounds->progress, stderr, results->rounds * results->num_cells);
	for (unsigned round = 0; round < results->rounds; round++) {
		bench_order_make(rounds->seed, round, results->num_cells, order);
		rc = round_run(rounds, order);
		if (rc == -ECANCELED) {
			break;
		}
		lost = rc < 0 ? rc : lost;
	}
	bench_progress_clear(&rounds->progress);
	results->interrupted = bench_signals_seen();
	free(order);
	return lost;
}
