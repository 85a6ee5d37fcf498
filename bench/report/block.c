/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/block.h"

#include <math.h>
#include <string.h>

#include "bench/report/number.h"
#include "bench/report/text.h"

#define GAP            2
#define NAME_WIDTH_MAX 31 /* a longer name has a line of its own */

/* Column by column, as people ask: how fast, how late, at which cost. */
struct column {
	const char *heading;
	const char *under; /* in the second line of the heading */
	enum bench_metric metric;
	void (*print)(double number, char text[BENCH_NUMBER_MAX]);
	bool spread;         /* shown; the others have that of a column beside them */
	bool begins;         /* a table, unless all of them fit into one */
	bool stamps;         /* no metric: how exact the latencies are */
	const char *missing; /* in a cell that was measured, of what could not be */
};

#define METRIC(over, under_it, number, how, ...)                                                \
	{                                                                                       \
		.heading = over, .under = under_it, .metric = number, .print = how, __VA_ARGS__ \
	}

static const struct column all_columns[] = {
	METRIC("", "IOPS", BENCH_IOPS, bench_number_count, .spread = true),
	METRIC("", "MiB/s", BENCH_MIB_PER_S, bench_number_plain, .spread = false),
	METRIC("", "mean", BENCH_LATENCY_MEAN, bench_number_time, .spread = true),
	METRIC("", "p50", BENCH_LATENCY_P50, bench_number_time, .spread = true),
	METRIC("", "p90", BENCH_LATENCY_P90, bench_number_time, .spread = true),
	METRIC("", "p99", BENCH_LATENCY_P99, bench_number_time, .spread = true),
	METRIC("", "p99.9", BENCH_LATENCY_P99_9, bench_number_time, .spread = true),
	METRIC("", "max", BENCH_LATENCY_MAX, bench_number_time, .spread = true),
	{.heading = "", .under = "stamps", .stamps = true},
	METRIC("", "CPU %", BENCH_CPU_PERCENT, bench_number_plain, .spread = true, .begins = true),
	METRIC("", "user %", BENCH_CPU_USER_PERCENT, bench_number_plain, .spread = false),
	METRIC("", "system %", BENCH_CPU_SYSTEM_PERCENT, bench_number_plain, .spread = false),
	METRIC("CPU s per", "M I/Os", BENCH_CPU_PER_MILLION, bench_number_plain, .spread = true),
	METRIC("wakeups", "per I/O", BENCH_WAKEUPS_PER_IO, bench_number_plain, .spread = true),
	METRIC("switches", "per I/O", BENCH_SWITCHES_PER_IO, bench_number_plain, .spread = false),
	METRIC("J per", "M I/Os", BENCH_JOULES_PER_MILLION, bench_number_plain, .spread = true,
	       .missing = "unavailable"),
	METRIC("IOPS per", "CPU s", BENCH_IOS_PER_CPU_S, bench_number_count, .spread = false),
};

#define NUM_COLUMNS EBB_ARRAY_SIZE(all_columns)

/* One table: what it is made of, and how wide its columns are. */
struct block {
	const struct bench_results *results;
	unsigned target;
	unsigned load;
	unsigned columns;
	unsigned name_width;
	unsigned value_width[NUM_COLUMNS];
	unsigned spread_width[NUM_COLUMNS]; /* with the space before it; 0: nobody has one */
	FILE *out;
	unsigned pad; /* spaces that are due before the next text, and never at a line's end */
};

static void put(struct block *block, const char *text)
{
	if (text[0] != '\0') {
		fprintf(block->out, "%*s%s", (int)block->pad, "", text);
		block->pad = 0;
	}
}

static void end_line(struct block *block)
{
	fprintf(block->out, "\n");
	block->pad = 0;
}

static const struct bench_cell *cell_of(const struct block *block, unsigned contender)
{
	return bench_results_cell(block->results, block->target, block->load, contender);
}

static void value_get(const struct column *column, const struct bench_cell *cell,
		      char text[BENCH_NUMBER_MAX])
{
	double number;

	if (column->stamps) {
		snprintf(text, BENCH_NUMBER_MAX, "%s",
			 cell->stamps == BENCH_STAMPS_NONE ? "-"
							   : bench_load_stamps_name(cell->stamps));
		return;
	}
	number = bench_results_spread(cell, column->metric).median;
	if (!isfinite(number) && column->missing != NULL) {
		snprintf(text, BENCH_NUMBER_MAX, "%s", column->missing);
		return;
	}
	column->print(number, text);
}

/* Of one run there is none. */
static unsigned spread_get(const struct column *column, const struct bench_cell *cell,
			   char text[BENCH_NUMBER_MAX])
{
	struct bench_spread spread;

	text[0] = '\0';
	if (!column->spread || cell->num_samples < 2) {
		return 0;
	}
	spread = bench_results_spread(cell, column->metric);
	return bench_number_spread(&spread, text);
}

static void max_put(unsigned *max, unsigned number)
{
	if (number > *max) {
		*max = number;
	}
}

static unsigned name_get(const struct block *block, unsigned contender, char *text, size_t size)
{
	return bench_text_terminal(block->results->contenders[contender].name, text, size);
}

