/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_RUSAGE_H
#define BENCH_RUSAGE_H

/* What the process has used so far; the difference of two is what a run used. */

#include <sys/types.h>

#include <ebb/base.h>

struct bench_rusage {
	uint64_t now_ns;
	uint64_t cpu_ns;  /* user and system, all OS threads */
	uint64_t user_ns; /* of that, in the kernel's division into the two */
	uint64_t system_ns;
	uint64_t voluntary; /* context switches, all OS threads */
	uint64_t involuntary;
	uint64_t wakeups; /* all reactors */
};

/* Thread: any, inside ebb_app_start(). */
void bench_rusage_get(struct bench_rusage *ret_usage);

/**
 * bench_rusage_get_others() - the same without the calling OS thread
 * For a thread that only waits while others are watched: its own waking must not count. (The time
 * that the caller has used is measured in the kernel's usual precision of accounting.)
 * Thread: any, inside ebb_app_start().
 */
void bench_rusage_get_others(struct bench_rusage *ret_usage);

/**
 * bench_rusage_get_threads() - what some OS threads of this process have used
 * cpu_ns is exact to the moment; wakeups is 0.
 * Thread: any.
 * Return: 0; -ESRCH: one of @tids is not there (any more).
 */
int bench_rusage_get_threads(const pid_t *tids, unsigned count, struct bench_rusage *ret_usage);

/**
 * bench_rusage_get_process() - what another process and all those that it has started have used
 * Time of threads that have ended is in it, and of children that were waited for; their switches
 * are not, as the kernel tells these to nobody but a parent (wait4(2)). wakeups is 0.
 * Thread: any.
 * Return: 0; -ESRCH: there is no such process (any more).
 */
int bench_rusage_get_process(pid_t pid, struct bench_rusage *ret_usage);

/* @ret_used: @to - @from, field by field; 0 where that would be less. */
void bench_rusage_subtract(const struct bench_rusage *to, const struct bench_rusage *from,
			   struct bench_rusage *ret_used);

#endif
