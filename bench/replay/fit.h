/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_FIT_H
#define BENCH_FIT_H

/*
 * A trace is of another device, and of another time. Here it is made to fit the device that it is
 * replayed on: whole blocks, within its size, in pieces that a buffer holds, faster or more often.
 */

#include "bench/load/trace.h"
#include "bench/results/results.h"

/* What becomes of a request that does not lie in the device. */
enum bench_fit_offsets {
	BENCH_FIT_WRAP,  /* its offset is taken modulo the size: what was near stays near */
	BENCH_FIT_SCALE, /* all offsets are, so that the trace's last byte is the device's */
	BENCH_FIT_REFUSE,
};

extern const char *const bench_fit_offsets_names[]; /* NULL-terminated */

struct bench_fit_opts {
	uint32_t block_size;  /* of the device, in bytes, a power of two */
	uint64_t size_bytes;  /* of the device */
	uint32_t piece_bytes; /* a longer request is cut; a multiple of block_size */
	enum bench_fit_offsets offsets;
	bool reads_only;  /* writes are left out */
	double speed;     /* times are divided by it; > 0 */
	uint64_t loops;   /* the whole trace so often, one after the other; >= 1 */
	uint64_t time_ns; /* only what comes before, after all this; 0: all */
};

/* What was done to how many requests. */
struct bench_fit_notes {
	uint64_t moved;   /* their offsets changed for the device's size */
	uint64_t rounded; /* to whole blocks */
	uint64_t cut;     /* into several */
	uint64_t writes_left_out;
};

/**
 * bench_fit() - the trace as it is to be replayed
 * @ret_trace: its ios are the caller's to free(); its name is @trace's
 * Return: 0; -EINVAL, -E2BIG: @error says what does not fit and what to do; -ENOMEM (said).
 */
int bench_fit(const struct bench_trace *trace, const struct bench_fit_opts *opts,
	      struct bench_trace *ret_trace, struct bench_fit_notes *ret_notes,
	      char error[BENCH_TEXT_MAX]);

#endif
