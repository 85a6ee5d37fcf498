/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PIN_H
#define BENCH_PIN_H

#include <pthread.h>
#include <sys/types.h>

/*
 * Holding OS threads on CPUs: a comparison is worth nothing unless both sides run in the same
 * places.
 */

/* Holds thread @tid of this process (0: the caller) on @cpu. Return: 0; -errno. */
int bench_pin(pid_t tid, int cpu);

/**
 * bench_pin_thread_create() - an OS thread that is on @cpu from its first instruction
 * Return: 0; -errno (said on stderr).
 */
int bench_pin_thread_create(pthread_t *ret_thread, int cpu, void *(*fn)(void *arg), void *arg);

/* The @index'th CPU this process may use; -1 past the last. */
int bench_pin_cpu(unsigned index);

#endif
