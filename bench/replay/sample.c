/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/replay/sample.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load/random.h"

/*
 * A sample is a few streams of requests side by side, each a row of a table: from when to when, how
 * many a second, in bursts of how many, how long, where. All is integers, so that no library's
 * rounding of a logarithm makes two machines disagree.
 */

#define NS_PER_US UINT64_C(1000)

enum sample_where {
	SAMPLE_RANDOM, /* anywhere in the stream's range */
	SAMPLE_HOT,    /* nine times of ten in the first tenth of it */
	SAMPLE_INLINE, /* one after the other, and again from its start */
};

struct sample_stream {
	uint32_t begin_ms;
	uint32_t end_ms;
	uint32_t rate_iops; /* mean */
	uint32_t burst;     /* requests at once; the bursts are what comes by chance */
	uint32_t read_percent;
	uint32_t min_kib; /* a request has a power of two between these */
	uint32_t max_kib;
	enum sample_where where;
	uint32_t at_mib;
	uint32_t span_mib;
};

#define SAMPLE_STREAMS_MAX 16

struct bench_sample {
	const char *name;
	const char *help;
	struct sample_stream streams[SAMPLE_STREAMS_MAX]; /* up to the first of no rate */
};

static const struct bench_sample samples[] = {
	{"laptop-day",
	 "a day of a laptop in 10 s: boot, browsing, a lid closed twice, a compilation, a backup",
	 {
		 /* The boot: programs and libraries, then the desktop's many small files. */
		 {0, 400, 2500, 1, 97, 4, 64, SAMPLE_RANDOM, 0, 512},
		 {150, 700, 600, 8, 92, 4, 16, SAMPLE_HOT, 512, 256},
		 {0, 700, 60, 1, 0, 4, 4, SAMPLE_INLINE, 1008, 16}, /* journal */
		 /* Idle, then browsing: a page is a burst of cache reads and writes. */
		 {1500, 3500, 80, 20, 55, 4, 32, SAMPLE_HOT, 512, 256},
		 {1500, 3500, 4, 2, 0, 4, 8, SAMPLE_INLINE, 1008, 16},
		 /* The lid is closed from 3.5 s to 4.5 s. A compilation follows. */
		 {4500, 6000, 700, 4, 75, 4, 32, SAMPLE_HOT, 256, 256},
		 {4800, 6000, 300, 6, 0, 4, 64, SAMPLE_RANDOM, 768, 128},
		 {4500, 6000, 30, 2, 0, 4, 16, SAMPLE_INLINE, 1008, 16},
		 /* Writing and reading mail over lunch: hardly anything. */
		 {6000, 7500, 6, 3, 50, 4, 16, SAMPLE_HOT, 512, 256},
		 /* The backup reads all in order, beside a little browsing. */
		 {7500, 8500, 900, 1, 100, 128, 256, SAMPLE_INLINE, 0, 768},
		 {7500, 8500, 40, 10, 60, 4, 32, SAMPLE_HOT, 512, 256},
		 /* Closed again to 9.4 s; the evening ends with a film and a log line or two. */
		 {9400, 10000, 60, 1, 100, 128, 128, SAMPLE_INLINE, 128, 128},
		 {9400, 10000, 8, 2, 0, 4, 4, SAMPLE_INLINE, 1008, 16},
	 }},
	{"mail-server",
	 "3 s of a mail server: small files at random, each with its journal",
	 {
		 {0, 3000, 500, 2, 60, 4, 32, SAMPLE_RANDOM, 0, 3072},
		 {0, 3000, 250, 3, 0, 4, 8, SAMPLE_INLINE, 3072, 2},
		 {0, 3000, 150, 1, 90, 4, 4, SAMPLE_HOT, 3200, 512},         /* indexes */
		 {2000, 2300, 600, 8, 100, 16, 128, SAMPLE_RANDOM, 0, 3072}, /* a mailbox is read */
	 }},
	{"database",
	 "3 s of a database: 8 KiB pages, a log in order, two checkpoints",
	 {
		 {0, 3000, 2400, 1, 85, 8, 8, SAMPLE_HOT, 0, 8192},
		 {0, 3000, 350, 1, 0, 8, 32, SAMPLE_INLINE, 8192, 256},
		 {900, 1100, 1500, 32, 0, 8, 64, SAMPLE_RANDOM, 0, 8192},
		 {2400, 2600, 1500, 32, 0, 8, 64, SAMPLE_RANDOM, 0, 8192},
	 }},
	{"vm-boot",
	 "2 s of a virtual machine that boots: reads in order and at random, then quiet",
	 {
		 {0, 120, 900, 1, 100, 64, 128, SAMPLE_INLINE, 0, 64}, /* kernel, initramfs */
		 {180, 900, 2000, 4, 100, 4, 32, SAMPLE_RANDOM, 64, 1024},
		 {300, 1300, 900, 6, 90, 4, 64, SAMPLE_HOT, 512, 1024},
		 {400, 2000, 60, 3, 0, 4, 16, SAMPLE_INLINE, 1984, 64},
		 {1300, 2000, 25, 2, 80, 4, 16, SAMPLE_HOT, 512, 1024},
	 }},
};

