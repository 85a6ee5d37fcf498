/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_OS_CPUMASK_H
#define CORE_OS_CPUMASK_H

/* Sets of CPUs as people write them. */

#include <sched.h>
#include <stddef.h>

/**
 * os_cpumask_parse() - read "0x3" or "[0,2-3]" (a list needs no brackets)
 * Thread: any.
 * Return: 0; -EINVAL, also for an empty set.
 */
int os_cpumask_parse(const char *text, cpu_set_t *ret_cpus);

/* Writes "0-3,8": ends early, legibly, if @size is short. */
void os_cpumask_format(const cpu_set_t *cpus, char *ret_text, size_t size);

#endif
