/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_IN_USE_H
#define BENCH_IN_USE_H

/* Who would lose data if a test wrote on a bdev. */

#include <ebb/bdev_module.h>

#include "bench/load/load.h"

/**
 * bench_in_use() - may a test not write on @bdev?
 * @force: also where it is exported or open elsewhere; a claim stands all the same
 * @error: who has it, and what to do
 * Thread: app.
 * Return: 0: nobody has it; -EPERM it is claimed; -EBUSY it is exported, or open elsewhere; -EROFS.
 */
int bench_in_use(const struct ebb_bdev *bdev, bool force, char error[BENCH_LOAD_ERROR_MAX]);

#endif
