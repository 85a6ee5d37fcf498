/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_OS_STACK_H
#define CORE_OS_STACK_H

#include <stdbool.h>
#include <stddef.h>

/**
 * os_stack_ensure() - see to it that the first thread's stack may have @bytes
 * It grows as it is used, up to the soft limit of now, and at that the process would end by SIGSEGV.
 * @program: its name, for the error
 * Thread: main(), before there are others.
 * Return: false: the hard limit is lower (ulimit -s); that was said on standard error.
 */
bool os_stack_ensure(const char *program, size_t bytes);

#endif
