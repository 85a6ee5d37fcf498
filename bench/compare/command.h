/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_COMPARE_COMMAND_H
#define BENCH_COMPARE_COMMAND_H

#include "bench/compare/options.h"
#include "bench/results/results.h"

/**
 * bench_compare_command() - "ebb-bench compare": from the arguments to the reports
 * @args: what follows the command
 * Return: the exit code.
 */
int bench_compare_command(char *const *args, int num_args);

/* How ebb-bench was called, as far as there is room. @name: the command's. */
void bench_compare_command_join(const char *name, char *const *args, int num_args, char *command,
				size_t size);

/**
 * bench_compare_command_print() - print the results, and write the files that were asked for
 * Return: 0; BENCH_EXIT_FAILED: one of them was not written (said).
 */
int bench_compare_command_print(const struct bench_compare_options *options,
				struct bench_results *results);

#endif
