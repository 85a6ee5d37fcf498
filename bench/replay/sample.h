/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

/*
 * Small traces that can be made anywhere: the same requests from the same seed, on every machine.
 * What is in them is invented, in the proportions that such machines show; none was recorded.
 */

#include <stdio.h>

#include "bench/load/trace.h"

struct bench_sample;

/* Return: NULL: there is none of that name. */
const struct bench_sample *bench_sample_find(const char *name);

/* The one after @previous; NULL: the first. Return: NULL: no more. */
const struct bench_sample *bench_sample_next(const struct bench_sample *previous);

const char *bench_sample_name(const struct bench_sample *sample);
const char *bench_sample_help(const struct bench_sample *sample); /* one line */

/**
 * bench_sample_make() - its requests
 * @ret_trace: its ios are the caller's to free(); times are whole microseconds
 * Return: 0; -ENOMEM.
 */
int bench_sample_make(const struct bench_sample *sample, uint64_t seed,
		      struct bench_trace *ret_trace);

/* Writes @trace as fio's iolog, version 3. Return: 0; -errno of @out. */
int bench_sample_print(const struct bench_trace *trace, FILE *out);

#endif
