/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_EVENT_EVENT_H
#define EBB_EVENT_EVENT_H

/* The event layer as core/app starts and stops it. */

#include <sched.h>

#include <ebb/reactor.h>

struct ebb_event_opts {
	cpu_set_t cpus; /* one reactor for each; at least one */
	enum ebb_reactor_mode mode;
	uint32_t spin_us_max;
	bool roam; /* a reactor that may sleep is not held on its CPU */
};

/**
 * ebb_event_init() - make the reactors and the app thread
 * The calling OS thread will be the first reactor; the app thread lives there and may be sent
 * messages from here on.
 * Return: 0; -ENOMEM, or the errno of the resource that is short (logged).
 */
int ebb_event_init(const struct ebb_event_opts *opts);

/**
 * ebb_event_run() - run until ebb_event_stop() and until every thread has exited
 * Threads that have to be forced are named in the log.
 * Return: 0; -errno: a reactor's OS thread could not be started (logged).
 */
int ebb_event_run(void);

/* Every thread that still lives is named and told to exit, the app thread last. Thread: app. */
void ebb_event_stop(void);

/* True from ebb_event_stop() on. */
bool ebb_event_stopping(void);

/* A thread has exited, @left live: during a stop, the next thing happens. */
void ebb_event_thread_gone(unsigned left, bool stopping);

/* Frees everything; ebb_event_init() may be called again. */
void ebb_event_fini(void);

#endif
