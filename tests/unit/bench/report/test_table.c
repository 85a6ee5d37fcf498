/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report/table.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tests/unit/bench/report/made_up.h"
#include "tests/unit/unit.h"

static struct bench_results results;
static char *text;

static void setup(void)
{
	text = NULL;
}

static void teardown(void)
{
	bench_results_fini(&results);
	free(text);
}

static void table_make(unsigned columns)
{
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	bench_report_table(&results, columns, out);
	fclose(out);
}

static const struct {
	void (*make)(struct bench_results *results);
	unsigned columns;
	const char *file;
} tables[] = {
	{made_up_plain, 80, "golden/plain_80.txt"},
	{made_up_plain, 200, "golden/plain_200.txt"},
	{made_up_odd, 80, "golden/odd_80.txt"},
	{made_up_odd, 132, "golden/odd_132.txt"},
};

/* With EBB_GOLDEN_WRITE=1 the file is what is printed now: read it before it is committed. */
START_TEST(it_is_as_the_golden_file)
{
	char path[1200];
	char *golden = NULL;
	size_t size = 0;
	FILE *file;

	tables[_i].make(&results);
	table_make(tables[_i].columns);
	made_up_path(tables[_i].file, path, sizeof(path));
	if (getenv("EBB_GOLDEN_WRITE") != NULL) {
		file = fopen(path, "w");
		ck_assert_ptr_nonnull(file);
		fputs(text, file);
		fclose(file);
	}
	file = fopen(path, "r");
	ck_assert_msg(file != NULL, "%s cannot be opened", path);
	ck_assert_int_gt(getdelim(&golden, &size, '\0', file), 0);
	fclose(file);
	ck_assert_str_eq(text, golden);
	free(golden);
}
END_TEST

/* Columns of a line of UTF-8 that has no wide characters. */
static unsigned width_of(const char *line, size_t length)
{
	unsigned width = 0;

	for (size_t i = 0; i < length; i++) {
		width += ((unsigned char)line[i] & 0xc0) != 0x80;
	}
	return width;
}

/* Whatever the width, no line is longer, and none has spaces at its end. */
START_TEST(no_line_is_wider_than_the_terminal)
{
	made_up_plain(&results);
	table_make((unsigned)_i);
	for (const char *line = text; *line != '\0';) {
		size_t length = strcspn(line, "\n");

		ck_assert_msg(width_of(line, length) <= (unsigned)_i, "%.*s", (int)length, line);
		ck_assert(length == 0 || line[length - 1] != ' ');
		line += length + 1;
	}
}
END_TEST

/* With all columns in one table it is one; else those of speed and those of cost are apart. */
START_TEST(tables_break_where_speed_ends)
{
	const char *line;

	made_up_plain(&results);
	table_make(1000);
	line = strstr(text, " IOPS  MiB/s");
	ck_assert_ptr_nonnull(line);
	ck_assert_ptr_nonnull(memmem(line, strcspn(line, "\n"), "CPU %", 5));
	free(text);
	table_make(150);
	line = strstr(text, " IOPS  MiB/s");
	ck_assert_ptr_nonnull(line);
	ck_assert_int_eq(strncmp(line + strcspn(line, "\n") - 6, "stamps", 6), 0);
}
END_TEST

/* A name must not move the cursor, clear the screen or set a title, whatever is in it. */
START_TEST(foreign_bytes_do_not_reach_the_terminal)
{
	made_up_odd(&results);
	table_make(80);
	for (const char *c = text; *c != '\0'; c++) {
		unsigned char byte = (unsigned char)*c;

		ck_assert_msg(byte == '\n' || (byte >= 0x20 && byte != 0x7f && byte != 0xff),
			      "0x%02x at %.20s", byte, c);
	}
	ck_assert_ptr_null(strstr(text, "\xe2\x80\xae"));
	ck_assert_ptr_nonnull(strstr(text, "sp\xc3\xa4rlich\\x0a\\xff\\u202e.img"));
}
END_TEST

