/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_TASK_USE_H
#define BENCH_TASK_USE_H

/* What the kernel says that a process and those it has started have used. */

#include <sys/types.h>

#include <ebb/base.h>

struct bench_task_use {
	uint64_t cpu_ns; /* user and system; as fine as the kernel tells */
	uint64_t user_ns;
	uint64_t system_ns;
	uint64_t queue_ns;  /* could have run, and waited for a CPU; 0: this kernel does not say */
	uint64_t voluntary; /* context switches */
	uint64_t involuntary;
	uint64_t major_faults; /* that waited for a disk */
	uint64_t disk_bytes;   /* read and written through the kernel's block layer */
};

/**
 * bench_task_use_process() - what @pid and all its descendants have used since their start
 * CPU time includes that of threads that have ended and of children that were waited for. Switches
 * and waiting for a CPU are those of threads that are there: the kernel tells no others' to
 * anybody but a parent.
 * @root: "" but in tests, before /proc
 * Return: 0; -ESRCH: there is no such process (any more).
 */
int bench_task_use_process(const char *root, pid_t pid, struct bench_task_use *ret_use);

/**
 * bench_task_use_threads() - the same of some OS threads of this process
 * Return: 0; -ESRCH: one of them is not there.
 */
int bench_task_use_threads(const pid_t *tids, unsigned count, struct bench_task_use *ret_use);

#endif
