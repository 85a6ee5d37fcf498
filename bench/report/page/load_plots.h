/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PAGE_LOAD_PLOTS_H
#define BENCH_PAGE_LOAD_PLOTS_H

#include <stdio.h>

#include "bench/report/page/view.h"

/**
 * bench_page_load_plots() - the plots of one load: CDFs, and the planes of CPU against latency
 * @open: they are seen without a click
 */
void bench_page_load_plots(const struct bench_page_view *view, size_t target, size_t load,
			   bool open, FILE *out);

#endif
