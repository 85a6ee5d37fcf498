/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_EVENT_HELPER_H
#define EBB_EVENT_HELPER_H

#include <pthread.h>
#include <stdbool.h>

#include <ebb/helper.h>

/**
 * ebb_os_thread_start() - start an OS thread of the framework's: it takes no signals
 * @name: at most 15 bytes
 * Return: 0; -errno.
 */
int ebb_os_thread_start(pthread_t *ret_pthread, const char *name, void *(*main)(void *), void *arg);

/* True if a job of an earlier run of the framework still hangs: there is no helper then. */
bool ebb_helper_hangs(void);

/* Ends the helper, bounded; done() of work that it has not begun is not called. Thread: the one that began the framework, after all ebb threads. */
void ebb_helper_stop(void);

#endif
