/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_OS_STEAL_H
#define CORE_OS_STEAL_H

/* Time that a hypervisor gave to other guests while a CPU of this one had something to run. */

#include <stdbool.h>
#include <stdint.h>

/* False where there is no hypervisor, and so nothing is stolen. */
bool os_steal_possible(void);

/**
 * os_steal_read() - what was stolen of each CPU, in nanoseconds since boot, to the clock tick
 * @root: "", or the folder of a test that has a /proc
 * @ret_ns: by CPU number; those that are not online stay as they are
 * Return: false: not known.
 */
bool os_steal_read(const char *root, uint64_t *ret_ns, unsigned max_cpus);

/* Nanoseconds of one clock tick. */
uint64_t os_steal_tick_ns(void);

#endif
