/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_OPTION_VALUE_H
#define BENCH_OPTION_VALUE_H

/* The values of options: read, and described where they cannot be. */

#include "bench/option.h"

/* 2, 0.5, 200ms, 30us: a time, in nanoseconds. Return: false: it is none. */
bool bench_option_value_seconds(const char *text, uint64_t *ret_ns);

/* 3, 0.25: a number without sign, exponent or suffix; *@ret_end is what follows. False: none. */
bool bench_option_value_decimal(const char *text, const char **ret_end, double *ret_number);

/**
 * bench_option_value_store() - read @text as a value of @option
 * @field: of the option's type
 * Return: 0; -EINVAL not of the option's form; -ERANGE outside its range; -EEXIST the same is there
 *	already; -E2BIG more of them than fit. @field is as it was, then.
 */
int bench_option_value_store(const struct bench_option *option, const char *text, void *field);

/* What was wrong and what would be right, in one line; @rc: of bench_option_value_store(). */
void bench_option_value_complain(const char *command, const struct bench_option *option,
				 const char *text, int rc, char error[BENCH_ERROR_MAX]);

#endif
