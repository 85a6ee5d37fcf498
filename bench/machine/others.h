/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_OTHERS_H
#define BENCH_OTHERS_H

/* Which other program takes most of the CPU: so that a warning can name it. */

#include <stdbool.h>
#include <sys/types.h>

#include <ebb/base.h>

#define BENCH_OTHERS_MAX 4096

struct bench_others {
	unsigned count;
	struct bench_other {
		pid_t pid;
		pid_t parent;
		uint64_t ticks;
		char name[20];
	} processes[BENCH_OTHERS_MAX];
};

/**
 * bench_others_read() - the CPU time of every process
 * Looks at all of /proc, which takes milliseconds: not during a run.
 * @root: "" but in tests, before /proc
 */
void bench_others_read(const char *root, struct bench_others *ret_others);

/**
 * bench_others_busiest() - the one that used most from @from to @to, and is none of ours
 * @own: the process which is ours, with its descendants
 * Return: NULL: none used anything.
 */
const struct bench_other *bench_others_busiest(const struct bench_others *from,
					       const struct bench_others *to, pid_t own);

#endif
