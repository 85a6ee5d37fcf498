/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_SETUP_H
#define BENCH_SETUP_H

/* Makes the bdevs of targets, by the methods that the service makes them by. */

#include "bench/results/results.h"

/**
 * bench_setup_target() - a bdev for @target, which was resolved, unless it has one
 * A file or device is opened by the driver of its kind, read-only unless @write. Its name here,
 * driver, sizes go into @target.
 * @error: one line that names @target and the remedy
 * Thread: the harness. Return: 0; -errno.
 */
int bench_setup_target(struct bench_target *target, bool write, char error[BENCH_TEXT_MAX]);

#endif
