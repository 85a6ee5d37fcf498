/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/verdict.h"

#include <math.h>
#include <string.h>

#include "bench/report/number.h"
#include "bench/report/text.h"
#include "bench/results/pareto.h"
#include "bench/results/ratio.h"

#define say(text, ...) bench_text_add(text, BENCH_VERDICT_MAX, __VA_ARGS__)

/* The measured cell of a mode; NULL: there is none. */
static const struct bench_cell *mode_find(const struct bench_results *results, unsigned target,
					  unsigned load, const char *name)
{
	for (unsigned i = 0; i < results->num_contenders; i++) {
		const struct bench_cell *cell = bench_results_cell(results, target, load, i);

		if (results->contenders[i].kind == BENCH_CONTENDER_MODE && cell->num_samples > 0 &&
		    strcmp(results->contenders[i].name, name) == 0) {
			return cell;
		}
	}
	return NULL;
}

static double median(const struct bench_cell *cell, enum bench_metric metric)
{
	return bench_results_spread(cell, metric).median;
}

/* With one pair there is no interval to reach over 1, and the figures stand as they are. */
static bool same(const struct bench_ratio *ratio)
{
	return ratio->pairs > 1 ? !bench_ratio_differs(ratio) : ratio->spread.median == 1;
}

/* "0.31 (0.30 to 0.32)". */
static void say_factor(char *text, const struct bench_ratio *ratio)
{
	char middle[BENCH_NUMBER_MAX];
	char low[BENCH_NUMBER_MAX];
	char high[BENCH_NUMBER_MAX];

	bench_number_factor(ratio->spread.median, middle);
	bench_number_factor(ratio->spread.low, low);
	bench_number_factor(ratio->spread.high, high);
	say(text, "%s", middle);
	if (ratio->pairs > 1) {
		say(text, " (%s to %s)", low, high);
	}
}

/* In a closed loop only, where each is as fast as it can: ", 18% fewer IOPS". */
static void say_iops(char *text, const struct bench_load *load, const struct bench_cell *of,
		     const struct bench_cell *to)
{
	struct bench_ratio ratio = bench_ratio_paired(of, to, BENCH_IOPS);
	double factor = ratio.spread.median;
	char number[BENCH_NUMBER_MAX];

	if (load->shape != BENCH_SHAPE_CLOSED || !isfinite(factor) || same(&ratio) ||
	    fabs(factor - 1) < 0.005) {
		return;
	}
	if (factor >= 2) {
		bench_number_factor(factor, number);
		say(text, ", %s times the IOPS", number);
	} else {
		say(text, ", %.0f%% %s IOPS", fabs(factor - 1) * 100,
		    factor > 1 ? "more" : "fewer");
	}
}

bool bench_verdict_polling(const struct bench_results *results, unsigned target, unsigned load,
			   char text[BENCH_VERDICT_MAX])
{
	const struct bench_cell *poll = mode_find(results, target, load, "poll");
	const struct bench_cell *interrupt = mode_find(results, target, load, "interrupt");
	char with[BENCH_NUMBER_MAX];
	char without[BENCH_NUMBER_MAX];
	char number[BENCH_NUMBER_MAX];
	struct bench_ratio p50;
	struct bench_ratio cpu;
	double shorter;

	text[0] = '\0';
	if (poll == NULL || interrupt == NULL) {
		return false;
	}
	p50 = bench_ratio_paired(poll, interrupt, BENCH_LATENCY_P50);
	cpu = bench_ratio_paired(poll, interrupt, BENCH_CPU_PER_MILLION);
	shorter = median(interrupt, BENCH_LATENCY_P50) - median(poll, BENCH_LATENCY_P50);
	bench_number_time(median(poll, BENCH_LATENCY_P50), with);
	bench_number_time(median(interrupt, BENCH_LATENCY_P50), without);
	bench_number_time(fabs(shorter), number);
	if (p50.pairs == 0) {
		say(text, "no latencies");
	} else if (same(&p50)) {
		say(text, "no difference of p50 seen (%s, %s)", with, without);
	} else {
		say(text, "p50 %s %s (%s, not %s)", number, shorter > 0 ? "shorter" : "longer",
		    with, without);
	}
	say_iops(text, &results->loads[load], poll, interrupt);
	if (cpu.pairs > 0) {
		say(text, ", for ");
		say_factor(text, &cpu);
		say(text, " times the CPU of an I/O");
	}
	return true;
}

struct extent {
	double low;
	double high;
};

static void extent_add(struct extent *extent, double number)
{
	extent->low = fmin(extent->low, number);
	extent->high = fmax(extent->high, number);
}

/* "2.10us shorter"; "0.30us longer to 5.10us shorter". */
static void say_extent_of_times(char *text, const struct extent *shorter)
{
	char low[BENCH_NUMBER_MAX];
	char high[BENCH_NUMBER_MAX];

	bench_number_time(fabs(shorter->low), low);
	bench_number_time(fabs(shorter->high), high);
	if (shorter->low == 0 && shorter->high == 0) {
		say(text, "not seen to differ");
	} else if (shorter->low == 0) {
		say(text, "up to %s shorter", high);
	} else if (shorter->high == 0) {
		say(text, "up to %s longer", low);
	} else if (shorter->low < 0 && shorter->high > 0) {
		say(text, "%s longer to %s shorter", low, high);
	} else if (strcmp(low, high) == 0) {
		say(text, "%s %s", low, shorter->high > 0 ? "shorter" : "longer");
	} else if (shorter->high > 0) {
		say(text, "%s to %s shorter", low, high);
	} else {
		say(text, "%s to %s longer", high, low);
	}
}

