/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/framework.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/log.h>

#include "core/base/clock.h"
#include "core/event/helper.h"
#include "core/event/os_thread.h"
#include "core/event/reactor.h"
#include "core/event/reactor_list.h"
#include "core/event/reactor_mode.h"
#include "core/event/thread.h"
#include "core/event/thread_exit.h"
#include "core/event/watchdog.h"
#include "core/os/clocksource.h"
#include "core/os/remedy.h"

cpu_set_t event_allowed_cpus;

static int event_init_reactors(const struct event_framework_opts *opts)
{
	size_t size = (size_t)CPU_COUNT(&opts->cpus) * sizeof(struct event_reactor);

	event_reactors = aligned_alloc(_Alignof(struct event_reactor), size);
	if (event_reactors == NULL) {
		return -ENOMEM;
	}
	for (int core = 0; core < CPU_SETSIZE; core++) {
		struct event_reactor *reactor = &event_reactors[event_num_reactors];
		int rc;

		if (!CPU_ISSET((size_t)core, &opts->cpus)) {
			continue;
		}
		rc = event_reactor_init(reactor, core, opts->mode, opts->spin_us_max);
		if (rc != 0) {
			return rc;
		}
		reactor->pinned = !opts->roam;
		event_num_reactors++;
	}
	return 0;
}

int event_framework_init(const struct event_framework_opts *opts)
{
	struct ebb_thread *app;
	int rc = 0;

	if (event_helper_hangs()) {
		ebb_error("reactor",
			  "a disk's job of the last run still hangs: start a new process");
		return -EBUSY;
	}
	base_clock_trust_ticks(os_clocksource_is_tsc(""));
	if (sched_getaffinity(0, sizeof(event_allowed_cpus), &event_allowed_cpus) != 0) {
		rc = -errno;
	}
	if (rc == 0) {
		rc = event_init_reactors(opts);
	}
	if (rc == 0) {
		rc = event_thread_create_on("app_thread", &event_reactors[0], &app);
	}
	if (rc != 0) {
		ebb_error("reactor", "the reactors cannot be made: %s%s", strerror(-rc),
			  os_remedy(-rc));
		event_framework_fini();
		return rc;
	}
	ebb_list_push_back(&event_reactors[0].threads, &app->reactor_link);
	return 0;
}

static void *event_reactor_main(void *arg)
{
	event_reactor_run(arg);
	return NULL;
}

/* Only the first reactor's OS thread, the caller of event_framework_run(), takes signals. */
static int event_launch(struct event_reactor *reactor)
{
	char name[16];
	int rc;

	snprintf(name, sizeof(name), "ebb_reactor_%d", reactor->core);
	rc = event_os_thread_start(&reactor->pthread, name, event_reactor_main, reactor);
	if (rc != 0) {
		ebb_error("reactor", "reactor %d cannot be started: %s%s", reactor->core,
			  strerror(-rc), os_remedy(-rc));
		return rc;
	}
	reactor->joinable = true;
	return 0;
}

int event_framework_run(void)
{
	int rc = event_watchdog_start();

	if (rc != 0) {
		ebb_error("reactor", "the watch cannot be started: %s%s", strerror(-rc),
			  os_remedy(-rc));
	} else {
		rc = event_helper_start();
	}
	for (unsigned i = 1; i < event_num_reactors && rc == 0; i++) {
		rc = event_launch(&event_reactors[i]);
	}
	if (rc == 0) {
		event_reactor_run(&event_reactors[0]);
	} else {
		event_reactor_list_stop();
	}
	for (unsigned i = 1; i < event_num_reactors; i++) {
		if (event_reactors[i].joinable) {
			pthread_join(event_reactors[i].pthread, NULL);
		}
	}
	event_watchdog_stop();
	event_helper_stop();
	/* Where the caller was before. */
	sched_setaffinity(0, sizeof(event_allowed_cpus), &event_allowed_cpus);
	return rc;
}

void event_framework_stop(void)
{
	struct ebb_list *node;
	unsigned left;

	event_thread_registry_lock();
	event_threads.stopping = true;
	left = event_threads.num_threads;
	ebb_list_for_each(node, &event_threads.threads) {
		struct ebb_thread *thread = ebb_list_entry(node, struct ebb_thread, registry_link);

		if (thread == event_threads.app) {
			continue;
		}
		if (atomic_load(&thread->state) == EVENT_THREAD_RUNNING) {
			ebb_warn("thread",
				 "thread '%s' still lives at shutdown: its owner should "
				 "have called ebb_thread_exit()",
				 thread->name);
		}
		ebb_thread_send_msg(thread, event_thread_exit_tell, NULL);
	}
	event_thread_registry_unlock();
	if (left == 1) {
		ebb_thread_exit();
	}
}

void event_framework_fini(void)
{
	for (unsigned i = 0; i < event_num_reactors; i++) {
		event_reactor_fini(&event_reactors[i]);
	}
	free(event_reactors);
	event_reactors = NULL;
	event_num_reactors = 0;
	event_thread_registry_fini();
}
