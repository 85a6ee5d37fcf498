/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_POLLER_SLEEP_H
#define CORE_EVENT_POLLER_SLEEP_H

#include "core/event/thread.h"

/*
 * Before a sleep: arms every source. Return: 0; -EAGAIN there is work.
 */
int event_pollers_arm(struct ebb_thread *thread);

/*
 * Calls set_interrupt(@on) of every source. Return: 0; or the first error, and then those that
 * were changed have been changed back.
 */
int event_pollers_set_interrupt(struct ebb_thread *thread, bool on);

/*
 * Takes every source of @thread out of its reactor's epoll set, or puts them into it and calls
 * set_interrupt() as the reactor's mode wants it. A source that refuses becomes a blocker.
 * @interruptible: what their set_interrupt() was called with last
 */
void event_pollers_detach(struct ebb_thread *thread);
void event_pollers_attach(struct ebb_thread *thread, bool interruptible);

#endif
