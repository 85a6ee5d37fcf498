/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/results/metric.h"

#include <math.h>
#include <string.h>

#include <ebb/assert.h>

const struct bench_metric_info bench_metrics[BENCH_METRIC_COUNT] = {
	[BENCH_IOPS] = {"iops", "IOPS", 1, 0, false},
	[BENCH_MIB_PER_S] = {"bandwidth_mib_per_s", "MiB/s", 1, 1, false},
	[BENCH_LATENCY_MEAN] = {"latency_mean_ns", "latency mean, us", 1e-3, 3, false},
	[BENCH_LATENCY_MIN] = {"latency_min_ns", "latency min, us", 1e-3, 3, false},
	[BENCH_LATENCY_P50] = {"latency_p50_ns", "latency p50, us", 1e-3, 3, false},
	[BENCH_LATENCY_P90] = {"latency_p90_ns", "latency p90, us", 1e-3, 3, false},
	[BENCH_LATENCY_P99] = {"latency_p99_ns", "latency p99, us", 1e-3, 3, false},
	[BENCH_LATENCY_P99_9] = {"latency_p99_9_ns", "latency p99.9, us", 1e-3, 3, false},
	[BENCH_LATENCY_MAX] = {"latency_max_ns", "latency max, us", 1e-3, 3, false},
	[BENCH_CPU_PERCENT] = {"cpu_percent", "CPU, % of one", 1, 1, false},
	[BENCH_CPU_USER_PERCENT] = {"cpu_user_percent", "CPU user, %", 1, 1, false},
	[BENCH_CPU_SYSTEM_PERCENT] = {"cpu_system_percent", "CPU system, %", 1, 1, false},
	[BENCH_CPU_PER_MILLION] = {"cpu_s_per_million_ios", "CPU s per million I/Os", 1, 4, false},
	[BENCH_IOS_PER_CPU_S] = {"ios_per_cpu_s", "I/Os per CPU second", 1, 0, false},
	[BENCH_WAKEUPS] = {"wakeups_per_s", "reactor wakeups/s", 1, 1, false},
	[BENCH_WAKEUPS_PER_IO] = {"wakeups_per_io", "wakeups per I/O", 1, 3, false},
	[BENCH_IOS_PER_WAKEUP] = {"ios_per_wakeup", "I/Os per wakeup", 1, 2, false},
	[BENCH_VOLUNTARY] = {"voluntary_switches_per_s", "voluntary switches/s", 1, 1, false},
	[BENCH_INVOLUNTARY] = {"involuntary_switches_per_s", "involuntary switches/s", 1, 1, false},
	[BENCH_SWITCHES_PER_IO] = {"context_switches_per_io", "switches per I/O", 1, 3, false},
	[BENCH_JOULES_PER_MILLION] = {"joules_per_million_ios", "J per million I/Os", 1, 3, false},
	[BENCH_OFFERED] = {"offered_iops", "offered IOPS", 1, 0, true},
	[BENCH_BACKLOG] = {"backlog_ios", "backlog at the end, I/Os", 1, 0, true},
	[BENCH_ARRIVAL_LATE_P50] = {"arrival_late_p50_ns", "arrivals late p50, us", 1e-3, 3, true},
	[BENCH_ARRIVAL_LATE_P99] = {"arrival_late_p99_ns", "arrivals late p99, us", 1e-3, 3, true},
};

static double ratio(double of, double to)
{
	return to > 0 ? of / to : NAN;
}

void bench_metric_sample_make(const struct bench_count *count,
			      struct bench_metric_sample *ret_sample)
{
	double seconds = (double)count->elapsed_ns / (double)EBB_NS_PER_S;
	double ios = (double)count->ios;
	double cpu_ns = (double)count->user_ns + (double)count->system_ns;
	const struct ebb_histogram *latency = &count->latency;
	double *metric = ret_sample->metric;

