/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/notes.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "bench/json.h"
#include "bench/report/number.h"
#include "bench/report/text.h"

static void note(unsigned columns, FILE *out, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void note(unsigned columns, FILE *out, const char *format, ...)
{
	char text[2 * BENCH_TEXT_MAX + 1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	bench_text_paragraph(text, 2, 4, columns, out);
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

/*
 * What was offered to a cell: as it was counted, else what the load says. Less than 99 % of that is
 * worth a word; of arrivals that nobody counted some are there by chance, which is allowed for.
 */
static double offered_get(const struct bench_load *load, const struct bench_cell *cell,
			  double *ret_enough)
{
	double counted = bench_results_spread(cell, BENCH_OFFERED).median;
	double offered = bench_results_offered_iops(load);
	double arrivals = offered * (double)load->time_ns / (double)EBB_NS_PER_S;

	if (isfinite(counted)) {
		*ret_enough = 0.99 * counted;
		return counted;
	}
	*ret_enough = offered * (0.99 - 3 / sqrt(arrivals));
	return offered;
}

/* In an open loop: who did not keep up. */
static void rate_note(const struct bench_results *results, const struct bench_cell *cell,
		      unsigned columns, FILE *out)
{
	double achieved = bench_results_spread(cell, BENCH_IOPS).median;
	double backlog = bench_results_spread(cell, BENCH_BACKLOG).median;
	double enough;
	double offered = offered_get(&results->loads[cell->load], cell, &enough);
	char text[BENCH_TEXT_MAX] = "";
	char of[BENCH_NUMBER_MAX];
	char done[BENCH_NUMBER_MAX];
	char left[BENCH_NUMBER_MAX];

	if (!(achieved < enough)) {
		return;
	}
	bench_number_count(offered, of);
	bench_number_count(achieved, done);
	bench_number_count(backlog, left);
	bench_text_add(text, sizeof(text), "%s: %s/s of the %s/s offered: it did not keep up",
		       results->contenders[cell->contender].name, done, of);
	if (backlog > 0) {
		bench_text_add(text, sizeof(text), ", and at the end %s requests were waiting",
			       left);
	}
	note(columns, out, "%s", text);
}

/* Who has fewer runs than there were to be rounds, without an error. */
static void runs_note(const struct bench_results *results, unsigned target, unsigned load,
		      unsigned columns, FILE *out)
{
	char text[1024] = "";

	for (unsigned i = 0; i < results->num_contenders; i++) {
		const struct bench_cell *cell = bench_results_cell(results, target, load, i);

		if (cell->num_samples > 0 && cell->num_samples < results->rounds &&
		    cell->error[0] == '\0') {
			bench_text_add(text, sizeof(text), "%s%s %u", text[0] != '\0' ? "; " : "",
				       results->contenders[i].name, cell->num_samples);
		}
	}
	if (text[0] != '\0') {
		note(columns, out, "runs, of %u: %s", results->rounds, text);
	}
}

/* What a rate in percent is of. */
static void sustained_note(const struct bench_results *results, unsigned load, unsigned columns,
			   FILE *out)
{
	const struct bench_sustained *sustained = &results->sustained[load];
	char percent[BENCH_NUMBER_MAX];
	char median[BENCH_NUMBER_MAX];
	char low[BENCH_NUMBER_MAX];
	char high[BENCH_NUMBER_MAX];

	if (!(sustained->percent > 0)) {
		return;
	}
	bench_number_count(sustained->iops.median, median);
	bench_number_count(sustained->iops.low, low);
	bench_number_count(sustained->iops.high, high);
	snprintf(percent, sizeof(percent), "%.10g", sustained->percent);
	note(columns, out,
	     "the rate is %s%% of %s/s, which %s sustained on %s before the rounds (median of %u "
	     "runs, %s to %s)",
	     percent, median, sustained->by, sustained->target, sustained->runs, low, high);
}

void bench_notes_block(const struct bench_results *results, unsigned target, unsigned load,
		       unsigned columns, FILE *out)
{
	sustained_note(results, load, columns, out);
	runs_note(results, target, load, columns, out);
	for (unsigned i = 0; i < results->num_contenders; i++) {
		const struct bench_cell *cell = bench_results_cell(results, target, load, i);
		const char *name = results->contenders[i].name;
		char error[2 * BENCH_TEXT_MAX] = "";

		if (cell->errors > 0 && cell->error[0] == '\0') {
			note(columns, out, "%s: %llu request%s failed", name,
			     (unsigned long long)cell->errors, plural(cell->errors));
		}
		if (cell->num_samples > 0 && cell->error[0] != '\0') {
			bench_text_add_error(error, sizeof(error), name, cell->error);
			note(columns, out, "ended after %u of %u runs: %s", cell->num_samples,
			     results->rounds, error);
		}
		if (cell->note[0] != '\0') {
			note(columns, out, "%s: %s", name, cell->note);
		} else {
			rate_note(results, cell, columns, out);
		}
	}
}

/* What occurs in the cells that were measured. */
struct occurring {
	bool stamps[BENCH_STAMPS_NONE + 1];
	bool few;       /* fewer runs than an interval needs */
	bool single;    /* one run */
	bool many;      /* enough */
	bool open;      /* loops */
	bool joules;    /* told */
	bool no_joules; /* not told */
	double late;    /* arrivals, at p99 of the worst cell */
	double companion_low;
	double companion_high;
};

static void occurring_get(const struct bench_results *results, struct occurring *ret)
{
	*ret = (struct occurring){.late = NAN, .companion_low = NAN, .companion_high = NAN};
	for (unsigned i = 0; i < results->num_cells; i++) {
		const struct bench_cell *cell = &results->cells[i];

		if (cell->num_samples == 0) {
			continue;
		}
		ret->stamps[cell->stamps] = true;
		ret->single |= cell->num_samples == 1;
		ret->few |= cell->num_samples > 1 && cell->num_samples < BENCH_SPREAD_SAMPLES_MIN;
		ret->many |= cell->num_samples >= BENCH_SPREAD_SAMPLES_MIN;
		ret->open |= results->loads[cell->load].shape != BENCH_SHAPE_CLOSED;
		if (isfinite(bench_results_spread(cell, BENCH_JOULES_PER_MILLION).median)) {
			ret->joules = true;
		} else {
			ret->no_joules = true;
		}
		ret->late =
			fmax(ret->late, bench_results_spread(cell, BENCH_ARRIVAL_LATE_P99).median);
		ret->companion_low = fmin(ret->companion_low, cell->companion_percent);
		ret->companion_high = fmax(ret->companion_high, cell->companion_percent);
	}
}

static void stamps_notes(const struct occurring *seen, unsigned columns, FILE *out)
{
	if (seen->stamps[BENCH_STAMPS_EXACT]) {
		note(columns, out,
		     "exact: the clock was read for each request and each completion.");
	}
	if (seen->stamps[BENCH_STAMPS_SAMPLED]) {
		note(columns, out,
		     "sampled: so it was for a sample of the requests, and the latencies are the "
		     "sample's.");
	}
	if (seen->stamps[BENCH_STAMPS_FOREIGN]) {
		note(columns, out, "foreign: latencies as the other program tells them.");
	}
	if (seen->open) {
		note(columns, out,
		     "open: a latency counts from the moment at which its request was to "
		     "come, also if the one before it held it up.");
	}
}

/* Why the energy cannot be told, if the machine's facts say it. */
static const char *energy_get(const struct bench_results *results)
{
	const char *energy = bench_json_find_text(results->machine, "energy");

	if (strncmp(energy, "unavailable", strlen("unavailable")) == 0) {
		return energy;
	}
	return energy[0] == '\0'
		       ? "unavailable: nothing tells it"
		       : "unavailable: the counters are the machine's, and do not tell apart "
			 "what another program used to start and end";
}

static void columns_notes(const struct occurring *seen, const char *energy, unsigned columns,
			  FILE *out)
{
	char low[BENCH_NUMBER_MAX];
	char high[BENCH_NUMBER_MAX];

	if (seen->many) {
		note(columns, out,
		     "Medians of the runs; ± is the larger side of the median's 95%% "
		     "interval. A factor is the median of those of the rounds, with its interval.");
	}
	if (seen->few) {
		note(columns, out,
		     "%s ± and the interval of a factor reach to the smallest and the largest.",
		     seen->many ? "Of fewer than six runs" : "Medians of fewer than six runs:");
	}
	if (seen->single) {
		note(columns, out, "Of one run there is no spread.");
	}
	stamps_notes(seen, columns, out);
	note(columns, out,
	     "CPU %%: 100 is one CPU, busy all the time; what did the I/O is counted, not what "
	     "only offered it.");
	if (isfinite(seen->companion_high)) {
		bench_number_plain(seen->companion_low, low);
		bench_number_plain(seen->companion_high, high);
		note(columns, out,
		     "Another thread made the arrivals or was the device; its CPU, %s%s%s%% of "
		     "one, is in no column.",
		     low, strcmp(low, high) == 0 ? "" : "% to ",
		     strcmp(low, high) == 0 ? "" : high);
	}
	if (isfinite(seen->late)) {
		bench_number_time(seen->late, low);
		note(columns, out,
		     "Arrivals were made up to %s late (p99 of the worst cell); that is in "
		     "the latencies.",
		     low);
	}
	if (seen->joules) {
		note(columns, out, "J: of the whole machine, by RAPL.");
	}
	if (seen->no_joules) {
		note(columns, out, "J %s", energy);
	}
}

/* A command is not broken into lines: it is there to be copied. */
static void contenders_print(const struct bench_results *results, unsigned columns, FILE *out)
{
	bool any = false;

	for (unsigned i = 0; i < results->num_contenders; i++) {
		const struct bench_contender *contender = &results->contenders[i];
		bool version = contender->version[0] != '\0';
		char text[BENCH_TEXT_CLEAN_MAX];

		if (contender->command[0] == '\0' && contender->note[0] == '\0' && !version) {
			continue;
		}
		if (!any) {
			fprintf(out, "\nContenders\n");
			any = true;
		}
		note(columns, out, "%s%s%s%s%s%s", contender->name, version ? " (" : "",
		     contender->version, version ? ")" : "", contender->note[0] != '\0' ? ": " : "",
		     contender->note);
		if (contender->command[0] != '\0') {
			bench_text_terminal(contender->command, text, sizeof(text));
			fprintf(out, "    %s\n", text);
		}
	}
}

void bench_notes_end(const struct bench_results *results, unsigned columns, FILE *out)
{
	struct occurring seen;

	occurring_get(results, &seen);
	if (seen.single || seen.few || seen.many) {
		fprintf(out, "\nNotes\n");
		columns_notes(&seen, energy_get(results), columns, out);
	}
	contenders_print(results, columns, out);
	if (results->num_warnings > 0) {
		fprintf(out, "\nWarnings: what spoils these figures\n");
	}
	for (unsigned i = 0; i < results->num_warnings; i++) {
		note(columns, out, "%s", results->warnings[i]);
	}
}
