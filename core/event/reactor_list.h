/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_REACTOR_LIST_H
#define CORE_EVENT_REACTOR_LIST_H

/* All reactors: event_reactors[], which reactor.h declares. */

#include "core/event/reactor.h"

/* NULL if no reactor has that CPU. */
struct event_reactor *event_reactor_by_core(int core);

/* The next state of a reactor, which must be one that may follow. Thread: the reactor's. */
void event_reactor_set_state(struct event_reactor *reactor, enum event_reactor_state state);

/* Each reactor ends when it has no more threads. Thread: any. */
void event_reactor_list_stop(void);

#endif
