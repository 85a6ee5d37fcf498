/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_EVENT_REACTOR_MODE_H
#define EBB_EVENT_REACTOR_MODE_H

#include <sched.h>

struct ebb_reactor;

/* The CPUs that the process may use, as it was started; what a reactor that sleeps may roam. */
extern cpu_set_t ebb_allowed_cpus;

/* Puts the calling OS thread, which runs @reactor, where the mode wants it. */
void ebb_reactor_place(struct ebb_reactor *reactor);

#endif
