/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/usage.h"

#include <math.h>

#include "bench/machine/rusage.h"

const struct bench_usage bench_usage_unknown = {NAN, NAN, NAN, NAN, NAN, NAN};

void bench_usage_get_process(pid_t pid, struct bench_usage *ret_usage)
{
	struct bench_rusage usage;

	*ret_usage = bench_usage_unknown;
	if (bench_rusage_get_process(pid, &usage) == 0) {
		ret_usage->cpu_ns = (double)usage.cpu_ns;
		ret_usage->user_ns = (double)usage.user_ns;
		ret_usage->system_ns = (double)usage.system_ns;
		ret_usage->voluntary = (double)usage.voluntary;
		ret_usage->involuntary = (double)usage.involuntary;
	}
}

struct bench_usage bench_usage_subtract(const struct bench_usage *to,
					const struct bench_usage *from)
{
	return (struct bench_usage){
		.cpu_ns = to->cpu_ns - from->cpu_ns,
		.user_ns = to->user_ns - from->user_ns,
		.system_ns = to->system_ns - from->system_ns,
		.voluntary = to->voluntary - from->voluntary,
		.involuntary = to->involuntary - from->involuntary,
		.wakeups = to->wakeups - from->wakeups,
	};
}

static uint64_t whole(double number)
{
	return number > 0 ? (uint64_t)number : 0;
}

static void metrics_drop(double *metric, const enum bench_metric *which, size_t count,
			 double unless)
{
	for (size_t i = 0; isnan(unless) && i < count; i++) {
		metric[which[i]] = NAN;
	}
}

void bench_usage_sample(struct bench_count *count, const struct bench_usage *used,
			struct bench_metric_sample *ret_sample)
{
	static const enum bench_metric cpu[] = {
		BENCH_CPU_PERCENT,
		BENCH_CPU_PER_MILLION,
		BENCH_IOS_PER_CPU_S,
	};
	static const enum bench_metric parts[] = {BENCH_CPU_USER_PERCENT, BENCH_CPU_SYSTEM_PERCENT};
	static const enum bench_metric switches[] = {
		BENCH_VOLUNTARY,
		BENCH_INVOLUNTARY,
		BENCH_SWITCHES_PER_IO,
	};
	static const enum bench_metric wakeups[] = {
		BENCH_WAKEUPS,
		BENCH_WAKEUPS_PER_IO,
		BENCH_IOS_PER_WAKEUP,
	};
	double parts_ns = used->user_ns + used->system_ns;
	double *metric = ret_sample->metric;

	/* The kernel tells the parts in ticks, and only their sum exactly. */
	count->user_ns =
		whole(parts_ns > 0 ? used->cpu_ns * used->user_ns / parts_ns : used->cpu_ns);
	count->system_ns = whole(used->cpu_ns) - count->user_ns;
	count->voluntary = whole(used->voluntary);
	count->involuntary = whole(used->involuntary);
	count->wakeups = whole(used->wakeups);
	bench_metric_sample_make(count, ret_sample);
	metrics_drop(metric, cpu, EBB_ARRAY_SIZE(cpu), used->cpu_ns);
	metrics_drop(metric, parts, EBB_ARRAY_SIZE(parts), parts_ns > 0 ? parts_ns : NAN);
	metrics_drop(metric, switches, EBB_ARRAY_SIZE(switches), used->voluntary);
	metrics_drop(metric, wakeups, EBB_ARRAY_SIZE(wakeups), used->wakeups);
}
