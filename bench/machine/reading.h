/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_READING_H
#define BENCH_READING_H

/* What the kernel's counters say at one moment of what may disturb a run. */

#include <sched.h>

#include <ebb/base.h>

#include "bench/machine/interrupt_counts.h"

#define BENCH_READING_CPUS_MAX 128

struct bench_reading_cpu {
	unsigned number;
	uint64_t busy_ns; /* programs ran, whose ever; without interrupts */
	uint64_t steal_ns;
	uint64_t throttles; /* by heat, of core and package */
	uint64_t khz;       /* 0: not known */
};

struct bench_reading {
	uint64_t now_ns;
	uint64_t suspended_ns; /* since boot */
	uint64_t own_ns;       /* CPU time of this process and its descendants */
	uint64_t own_queue_ns; /* they waited for a CPU */
	uint64_t own_faults;   /* they waited for a disk to get their memory */
	uint64_t own_disk_bytes;
	uint64_t disk_bytes;    /* that anybody has read and written on @disk */
	uint64_t swapped_pages; /* in and out */
	uint64_t compactions;   /* for which somebody had to wait */
	uint64_t pressure_ns;   /* somebody waited for memory */
	char clock_source[32];
	unsigned num_cpus;
	struct bench_reading_cpu cpus[BENCH_READING_CPUS_MAX];
	struct bench_interrupt_counts interrupts;
};

/**
 * bench_reading_take() - read all of it, on @cpus
 * What is not known is 0, as it then differs from no other reading.
 * @disk: the folder of the disk that is measured, from @root on; "": none
 * @root: "" but in tests, before /proc and /sys
 * Thread: any that may block.
 */
void bench_reading_take(const char *root, const cpu_set_t *cpus, const char *disk,
			struct bench_reading *ret_reading);

#endif
