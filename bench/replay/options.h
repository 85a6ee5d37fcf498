/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_REPLAY_OPTIONS_H
#define BENCH_REPLAY_OPTIONS_H

/* What "ebb-bench replay" and "ebb-bench trace" can be asked. */

#include "bench/compare/options.h"

#define BENCH_REPLAY_SPEED_MAX 1000000.0

struct bench_replay_options {
	struct bench_texts words; /* the trace, then the target */
	const char *trace;
	struct bench_compare_options compare; /* what a comparison is asked, too; its one target */
	double speed;
	uint64_t loops;
	uint64_t limit;   /* 0: all */
	uint64_t depth;   /* of each reactor */
	unsigned offsets; /* enum bench_fit_offsets */
	unsigned action;  /* index in the names of blkparse's actions */
	bool reads_only;
};

/* The letter that blkparse has for it. */
char bench_replay_options_action(const struct bench_replay_options *options);

/**
 * bench_replay_options_read() - read the arguments of "replay"
 * @ret_options: must not be copied afterwards
 * Return: as bench_option_parse().
 */
int bench_replay_options_read(char *const *args, int num_args,
			      struct bench_replay_options *ret_options,
			      char error[BENCH_ERROR_MAX]);

struct bench_trace_options {
	struct bench_texts words; /* the sample's name */
	bool list;
	const char *out; /* NULL: stdout */
	uint64_t seed;
};

/* The same for "trace". */
int bench_trace_options_read(char *const *args, int num_args,
			     struct bench_trace_options *ret_options, char error[BENCH_ERROR_MAX]);

/* Of both commands; of "replay" or "trace" alone if @command is not NULL. */
void bench_replay_options_help(const char *command, FILE *out);

#endif
