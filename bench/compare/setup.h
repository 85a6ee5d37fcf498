/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_SETUP_H
#define BENCH_SETUP_H

/*
 * Makes the bdevs of targets, by the methods that the service makes them by. A file or block device
 * is claimed by its bdev, and nobody else can serve it: so it is given up while a peer is measured.
 */

#include "bench/results/results.h"

/**
 * bench_setup_target() - a bdev for @target, which was resolved, unless it has one
 * A file or device is opened by the driver of its kind, read-only unless @write. Its name here,
 * driver, sizes go into @target.
 * @error: one line that names @target and the remedy
 * Thread: the harness. Return: 0; -errno.
 */
int bench_setup_target(struct bench_target *target, bool write, char error[BENCH_TEXT_MAX]);

/**
 * bench_setup_give_up() - close the file or block device of @target, which nobody here has open
 * Of any other target, and of what the configuration has made, the bdev stays.
 * @error: one line
 * Thread: the harness. Return: 0; -errno.
 */
int bench_setup_give_up(const struct bench_target *target, char error[BENCH_TEXT_MAX]);

/**
 * bench_setup_again() - the bdev of @target, by the same name, if it was given up
 * The rest is as bench_setup_target().
 */
int bench_setup_again(const struct bench_target *target, bool write, char error[BENCH_TEXT_MAX]);

#endif
