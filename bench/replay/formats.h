/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_FORMATS_H
#define BENCH_FORMATS_H

/* The formats: of each, does a trace begin so, and one line of it. */

#include "bench/replay/reader.h"

/* One line of each format. Return: as bench_reader_add(). */
int bench_iolog_line(struct bench_reader *reader, struct bench_line line);
int bench_latency_log_line(struct bench_reader *reader, struct bench_line line);
int bench_blkparse_line(struct bench_reader *reader, struct bench_line line);

/* Is that a first line of the format? */
bool bench_iolog_begins(struct bench_reader *reader, struct bench_line line);
bool bench_latency_log_begins(struct bench_line line);
bool bench_blkparse_begins(struct bench_line line);

#endif
