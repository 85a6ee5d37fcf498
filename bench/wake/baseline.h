/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_BASELINE_H
#define BENCH_BASELINE_H

/*
 * The baselines: how fast two OS threads can pass a word to and fro with nothing of ebb in between.
 * Each call makes the threads, holds them on their CPUs, lets them go on for the time given, and
 * ends them. What is returned is half a round trip of the median batch (batch.h).
 */

#include <stdbool.h>

#include <ebb/base.h>

/**
 * bench_baseline_hop() - one cache line between two CPUs that spin on it
 * Return: nanoseconds one way; NAN: the threads could not be had (said on stderr).
 */
double bench_baseline_hop(int cpu_a, int cpu_b, uint64_t time_ns);

/**
 * bench_baseline_wake() - one thread writes an eventfd that the other sleeps on in epoll_wait()
 * @edge: watched edge-triggered and never read, which is the least that can be done; otherwise
 *	read after each wakeup, which is what programs do
 * Return: nanoseconds one way, of which each has one wakeup; NAN as above.
 */
double bench_baseline_wake(int cpu_a, int cpu_b, uint64_t time_ns, bool edge);

#endif
