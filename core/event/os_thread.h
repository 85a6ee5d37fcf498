/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_EVENT_OS_THREAD_H
#define EBB_EVENT_OS_THREAD_H

#include <pthread.h>

/**
 * ebb_os_thread_start() - start an OS thread of the framework's: it takes no signals
 * @name: at most 15 bytes
 * Return: 0; -errno.
 */
int ebb_os_thread_start(pthread_t *ret_pthread, const char *name, void *(*main)(void *), void *arg);

#endif
