/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PLACE_H
#define BENCH_PLACE_H

/*
 * Where a peer runs: on the CPUs of the reactors, which sleep meanwhile. Who only asks (a client of
 * a server) runs on another CPU, where there is one.
 */

#include <sched.h>

#include "bench/results/results.h"

struct bench_place {
	cpu_set_t cpus;    /* the reactors' */
	unsigned num_cpus; /* how many these are; at least 1 */
	char list[256];    /* the same as text: "0,2" */
	int client_cpu;    /* one of the others that this process may use; -1: there is none */
};

/* Thread: the harness, inside ebb_app_start(). */
void bench_place_get(struct bench_place *ret_place);

/**
 * bench_place_quiet() - have all reactors asleep, so that the CPUs are the peer's
 * Thread: the harness.
 * Return: 0; -errno, with @error.
 */
int bench_place_quiet(char error[BENCH_TEXT_MAX]);

#endif
