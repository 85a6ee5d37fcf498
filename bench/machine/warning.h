/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_WARNING_H
#define BENCH_WARNING_H

/* Lines for people: what spoils the figures, how much, and what helps. */

#include <ebb/base.h>

#define BENCH_WARNING_MAX 256 /* with the NUL */

/* The caller's lines, filled from the first on. What does not fit any more is dropped. */
struct bench_warning_list {
	char (*lines)[BENCH_WARNING_MAX];
	unsigned max;
	unsigned count;
};

void bench_warning_add(struct bench_warning_list *list, const char *format, ...) EBB_PRINTF(2, 3);

#endif
