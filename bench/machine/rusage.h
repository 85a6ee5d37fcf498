/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_RUSAGE_H
#define BENCH_RUSAGE_H

/* What the process has used so far; the difference of two is what a run used. */

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

/* @ret_used: @to - @from, field by field. */
void bench_rusage_subtract(const struct bench_rusage *to, const struct bench_rusage *from,
			   struct bench_rusage *ret_used);

#endif