static void widths_make(struct block *block)
{
	char text[BENCH_TEXT_MAX];

	for (unsigned i = 0; i < block->results->num_contenders; i++) {
		unsigned width = name_get(block, i, text, sizeof(text));

		if (width <= NAME_WIDTH_MAX) {
			max_put(&block->name_width, width);
		}
	}
	for (unsigned column = 0; column < NUM_COLUMNS; column++) {
		unsigned heading = (unsigned)strlen(all_columns[column].heading);
		unsigned *value = &block->value_width[column];
		unsigned *spread = &block->spread_width[column];

		max_put(&heading, (unsigned)strlen(all_columns[column].under));
		for (unsigned i = 0; i < block->results->num_contenders; i++) {
			const struct bench_cell *cell = cell_of(block, i);
			unsigned width;

			if (cell->num_samples == 0) {
				continue;
			}
			value_get(&all_columns[column], cell, text);
			max_put(value, (unsigned)strlen(text));
			width = spread_get(&all_columns[column], cell, text);
			if (width > 0) {
				max_put(spread, width + 1);
			}
		}
		if (*value + *spread < heading) {
			*value = heading - *spread;
		}
	}
}

static unsigned column_width(const struct block *block, unsigned column)
{
	return block->value_width[column] + block->spread_width[column];
}

/*
 * The columns from @first on that fit beside the names, at least one; if not all of them do, those
 * of speed and those of cost are apart. Return: the one after the last.
 */
static unsigned columns_fit(const struct block *block, unsigned first)
{
	unsigned used = block->name_width;
	unsigned border = NUM_COLUMNS;
	unsigned column;

	for (column = first; column < NUM_COLUMNS; column++) {
		used += GAP + column_width(block, column);
		if (column > first && used > block->columns) {
			break;
		}
		if (column > first && all_columns[column].begins) {
			border = column;
		}
	}
	return column < NUM_COLUMNS && border < NUM_COLUMNS ? border : column;
}

static void heading_print(struct block *block, unsigned first, unsigned last, bool under)
{
	bool any = under;

	block->pad = block->name_width;
	for (unsigned column = first; column < last; column++) {
		const char *text = under ? all_columns[column].under : all_columns[column].heading;

		block->pad += GAP + column_width(block, column) - (unsigned)strlen(text);
		any |= text[0] != '\0';
		put(block, text);
	}
	if (any) {
		end_line(block);
	}
}

static void row_print(struct block *block, unsigned contender, unsigned first, unsigned last)
{
	const struct bench_cell *cell = cell_of(block, contender);
	char text[BENCH_TEXT_MAX];
	unsigned width = name_get(block, contender, text, sizeof(text));

	put(block, text);
	if (width > block->name_width) {
		end_line(block);
		width = 0;
	}
	block->pad = block->name_width - width;
	for (unsigned column = first; column < last; column++) {
		unsigned spread_width = block->spread_width[column];

		value_get(&all_columns[column], cell, text);
		block->pad += GAP + block->value_width[column] - (unsigned)strlen(text);
		put(block, text);
		width = spread_get(&all_columns[column], cell, text);
		if (width > 0) {
			block->pad++;
			put(block, text);
			width++;
		}
		block->pad += spread_width - width;
	}
	end_line(block);
}

/* Who had no turn, in one line; who has an error, in one of its own. */
static void absent_print(struct block *block)
{
	const struct bench_results *results = block->results;
	char names[2048] = "";
	char text[2048];

	for (unsigned i = 0; i < results->num_contenders; i++) {
		const struct bench_cell *cell = cell_of(block, i);

		if (cell->num_samples > 0) {
			continue;
		}
		if (cell->error[0] == '\0') {
			bench_text_add(names, sizeof(names), "%s%s", names[0] != '\0' ? "; " : "",
				       results->contenders[i].name);
			continue;
		}
		text[0] = '\0';
		bench_text_add(text, sizeof(text), "not measured: ");
		bench_text_add_error(text, sizeof(text), results->contenders[i].name, cell->error);
		bench_text_paragraph(text, 0, 4, block->columns, block->out);
	}
	if (names[0] != '\0') {
		text[0] = '\0';
		bench_text_add(text, sizeof(text), "%s: %s",
			       results->interrupted ? "not measured, a signal came before its turn"
						    : "not measured",
			       names);
		bench_text_paragraph(text, 0, 4, block->columns, block->out);
	}
}

void bench_block_print(const struct bench_results *results, unsigned target, unsigned load,
		       unsigned columns, FILE *out)
{
	struct block block = {
		.results = results, .target = target, .load = load, .columns = columns, .out = out};
	bool any = false;

	for (unsigned i = 0; i < results->num_contenders; i++) {
		any |= cell_of(&block, i)->num_samples > 0;
	}
	widths_make(&block);
	for (unsigned first = 0; any && first < NUM_COLUMNS;) {
		unsigned last = columns_fit(&block, first);

		if (first > 0) {
			end_line(&block);
		}
		heading_print(&block, first, last, false);
		heading_print(&block, first, last, true);
		for (unsigned i = 0; i < results->num_contenders; i++) {
			if (cell_of(&block, i)->num_samples > 0) {
				row_print(&block, i, first, last);
			}
		}
		first = last;
	}
	absent_print(&block);
}
