/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_COST_TIMING_H
#define BENCH_COST_TIMING_H

/* Rounds of a loop, timed by the CPU time of the OS thread that runs it. */

#include <stdlib.h>
#include <time.h>

/* Nanoseconds of CPU time. */
static inline double timing_cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static inline int timing_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts @values. */
static inline double timing_median(double *values, unsigned count)
{
	qsort(values, count, sizeof(values[0]), timing_compare);
	return values[count / 2];
}

#endif
