/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_OS_MEMORY_AVAILABLE_H
#define CORE_OS_MEMORY_AVAILABLE_H

/* How much memory this process may still take. */

#include <stdint.h>

/**
 * os_memory_available() - bytes that can be taken before somebody has to be killed
 * What the kernel says can be had without swapping, or less if a control group of this process
 * allows less; what can be dropped of its file cache counts as free.
 * @root: a folder to look for /proc and /sys in; "" is the machine
 * Thread: any; reads files of /proc and /sys.
 * Return: UINT64_MAX if the kernel does not say.
 */
uint64_t os_memory_available(const char *root);

/* Bytes of anonymous memory that this process has in RAM; 0 if the kernel does not say. */
uint64_t os_memory_resident(const char *root);

#endif
