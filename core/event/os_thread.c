/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/os_thread.h"

#include <signal.h>

int event_os_thread_start(pthread_t *ret_pthread, const char *name, void *(*main)(void *),
			  void *arg)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(ret_pthread, NULL, main, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc == 0) {
		pthread_setname_np(*ret_pthread, name);
	}
	return -rc;
}
