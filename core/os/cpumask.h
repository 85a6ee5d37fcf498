/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_OS_CPUMASK_H
#define CORE_OS_CPUMASK_H

/* Sets of CPUs as people write them. */

#include <sched.h>
#include <stddef.h>

/**
 * os_cpumask_parse() - read "0x3" or "[0,2-3]"
 * A list of more than one number or range needs no brackets, nor does a range. A bare number is
 * refused: "3" is CPU 3 to some programs and CPUs 0 and 1 to others, SPDK's among them
 * (the method thread_set_cpumask takes it as those do).
 * Thread: any.
 * Return: 0; -EINVAL, also for an empty set.
 */
int os_cpumask_parse(const char *text, cpu_set_t *ret_cpus);

/* Writes why os_cpumask_parse() does not take @text, and what to write in its place. Thread: any. */
void os_cpumask_explain(const char *text, char *ret_text, size_t size);

/* Writes "0-3,8": ends early, legibly, if @size is short. */
void os_cpumask_format(const cpu_set_t *cpus, char *ret_text, size_t size);

#endif
