/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/results/results.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load/trace.h"
#include "tests/unit/unit.h"

static struct bench_results results;
static struct bench_outcome outcome;

/* How many allocations succeed before one fails; < 0: all do. */
static int allocations_left = -1;

/* A sanitizer brings a heap of its own, which must not be replaced. */
#ifndef UNIT_HEAP_IS_TAKEN
static bool allocation_fails(void)
{
	return allocations_left >= 0 && allocations_left-- == 0;
}

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

void *malloc(size_t size)
{
	return allocation_fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return allocation_fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return allocation_fails() ? NULL : __libc_realloc(old, size);
}
#endif

static void heap_needed(void)
{
#ifdef UNIT_HEAP_IS_TAKEN
	unit_skip("a sanitizer's heap cannot be made to fail");
#endif
}

static void setup(void)
{
	ck_assert_int_eq(bench_results_init(&results, 2, 3, 4), 0);
	memset(&outcome, 0, sizeof(outcome));
	ebb_histogram_reset(&outcome.latency);
}

static void teardown(void)
{
	bench_results_fini(&results);
}

START_TEST(each_cell_knows_its_place)
{
	ck_assert_uint_eq(results.num_cells, 24);
	for (unsigned i = 0; i < results.num_cells; i++) {
		const struct bench_cell *cell = &results.cells[i];

		ck_assert_ptr_eq(bench_results_cell(&results, cell->target, cell->load,
						    cell->contender),
				 cell);
		ck_assert(isnan(cell->companion_percent));
		ck_assert_int_eq(cell->stamps, BENCH_STAMPS_NONE);
	}
}
END_TEST

START_TEST(rounds_are_kept_in_their_order)
{
	struct bench_cell *cell = bench_results_cell(&results, 1, 2, 3);

	for (unsigned i = 0; i < BENCH_SAMPLES_MAX; i++) {
		outcome.sample.metric[BENCH_IOPS] = i;
		outcome.errors = 2;
		ck_assert_int_eq(bench_results_add(cell, &outcome), 0);
	}
	ck_assert_int_eq(bench_results_add(cell, &outcome), -ENOSPC);
	ck_assert_uint_eq(cell->num_samples, BENCH_SAMPLES_MAX);
	ck_assert_uint_eq(cell->errors, 2 * BENCH_SAMPLES_MAX);
	for (unsigned i = 0; i < BENCH_SAMPLES_MAX; i++) {
		ck_assert_double_eq(cell->samples[i].metric[BENCH_IOPS], i);
	}
	ck_assert_double_eq(bench_results_spread(cell, BENCH_IOPS).median, 49);
}
END_TEST

START_TEST(latencies_of_all_rounds_are_one_distribution)
{
	struct bench_cell *cell = bench_results_cell(&results, 0, 0, 0);

	ck_assert_int_eq(bench_results_add(cell, &outcome), 0);
	ck_assert_ptr_null(cell->latency);
	ebb_histogram_add(&outcome.latency, 5);
	ck_assert_int_eq(bench_results_add(cell, &outcome), 0);
	ebb_histogram_add(&outcome.latency, 50);
	ck_assert_int_eq(bench_results_add(cell, &outcome), 0);
	ck_assert_uint_eq(cell->latency->count, 3);
	ck_assert_uint_eq(cell->latency->min, 5);
	ck_assert_uint_eq(cell->latency->max, 50);
}
END_TEST

/* Stamps are only as exact as in the worst round; the companion's CPU is the last one's. */
START_TEST(the_rest_of_an_outcome)
{
	struct bench_cell *cell = bench_results_cell(&results, 0, 0, 0);

	outcome.stamps = BENCH_STAMPS_SAMPLED;
	outcome.companion_percent = 40;
	snprintf(outcome.note, sizeof(outcome.note), "late");
	bench_results_add(cell, &outcome);
	ck_assert_int_eq(cell->stamps, BENCH_STAMPS_SAMPLED);
	outcome.stamps = BENCH_STAMPS_EXACT;
	outcome.note[0] = '\0';
	outcome.companion_percent = 60;
	bench_results_add(cell, &outcome);
	ck_assert_int_eq(cell->stamps, BENCH_STAMPS_SAMPLED);
	ck_assert_double_eq(cell->companion_percent, 60);
	ck_assert_str_eq(cell->note, "late");
}
END_TEST

