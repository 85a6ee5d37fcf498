/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_OUTPUT_H
#define BENCH_OUTPUT_H

/* Files that results are written to: wholly or not at all. */

#include <stdio.h>

#include "bench/results/results.h"

/**
 * bench_output_check() - could @path be written now?
 * Asked before anything is measured: nobody waits for an hour to hear of a typing mistake.
 * @option: "--json", for the complaint
 * Return: 0; -errno: @error names the remedy.
 */
int bench_output_check(const char *option, const char *path, char error[BENCH_TEXT_MAX]);

/* As above, of all files that were asked for; NULL: none was. */
int bench_output_check_files(const char *json, const char *csv, const char *html,
			     char error[BENCH_TEXT_MAX]);

/**
 * bench_output_write() - what @print prints becomes what is in @path
 * A file that is there stays as it is until all has been written.
 * @print: Return: 0; -errno
 * Return: 0; -errno: @error says why; @path is as it was.
 */
int bench_output_write(const char *path, int (*print)(void *arg, FILE *out), void *arg,
		       char error[BENCH_TEXT_MAX]);

#endif
