/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_OS_THREAD_TIMES_H
#define CORE_OS_THREAD_TIMES_H

/* What the kernel says of an OS thread's time. One reading takes some two microseconds. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct os_thread_times {
	uint64_t cpu_ns;   /* it ran */
	uint64_t queue_ns; /* it could have run, and waited for a CPU */
	uint64_t switches; /* how often it gave the CPU up by itself, to wait or to be stopped */
	bool has_queue;    /* false: this kernel does not say queue_ns */
};

/* Return: the calling thread's file for os_thread_times_read(), to be closed; -1: there is none. */
int os_thread_times_open(void);

/* @fd: as above. Thread: the one that has opened it. */
void os_thread_times_read(int fd, struct os_thread_times *ret_times);

/* Of another thread of this process; cpu_ns is up to one tick late. Return: false: no such. */
bool os_thread_times_read_of(pid_t tid, struct os_thread_times *ret_times);

#endif