const struct bench_sample *bench_sample_find(const char *name)
{
	for (size_t i = 0; i < EBB_ARRAY_SIZE(samples); i++) {
		if (strcmp(samples[i].name, name) == 0) {
			return &samples[i];
		}
	}
	return NULL;
}

const struct bench_sample *bench_sample_next(const struct bench_sample *previous)
{
	const struct bench_sample *next = previous == NULL ? samples : previous + 1;

	return next < samples + EBB_ARRAY_SIZE(samples) ? next : NULL;
}

const char *bench_sample_name(const struct bench_sample *sample)
{
	return sample->name;
}

const char *bench_sample_help(const struct bench_sample *sample)
{
	return sample->help;
}

/*
 * How long until the next, where each moment is as likely as any other: mean_us * -ln(u). The
 * logarithm to base 2 of a 32-bit number is where its highest bit is, and a parabola for the rest.
 */
static uint64_t gap_us(struct bench_random *random, uint64_t mean_us)
{
	uint32_t u = (uint32_t)(bench_random_next(random) >> 32) | 1;
	unsigned zeros = (unsigned)__builtin_clz(u);
	uint64_t rest = ((uint64_t)u << zeros) & UINT32_MAX >> 1;  /* of 2^31 */
	uint64_t bend = rest * ((UINT64_C(1) << 31) - rest) >> 31; /* f (1 - f) */
	uint64_t log = (rest << 1) + bend * 11 / 16;               /* log2(1 + f), of 2^32 */
	uint64_t bits = ((uint64_t)(zeros + 1) << 32) - (log < UINT32_MAX ? log : UINT32_MAX);
	uint64_t nats = bits / 1000 * 693 + bits % 1000 * 693 / 1000; /* ln 2, of 2^32 */

	return (uint64_t)((__uint128_t)mean_us * nats >> 32);
}

static uint32_t length_bytes(const struct sample_stream *stream, struct bench_random *random)
{
	unsigned steps = (unsigned)__builtin_ctz(stream->max_kib / stream->min_kib);
	unsigned shift = (unsigned)bench_random_below(random, steps + 1);

	return stream->min_kib << shift << 10;
}

static uint64_t offset_bytes(const struct sample_stream *stream, struct bench_random *random,
			     uint32_t len, uint64_t *cursor)
{
	uint64_t span = (uint64_t)stream->span_mib << 20;
	uint64_t base = (uint64_t)stream->at_mib << 20;
	uint64_t below = (span - len) / 4096 + 1;
	uint64_t offset;

	if (stream->where == SAMPLE_INLINE) {
		offset = *cursor + len <= span ? *cursor : 0;
		*cursor = offset + len;
		return base + offset;
	}
	if (stream->where == SAMPLE_HOT && bench_random_below(random, 10) != 0) {
		below = (span / 10 - len) / 4096 + 1;
	}
	return base + bench_random_below(random, below) * 4096;
}

