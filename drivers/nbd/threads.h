/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NBD_THREADS_H
#define DRIVERS_NBD_THREADS_H

/* The threads that serve connections: one for each reactor, "nbd_0" and so on. */

struct ebb_thread;

/**
 * nbd_threads_start() - make them
 * @done: once, on the app thread: 0, or negative errno. That io_uring is not to be had is no error
 *	here, for nobody may want an export: then there is no thread to pick.
 * Thread: app.
 */
void nbd_threads_start(void (*done)(int rc));

/* Ends them. No connection may be left. @done: once, on the app thread. Thread: app. */
void nbd_threads_stop(void (*done)(void));

/* The next in turn; NULL: there is none. Thread: app. */
struct ebb_thread *nbd_threads_pick(void);

/*
 * Why there is no thread at all: negative errno of making the last; 0: there is one. Thread: app.
 */
int nbd_threads_error(void);

#endif
