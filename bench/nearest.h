/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_NEAREST_H
#define BENCH_NEAREST_H

/* Who mistypes a word is told which one may have been meant. */

#include <stddef.h>

/* Letters to put in, take out, change, or exchange with a neighbour, to make @b of @a. */
unsigned bench_nearest_distance(const char *a, size_t a_len, const char *b);

/**
 * bench_nearest() - the word that is most like @text
 * @words: NULL-terminated
 * Return: one of them, or NULL if none is near.
 */
const char *bench_nearest(const char *text, size_t len, const char *const *words);

#endif
