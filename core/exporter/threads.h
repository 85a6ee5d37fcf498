/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EXPORTER_THREADS_H
#define CORE_EXPORTER_THREADS_H

/* The threads that serve connections: one for each reactor. */

struct ebb_thread;

/**
 * exporter_threads_start() - make them
 * @name: what they are called, with "_0" and so on
 * @done: once, on the app thread: 0, or negative errno. That none of them can watch sockets is no
 *	error here, for nobody may want an export: then there is no thread to pick.
 * Thread: app.
 */
void exporter_threads_start(const char *name, void (*done)(int rc));

/* Ends them. No connection may be left. @done: once, on the app thread. Thread: app. */
void exporter_threads_stop(void (*done)(void));

/* The next in turn; NULL: there is none. Thread: app. */
struct ebb_thread *exporter_threads_pick(void);

/*
 * Why there is no thread at all: negative errno of making the last; 0: there is one. Thread: app.
 */
int exporter_threads_error(void);

#endif
