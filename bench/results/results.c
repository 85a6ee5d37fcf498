/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/results/results.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include <ebb/assert.h>

int bench_results_init(struct bench_results *results, unsigned num_targets, unsigned num_loads,
		       unsigned num_contenders)
{
	unsigned num_cells = num_targets * num_loads * num_contenders;

	memset(results, 0, sizeof(*results));
	results->targets = calloc(num_targets + 1u, sizeof(results->targets[0]));
	results->loads = calloc(num_loads + 1u, sizeof(results->loads[0]));
	results->sustained = calloc(num_loads + 1u, sizeof(results->sustained[0]));
	results->contenders = calloc(num_contenders + 1u, sizeof(results->contenders[0]));
	results->cells = calloc(num_cells + 1u, sizeof(results->cells[0]));
	if (results->targets == NULL || results->loads == NULL || results->sustained == NULL ||
	    results->contenders == NULL || results->cells == NULL) {
		bench_results_fini(results);
		return -ENOMEM;
	}
	results->num_targets = num_targets;
	results->num_loads = num_loads;
	results->num_contenders = num_contenders;
	results->num_cells = num_cells;
	for (unsigned i = 0; i < num_cells; i++) {
		results->cells[i].contender = i % num_contenders;
		results->cells[i].load = i / num_contenders % num_loads;
		results->cells[i].target = i / num_contenders / num_loads;
		results->cells[i].stamps = BENCH_STAMPS_NONE;
		results->cells[i].companion_percent = NAN;
	}
	return 0;
}

void bench_results_fini(struct bench_results *results)
{
	for (unsigned i = 0; i < results->num_cells; i++) {
		free(results->cells[i].samples);
		free(results->cells[i].latency);
	}
	free(results->targets);
	free(results->loads);
	free(results->sustained);
	free(results->contenders);
	free(results->cells);
	json_object_put(results->machine);
	memset(results, 0, sizeof(*results));
}

const char *bench_results_kind_name(enum bench_contender_kind kind)
{
	static const char *const names[] = {
		[BENCH_CONTENDER_MODE] = "mode",
		[BENCH_CONTENDER_PLAN] = "plan",
		[BENCH_CONTENDER_PEER] = "peer",
	};

	return names[kind];
}

struct bench_cell *bench_results_cell(const struct bench_results *results, unsigned target,
				      unsigned load, unsigned contender)
{
	ebb_assert(target < results->num_targets);
	ebb_assert(load < results->num_loads);
	ebb_assert(contender < results->num_contenders);
	return &results->cells[(target * results->num_loads + load) * results->num_contenders +
			       contender];
}

/* Room doubles, so it is full whenever the count is a power of two. */
static int samples_grow(struct bench_cell *cell)
{
	unsigned count = cell->num_samples;
	struct bench_metric_sample *samples;

	if ((count & (count - 1)) != 0) {
		return 0;
	}
	samples = realloc(cell->samples, (count == 0 ? 1u : 2u * count) * sizeof(*samples));
	if (samples == NULL) {
		return -ENOMEM;
	}
	cell->samples = samples;
	return 0;
}

int bench_results_add(struct bench_cell *cell, const struct bench_outcome *outcome)
{
	if (cell->num_samples == BENCH_SAMPLES_MAX) {
		return -ENOSPC;
	}
	if (samples_grow(cell) < 0) {
		return -ENOMEM;
	}
	if (outcome->latency.count > 0) {
		if (cell->latency == NULL) {
			cell->latency = malloc(sizeof(*cell->latency));
			if (cell->latency == NULL) {
				return -ENOMEM;
			}
			ebb_histogram_reset(cell->latency);
		}
		ebb_histogram_merge(cell->latency, &outcome->latency);
	}
	cell->samples[cell->num_samples++] = outcome->sample;
	/* Of rounds stamped in different ways, the cell is only as good as the worst. */
	if (cell->num_samples == 1 || outcome->stamps > cell->stamps) {
		cell->stamps = outcome->stamps;
	}
	cell->errors += outcome->errors;
	cell->companion_percent = outcome->companion_percent;
	if (outcome->note[0] != '\0') {
		memcpy(cell->note, outcome->note, sizeof(cell->note));
	}
	return 0;
}

void bench_results_warn(struct bench_results *results, const char *format, ...)
{
	char text[BENCH_TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (unsigned i = 0; i < results->num_warnings; i++) {
		if (strcmp(results->warnings[i], text) == 0) {
			return;
		}
	}
	if (results->num_warnings == BENCH_WARNINGS_MAX) {
		snprintf(results->warnings[BENCH_WARNINGS_MAX - 1], BENCH_TEXT_MAX,
			 "there were more warnings than fit here");
		return;
	}
	memcpy(results->warnings[results->num_warnings++], text, sizeof(text));
}

struct bench_spread bench_results_spread(const struct bench_cell *cell, enum bench_metric metric)
{
	double values[BENCH_SAMPLES_MAX];

	ebb_assert(cell->num_samples <= BENCH_SAMPLES_MAX);
	for (unsigned i = 0; i < cell->num_samples; i++) {
		values[i] = cell->samples[i].metric[metric];
	}
	return bench_spread_of(values, cell->num_samples);
}
