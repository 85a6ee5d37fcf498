/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_REPLAY_FILE_H
#define BENCH_REPLAY_FILE_H

/* A whole file in memory. */

#include "bench/results/results.h"

#define BENCH_REPLAY_FILE_MAX ((size_t)1 << 30)

/**
 * bench_replay_file_read() - read @path, or stdin if it is "-"
 * Thread: any that may block. Return: 0, and *@ret_text is the caller's to free(); -errno: @error
 *	says what is wrong with which file.
 */
int bench_replay_file_read(const char *path, char **ret_text, size_t *ret_len,
			   char error[BENCH_TEXT_MAX]);

#endif
