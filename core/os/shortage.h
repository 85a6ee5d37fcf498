/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_OS_SHORTAGE_H
#define CORE_OS_SHORTAGE_H

/* The process can have no more memory: what it was not given by its limits, or what there is. */

#include <stdbool.h>
#include <stddef.h>

/**
 * os_shortage_of() - could @bytes more not be had now?
 * Thread: any, signal handlers too. It takes addresses for a moment, and no memory.
 */
bool os_shortage_of(size_t bytes);

/**
 * os_shortage_exit() - let an abort for want of memory be an error: its remedy, and status 1
 * Libraries assert that they were given memory, or use what they were not given. Where there is
 * memory, SIGABRT and SIGSEGV do what they do by default; so they do where somebody handles them.
 * @program: its name, which lives on
 * Thread: main(), before there are others.
 */
void os_shortage_exit(const char *program);

#endif
