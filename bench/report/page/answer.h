/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PAGE_ANSWER_H
#define BENCH_PAGE_ANSWER_H

#include <stdio.h>

#include "bench/report/page/view.h"

/**
 * bench_page_answer() - what polling buys and costs, in words and in a table, for each target
 * A difference is one only if its interval says so: that of the ratios round by round, which the
 * report holds, has to leave out 1.
 */
void bench_page_answer(const struct bench_page_view *view, FILE *out);

#endif
