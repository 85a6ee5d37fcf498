/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/os_thread.h"

#include <signal.h>

#define OS_THREAD_STACK_BYTES ((size_t)2 * 1024 * 1024)

int event_os_thread_start(pthread_t *ret_pthread, const char *name, void *(*main)(void *),
			  void *arg)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int rc = pthread_attr_init(&attr);

	if (rc != 0) {
		return -rc;
	}
	/* Its default is the limit of the first thread's (ulimit -s), which may be anything. */
	pthread_attr_setstacksize(&attr, OS_THREAD_STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(ret_pthread, &attr, main, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (rc == 0) {
		pthread_setname_np(*ret_pthread, name);
	}
	return -rc;
}
