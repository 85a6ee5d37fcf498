/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PROGRAM_H
#define BENCH_PROGRAM_H

/*
 * Another program, run without a shell. What it prints goes into memory that nobody has to empty
 * while it runs: beside it nothing runs here but a look for signals, ten times a second. It is in a process group of its own, which
 * a terminal's Ctrl-C does not reach, and the kernel kills it when the thread that started it ends,
 * however that comes about.
 */

#include <sched.h>
#include <stdbool.h>
#include <sys/types.h>

#include <ebb/base.h>

#include "bench/peer/argv.h"
#include "bench/results/results.h"

#define BENCH_PROGRAM_OUTPUT_MAX ((size_t)16 << 20) /* of each stream; a write beyond it fails */

struct bench_program;

/**
 * bench_program_start() - run a program
 * @argv: argv->words[0] is a path, or is looked up in PATH
 * @package: the Debian package that has it, for the complaint; NULL: it is in none
 * @cpus: where it may run; NULL: where this thread may
 * Thread: one that lives as long as the process is to live.
 * Return: 0; -ENOENT: it is not there; another -errno. @error names the program and the remedy.
 */
int bench_program_start(const struct bench_argv *argv, const char *package, const cpu_set_t *cpus,
			struct bench_program **ret_program, char error[BENCH_TEXT_MAX]);

/**
 * bench_program_wait() - sleep until it has ended
 * @timeout_ns: at most that long
 * Return: 0: it has ended; -ETIMEDOUT; -ECANCELED: a signal wants the end of all.
 */
int bench_program_wait(struct bench_program *program, uint64_t timeout_ns);

/* True if it has not ended yet. */
bool bench_program_running(struct bench_program *program);

pid_t bench_program_pid(const struct bench_program *program);

/* True if it has ended, with code 0. */
bool bench_program_succeeded(struct bench_program *program);

/**
 * bench_program_explain() - how it ended and what it said last, in one line
 * "it ended with code 1: Permission denied", "signal 9 (Killed) ended it", "it still runs"
 */
void bench_program_explain(struct bench_program *program, char *text, size_t size);

/* What it has printed so far; to be freed, NULL if out of memory. */
char *bench_program_output(const struct bench_program *program);
char *bench_program_errors(const struct bench_program *program);

/* Asks it to end, and insists after two seconds. */
void bench_program_stop(struct bench_program *program);

/* Stops it, and frees @program. NULL is allowed. */
void bench_program_end(struct bench_program *program);

/**
 * bench_program_run() - start, wait, and give what it printed
 * @ret_output: to be freed
 * Return: 0; -ENOENT, -ECANCELED; -ETIMEDOUT and -EIO with @error: it did not end in time, it ended
 *	with another code than 0.
 */
int bench_program_run(const struct bench_argv *argv, const char *package, const cpu_set_t *cpus,
		      uint64_t timeout_ns, char **ret_output, char error[BENCH_TEXT_MAX]);

#endif
