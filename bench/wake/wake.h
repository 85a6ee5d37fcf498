/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_WAKE_H
#define BENCH_WAKE_H

#include "bench/command_options.h"

/**
 * bench_wake() - "ebb-bench wake": messages between reactors beside baselines, what a sleep costs, and
 * idle wakeups
 * Prints its result to stdout.
 * Return: 0; BENCH_EXIT_FAILED, or BENCH_EXIT_USAGE where the device is none (said on stderr).
 */
int bench_wake(const struct bench_wake_options *options);

#endif
