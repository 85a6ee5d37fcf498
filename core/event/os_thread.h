/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_OS_THREAD_H
#define CORE_EVENT_OS_THREAD_H

#include <pthread.h>

/**
 * event_os_thread_start() - start an OS thread of ebb's: it takes no signals
 * @name: at most 15 bytes
 * Return: 0; -errno.
 */
int event_os_thread_start(pthread_t *ret_pthread, const char *name, void *(*main)(void *),
			  void *arg);

#endif
