/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/load.h"

const char *const bench_load_rw_names[] = {
	[BENCH_RW_READ] = "read",         [BENCH_RW_WRITE] = "write",
	[BENCH_RW_RANDREAD] = "randread", [BENCH_RW_RANDWRITE] = "randwrite",
	[BENCH_RW_RANDRW] = "randrw",     [BENCH_RW_COUNT] = NULL,
};

const char *const bench_load_shape_names[] = {
	[BENCH_SHAPE_CLOSED] = "closed", [BENCH_SHAPE_POISSON] = "poisson",
	[BENCH_SHAPE_EVEN] = "even",     [BENCH_SHAPE_BURST] = "burst",
	[BENCH_SHAPE_ON_OFF] = "on-off", [BENCH_SHAPE_DAY] = "day",
	[BENCH_SHAPE_TRACE] = "trace",   [BENCH_SHAPE_COUNT] = NULL,
};

const char *bench_load_rw_name(enum bench_rw rw)
{
	return bench_load_rw_names[rw];
}

bool bench_load_writes(enum bench_rw rw)
{
	return rw != BENCH_RW_READ && rw != BENCH_RW_RANDREAD;
}

const char *bench_load_stamps_name(enum bench_stamps stamps)
{
	static const char *const names[BENCH_STAMPS_COUNT] = {
		[BENCH_STAMPS_EXACT] = "exact",
		[BENCH_STAMPS_SAMPLED] = "sampled",
		[BENCH_STAMPS_FOREIGN] = "foreign",
		[BENCH_STAMPS_NONE] = "none",
	};

	return names[stamps];
}