static void say_extent_of_factors(char *text, const struct extent *factor)
{
	char low[BENCH_NUMBER_MAX];
	char high[BENCH_NUMBER_MAX];

	bench_number_factor(factor->low, low);
	bench_number_factor(factor->high, high);
	say(text, strcmp(low, high) == 0 ? "%s" : "%s to %s", low, high);
}

bool bench_verdict_overall(const struct bench_results *results, char text[BENCH_VERDICT_MAX])
{
	struct extent shorter = {INFINITY, -INFINITY};
	struct extent factor = {INFINITY, -INFINITY};

	text[0] = '\0';
	for (unsigned i = 0; i < results->num_targets * results->num_loads; i++) {
		unsigned target = i / results->num_loads;
		unsigned load = i % results->num_loads;
		const struct bench_cell *poll = mode_find(results, target, load, "poll");
		const struct bench_cell *interrupt = mode_find(results, target, load, "interrupt");
		struct bench_ratio p50;
		double cpu;
		double by;

		if (poll == NULL || interrupt == NULL) {
			continue;
		}
		p50 = bench_ratio_paired(poll, interrupt, BENCH_LATENCY_P50);
		by = same(&p50) ? 0
				: median(interrupt, BENCH_LATENCY_P50) -
					  median(poll, BENCH_LATENCY_P50);
		cpu = bench_ratio_paired(poll, interrupt, BENCH_CPU_PER_MILLION).spread.median;
		if (p50.pairs > 0 && isfinite(cpu)) {
			extent_add(&shorter, by);
			extent_add(&factor, cpu);
		}
	}
	if (factor.high < factor.low) {
		return false;
	}
	say(text, "With poll instead of interrupt, p50 is ");
	say_extent_of_times(text, &shorter);
	say(text, ", and an I/O takes ");
	say_extent_of_factors(text, &factor);
	say(text, " times the CPU.");
	return true;
}

/* "2.10us slower at p50 for 0.31 (0.30 to 0.32) of the CPU of poll, 18% fewer IOPS". */
static void say_beside(char *text, const struct bench_results *results,
		       const struct bench_cell *cell, const struct bench_cell *base)
{
	struct bench_ratio p50 = bench_ratio_paired(cell, base, BENCH_LATENCY_P50);
	struct bench_ratio cpu = bench_ratio_paired(cell, base, BENCH_CPU_PER_MILLION);
	double slower = median(cell, BENCH_LATENCY_P50) - median(base, BENCH_LATENCY_P50);
	const char *name = results->contenders[base->contender].name;
	char number[BENCH_NUMBER_MAX];

	bench_number_time(fabs(slower), number);
	if (p50.pairs == 0) {
		say(text, "no latency to compare");
	} else if (same(&p50)) {
		say(text, "no difference seen at p50");
	} else {
		say(text, "%s %s at p50", number, slower > 0 ? "slower" : "faster");
	}
	if (cpu.pairs == 0) {
		say(text, ", no CPU time to compare with that of %s", name);
	} else {
		say(text, " for ");
		say_factor(text, &cpu);
		say(text, " of the CPU of %s", name);
	}
	say_iops(text, &results->loads[cell->load], cell, base);
}

bool bench_verdict_contender(const struct bench_results *results, const struct bench_cell *cell,
			     char text[BENCH_VERDICT_MAX])
{
	const struct bench_contender *contender = &results->contenders[cell->contender];
	const struct bench_cell *base = mode_find(results, cell->target, cell->load, "poll");
	const struct bench_cell *interrupt =
		mode_find(results, cell->target, cell->load, "interrupt");

	text[0] = '\0';
	for (unsigned i = 0; base == NULL && i < results->num_contenders; i++) {
		const struct bench_cell *first =
			bench_results_cell(results, cell->target, cell->load, i);

		if (first->num_samples > 0) {
			base = first;
		}
	}
	if (base == NULL || base == cell || cell->num_samples == 0) {
		return false;
	}
	say(text, "%s: ", contender->name);
	say_beside(text, results, cell, base);
	if (contender->kind == BENCH_CONTENDER_MODE && interrupt != NULL && interrupt != base &&
	    interrupt != cell) {
		say(text, "; ");
		say_beside(text, results, cell, interrupt);
	}
	if (contender->note[0] != '\0') {
		say(text, " (see its note)");
	}
	return true;
}

bool bench_verdict_front(const struct bench_results *results, unsigned target, unsigned load,
			 char text[BENCH_VERDICT_MAX])
{
	unsigned known = 0;
	bool first = true;

	text[0] = '\0';
	say(text, "on the Pareto front of CPU and p50: ");
	for (unsigned i = 0; i < results->num_contenders; i++) {
		const struct bench_cell *cell = bench_results_cell(results, target, load, i);
		enum bench_pareto place = bench_pareto_of(results, cell, BENCH_LATENCY_P50);

		if (place != BENCH_PARETO_UNKNOWN) {
			known++;
		}
		if (place == BENCH_PARETO_ON) {
			say(text, "%s%s", first ? "" : "; ", results->contenders[i].name);
			first = false;
		}
	}
	if (known < 2) {
		text[0] = '\0';
	}
	return known >= 2;
}