/* All requests of one stream, in order. Return: how many; @ios may be NULL to count only. */
static size_t stream_make(const struct sample_stream *stream, struct bench_random random,
			  struct bench_trace_io *ios)
{
	uint64_t mean_us = (uint64_t)1000000 * stream->burst / stream->rate_iops;
	uint64_t at_us = (uint64_t)stream->begin_ms * 1000;
	uint64_t cursor = 0;
	size_t count = 0;

	for (;;) {
		at_us += gap_us(&random, mean_us) + 1;
		if (at_us >= (uint64_t)stream->end_ms * 1000) {
			return count;
		}
		for (uint32_t i = 0; i < stream->burst; i++) {
			struct bench_trace_io io = {.at_ns = at_us * NS_PER_US};

			io.len_bytes = length_bytes(stream, &random);
			io.offset_bytes = offset_bytes(stream, &random, io.len_bytes, &cursor);
			io.write = bench_random_below(&random, 100) >= stream->read_percent;
			if (ios != NULL) {
				ios[count] = io;
			}
			count++;
		}
	}
}

/* Puts @num more requests, in order, among those that are there, in order. Stable. */
static void merge(struct bench_trace *trace, const struct bench_trace_io *more, size_t num)
{
	size_t left = trace->num_ios;
	size_t at = left + num;

	trace->num_ios = at;
	while (num > 0) {
		if (left > 0 && trace->ios[left - 1].at_ns > more[num - 1].at_ns) {
			trace->ios[--at] = trace->ios[--left];
		} else {
			trace->ios[--at] = more[--num];
		}
	}
}

int bench_sample_make(const struct bench_sample *sample, uint64_t seed,
		      struct bench_trace *ret_trace)
{
	struct bench_trace trace = {.name = sample->name};
	struct bench_trace_io *stream_ios;
	size_t total = 0;

	for (size_t i = 0; i < SAMPLE_STREAMS_MAX && sample->streams[i].rate_iops != 0; i++) {
		struct bench_random random = {seed + (i + 1) * BENCH_RANDOM_SALT};

		total += stream_make(&sample->streams[i], random, NULL);
	}
	trace.ios = calloc(total, sizeof(*trace.ios));
	stream_ios = calloc(total, sizeof(*stream_ios));
	if (trace.ios == NULL || stream_ios == NULL) {
		free(trace.ios);
		free(stream_ios);
		return -ENOMEM;
	}
	for (size_t i = 0; i < SAMPLE_STREAMS_MAX && sample->streams[i].rate_iops != 0; i++) {
		struct bench_random random = {seed + (i + 1) * BENCH_RANDOM_SALT};

		merge(&trace, stream_ios, stream_make(&sample->streams[i], random, stream_ios));
	}
	free(stream_ios);
	*ret_trace = trace;
	return 0;
}

int bench_sample_print(const struct bench_trace *trace, FILE *out)
{
	uint64_t last_us = trace->num_ios > 0 ? trace->ios[trace->num_ios - 1].at_ns / 1000 : 0;

	fprintf(out, "fio version 3 iolog\n0 %s add\n0 %s open\n", trace->name, trace->name);
	for (size_t i = 0; i < trace->num_ios; i++) {
		const struct bench_trace_io *io = &trace->ios[i];

		fprintf(out, "%llu %s %s %llu %u\n", (unsigned long long)(io->at_ns / NS_PER_US),
			trace->name, io->write ? "write" : "read",
			(unsigned long long)io->offset_bytes, (unsigned)io->len_bytes);
	}
	fprintf(out, "%llu %s close\n", (unsigned long long)last_us, trace->name);
	errno = 0;
	return fflush(out) == 0 && !ferror(out) ? 0 : errno != 0 ? -errno : -EIO;
}
