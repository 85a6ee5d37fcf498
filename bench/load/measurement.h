/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_MEASUREMENT_H
#define BENCH_MEASUREMENT_H

/*
 * The engine (bench/load/engine.h) as the harness uses it: each call waits until it is done. The mode
 * of the reactors is the caller's to set, before a run. One measurement stays open over all modes and
 * loads, so that every one meets the same buffers, channels and registrations.
 */

#include "bench/load/engine.h"
#include "bench/results/results.h"

struct bench_measurement;

/**
 * bench_measurement_open() - open a bdev, with a worker on every reactor
 * @max: what no load will exceed: block_bytes, queue_depth
 * Thread: the harness.
 * Return: 0; as bench_engine_open(), and -EIO, -ENOMEM: a worker could not be made. @error says why.
 */
int bench_measurement_open(const char *bdev, bool write, const struct bench_load *max,
			   struct bench_measurement **ret_measurement, char error[BENCH_TEXT_MAX]);

/**
 * bench_measurement_run() - one run
 * A signal ends it early: what was counted till then is its outcome.
 * @ret_outcome: valid if sample metrics are there (their IOPS are not NAN), also when this fails
 *	while it counts: then with what was counted, and with ret_outcome->errors
 * Thread: the harness.
 * Return: 0; -ECANCELED: a signal came before anything was counted; -EINVAL: the load does not fit;
 *	-ENODEV: the bdev went away; -ETIMEDOUT: requests were not answered; the first error of an
 *	I/O. @error says why.
 */
int bench_measurement_run(struct bench_measurement *measurement, const struct bench_load *load,
			  struct bench_outcome *ret_outcome, char error[BENCH_TEXT_MAX]);

/* The bdev's geometry and the cores. Thread: the harness. */
void bench_measurement_get_info(struct bench_measurement *measurement,
				struct bench_engine_info *ret_info);

/* The bytes that @load covers. Return: 0: the load does not fit. Thread: the harness. */
uint64_t bench_measurement_range_bytes(struct bench_measurement *measurement,
				       const struct bench_load *load);

/**
 * bench_measurement_close() - close the bdev, and free @measurement
 * Thread: the harness. NULL is ignored.
 * Return: 0; -ETIMEDOUT: requests are still unanswered, and what they own was left behind.
 */
int bench_measurement_close(struct bench_measurement *measurement);

#endif
