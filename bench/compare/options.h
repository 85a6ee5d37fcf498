/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_COMPARE_OPTIONS_H
#define BENCH_COMPARE_OPTIONS_H

/* What "ebb-bench compare" can be asked, checked as far as that is possible without a device. */

#include "bench/option.h"

#define BENCH_PLAN_MAX_NS  (10 * EBB_NS_PER_S)
#define BENCH_COMPARE_RUNS 99

enum bench_compare_format {
	BENCH_COMPARE_TEXT,
	BENCH_COMPARE_JSON,
	BENCH_COMPARE_CSV,
};

/* "20k", "50%". */
struct bench_rate {
	double value; /* I/Os a second, or percent of what poll mode sustains */
	bool percent;
};

struct bench_rates {
	unsigned count;
	struct bench_rate rate[BENCH_NUMBERS_MAX];
};

/* "30us,65us". */
struct bench_plan {
	uint64_t sleep_ns; /* first */
	uint64_t look_ns;  /* then until this, from the start of the wait; or EBB_REACTOR_FOREVER */
};

struct bench_plans {
	unsigned count;
	struct bench_plan plan[BENCH_NUMBERS_MAX];
};

struct bench_compare_options {
	struct bench_texts targets;
	const char *bdev_json;
	struct bench_texts stand_ins;
	const char *server;
	struct bench_texts nbd;

	struct bench_numbers block_bytes;
	struct bench_numbers queue_depth;
	struct bench_choices rw;
	struct bench_numbers read_percent;
	struct bench_rates rates;
	struct bench_choices shapes;
	uint64_t burst_ios;
	uint64_t on_ns;
	uint64_t off_ns;
	uint64_t size_bytes;
	bool verify;

	struct bench_choices modes; /* indexes are enum ebb_reactor_mode */
	struct bench_plans plans;
	bool search_plan;
	double price; /* CPU seconds that a second of latency is worth; 0: several are tried */
	struct bench_texts peers;

	uint64_t runs;
	uint64_t time_ns;
	uint64_t warmup_ns;
	uint64_t seed;
	uint64_t core;
	char core_text[16]; /* @core, as a mask */
	const char *cpumask;
	bool write;
	bool force;

	unsigned format;
	const char *json;
	const char *csv;
	const char *html;
};

/**
 * bench_compare_options_read() - read the arguments of "compare"
 * @ret_options: defaults for what was not given; must not be copied afterwards
 * Return: as bench_option_parse().
 */
int bench_compare_options_read(char *const *args, int num_args,
			       struct bench_compare_options *ret_options,
			       char error[BENCH_ERROR_MAX]);

/* Adds "30us,65us" to @plans, a struct bench_plans. Return: as bench_option.read(). */
int bench_compare_options_plan(const char *text, void *plans);

void bench_compare_options_help(FILE *out);

#endif
