/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_REACTOR_MODE_H
#define CORE_EVENT_REACTOR_MODE_H

#include <sched.h>

struct event_reactor;

/* The CPUs that the process may use, as it was started: a reactor that sleeps may run on any. */
extern cpu_set_t event_allowed_cpus;

/* Puts the calling OS thread, which runs @reactor, where the mode wants it. */
void event_reactor_place(struct event_reactor *reactor);

#endif
