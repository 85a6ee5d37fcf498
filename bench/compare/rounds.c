/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/rounds.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/compare/order.h"
#include "bench/signals.h"

int bench_rounds_measure(struct bench_modes *modes, struct bench_contender *contender,
			 const struct bench_target *target, const struct bench_load *load,
			 struct bench_outcome *ret_outcome, char error[BENCH_TEXT_MAX])
{
	memset(ret_outcome, 0, sizeof(*ret_outcome));
	ebb_histogram_reset(&ret_outcome->latency);
	ret_outcome->sample.metric[BENCH_IOPS] = NAN;
	ret_outcome->companion_percent = NAN;
	error[0] = '\0';
	if (contender->kind == BENCH_CONTENDER_PEER) {
		bench_modes_rest(modes);
	}
	return contender->measure(contender, target, load, ret_outcome, error);
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
	if (rc != -EOPNOTSUPP) {
		rounds->failed = true;
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

	rc = bench_rounds_measure(rounds->modes, &results->contenders[cell->contender],
				  &results->targets[cell->target], &results->loads[cell->load],
				  &outcome, error);
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

int bench_rounds_run(struct bench_rounds *rounds)
{
	struct bench_results *results = rounds->results;
	unsigned *order = calloc(results->num_cells, sizeof(*order));
	int lost = 0;
	int rc = order == NULL ? -ENOMEM : 0;

	bench_progress_start(&rounds->progress, stderr, results->rounds * results->num_cells);
	for (unsigned round = 0; order != NULL && round < results->rounds; round++) {
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
	return order == NULL ? -ENOMEM : lost;
}
