/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine/pin.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

static void cpu_only(cpu_set_t *set, int cpu)
{
	CPU_ZERO(set);
	CPU_SET((size_t)cpu, set);
}

int bench_pin(pid_t tid, int cpu)
{
	cpu_set_t set;

	cpu_only(&set, cpu);
	return sched_setaffinity(tid, sizeof(set), &set) == 0 ? 0 : -errno;
}

int bench_pin_thread_create(pthread_t *ret_thread, int cpu, void *(*fn)(void *arg), void *arg)
{
	pthread_attr_t attributes;
	cpu_set_t set;
	int rc;

	cpu_only(&set, cpu);
	rc = pthread_attr_init(&attributes);
	if (rc == 0) {
		rc = pthread_attr_setaffinity_np(&attributes, sizeof(set), &set);
		if (rc == 0) {
			rc = pthread_create(ret_thread, &attributes, fn, arg);
		}
		pthread_attr_destroy(&attributes);
	}
	if (rc != 0) {
		fprintf(stderr, "ebb-bench: no OS thread on CPU %d: %s\n", cpu, strerror(rc));
	}
	return -rc;
}

int bench_pin_cpu(unsigned index)
{
	cpu_set_t allowed;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0) {
		return -1;
	}
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET((size_t)cpu, &allowed) && index-- == 0) {
			return cpu;
		}
	}
	return -1;
}
