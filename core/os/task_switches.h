/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_OS_TASK_SWITCHES_H
#define CORE_OS_TASK_SWITCHES_H

/* How often an OS thread has given up its CPU, and has been made to. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct os_task_switches {
	uint64_t voluntary;   /* it waited for something */
	uint64_t involuntary; /* somebody else was given the CPU */
	bool traced;          /* by a debugger, at this moment */
};

/**
 * os_task_switches_read() - since the start of an OS thread of this process
 * @tid: any of its threads; it does not notice
 * Thread: any.
 * Return: 0; -errno: there is none, or no /proc.
 */
int os_task_switches_read(pid_t tid, struct os_task_switches *ret_switches);

#endif
