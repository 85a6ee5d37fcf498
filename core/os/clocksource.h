/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_OS_CLOCKSOURCE_H
#define CORE_OS_CLOCKSOURCE_H

#include <stdbool.h>

/**
 * os_clocksource_is_tsc() - does the kernel take the processor's counter as its own clock?
 * It does so only after it found it steady and synchronous.
 * @root: "" but in tests, before /sys
 * Thread: any; reads one file.
 * Return: false: it does not, or the processor has none that ebb reads, or nobody knows.
 */
bool os_clocksource_is_tsc(const char *root);

#endif
