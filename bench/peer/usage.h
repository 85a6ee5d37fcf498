/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_USAGE_H
#define BENCH_USAGE_H

/* What a peer has used: only a part of it may be known, and the metrics of the rest are missing. */

#include <sys/types.h>

#include "bench/results/metric.h"

/* A NAN is not known. */
struct bench_usage {
	double cpu_ns;
	double user_ns; /* of cpu_ns, in the kernel's division */
	double system_ns;
	double voluntary; /* context switches */
	double involuntary;
	double wakeups; /* of reactors */
};

extern const struct bench_usage bench_usage_unknown;

/* What a process has used so far; all unknown if there is no such process any more. */
void bench_usage_get_process(pid_t pid, struct bench_usage *ret_usage);

struct bench_usage bench_usage_subtract(const struct bench_usage *to,
					const struct bench_usage *from);

/**
 * bench_usage_sample() - the metrics of a run
 * @count: all but what @used says, which is filled in
 */
void bench_usage_sample(struct bench_count *count, const struct bench_usage *used,
			struct bench_metric_sample *ret_sample);

#endif
