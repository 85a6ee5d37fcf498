/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/nearest.h"

#include <string.h>

#define WORD_MAX 31

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned bench_nearest_distance(const char *a, size_t a_len, const char *b)
{
	unsigned cost[WORD_MAX + 1][WORD_MAX + 1];
	size_t b_len = strlen(b);

	if (a_len > WORD_MAX || b_len > WORD_MAX) {
		return WORD_MAX;
	}
	for (size_t i = 0; i <= a_len; i++) {
		for (size_t j = 0; j <= b_len; j++) {
			if (i == 0 || j == 0) {
				cost[i][j] = (unsigned)(i + j);
				continue;
			}
			cost[i][j] = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			cost[i][j] = least(cost[i][j], cost[i - 1][j] + 1);
			cost[i][j] = least(cost[i][j], cost[i][j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
				cost[i][j] = least(cost[i][j], cost[i - 2][j - 2] + 1);
			}
		}
	}
	return cost[a_len][b_len];
}

const char *bench_nearest(const char *text, size_t len, const char *const *words)
{
	const char *nearest = NULL;
	unsigned best = len > 5 ? 4 : 3; /* not as far as that */

	for (unsigned i = 0; words[i] != NULL; i++) {
		unsigned distance = bench_nearest_distance(text, len, words[i]);

		if (distance < best && distance < strlen(words[i])) {
			best = distance;
			nearest = words[i];
		}
	}
	return nearest;
}
