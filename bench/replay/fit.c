/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/replay/fit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <ebb/assert.h>

#define CAPACITY_FIRST ((size_t)1024)

const char *const bench_fit_offsets_names[] = {
	[BENCH_FIT_WRAP] = "wrap",
	[BENCH_FIT_SCALE] = "scale",
	[BENCH_FIT_REFUSE] = "refuse",
	NULL,
};

struct fit {
	const struct bench_fit_opts *opts;
	struct bench_trace trace; /* so far */
	size_t capacity;
	uint64_t extent_bytes; /* of the original */
	struct bench_fit_notes notes;
	char *error;
};

static int fit_add(struct fit *fit, const struct bench_trace_io *io)
{
	struct bench_trace *trace = &fit->trace;
	struct bench_trace_io *ios;

	if (trace->num_ios == BENCH_TRACE_IOS_MAX) {
		snprintf(fit->error, BENCH_TEXT_MAX,
			 "%.60s: more than %zu requests in all loops: give a smaller --loop, or "
			 "--limit or --time",
			 trace->name, BENCH_TRACE_IOS_MAX);
		return -E2BIG;
	}
	if (trace->num_ios == fit->capacity) {
		fit->capacity = fit->capacity == 0 ? CAPACITY_FIRST : fit->capacity * 2;
		ios = realloc(trace->ios, fit->capacity * sizeof(*ios));
		if (ios == NULL) {
			snprintf(fit->error, BENCH_TEXT_MAX,
				 "%.60s: out of memory: give a smaller --loop or --limit",
				 trace->name);
			return -ENOMEM;
		}
		trace->ios = ios;
	}
	trace->ios[trace->num_ios++] = *io;
	return 0;
}

static uint64_t scale(uint64_t offset, uint64_t extent, uint64_t size)
{
	return (uint64_t)((__uint128_t)offset * size / extent);
}

/*
 * Puts [*offset, + *len) into the device, whole blocks already. *len may shrink: a request that is
 * longer than the device.
 */
static int fit_place(struct fit *fit, uint64_t *offset, uint64_t *len)
{
	const struct bench_fit_opts *opts = fit->opts;
	uint64_t size = opts->size_bytes - opts->size_bytes % opts->block_size;
	uint64_t was = *offset;

	if (opts->offsets == BENCH_FIT_SCALE) {
		*offset = scale(*offset, fit->extent_bytes, size);
		*offset -= *offset % opts->block_size;
	} else if (*offset + *len > size) {
		if (opts->offsets == BENCH_FIT_REFUSE) {
			snprintf(fit->error, BENCH_TEXT_MAX,
				 "%.60s: a request of %llu bytes at %llu is not in the device of "
				 "%llu bytes: give --offsets wrap or scale, or a larger device",
				 fit->trace.name, (unsigned long long)*len,
				 (unsigned long long)*offset, (unsigned long long)size);
			return -EINVAL;
		}
		*offset %= size;
	}
	if (*len > size) {
		*len = size;
	}
	if (*offset > size - *len) {
		*offset = size - *len; /* not in two, with the device's end between */
	}
	fit->notes.moved += *offset != was;
	return 0;
}

static int fit_io(struct fit *fit, struct bench_trace_io io)
{
	uint32_t block = fit->opts->block_size;
	uint64_t begin = io.offset_bytes - io.offset_bytes % block;
	uint64_t len = (io.offset_bytes - begin + io.len_bytes + block - 1) / block * block;
	int rc;

	fit->notes.rounded += begin != io.offset_bytes || len != io.len_bytes;
	rc = fit_place(fit, &begin, &len);
	fit->notes.cut += len > fit->opts->piece_bytes;
	while (rc == 0 && len > 0) {
		io.offset_bytes = begin;
		io.len_bytes =
			len < fit->opts->piece_bytes ? (uint32_t)len : fit->opts->piece_bytes;
		rc = fit_add(fit, &io);
		begin += io.len_bytes;
		len -= io.len_bytes;
	}
	return rc;
}

/* From the beginning of the trace to where it begins again: one mean distance after its end. */
static uint64_t period_ns(const struct bench_trace *trace)
{
	uint64_t last_ns = trace->ios[trace->num_ios - 1].at_ns;
	uint64_t gaps = trace->num_ios - 1;

	return last_ns + (gaps > 0 && last_ns > 0 ? last_ns / gaps : EBB_NS_PER_MS);
}

static int fit_loop(struct fit *fit, const struct bench_trace *trace, double begin_ns)
{
	const struct bench_fit_opts *opts = fit->opts;

	for (size_t i = 0; i < trace->num_ios; i++) {
		struct bench_trace_io io = trace->ios[i];
		double at_ns = (begin_ns + (double)io.at_ns) / opts->speed;
		int rc;

		if (opts->time_ns != 0 && at_ns >= (double)opts->time_ns) {
			return -ECANCELED;
		}
		if (io.write && opts->reads_only) {
			fit->notes.writes_left_out++;
			continue;
		}
		if (at_ns >= (double)(INT64_MAX / 2)) {
			snprintf(fit->error, BENCH_TEXT_MAX,
				 "%.60s: this would take centuries: give a larger --speed, or "
				 "--time",
				 trace->name);
			return -E2BIG;
		}
		io.at_ns = (uint64_t)at_ns;
		rc = fit_io(fit, io);
		if (rc < 0) {
			return rc;
		}
	}
	return 0;
}

static uint64_t extent_of(const struct bench_trace *trace)
{
	uint64_t extent = 1;

	for (size_t i = 0; i < trace->num_ios; i++) {
		uint64_t end = trace->ios[i].offset_bytes + trace->ios[i].len_bytes;

		extent = end > extent ? end : extent;
	}
	return extent;
}

int bench_fit(const struct bench_trace *trace, const struct bench_fit_opts *opts,
	      struct bench_trace *ret_trace, struct bench_fit_notes *ret_notes,
	      char error[BENCH_TEXT_MAX])
{
	struct fit fit = {
		.opts = opts,
		.trace.name = trace->name,
		.extent_bytes = extent_of(trace),
		.error = error,
	};
	int rc = 0;

	ebb_assert(trace->num_ios > 0 && opts->loops > 0 && opts->speed > 0);
	ebb_assert(opts->size_bytes >= opts->block_size && opts->piece_bytes >= opts->block_size);
	for (uint64_t i = 0; rc == 0 && i < opts->loops; i++) {
		rc = fit_loop(&fit, trace, (double)period_ns(trace) * (double)i);
	}
	if ((rc == 0 || rc == -ECANCELED) && fit.trace.num_ios == 0) {
		snprintf(error, BENCH_TEXT_MAX,
			 "%.60s: no request is left: do without --reads-only, or give a longer "
			 "--time",
			 trace->name);
		rc = -EINVAL;
	}
	if (rc < 0 && rc != -ECANCELED) {
		free(fit.trace.ios);
		return rc;
	}
	*ret_trace = fit.trace;
	*ret_notes = fit.notes;
	return 0;
}
