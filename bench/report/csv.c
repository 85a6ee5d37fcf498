/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/csv.h"

#include <math.h>
#include <string.h>

#include "bench/report/text.h"
#include "bench/results/pareto.h"

static const char *const pareto_names[] = {
	[BENCH_PARETO_ON] = "true",
	[BENCH_PARETO_BEHIND] = "false",
	[BENCH_PARETO_UNKNOWN] = "",
};

/* A row under way. */
struct row {
	FILE *out;
	bool begun;
};

static void field_begin(struct row *row)
{
	if (row->begun) {
		fputc(',', row->out);
	}
	row->begun = true;
}

static void row_end(struct row *row)
{
	fputs("\r\n", row->out);
	row->begun = false;
}

static void field_text(struct row *row, const char *text)
{
	char clean[BENCH_TEXT_CLEAN_MAX];

	bench_text_utf8(text, clean, sizeof(clean));
	field_begin(row);
	if (clean[strcspn(clean, ",\"\r\n")] == '\0') {
		fputs(clean, row->out);
		return;
	}
	fputc('"', row->out);
	for (const char *c = clean; *c != '\0'; c++) {
		if (*c == '"') {
			fputc('"', row->out);
		}
		fputc(*c, row->out);
	}
	fputc('"', row->out);
}

static void field_number(struct row *row, double number)
{
	field_begin(row);
	if (isfinite(number)) {
		fprintf(row->out, "%.9g", number);
	}
}

static void field_count(struct row *row, uint64_t count)
{
	field_begin(row);
	fprintf(row->out, "%llu", (unsigned long long)count);
}

static const char *const place_headings[] = {
	"target",      "target_kind",    "load",      "rw",        "read_percent", "block_bytes",
	"queue_depth", "shape",          "rate_iops", "burst_ios", "on_ns",        "off_ns",
	"contender",   "contender_kind",
};

/* What a cell is of: the fields under place_headings. */
static void place_print(struct row *row, const struct bench_results *results,
			const struct bench_cell *cell)
{
	const struct bench_target *target = &results->targets[cell->target];
	const struct bench_load *load = &results->loads[cell->load];
	const struct bench_contender *contender = &results->contenders[cell->contender];
	double none = NAN;
	char name[BENCH_TEXT_MAX];

	bench_results_load_name(load, name);
	field_text(row, target->name);
	field_text(row, target->kind);
	field_text(row, name);
	field_text(row, bench_load_rw_name(load->rw));
	field_number(row, load->rw == BENCH_RW_RANDRW ? (double)load->read_percent : none);
	field_count(row, load->block_bytes);
	field_count(row, load->queue_depth);
	field_text(row, bench_load_shape_names[load->shape]);
	field_number(row, load->rate_iops > 0 ? load->rate_iops : none);
	field_number(row, load->shape == BENCH_SHAPE_BURST ? (double)load->burst_ios : none);
	field_number(row, load->shape == BENCH_SHAPE_ON_OFF ? (double)load->on_ns : none);
	field_number(row, load->shape == BENCH_SHAPE_ON_OFF ? (double)load->off_ns : none);
	field_text(row, contender->name);
	field_text(row, bench_results_kind_name(contender->kind));
}

static void headings_print(struct row *row, const char *const *headings, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		field_text(row, headings[i]);
	}
}

void bench_report_csv(const struct bench_results *results, FILE *out)
{
	static const char *const headings[] = {"runs",
					       "errors",
					       "error",
					       "note",
					       "stamps",
					       "companion_percent",
					       "pareto_front_p50"};
	static const char *const ends[] = {"", "_low", "_high"};
	struct row row = {.out = out};

	headings_print(&row, place_headings, EBB_ARRAY_SIZE(place_headings));
	headings_print(&row, headings, EBB_ARRAY_SIZE(headings));
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(ends) * BENCH_METRIC_COUNT; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s%s", bench_metrics[i / EBB_ARRAY_SIZE(ends)].name,
			 ends[i % EBB_ARRAY_SIZE(ends)]);
		field_text(&row, name);
	}
	row_end(&row);
	for (unsigned i = 0; i < results->num_cells; i++) {
		const struct bench_cell *cell = &results->cells[i];

		place_print(&row, results, cell);
		field_count(&row, cell->num_samples);
		field_count(&row, cell->errors);
		field_text(&row, cell->error);
		field_text(&row, cell->note);
		field_text(&row, bench_load_stamps_name(cell->stamps));
		field_number(&row, cell->companion_percent);
		field_text(&row, pareto_names[bench_pareto_of(results, cell, BENCH_LATENCY_P50)]);
		for (unsigned metric = 0; metric < BENCH_METRIC_COUNT; metric++) {
			struct bench_spread spread = bench_results_spread(cell, metric);

			field_number(&row, spread.median);
			field_number(&row, spread.low);
			field_number(&row, spread.high);
		}
		row_end(&row);
	}
}

void bench_report_csv_runs(const struct bench_results *results, FILE *out)
{
	struct row row = {.out = out};

	headings_print(&row, place_headings, EBB_ARRAY_SIZE(place_headings));
	field_text(&row, "round");
	for (unsigned metric = 0; metric < BENCH_METRIC_COUNT; metric++) {
		field_text(&row, bench_metrics[metric].name);
	}
	row_end(&row);
	for (unsigned i = 0; i < results->num_cells; i++) {
		const struct bench_cell *cell = &results->cells[i];

		for (unsigned round = 0; round < cell->num_samples; round++) {
			place_print(&row, results, cell);
			field_count(&row, round + 1);
			for (unsigned metric = 0; metric < BENCH_METRIC_COUNT; metric++) {
				field_number(&row, cell->samples[round].metric[metric]);
			}
			row_end(&row);
		}
	}
}
