/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_NUMBER_H
#define BENCH_NUMBER_H

/* Numbers as people read them: three digits that count, with a unit or a prefix. A NAN is "-". */

#include "bench/results/spread.h"

#define BENCH_NUMBER_MAX 32

/* 12100 ns: "12.1us". */
void bench_number_time(double ns, char text[BENCH_NUMBER_MAX]);

/* 95012.3: "95.0k"; 0.25: "0.250"; what is under 0.0001: "<0.0001". */
void bench_number_count(double number, char text[BENCH_NUMBER_MAX]);

/* As bench_number_count(), but 2932 stays "2932": what is known by its unit takes no prefix. */
void bench_number_plain(double number, char text[BENCH_NUMBER_MAX]);

/* A factor: "0.31", "3.25", "13.2", "131". */
void bench_number_factor(double factor, char text[BENCH_NUMBER_MAX]);

/**
 * bench_number_spread() - how far the interval reaches from the median: "±1.2%"
 * The larger of its two sides, rounded up, so that the interval is within what is printed. Where
 * the median is 0 it is the upper end itself: "<=0.3".
 * Return: its width in columns, 0 for an empty text: there is no median.
 */
unsigned bench_number_spread(const struct bench_spread *spread, char text[BENCH_NUMBER_MAX]);

#endif
