/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_COMMAND_OPTIONS_H
#define BENCH_COMMAND_OPTIONS_H

/* What each command can be asked, checked as far as that is possible without a device. */

#include "bench/load/load.h"
#include "bench/option.h"

enum bench_format { BENCH_FORMAT_TEXT, BENCH_FORMAT_JSON };

#define BENCH_CORE_ANY   UINT64_MAX
#define BENCH_RUNS_MAX   99
#define BENCH_ROUNDS_MAX 99

struct bench_run_options {
	const char *bdev_json; /* path of the configuration that makes the bdev */
	const char *bdev;
	unsigned rw; /* enum bench_rw */
	uint64_t block_bytes;
	uint64_t queue_depth; /* of each core */
	uint64_t time_ns;     /* of each run */
	uint64_t warmup_ns;
	uint64_t read_percent; /* of randrw */
	uint64_t size_bytes;   /* 0: the whole bdev */
	uint64_t runs;         /* of each mode */
	uint64_t seed;
	uint64_t spin_us;           /* of the adaptive mode */
	struct bench_choices modes; /* indexes are enum ebb_reactor_mode */
	uint64_t core;              /* BENCH_CORE_ANY: not given */
	char core_text[16];         /* @core, as a mask */
	const char *cpumask; /* may point at @core_text; NULL: nobody knows which are allowed */
	unsigned format;     /* enum bench_format */
};

/* What --mode takes, NULL-terminated; indexes are enum ebb_reactor_mode. */
extern const char *const bench_command_mode_names[];

#define BENCH_CORE_TEXT_MAX 16

/* Also of "rpc". */
struct bench_wake_options {
	uint64_t rounds;
	uint64_t time_ns;   /* of one side of one round */
	uint64_t settle_ns; /* before counting idle wakeups */
	uint64_t idle_ns;   /* counting them, in each mode; 0: do not */
	uint64_t samples;   /* of each price; 0: no prices */
	uint64_t sleep_ns;  /* the longest sleep that prices are measured after */
	const char *device; /* that reads are measured on; NULL: none */
	bool prices_only;
	unsigned format;
};

/**
 * bench_command_options_run() - read the arguments of "run"
 * @ret_options: defaults for what was not given; must not be copied afterwards
 * Return: as bench_option_parse().
 */
int bench_command_options_run(char *const *args, int num_args,
			      struct bench_run_options *ret_options, char error[BENCH_ERROR_MAX]);

/* The same for "wake" and "rpc"; @command is one of these. */
int bench_command_options_wake(const char *command, char *const *args, int num_args,
			       struct bench_wake_options *ret_options, char error[BENCH_ERROR_MAX]);

/**
 * bench_command_options_cpus() - --core and --cpumask: the CPUs must be there, and be allowed
 * With neither it is the first CPU that is allowed, and then too the reactor is held on it: one that
 * sleeps would be pulled to the CPU of the companion, which wakes it, and would stop the device there
 * for as long as it spins.
 * @core: BENCH_CORE_ANY: not given; else @core_text becomes its mask
 * @cpumask: NULL: not given; may point at @core_text afterwards
 * Return: 0; -EINVAL: @error says why.
 */
int bench_command_options_cpus(const char *command, uint64_t core,
			       char core_text[BENCH_CORE_TEXT_MAX], const char **cpumask,
			       char error[BENCH_ERROR_MAX]);

/* The help text of @command; of all of them if it is NULL. */
void bench_command_options_help(const char *command, FILE *out);

#endif
