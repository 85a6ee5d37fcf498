/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_REPLAY_H
#define BENCH_REPLAY_H

/**
 * bench_replay_command() - "ebb-bench replay TRACE TARGET"
 * @args, @num_args: what follows the command's name
 * Return: the exit code.
 */
int bench_replay_command(char *const *args, int num_args);

#endif
