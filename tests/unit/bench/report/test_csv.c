/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/csv.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/bench/report/made_up.h"
#include "tests/unit/unit.h"

#define FIELDS_MAX 128
#define ROWS_MAX   64

static struct bench_results results;
static char *fields[ROWS_MAX][FIELDS_MAX];
static unsigned num_fields[ROWS_MAX];
static unsigned num_rows;

static void teardown(void)
{
	bench_results_fini(&results);
}

/* As RFC 4180 has it; whatever it does not allow fails the test. */
static char *field_read(char **text)
{
	char *field = *text;
	char *end = field;

	if (*field != '"') {
		*text += strcspn(*text, ",\r\n\"");
		return field;
	}
	for ((*text)++; **text != '"' || (*text)[1] == '"'; (*text)++) {
		ck_assert_msg(**text != '\0', "a quote does not end");
		if (**text == '"') {
			(*text)++;
		}
		*end++ = **text;
	}
	*end = '\0';
	(*text)++;
	return field;
}

static void csv_read(void (*print)(const struct bench_results *results, FILE *out))
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	print(&results, out);
	fclose(out);
	num_rows = 0;
	while (*text != '\0') {
		char last;

		ck_assert_uint_lt(num_rows, ROWS_MAX);
		num_fields[num_rows] = 0;
		do {
			fields[num_rows][num_fields[num_rows]++] = field_read(&text);
			last = *text;
			*text++ = '\0';
		} while (last == ',');
		ck_assert_int_eq(last, '\r');
		ck_assert_int_eq(*text, '\n');
		text++;
		ck_assert_uint_eq(num_fields[num_rows], num_fields[0]);
		num_rows++;
	}
}

static const char *field(unsigned row, const char *heading)
{
	for (unsigned i = 0; i < num_fields[0]; i++) {
		if (strcmp(fields[0][i], heading) == 0) {
			return fields[row][i];
		}
	}
	ck_abort_msg("no heading %s", heading);
	return NULL;
}

/* What other programs read: these stay, and new ones come at the end. */
START_TEST(headings)
{
	static const char *const names[] = {
		"target",
		"target_kind",
		"load",
		"rw",
		"read_percent",
		"block_bytes",
		"queue_depth",
		"shape",
		"rate_iops",

		"burst_ios",
		"on_ns",
		"off_ns",
		"contender",
		"contender_kind",
		"runs",
		"errors",
		"error",
		"note",
		"stamps",
		"companion_percent",
		"pareto_front_p50",
		"iops",
		"iops_low",
		"iops_high",
		"bandwidth_mib_per_s",
	};

	made_up_plain(&results);
	csv_read(bench_report_csv);
	ck_assert_uint_eq(num_rows, 7);
	ck_assert_uint_eq(num_fields[0], 21 + 3 * BENCH_METRIC_COUNT);
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(names); i++) {
		ck_assert_str_eq(fields[0][i], names[i]);
	}
	ck_assert_str_eq(fields[0][num_fields[0] - 1], "arrival_late_p99_ns_high");
}
END_TEST

START_TEST(a_row_is_a_cell)
{
	made_up_plain(&results);
	csv_read(bench_report_csv);
	ck_assert_str_eq(field(1, "target"), "disk.img");
	ck_assert_str_eq(field(1, "contender"), "poll");
	ck_assert_str_eq(field(1, "iops"), "95000");
	ck_assert_str_eq(field(1, "iops_low"), "93137");
	ck_assert_str_eq(field(1, "iops_high"), "96938");
	ck_assert_str_eq(field(1, "rate_iops"), "");
	ck_assert_str_eq(field(1, "companion_percent"), "");
	ck_assert_str_eq(field(1, "stamps"), "exact");
	ck_assert_str_eq(field(1, "pareto_front_p50"), "false");
	ck_assert_str_eq(field(4, "rate_iops"), "20000");
	ck_assert_str_eq(field(4, "companion_percent"), "100");
	ck_assert_str_eq(field(4, "load"), "randread 4k open 20k/s poisson qd 128");
}
END_TEST

/* Commas, quotes and ends of lines within names; what was not measured; bytes that are no text. */
START_TEST(foreign_bytes_stay_in_their_field)
{
	made_up_odd(&results);
	csv_read(bench_report_csv);
	ck_assert_uint_eq(num_rows, 1 + results.num_cells);
	ck_assert_str_eq(field(1, "target"), results.targets[0].name);
	ck_assert_str_eq(field(13, "target"), "sp\xc3\xa4rlich\n\xef\xbf\xbd\xe2\x80\xae.img");
	ck_assert_str_eq(field(3, "contender"), "plan 30us,65us");
	ck_assert_str_eq(field(3, "latency_p99_ns"), "");
	ck_assert_str_eq(field(3, "errors"), "3");
	ck_assert_str_eq(field(5, "error"), results.cells[4].error);
	ck_assert_str_eq(field(7, "note"), "20 requests waited at the end\xef\xbf\xbd");
	ck_assert_str_eq(field(5, "iops"), "");
	ck_assert_str_eq(field(5, "pareto_front_p50"), "");
}
END_TEST

START_TEST(a_row_is_a_run)
{
	made_up_plain(&results);
	csv_read(bench_report_csv_runs);
	ck_assert_uint_eq(num_rows, 1 + 6 * 7);
	ck_assert_uint_eq(num_fields[0], 14 + 1 + BENCH_METRIC_COUNT);
	ck_assert_str_eq(field(3, "contender"), "poll");
	ck_assert_str_eq(field(3, "round"), "3");
	ck_assert_str_eq(field(3, "iops"), "93137");
	ck_assert_str_eq(field(8, "contender"), "interrupt");
	ck_assert_str_eq(field(8, "round"), "1");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(NULL, teardown), UNIT_TEST(headings),
		UNIT_TEST(a_row_is_a_cell),   UNIT_TEST(foreign_bytes_stay_in_their_field),
		UNIT_TEST(a_row_is_a_run),    UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
