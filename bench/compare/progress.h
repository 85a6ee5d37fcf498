/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

/*
 * A line at the end of a terminal that says how far a comparison is. It is drawn between runs: while
 * one is measured, nothing wakes up to draw. No terminal, no line.
 */

#include <stdbool.h>
#include <stdio.h>

#include <ebb/base.h>

struct bench_progress {
	FILE *out;
	bool shown; /* @out is a terminal */
	unsigned total;
	unsigned done;
	uint64_t start_ns;
};

/* @total: steps, of which all are thought to take the same time. Thread: one at a time. */
void bench_progress_start(struct bench_progress *progress, FILE *out, unsigned total);

/* Says what runs now. */
void bench_progress_show(const struct bench_progress *progress, const char *what);

/* One more has been done. */
void bench_progress_step(struct bench_progress *progress);

/* Wipes the line: others write to the terminal, or all is done. */
void bench_progress_clear(const struct bench_progress *progress);

/**
 * bench_progress_line() - the line itself
 * "[######......] 12/90, 1 min 5 s left: what", of at most @width columns
 */
void bench_progress_line(unsigned done, unsigned total, uint64_t elapsed_ns, const char *what,
			 unsigned width, char *line, size_t size);

/* "45 s", "2 min 5 s", "1 h 3 min". */
void bench_progress_time(uint64_t time_ns, char *text, size_t size);

#endif
