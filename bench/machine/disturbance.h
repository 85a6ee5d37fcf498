/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_DISTURBANCE_H
#define BENCH_DISTURBANCE_H

/*
 * What spoils figures while they are measured: CPU that the host or other programs took, clocks that
 * changed, memory that was short. The harness says when a run begins and ends; the kernel's counters
 * are read then, and no thread looks meanwhile. In the end there is a line for each thing that went
 * on in some of the runs, how much of it, and what helps against it.
 */

#include <sched.h>

#include "bench/machine/device_facts.h"
#include "bench/machine/warning.h"

struct bench_disturbance;

/**
 * bench_disturbance_create() - before the first run
 * @root: "" but in tests, before /proc and /sys
 * @cpus: that the runs use, or may use
 * Return: NULL: out of memory.
 */
struct bench_disturbance *bench_disturbance_create(const char *root, const cpu_set_t *cpus);
void bench_disturbance_destroy(struct bench_disturbance *disturbance);

/**
 * bench_disturbance_watch() - the runs from now on are on @disk
 * What others read and write there is told, as far as it goes through the kernel's block layer: NVMe
 * commands passed through it are nobody's, and a server that is no descendant of this process is
 * somebody else. Until the first call no disk is looked at.
 * @disk: of bench_device_facts_disk(); NULL: none, or not known
 */
void bench_disturbance_watch(struct bench_disturbance *disturbance, const struct bench_disk *disk);

/**
 * bench_disturbance_begin() - a run begins: its warm-up, that is, so that this is no part of it
 * Takes a fraction of a millisecond. What this process and its descendants use is no disturbance.
 * Thread: one at a time; the harness.
 */
void bench_disturbance_begin(struct bench_disturbance *disturbance);

/* The run has ended, and counts. A run that was begun and not ended does not. */
void bench_disturbance_end(struct bench_disturbance *disturbance);

/**
 * bench_disturbance_warnings() - what went on in the runs so far
 * @ret_warnings: one line each: "12 % of CPU 1 was stolen by the host in 3 of 9 runs: ..."
 * Return: how many, at most @max.
 */
unsigned bench_disturbance_warnings(struct bench_disturbance *disturbance,
				    char (*ret_warnings)[BENCH_WARNING_MAX], unsigned max);

#endif
