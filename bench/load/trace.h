/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_TRACE_H
#define BENCH_TRACE_H

/* Requests that came to some device once, with their times: a load that is replayed. */

#include <stdbool.h>

#include <ebb/base.h>

/* 24 bytes each: 384 MiB of them. */
#define BENCH_TRACE_IOS_MAX ((size_t)16 << 20)

struct bench_trace_io {
	uint64_t at_ns; /* when it comes, from the trace's beginning; never before the one before */
	uint64_t offset_bytes;
	uint32_t len_bytes; /* not 0 */
	bool write;
};

struct bench_trace {
	const char *name; /* for people: the file's, without its folder */
	struct bench_trace_io *ios;
	size_t num_ios;
};

#endif
