/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_BENCH_REPORT_MADE_UP_H
#define TESTS_UNIT_BENCH_REPORT_MADE_UP_H

/* Results that nobody measured, for what the reports make of them. */

#include "bench/results/results.h"

/* What one I/O of a contender is to cost. */
struct made_up {
	double iops;
	uint64_t p50_ns;
	uint64_t user_ns; /* CPU time of an I/O */
	uint64_t system_ns;
	double wakeups; /* of an I/O, each of them a context switch */
	double joules;  /* of an I/O; NAN: no RAPL */
	enum bench_stamps stamps;
};

/* One round; @factor disturbs its speed and its costs. */
void made_up_add(struct bench_cell *cell, const struct bench_load *load,
		 const struct made_up *made_up, double factor);

/* @rounds of them, which differ by up to 2 % to both sides. */
void made_up_rounds(struct bench_cell *cell, const struct bench_load *load,
		    const struct made_up *made_up, unsigned rounds);

/* A file; reads of 4 KiB at depth 1 and open at 20k/s; poll, interrupt, adaptive; seven rounds. */
void made_up_plain(struct bench_results *ret_results);

/*
 * All that is out of the ordinary: a bdev and a sparse file whose names are foreign bytes; a plan and
 * three peers, of which one cannot, one failed after two rounds, and one stamps by itself; requests
 * that failed, cells that were never reached, a metric that was not measured, a signal, warnings.
 */
void made_up_odd(struct bench_results *ret_results);

/*
 * made_up_path() - where a file of the source tree is, wherever the program was built
 * @path: from the folder of this header
 */
void made_up_path(const char *path, char *ret_path, size_t size);

#endif
