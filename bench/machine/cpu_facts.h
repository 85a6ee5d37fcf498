/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_CPU_FACTS_H
#define BENCH_CPU_FACTS_H

#include <sched.h>

struct json_object;

/**
 * bench_cpu_facts_get() - the CPUs: model, frequency, idle states, mitigations
 * @root: "" but in tests, before /proc and /sys
 * @allowed: those that may be used; frequency and idle states are the first one's of them
 * Return: an object, the caller's to put.
 */
struct json_object *bench_cpu_facts_get(const char *root, const cpu_set_t *allowed);

#endif
