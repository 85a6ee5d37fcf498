/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_TRACE_COMMAND_H
#define BENCH_TRACE_COMMAND_H

/* "ebb-bench trace NAME". Return: the exit code. */
int bench_trace_command(char *const *args, int num_args);

#endif
