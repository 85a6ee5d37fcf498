/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/engine_metrics.h"

#include <math.h>

void bench_engine_metrics_make(const struct bench_engine_result *result,
			       struct bench_metric_sample *ret_sample)
{
	static struct bench_count count; /* too large for a stack; the app thread's only */

	count = (struct bench_count){
		.ios = result->ios,
		.io_bytes = result->io_bytes,
		.elapsed_ns = result->elapsed_ns,
		.user_ns = result->used.user_ns,
		.system_ns = result->used.system_ns,
		.voluntary = result->used.voluntary,
		.involuntary = result->used.involuntary,
		.wakeups = result->used.wakeups,
		.joules = NAN,
		.offered = NAN,
		.backlog = NAN,
		.late_p50_ns = NAN,
		.late_p99_ns = NAN,
		.latency = result->latency,
	};
	if (result->open_loop) {
		count.offered = (double)result->offered;
		count.backlog = (double)result->backlog;
		if (result->lateness.count > 0) {
			count.late_p50_ns = (double)ebb_histogram_percentile(&result->lateness, 50);
			count.late_p99_ns = (double)ebb_histogram_percentile(&result->lateness, 99);
		}
	}
	bench_metric_sample_make(&count, ret_sample);
}
