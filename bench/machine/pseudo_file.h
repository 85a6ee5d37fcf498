/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PSEUDO_FILE_H
#define BENCH_PSEUDO_FILE_H

/*
 * The short files of /proc and /sys. Each function takes the root they are under ("" but in tests)
 * and the path from there, as printf(). A file that is missing, empty or not what was expected is
 * no error: nobody knows then, and the answer is false or NULL.
 */

#include <stdbool.h>
#include <stddef.h>

#include <ebb/base.h>

/**
 * bench_pseudo_file_line() - the first line, without blanks at its ends, in printable ASCII
 * @ret_line: ends early if @size is short; untouched on failure
 * Return: false: there is no such file, or its first line is empty.
 */
bool bench_pseudo_file_line(char *ret_line, size_t size, const char *root, const char *path, ...)
	EBB_PRINTF(4, 5);

/* The same of all lines as one, their ends as '?': names in /proc/PID/stat may have such. */
bool bench_pseudo_file_record(char *ret_line, size_t size, const char *root, const char *path, ...)
	EBB_PRINTF(4, 5);

/* The first line, if it is a whole number, in decimal, and nothing else. */
bool bench_pseudo_file_count(uint64_t *ret_count, const char *root, const char *path, ...)
	EBB_PRINTF(3, 4);

/* All of it, up to 1 MiB, which ends with a whole line. Return: the caller's to free(); NULL: there is none. */
char *bench_pseudo_file_text(const char *root, const char *path, ...) EBB_PRINTF(2, 3);

/* The last part of what a symbolic link points to. */
bool bench_pseudo_file_link(char *ret_name, size_t size, const char *root, const char *path, ...)
	EBB_PRINTF(4, 5);

/**
 * bench_pseudo_file_value() - what follows "NAME:" (or "NAME ") at the start of a line of @text
 * Return: false: no such line.
 */
bool bench_pseudo_file_value(const char *text, const char *name, char *ret_value, size_t size);

/* The same where it is a whole number, whatever unit follows. */
bool bench_pseudo_file_number(const char *text, const char *name, uint64_t *ret_number);

#endif
