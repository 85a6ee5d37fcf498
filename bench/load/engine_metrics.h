/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_ENGINE_METRICS_H
#define BENCH_ENGINE_METRICS_H

#include "bench/load/engine.h"
#include "bench/results/metric.h"

/**
 * bench_engine_metrics_make() - what a run of the engine is worth, in metrics
 * @result: one that got as far as to count: elapsed_ns is not 0
 * Thread: app.
 */
void bench_engine_metrics_make(const struct bench_engine_result *result,
			       struct bench_metric_sample *ret_sample);

#endif
