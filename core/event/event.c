/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/event.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/log.h>

#include "core/base/clock.h"
#include "core/event/helper.h"
#include "core/event/os_thread.h"
#include "core/event/reactor.h"
#include "core/event/thread.h"
#include "core/event/watchdog.h"
#include "core/os/clocksource.h"

cpu_set_t ebb_allowed_cpus;

static int event_init_reactors(const struct ebb_event_opts *opts)
{
	size_t size = (size_t)CPU_COUNT(&opts->cpus) * sizeof(struct ebb_reactor);

	ebb_reactors = aligned_alloc(_Alignof(struct ebb_reactor), size);
	if (ebb_reactors == NULL) {
		return -ENOMEM;
	}
	for (int core = 0; core < CPU_SETSIZE; core++) {
		struct ebb_reactor *reactor = &ebb_reactors[ebb_num_reactors];
		int rc;

		if (!CPU_ISSET((size_t)core, &opts->cpus)) {
			continue;
		}
		rc = ebb_reactor_init(reactor, core, opts->mode, opts->spin_us_max);
		if (rc != 0) {
			return rc;
		}
		reactor->pinned = !opts->roam;
		ebb_num_reactors++;
	}
	return 0;
}

int ebb_event_init(const struct ebb_event_opts *opts)
{
	struct ebb_thread *app;
	int rc = 0;

	if (ebb_helper_hangs()) {
		ebb_error("reactor",
			  "a disk's job of the last run still hangs: start a new process");
		return -EBUSY;
	}
	ebb_clock_trust_ticks(os_clocksource_is_tsc(""));
	if (sched_getaffinity(0, sizeof(ebb_allowed_cpus), &ebb_allowed_cpus) != 0) {
		rc = -errno;
	}
	if (rc == 0) {
		rc = event_init_reactors(opts);
	}
	if (rc == 0) {
		rc = ebb_thread_create_on("app_thread", &ebb_reactors[0], &app);
	}
	if (rc != 0) {
		ebb_error("reactor", "the reactors cannot be made: %s", strerror(-rc));
		ebb_event_fini();
		return rc;
	}
	ebb_list_push_back(&ebb_reactors[0].threads, &app->reactor_link);
	return 0;
}

static void *event_reactor_main(void *arg)
{
	ebb_reactor_run(arg);
	return NULL;
}

static void reactor_stop(void *arg)
{
	struct ebb_reactor *reactor = arg;

	reactor->stop = true;
}

static void event_stop_reactors(void)
{
	for (unsigned i = 0; i < ebb_num_reactors; i++) {
		struct ebb_reactor *reactor = &ebb_reactors[i];

		ebb_msg_init(&reactor->stop_msg, reactor_stop, reactor);
		ebb_reactor_send(reactor, &reactor->stop_msg);
	}
}

/* Only the first reactor's OS thread, the caller of ebb_event_run(), takes signals. */
static int event_launch(struct ebb_reactor *reactor)
{
	char name[16];
	int rc;

	snprintf(name, sizeof(name), "ebb_reactor_%d", reactor->core);
	rc = ebb_os_thread_start(&reactor->pthread, name, event_reactor_main, reactor);
	if (rc != 0) {
		ebb_error("reactor", "reactor %d cannot be started: %s", reactor->core,
			  strerror(-rc));
		return rc;
	}
	reactor->joinable = true;
	return 0;
}

int ebb_event_run(void)
{
	int rc = event_watchdog_start();

	if (rc != 0) {
		ebb_error("reactor", "the watch cannot be started: %s", strerror(-rc));
	}
	for (unsigned i = 1; i < ebb_num_reactors && rc == 0; i++) {
		rc = event_launch(&ebb_reactors[i]);
	}
	if (rc == 0) {
		ebb_reactor_run(&ebb_reactors[0]);
	} else {
		event_stop_reactors();
	}
	for (unsigned i = 1; i < ebb_num_reactors; i++) {
		if (ebb_reactors[i].joinable) {
			pthread_join(ebb_reactors[i].pthread, NULL);
		}
	}
	event_watchdog_stop();
	ebb_helper_stop();
	/* Where the caller was before. */
	sched_setaffinity(0, sizeof(ebb_allowed_cpus), &ebb_allowed_cpus);
	return rc;
}

void ebb_event_thread_gone(unsigned left, bool stopping)
{
	if (!stopping) {
		return;
	}
	if (left == 1) {
		ebb_thread_send_msg(ebb_threads.app, ebb_thread_tell_exit, NULL);
	} else if (left == 0) {
		event_stop_reactors();
	}
}

bool ebb_event_stopping(void)
{
	bool stopping;

	ebb_thread_registry_lock();
	stopping = ebb_threads.stopping;
	ebb_thread_registry_unlock();
	return stopping;
}

void ebb_event_stop(void)
{
	struct ebb_list *node;
	unsigned left;

	ebb_thread_registry_lock();
	ebb_threads.stopping = true;
	left = ebb_threads.num_threads;
	ebb_list_for_each(node, &ebb_threads.threads) {
		struct ebb_thread *thread = ebb_list_entry(node, struct ebb_thread, registry_link);

		if (thread == ebb_threads.app) {
			continue;
		}
		if (atomic_load(&thread->state) == EBB_THREAD_RUNNING) {
			ebb_warn("thread",
				 "thread '%s' still lives at shutdown: its owner should "
				 "have called ebb_thread_exit()",
				 thread->name);
		}
		ebb_thread_send_msg(thread, ebb_thread_tell_exit, NULL);
	}
	ebb_thread_registry_unlock();
	if (left == 1) {
		ebb_thread_exit();
	}
}

void ebb_event_fini(void)
{
	for (unsigned i = 0; i < ebb_num_reactors; i++) {
		ebb_reactor_fini(&ebb_reactors[i]);
	}
	free(ebb_reactors);
	ebb_reactors = NULL;
	ebb_num_reactors = 0;
	ebb_thread_registry_fini();
}
