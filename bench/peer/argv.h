/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_ARGV_H
#define BENCH_ARGV_H

/* The words of a command: put together one after the other, and shown as a shell would take them. */

#include <stdbool.h>

#include <ebb/base.h>

#define BENCH_ARGV_MAX 64

struct bench_argv {
	char *words[BENCH_ARGV_MAX + 1]; /* NULL-terminated, as exec takes them */
	unsigned count;
	bool failed; /* out of memory, or more words than there is room for */
};

/* Appends a word; @argv is zeroed at first. A failure is kept in @argv->failed. */
void EBB_PRINTF(2, 3) bench_argv_add(struct bench_argv *argv, const char *format, ...);

/* Frees the words; @argv is empty again. */
void bench_argv_clear(struct bench_argv *argv);

/**
 * bench_argv_quote() - the command as one line that a shell runs as it is
 * @text: @size bytes; what does not fit is cut off
 * Return: 0; -EMSGSIZE: it was cut off.
 */
int bench_argv_quote(const struct bench_argv *argv, char *text, size_t size);

#endif