/* Nothing at all was measured: no table, no notes, and what a signal cut off is said. */
START_TEST(nothing_was_measured)
{
	made_up_plain(&results);
	for (unsigned i = 0; i < results.num_cells; i++) {
		results.cells[i].num_samples = 0;
	}
	results.interrupted = true;
	table_make(80);
	ck_assert_ptr_nonnull(strstr(text, "Ended early by a signal"));
	ck_assert_ptr_nonnull(
		strstr(text,
		       "not measured, a signal came before its turn: poll; interrupt; adaptive\n"));
	ck_assert_ptr_null(strstr(text, "IOPS"));
	ck_assert_ptr_null(strstr(text, "Notes"));
}
END_TEST

/* It takes no room from the columns of those whose names are short. */
START_TEST(a_long_name_has_a_line_of_its_own)
{
	const char *name = "best plan 127us,166us at price 0.25";

	made_up_plain(&results);
	snprintf(results.contenders[1].name, sizeof(results.contenders[1].name), "%s", name);
	table_make(80);
	ck_assert_ptr_nonnull(strstr(text, "\npoll      95.0k ±2.1%"));
	ck_assert_ptr_nonnull(strstr(text, "\nbest plan 127us,166us at price 0.25\n"
					   "          77.2k ±3.1%"));
}
END_TEST

static void rates_are(double offered, double achieved)
{
	struct bench_cell *cell = bench_results_cell(&results, 0, 1, 0);

	for (unsigned i = 0; i < cell->num_samples; i++) {
		cell->samples[i].metric[BENCH_OFFERED] = offered;
		cell->samples[i].metric[BENCH_IOPS] = achieved;
	}
	free(text);
	table_make(80);
}

/* What was counted to be offered is exact; else arrivals are a matter of chance, too. */
START_TEST(who_does_not_keep_up_is_told)
{
	made_up_plain(&results);
	rates_are(20000, 19805);
	ck_assert_ptr_null(strstr(text, "did not keep up"));
	rates_are(20000, 19795);
	ck_assert_ptr_nonnull(strstr(text,
				     "  poll: 19.8k/s of the 20.0k/s offered: it did not keep up, "
				     "and at the end 20.0\n    requests were waiting\n"));
	rates_are(NAN, 19405); /* of 20000 arrivals some 141 more or less are chance */
	ck_assert_ptr_null(strstr(text, "did not keep up"));
	rates_are(NAN, 19350);
	ck_assert_ptr_nonnull(strstr(text, "it did not keep up"));
}
END_TEST

/* A terminal's own width counts, then COLUMNS, then 80. */
START_TEST(the_width_of_what_it_is_printed_on)
{
	struct winsize size = {.ws_row = 30, .ws_col = 123};
	int pty = posix_openpt(O_RDWR | O_NOCTTY);
	FILE *terminal;
	FILE *file = tmpfile();

	made_up_plain(&results); /* for the teardown */
	ck_assert_ptr_nonnull(file);
	unsetenv("COLUMNS");
	ck_assert_uint_eq(bench_report_columns(file), 80);
	setenv("COLUMNS", "100", 1);
	ck_assert_uint_eq(bench_report_columns(file), 100);
	setenv("COLUMNS", "7", 1);
	ck_assert_uint_eq(bench_report_columns(file), 40);
	setenv("COLUMNS", "99999999999999999999", 1);
	ck_assert_uint_eq(bench_report_columns(file), 80);
	fclose(file);
	if (pty < 0 || grantpt(pty) < 0 || unlockpt(pty) < 0 || ioctl(pty, TIOCSWINSZ, &size) < 0) {
		unit_skip("no pseudo-terminal can be made");
	}
	terminal = fdopen(open(ptsname(pty), O_RDWR | O_NOCTTY), "w");
	ck_assert_ptr_nonnull(terminal);
	ck_assert_uint_eq(bench_report_columns(terminal), 123);
	fclose(terminal);
	close(pty);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_LOOP(it_is_as_the_golden_file, 0, (int)EBB_ARRAY_SIZE(tables)),
		UNIT_LOOP(no_line_is_wider_than_the_terminal, 40, 260),
		UNIT_TEST(tables_break_where_speed_ends),
		UNIT_TEST(foreign_bytes_do_not_reach_the_terminal),
		UNIT_TEST(nothing_was_measured),
		UNIT_TEST(a_long_name_has_a_line_of_its_own),
		UNIT_TEST(who_does_not_keep_up_is_told),
		UNIT_TEST(the_width_of_what_it_is_printed_on),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
