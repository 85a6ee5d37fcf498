/* SPDX-License-Identifier: Apache-2.0 */
#include "core/exporter/threads.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/log.h>
#include <ebb/reactor.h>
#include <ebb/thread.h>

#include "core/exporter/poll_group.h"

struct exporter_thread {
	struct ebb_thread *thread;
	struct exporter_poll_group
		*group;     /* the thread's own; the app thread looks once it has answered */
	struct ebb_msg msg; /* from the app thread, and back */
};

static struct exporter_thread *threads;
static unsigned num_threads;
static unsigned next_thread;
static int last_rc;      /* of making a thread */
static unsigned pending; /* threads that have not answered yet */
static void (*start_done)(int rc);
static void (*stop_done)(void);

static void thread_started(void *arg)
{
	(void)arg;
	pending--;
	if (pending == 0) {
		start_done(0);
	}
}

static void thread_begin(void *arg)
{
	struct exporter_thread *slot = arg;

	slot->group = exporter_poll_group_get();
	ebb_msg_init(&slot->msg, thread_started, slot);
	(void)ebb_thread_send(ebb_thread_app(), &slot->msg);
}

void exporter_threads_start(const char *name, void (*done)(int rc))
{
	unsigned i, reactors = 0;
	char thread_name[32];
	int rc;

	while (ebb_reactor_core(reactors) >= 0) {
		reactors++;
	}
	threads = calloc(reactors, sizeof(*threads));
	if (threads == NULL) {
		done(-ENOMEM);
		return;
	}
	rc = exporter_poll_group_register();
	if (rc != 0) {
		free(threads);
		threads = NULL;
		done(rc);
		return;
	}
	start_done = done;
	next_thread = 0;
	num_threads = 0;
	last_rc = 0;
	for (i = 0; i < reactors; i++) {
		struct exporter_thread *slot = &threads[num_threads];

		snprintf(thread_name, sizeof(thread_name), "%s_%u", name, i);
		rc = ebb_thread_create(thread_name, ebb_reactor_core(i), &slot->thread);
		if (rc != 0) {
			ebb_warn("exporter", "no thread %s: %s; the others serve its clients",
				 thread_name, strerror(-rc));
			last_rc = rc;
			continue;
		}
		num_threads++;
	}
	pending = num_threads;
	for (i = 0; i < num_threads; i++) {
		ebb_msg_init(&threads[i].msg, thread_begin, &threads[i]);
		(void)ebb_thread_send(threads[i].thread, &threads[i].msg);
	}
	if (num_threads == 0) {
		done(0);
	}
}

static void threads_gone(void *device)
{
	(void)device;
	free(threads);
	threads = NULL;
	num_threads = 0;
	stop_done();
}

static void thread_ended(void *arg)
{
	(void)arg;
	pending--;
	if (pending == 0) {
		exporter_poll_group_unregister(threads_gone);
	}
}

static void thread_end(void *arg)
{
	struct exporter_thread *slot = arg;

	if (slot->group != NULL) {
		exporter_poll_group_put(slot->group);
	}
	ebb_msg_init(&slot->msg, thread_ended, slot);
	(void)ebb_thread_send(ebb_thread_app(), &slot->msg);
	ebb_thread_exit();
}

void exporter_threads_stop(void (*done)(void))
{
	unsigned i;

	stop_done = done;
	if (threads == NULL) {
		done();
		return;
	}
	pending = num_threads;
	for (i = 0; i < num_threads; i++) {
		ebb_msg_init(&threads[i].msg, thread_end, &threads[i]);
		(void)ebb_thread_send(threads[i].thread, &threads[i].msg);
	}
	if (num_threads == 0) {
		exporter_poll_group_unregister(threads_gone);
	}
}

struct ebb_thread *exporter_threads_pick(void)
{
	unsigned tries;

	for (tries = 0; tries < num_threads; tries++) {
		struct exporter_thread *slot = &threads[next_thread];

		next_thread = (next_thread + 1) % num_threads;
		if (slot->group != NULL) {
			return slot->thread;
		}
	}
	return NULL;
}

int exporter_threads_error(void)
{
	return num_threads == 0 ? last_rc : 0;
}
