/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_FRAMEWORK_H
#define CORE_EVENT_FRAMEWORK_H

/* The event layer as core/app starts and stops it. */

#include <sched.h>

#include <ebb/reactor.h>

struct event_framework_opts {
	cpu_set_t cpus; /* one reactor for each; at least one */
	enum ebb_reactor_mode mode;
	uint32_t spin_us_max;
	bool roam; /* a reactor that may sleep is not held on its CPU */
};

/**
 * event_framework_init() - make the reactors and the app thread
 * The calling OS thread will be the first reactor; the app thread lives there and may be sent
 * messages from here on.
 * Return: 0; -ENOMEM, or the errno of the resource that is short (logged).
 */
int event_framework_init(const struct event_framework_opts *opts);

/**
 * event_framework_run() - run until event_framework_stop() and until every thread has exited
 * Threads that have to be forced are named in the log.
 * Return: 0; -errno: a reactor's OS thread could not be started (logged).
 */
int event_framework_run(void);

/* Every thread that still lives is named and told to exit, the app thread last. Thread: app. */
void event_framework_stop(void);

/* Frees everything; event_framework_init() may be called again. */
void event_framework_fini(void);

#endif