	ebb_assert(count->elapsed_ns > 0);
	metric[BENCH_IOPS] = ios / seconds;
	metric[BENCH_MIB_PER_S] = ios * (double)count->io_bytes / seconds / (1 << 20);
	metric[BENCH_LATENCY_MEAN] = ratio((double)latency->sum, (double)latency->count);
	metric[BENCH_CPU_PERCENT] = cpu_ns / (double)count->elapsed_ns * 100;
	metric[BENCH_CPU_USER_PERCENT] = (double)count->user_ns / (double)count->elapsed_ns * 100;
	metric[BENCH_CPU_SYSTEM_PERCENT] =
		(double)count->system_ns / (double)count->elapsed_ns * 100;
	metric[BENCH_CPU_PER_MILLION] = ratio(cpu_ns * 1e-9 * 1e6, ios);
	metric[BENCH_IOS_PER_CPU_S] = ratio(ios * (double)EBB_NS_PER_S, cpu_ns);
	metric[BENCH_VOLUNTARY] = (double)count->voluntary / seconds;
	metric[BENCH_INVOLUNTARY] = (double)count->involuntary / seconds;
	metric[BENCH_WAKEUPS] = (double)count->wakeups / seconds;
	metric[BENCH_WAKEUPS_PER_IO] = ratio((double)count->wakeups, ios);
	metric[BENCH_IOS_PER_WAKEUP] = ratio(ios, (double)count->wakeups);
	metric[BENCH_SWITCHES_PER_IO] =
		ratio((double)count->voluntary + (double)count->involuntary, ios);
	metric[BENCH_JOULES_PER_MILLION] = ratio(count->joules * 1e6, ios);
	metric[BENCH_OFFERED] = count->offered / seconds;
	metric[BENCH_BACKLOG] = count->backlog;
	metric[BENCH_ARRIVAL_LATE_P50] = count->late_p50_ns;
	metric[BENCH_ARRIVAL_LATE_P99] = count->late_p99_ns;

	if (latency->count == 0) {
		metric[BENCH_LATENCY_MIN] = NAN;
		metric[BENCH_LATENCY_P50] = NAN;
		metric[BENCH_LATENCY_P90] = NAN;
		metric[BENCH_LATENCY_P99] = NAN;
		metric[BENCH_LATENCY_P99_9] = NAN;
		metric[BENCH_LATENCY_MAX] = NAN;
		return;
	}
	metric[BENCH_LATENCY_MIN] = (double)latency->min;
	metric[BENCH_LATENCY_P50] = (double)ebb_histogram_percentile(latency, 50);
	metric[BENCH_LATENCY_P90] = (double)ebb_histogram_percentile(latency, 90);
	metric[BENCH_LATENCY_P99] = (double)ebb_histogram_percentile(latency, 99);
	metric[BENCH_LATENCY_P99_9] = (double)ebb_histogram_percentile(latency, 99.9);
	metric[BENCH_LATENCY_MAX] = (double)latency->max;
}

double bench_metric_median(const double *values, unsigned count)
{
	double sorted[BENCH_SAMPLES_MAX];
	unsigned used = 0;

	ebb_assert(count <= BENCH_SAMPLES_MAX);
	for (unsigned i = 0; i < count; i++) {
		unsigned place = used;

		if (isnan(values[i])) {
			continue;
		}
		while (place > 0 && sorted[place - 1] > values[i]) {
			sorted[place] = sorted[place - 1];
			place--;
		}
		sorted[place] = values[i];
		used++;
	}
	if (used == 0) {
		return NAN;
	}
	return (sorted[(used - 1) / 2] + sorted[used / 2]) / 2;
}

void bench_metric_sample_median(const struct bench_metric_sample *samples, unsigned count,
				struct bench_metric_sample *ret_median)
{
	double values[BENCH_SAMPLES_MAX];

	ebb_assert(count <= BENCH_SAMPLES_MAX);
	for (unsigned metric = 0; metric < BENCH_METRIC_COUNT; metric++) {
		for (unsigned i = 0; i < count; i++) {
			values[i] = samples[i].metric[metric];
		}
		ret_median->metric[metric] = bench_metric_median(values, count);
	}
}
