/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_SPDK_REPORT_H
#define BENCH_SPDK_REPORT_H

/* What SPDK's bdevperf answers to perform_tests, and what it prints meanwhile. */

#include "bench/results/results.h"

struct json_object;

struct bench_spdk_report {
	double seconds; /* the longest of its jobs */
	double iops;
	double mean_ns;
	double min_ns;
	double max_ns;
	uint64_t failed;
};

/**
 * bench_spdk_report_parse() - the answer, of all its jobs
 * Return: 0; -EPROTO: it is no such answer; -EIO: a job failed, or did no I/O. @error says more.
 */
int bench_spdk_report_parse(struct json_object *result, struct bench_spdk_report *ret_report,
			    char error[BENCH_TEXT_MAX]);

/*
 * Adds the latencies of all jobs that are in what it printed (with -l -l). Their sum, least and most
 * are those of the buckets' middles.
 */
void bench_spdk_report_histogram(const char *text, struct ebb_histogram *histogram);

#endif
