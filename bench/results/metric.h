/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_METRIC_H
#define BENCH_METRIC_H

/*
 * What a run is worth, in metrics. Each metric has one row in one table: its name in JSON with the
 * unit in it, its label for people, and its decimals; the reports know no metric by name.
 */

#include <stdbool.h>

#include <ebb/histogram.h>

/* The most runs of one and the same. */
#define BENCH_SAMPLES_MAX 99

enum bench_metric {
	BENCH_IOPS,
	BENCH_MIB_PER_S,
	BENCH_LATENCY_MEAN,
	BENCH_LATENCY_MIN,
	BENCH_LATENCY_P50,
	BENCH_LATENCY_P90,
	BENCH_LATENCY_P99,
	BENCH_LATENCY_P99_9,
	BENCH_LATENCY_MAX,
	BENCH_CPU_PERCENT,
	BENCH_CPU_USER_PERCENT,
	BENCH_CPU_SYSTEM_PERCENT,
	BENCH_CPU_PER_MILLION,
	BENCH_IOS_PER_CPU_S,
	BENCH_WAKEUPS,
	BENCH_WAKEUPS_PER_IO,
	BENCH_IOS_PER_WAKEUP,
	BENCH_VOLUNTARY,
	BENCH_INVOLUNTARY,
	BENCH_SWITCHES_PER_IO,
	BENCH_JOULES_PER_MILLION,
	BENCH_OFFERED,
	BENCH_BACKLOG,
	BENCH_ARRIVAL_LATE_P50,
	BENCH_ARRIVAL_LATE_P99,
	BENCH_METRIC_COUNT,
};

struct bench_metric_info {
	const char *name;  /* in JSON */
	const char *label; /* for people, with the unit */
	double scale;      /* from the value to what people read */
	int decimals;      /* of what people read */
	bool open_loop;    /* there is none in a closed loop */
};

extern const struct bench_metric_info bench_metrics[BENCH_METRIC_COUNT];

/* What was counted between the beginning and the end of one run. */
struct bench_count {
	uint64_t ios;
	uint64_t io_bytes; /* of each */
	uint64_t elapsed_ns;
	uint64_t user_ns; /* CPU time of who did the I/O, not of who only offered it */
	uint64_t system_ns;
	uint64_t voluntary; /* context switches of the same */
	uint64_t involuntary;
	uint64_t wakeups; /* of the reactors that did the I/O */
	double joules;    /* of the whole machine meanwhile; NAN: it cannot be told */
	/* Of an open loop; NAN: it was none, or it cannot be told. */
	double offered;     /* requests that were to come */
	double backlog;     /* that had come and were not served at the end */
	double late_p50_ns; /* how late the requests were made to come */
	double late_p99_ns;
	struct ebb_histogram latency;
};

/* The metrics of one run. NAN: there is none (a latency where no I/O was done). */
struct bench_metric_sample {
	double metric[BENCH_METRIC_COUNT];
};

/**
 * bench_metric_sample_make() - metrics from counts
 * @count: elapsed_ns is not 0
 */
void bench_metric_sample_make(const struct bench_count *count,
			      struct bench_metric_sample *ret_sample);

/**
 * bench_metric_sample_median() - the median of each metric by itself
 * @count: of @samples; 0 gives a sample without metrics
 */
void bench_metric_sample_median(const struct bench_metric_sample *samples, unsigned count,
				struct bench_metric_sample *ret_median);

/**
 * bench_metric_median() - the middle one of @count values, or the mean of the middle two
 * NANs are left out; a NAN is returned if nothing is left.
 * @count: at most BENCH_SAMPLES_MAX
 */
double bench_metric_median(const double *values, unsigned count);

#endif
