/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_INTERRUPT_COUNTS_H
#define BENCH_INTERRUPT_COUNTS_H

/* How often each interrupt came, on some CPUs: /proc/interrupts. */

#include <sched.h>

#include <ebb/base.h>

#define BENCH_INTERRUPTS_MAX 512

struct bench_interrupt_counts {
	unsigned num_lines;
	struct bench_interrupt_line {
		char id[12];    /* "33", "LOC" */
		char name[48];  /* "eth0-rx-0", "Local timer interrupts" */
		uint64_t count; /* since boot */
	} lines[BENCH_INTERRUPTS_MAX];
};

/**
 * bench_interrupt_counts_read() - read them all; none where there is no such file
 * @root: "" but in tests, before /proc
 */
void bench_interrupt_counts_read(const char *root, const cpu_set_t *cpus,
				 struct bench_interrupt_counts *ret_counts);

/**
 * bench_interrupt_counts_busiest() - the device that interrupted most from @from to @to
 * Devices of storage are passed over: their interrupts are what is measured. So are those that have
 * no number: timers, and what CPUs send each other.
 * @ret_count: how often
 * Return: NULL: there was none.
 */
const struct bench_interrupt_line *bench_interrupt_counts_busiest(
	const struct bench_interrupt_counts *from, const struct bench_interrupt_counts *to,
	uint64_t *ret_count);

#endif
