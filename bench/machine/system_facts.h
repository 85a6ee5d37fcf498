/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_SYSTEM_FACTS_H
#define BENCH_SYSTEM_FACTS_H

struct json_object;

/**
 * bench_system_facts_add() - what is true of the machine but its CPUs and its devices
 * Kernel, clock, hypervisor, memory, IOMMU, power.
 * @root: "" but in tests, before /proc and /sys
 */
void bench_system_facts_add(struct json_object *facts, const char *root);

#endif
