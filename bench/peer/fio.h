/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_FIO_H
#define BENCH_FIO_H

/*
 * fio on the same file, block device or drive: a process of its own for each run, on the CPUs of the
 * reactors, with the load that these had. It registers files and buffers, as ebb does.
 */

#include "bench/peer/argv.h"
#include "bench/peer/place.h"
#include "bench/results/results.h"

enum bench_fio_engine {
	BENCH_FIO_IO_URING,
	BENCH_FIO_LIBAIO,
	BENCH_FIO_IO_URING_CMD, /* NVMe commands, on /dev/ngXnY */
	BENCH_FIO_ENGINE_COUNT,
};

/**
 * bench_fio_make() - a contender for each engine
 * @contenders: room for BENCH_FIO_ENGINE_COUNT
 * Return: how many were made; -ENOENT: fio is not there. @error says it.
 */
int bench_fio_make(struct bench_contender *contenders, char error[BENCH_TEXT_MAX]);

/**
 * bench_fio_argv() - the command for a load
 * @argv: zeroed; to be cleared in any case
 * Return: 0; -EOPNOTSUPP: fio cannot do that, and @error says why.
 */
int bench_fio_argv(enum bench_fio_engine engine, const struct bench_target *target,
		   const struct bench_load *load, const struct bench_place *place,
		   struct bench_argv *argv, char error[BENCH_TEXT_MAX]);

#endif
