/* SPDX-License-Identifier: Apache-2.0 */
#include "core/exporter/threads.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>
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
static unsigned users;   /* exporters that have them, or wait for them */
static struct ebb_list starters = EBB_LIST_INIT(starters);
static struct exporter_threads_user *stopper; /* the last user, which waits for their end */

static void threads_started(int rc)
{
	struct ebb_list *node;

	while ((node = ebb_list_pop_front(&starters)) != NULL) {
		struct exporter_threads_user *user =
			ebb_list_entry(node, struct exporter_threads_user, link);

		if (rc != 0) {
			users--;
		}
		user->started(rc);
	}
}

static void thread_started(void *arg)
{
	(void)arg;
	pending--;
	if (pending == 0) {
		threads_started(0);
	}
}

static void thread_begin(void *arg)
{
	struct exporter_thread *slot = arg;

	slot->group = exporter_poll_group_get();
	ebb_msg_init(&slot->msg, thread_started, slot);
	(void)ebb_thread_send(ebb_thread_app(), &slot->msg);
}

/* Those that can be made; why one could not is noted. */
static void threads_make(unsigned reactors)
{
	char name[32];
	unsigned i;

	for (i = 0; i < reactors; i++) {
		struct exporter_thread *slot = &threads[num_threads];
		int rc;

		snprintf(name, sizeof(name), "exporter_%u", i);
		rc = ebb_thread_create(name, ebb_reactor_core(i), &slot->thread);
		if (rc != 0) {
			ebb_warn("exporter", "no thread %s: %s; the others serve its clients", name,
				 strerror(-rc));
			last_rc = rc;
			continue;
		}
		num_threads++;
	}
}

static void threads_begin(void)
{
	unsigned i, reactors = 0;
	int rc;

	while (ebb_reactor_core(reactors) >= 0) {
		reactors++;
	}
	threads = calloc(reactors, sizeof(*threads));
	rc = threads != NULL ? exporter_poll_group_register() : -ENOMEM;
	if (rc != 0) {
		free(threads);
		threads = NULL;
		threads_started(rc);
		return;
	}
	next_thread = 0;
	num_threads = 0;
	last_rc = 0;
	threads_make(reactors);
	pending = num_threads;
	for (i = 0; i < num_threads; i++) {
		ebb_msg_init(&threads[i].msg, thread_begin, &threads[i]);
		(void)ebb_thread_send(threads[i].thread, &threads[i].msg);
	}
	if (num_threads == 0) {
		threads_started(0);
	}
}

void exporter_threads_start(struct exporter_threads_user *user)
{
	ebb_assert(ebb_thread_is_app());
	users++;
	if (users > 1 && pending == 0 && stopper == NULL) {
		user->started(0);
		return;
	}
	ebb_list_init(&user->link);
	ebb_list_push_back(&starters, &user->link);
	if (users == 1 && stopper == NULL) {
		threads_begin();
	}
}

static void threads_gone(void *device)
{
	struct exporter_threads_user *user = stopper;

	(void)device;
	free(threads);
	threads = NULL;
	num_threads = 0;
	stopper = NULL;
	/* Somebody may want them again meanwhile. */
	if (users > 0) {
		threads_begin();
	}
	user->stopped();
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

void exporter_threads_stop(struct exporter_threads_user *user)
{
	unsigned i;

	ebb_assert(ebb_thread_is_app() && users > 0 && pending == 0);
	users--;
	if (users > 0) {
		user->stopped();
		return;
	}
	stopper = user;
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
