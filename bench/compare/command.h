/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_COMPARE_COMMAND_H
#define BENCH_COMPARE_COMMAND_H

/**
 * bench_compare_command() - "ebb-bench compare": from the arguments to the reports
 * @args: what follows the command
 * Return: the exit code.
 */
int bench_compare_command(char *const *args, int num_args);

#endif
