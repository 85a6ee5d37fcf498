/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_OUTPUTS_H
#define BENCH_OUTPUTS_H

/* What --json, --csv and --html name: files that may be written, and that are nothing else. */

#include "bench/compare/options.h"
#include "bench/results/results.h"

/**
 * bench_outputs_check() - could all of them be written now?
 * None may be another one, --bdev-json's file, or @input, whatever names they have.
 * @input: of a trace; NULL: there is none
 * Return: 0; -errno: @error names the remedy.
 */
int bench_outputs_check(const struct bench_compare_options *options, const char *input,
			char error[BENCH_TEXT_MAX]);

/**
 * bench_outputs_check_open() - is none of them a file that this process has open?
 * Asked once all targets are: writing a report would put it in the place of one.
 * Return: 0; -EEXIST: @error names the remedy.
 */
int bench_outputs_check_open(const struct bench_compare_options *options,
			     char error[BENCH_TEXT_MAX]);

#endif