START_TEST(no_memory_for_results)
{
	struct bench_results none;

	heap_needed();
	allocations_left = _i;
	ck_assert_int_eq(bench_results_init(&none, 2, 3, 4), -ENOMEM);
	ck_assert_int_lt(allocations_left, 0);
	ck_assert_ptr_null(none.cells);
	ck_assert_uint_eq(none.num_cells, 0);
}
END_TEST

/* The cell stays as it was, and takes the next round. */
START_TEST(no_memory_for_a_round)
{
	struct bench_cell *cell = bench_results_cell(&results, 0, 0, 0);

	heap_needed();
	ebb_histogram_add(&outcome.latency, 5);
	allocations_left = _i;
	ck_assert_int_eq(bench_results_add(cell, &outcome), -ENOMEM);
	ck_assert_int_lt(allocations_left, 0);
	ck_assert_uint_eq(cell->num_samples, 0);
	ck_assert_int_eq(bench_results_add(cell, &outcome), 0);
	ck_assert_uint_eq(cell->num_samples, 1);
	ck_assert_uint_eq(cell->latency->count, 1);
}
END_TEST

START_TEST(a_warning_is_kept_once)
{
	for (unsigned i = 0; i < 2 * BENCH_WARNINGS_MAX; i++) {
		bench_results_warn(&results, "CPU %u is slow", i / 2);
	}
	ck_assert_uint_eq(results.num_warnings, BENCH_WARNINGS_MAX);
	ck_assert_str_eq(results.warnings[0], "CPU 0 is slow");
	ck_assert_str_eq(results.warnings[1], "CPU 1 is slow");
	bench_results_warn(&results, "one more");
	ck_assert_uint_eq(results.num_warnings, BENCH_WARNINGS_MAX);
	ck_assert_str_eq(results.warnings[BENCH_WARNINGS_MAX - 1],
			 "there were more warnings than fit here");
}
END_TEST

static const struct bench_trace trace = {.name = "day.log"};

static const struct {
	struct bench_load load;
	const char *name;
	double offered;
} loads[] = {
	{{.rw = BENCH_RW_RANDREAD, .block_bytes = 4096, .queue_depth = 32},
	 "randread 4k qd 32",
	 NAN},
	{{.rw = BENCH_RW_READ, .block_bytes = 1 << 20, .queue_depth = 1}, "read 1m qd 1", NAN},
	{{.rw = BENCH_RW_WRITE, .block_bytes = 512, .queue_depth = 1, .verify = true},
	 "write 512 qd 1 verified",
	 NAN},
	{{.rw = BENCH_RW_RANDRW,
	  .read_percent = 70,
	  .block_bytes = 4096,
	  .queue_depth = 128,
	  .shape = BENCH_SHAPE_POISSON,
	  .rate_iops = 20000},
	 "randrw 70/30 4k open 20k/s poisson qd 128",
	 20000},
	{{.rw = BENCH_RW_RANDREAD,
	  .block_bytes = 65536,
	  .queue_depth = 128,
	  .shape = BENCH_SHAPE_BURST,
	  .rate_iops = 12345.5,
	  .burst_ios = 16},
	 "randread 64k open 12.3455k/s burst of 16 qd 128",
	 12345.5},
	{{.rw = BENCH_RW_RANDREAD,
	  .block_bytes = 4096,
	  .queue_depth = 128,
	  .shape = BENCH_SHAPE_ON_OFF,
	  .rate_iops = 2.5e6,
	  .on_ns = 30 * EBB_NS_PER_US,
	  .off_ns = 3 * EBB_NS_PER_S / 2,
	  .time_ns = EBB_NS_PER_S},
	 "randread 4k open 2.5M/s on-off 30us,1.5s qd 128",
	 NAN},
	{{.rw = BENCH_RW_RANDREAD,
	  .block_bytes = 4096,
	  .queue_depth = 128,
	  .shape = BENCH_SHAPE_DAY,
	  .rate_iops = 800},
	 "randread 4k open 800/s day qd 128",
	 NAN},
	{{.rw = BENCH_RW_RANDREAD,
	  .block_bytes = 4096,
	  .queue_depth = 128,
	  .shape = BENCH_SHAPE_EVEN,
	  .rate_iops = 1500},
	 "randread 4k open 1.5k/s even qd 128",
	 1500},
	{{.shape = BENCH_SHAPE_TRACE, .trace = &trace, .queue_depth = 64},
	 "trace day.log qd 64",
	 NAN},
};

