/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_BENCH_FIGURE_H
#define EBB_BENCH_FIGURE_H

/*
 * What a run is worth, in figures. Each figure has one row in one table: its name in JSON with the
 * unit in it, its label for people, and its decimals; the reports know no figure by name.
 */

#include <ebb/histogram.h>

enum bench_figure {
	BENCH_IOPS,
	BENCH_MIB_PER_S,
	BENCH_LATENCY_MEAN,
	BENCH_LATENCY_MIN,
	BENCH_LATENCY_P50,
	BENCH_LATENCY_P99,
	BENCH_LATENCY_P99_9,
	BENCH_LATENCY_MAX,
	BENCH_CPU_PER_MILLION,
	BENCH_CPU_PERCENT,
	BENCH_VOLUNTARY,
	BENCH_INVOLUNTARY,
	BENCH_WAKEUPS,
	BENCH_IOS_PER_WAKEUP,
	BENCH_FIGURE_COUNT,
};

struct bench_figure_info {
	const char *name;  /* in JSON */
	const char *label; /* for people, with the unit */
	double scale;      /* from the value to what people read */
	int decimals;      /* of what people read */
};

extern const struct bench_figure_info bench_figures[BENCH_FIGURE_COUNT];

/* What was counted between the beginning and the end of one run. */
struct bench_count {
	uint64_t ios;
	uint64_t io_bytes; /* of each */
	uint64_t elapsed_ns;
	uint64_t cpu_ns;    /* user and system, of the whole process */
	uint64_t voluntary; /* context switches, of the whole process */
	uint64_t involuntary;
	uint64_t wakeups; /* of the reactors that did the I/O */
	struct ebb_histogram latency;
};

/* The figures of one run. NAN: there is none (a latency where no I/O was done). */
struct bench_sample {
	double figure[BENCH_FIGURE_COUNT];
};

/**
 * bench_sample_make() - figures from counts
 * @count: elapsed_ns is not 0
 */
void bench_sample_make(const struct bench_count *count, struct bench_sample *ret_sample);

/**
 * bench_sample_median() - the median of each figure by itself
 * @count: of @samples; 0 gives a sample without figures
 */
void bench_sample_median(const struct bench_sample *samples, unsigned count,
			 struct bench_sample *ret_median);

/**
 * bench_median() - the middle one of @count values, or the mean of the middle two
 * NANs are left out; a NAN is returned if nothing is left.
 * @count: at most 99
 */
double bench_median(const double *values, unsigned count);

#endif
