/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EXPORTER_THREADS_H
#define CORE_EXPORTER_THREADS_H

/*
 * The threads that serve connections: one for each reactor, "exporter_0" and so on, for all
 * exporters together, so that what clients may use of a thread is one pot. They are there while
 * somebody wants them.
 */

#include <ebb/list.h>

struct ebb_thread;

/* An exporter that wants them. It is static. */
struct exporter_threads_user {
	/*
	 * 0, or negative errno: then it is none. That io_uring is not to be had is no error here,
	 * for nobody may want an export: then there is no thread to pick.
	 */
	void (*started)(int rc);
	void (*stopped)(void);
	struct ebb_list link; /* their own */
};

/* Makes them, or takes those there are. user->started() runs once, perhaps inside. Thread: app. */
void exporter_threads_start(struct exporter_threads_user *user);

/**
 * exporter_threads_stop() - want them no more
 * The last one ends them. No connection of @user may be left. user->stopped() runs once, perhaps
 * inside. Thread: app.
 */
void exporter_threads_stop(struct exporter_threads_user *user);

/* The next in turn; NULL: there is none. Thread: app. */
struct ebb_thread *exporter_threads_pick(void);

/*
 * Why there is no thread at all: negative errno of making the last; 0: there is one. Thread: app.
 */
int exporter_threads_error(void);

#endif
