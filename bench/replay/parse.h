/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PARSE_H
#define BENCH_PARSE_H

/*
 * Traces as other programs write them. Three kinds of text are told apart by their first line:
 *
 *   fio's write_iolog        "fio version 2 iolog" or 3
 *   fio's write_lat_log      time, value, direction, block size, offset[, priority[, issue time]]
 *   blkparse's own format    8,0 1 17 0.000012345 697 D R 223490 + 8 [name]
 */

#include "bench/load/trace.h"
#include "bench/results/results.h"

struct bench_parse_opts {
	size_t limit; /* take so many requests, not more; 0: all */
	char blk_action; /* of blkparse: 'D' those that the device got, 'Q' those that were asked for */
};

struct bench_parsed {
	struct bench_trace trace; /* the first request comes at 0 */
	const char *format;       /* for people */
	size_t num_writes;
	uint64_t zero_length; /* requests for nothing, left out */
	uint64_t other;       /* flushes, trims: what is neither read nor write, left out */
	unsigned num_sources; /* files or devices that it is of; all go to one device here */
	bool unsorted;        /* lines were not in the order of time; the trace is */
	bool limited;         /* there was more */
};

/**
 * bench_parse() - read a trace
 * @name: of the file, for people; borrowed by the trace
 * @text: of @len bytes; need not end with a zero, and may be gone afterwards
 * @error: one line that names the line, says what it should be, or what to do
 * Return: 0, then bench_parsed_fini() frees it; -EINVAL: no trace, or a wrong line; -E2BIG: too
 *	many requests; -ENOMEM.
 */
int bench_parse(const char *name, const char *text, size_t len, const struct bench_parse_opts *opts,
		struct bench_parsed *ret_parsed, char error[BENCH_TEXT_MAX]);

void bench_parsed_fini(struct bench_parsed *parsed);

#endif