START_TEST(a_load_in_a_few_words)
{
	char name[BENCH_TEXT_MAX];
	double offered = bench_results_offered_iops(&loads[_i].load);

	bench_results_load_name(&loads[_i].load, name);
	ck_assert_str_eq(name, loads[_i].name);
	if (isnan(loads[_i].offered)) {
		ck_assert(isnan(offered));
	} else {
		ck_assert_double_eq_tol(offered, loads[_i].offered, 1e-6);
	}
}
END_TEST

/* While on and off are whole in a run, its mean is known; of a part it is not. */
START_TEST(what_on_and_off_offer)
{
	struct bench_load load = {.shape = BENCH_SHAPE_ON_OFF,
				  .rate_iops = 1000,
				  .on_ns = 10,
				  .off_ns = 30,
				  .time_ns = 400};

	ck_assert_double_eq_tol(bench_results_offered_iops(&load), 250, 1e-9);
	load.time_ns = 410;
	ck_assert(isnan(bench_results_offered_iops(&load)));
}
END_TEST

/* Whatever a comparison varies is in the name. */
START_TEST(loads_that_differ_have_names_that_differ)
{
	const struct bench_load plain = {.rw = BENCH_RW_RANDRW,
					 .read_percent = 70,
					 .block_bytes = 4096,
					 .queue_depth = 8,
					 .shape = BENCH_SHAPE_ON_OFF,
					 .rate_iops = 20000,
					 .burst_ios = 2,
					 .on_ns = 1000,
					 .off_ns = 1000};
	struct bench_load other[10];
	char name[EBB_ARRAY_SIZE(other)][BENCH_TEXT_MAX];

	for (unsigned i = 0; i < EBB_ARRAY_SIZE(other); i++) {
		other[i] = plain;
	}
	other[1].rw = BENCH_RW_RANDREAD;
	other[2].read_percent = 30;
	other[3].block_bytes = 4608;
	other[4].queue_depth = 9;
	other[5].shape = BENCH_SHAPE_BURST;
	other[6].rate_iops = 20001;
	other[7].on_ns = 1001;
	other[8].off_ns = 1001;
	other[9].verify = true;
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(other); i++) {
		bench_results_load_name(&other[i], name[i]);
		for (unsigned j = 0; j < i; j++) {
			ck_assert_str_ne(name[i], name[j]);
		}
	}
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(each_cell_knows_its_place),
		UNIT_TEST(rounds_are_kept_in_their_order),
		UNIT_TEST(latencies_of_all_rounds_are_one_distribution),
		UNIT_TEST(the_rest_of_an_outcome),
		UNIT_LOOP(no_memory_for_results, 0, 4),
		UNIT_LOOP(no_memory_for_a_round, 0, 2),
		UNIT_TEST(a_warning_is_kept_once),
		UNIT_LOOP(a_load_in_a_few_words, 0, (int)EBB_ARRAY_SIZE(loads)),
		UNIT_TEST(what_on_and_off_offer),
		UNIT_TEST(loads_that_differ_have_names_that_differ),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
