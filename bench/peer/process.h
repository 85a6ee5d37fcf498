/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

/*
 * Another program, run without a shell. What it prints goes into memory that nobody has to empty
 * while it runs, so nothing wakes up here before it ends. It is in a process group of its own, which
 * a terminal's Ctrl-C does not reach, and the kernel kills it when the thread that started it ends,
 * however that comes about.
 */

#include <sched.h>
#include <stdbool.h>
#include <sys/types.h>

#include <ebb/base.h>

#include "bench/peer/argv.h"
#include "bench/results/results.h"

#define BENCH_PROCESS_OUTPUT_MAX ((size_t)16 << 20) /* of each stream; a write beyond it fails */

struct bench_process;

/**
 * bench_process_start() - run a program
 * @argv: argv->words[0] is a path, or is looked up in PATH
 * @package: the Debian package that has it, for the complaint; NULL: it is in none
 * @cpus: where it may run; NULL: where this thread may
 * Thread: one that lives as long as the process is to live.
 * Return: 0; -ENOENT: it is not there; another -errno. @error names the program and the remedy.
 */
int bench_process_start(const struct bench_argv *argv, const char *package, const cpu_set_t *cpus,
			struct bench_process **ret_process, char error[BENCH_TEXT_MAX]);

/**
 * bench_process_wait() - sleep until it has ended
 * @timeout_ns: at most that long
 * Return: 0: it has ended; -ETIMEDOUT; -ECANCELED: a signal wants the end of all.
 */
int bench_process_wait(struct bench_process *process, uint64_t timeout_ns);

/* True if it has not ended yet. */
bool bench_process_running(struct bench_process *process);

pid_t bench_process_pid(const struct bench_process *process);

/* True if it has ended, with code 0. */
bool bench_process_succeeded(struct bench_process *process);

/**
 * bench_process_explain() - how it ended and what it said last, in one line
 * "it ended with code 1: Permission denied", "signal 9 (Killed) ended it", "it still runs"
 */
void bench_process_explain(struct bench_process *process, char *text, size_t size);

/* What it has printed so far; to be freed, NULL if out of memory. */
char *bench_process_output(const struct bench_process *process);
char *bench_process_errors(const struct bench_process *process);

/* Asks it to end, insists after two seconds, and frees @process. NULL is allowed. */
void bench_process_end(struct bench_process *process);

/**
 * bench_process_run() - start, wait, and give what it printed
 * @ret_output: to be freed
 * Return: 0; -ENOENT, -ECANCELED; -ETIMEDOUT and -EIO with @error: it did not end in time, it ended
 *	with another code than 0.
 */
int bench_process_run(const struct bench_argv *argv, const char *package, const cpu_set_t *cpus,
		      uint64_t timeout_ns, char **ret_output, char error[BENCH_TEXT_MAX]);

#endif
