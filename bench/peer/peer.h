/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

/* The names that --with takes, and what each of them puts beside the modes. */

#include "bench/results/results.h"

#define BENCH_PEER_CONTENDERS_MAX 8 /* that one name makes */

/**
 * bench_peer_make() - the contenders of one --with
 * @with: "fio", "qemu-storage-daemon", "nbdkit", "spdk=PATH", ...
 * @contenders: room for @max
 * @ret_num: how many were made; destroy() each of them after the last run, on the same thread
 * Thread: the harness; processes end with it.
 * Return: 0; -EINVAL: no such name; -ENOENT: its program is not there; -ENOSPC: more than @max.
 *	@error says why in one line.
 */
int bench_peer_make(const char *with, struct bench_contender *contenders, unsigned max,
		    unsigned *ret_num, char error[BENCH_TEXT_MAX]);

#endif
