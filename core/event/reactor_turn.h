/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_REACTOR_TURN_H
#define CORE_EVENT_REACTOR_TURN_H

#include <stdbool.h>

struct event_reactor;
struct ebb_thread;

/**
 * event_reactor_turn_run() - a turn but for its end; event_turn.worked says whether there was
 * anything
 * @polling: run every active poller; otherwise those whose source has fired, and the clock has just
 *	been read.
 * Thread: the reactor's.
 */
void event_reactor_turn_run(struct event_reactor *reactor, bool polling);

/*
 * A thread's part of a turn: critical calls, one batch of messages, pollers, timers.
 * @polling: as above
 */
void event_reactor_turn_thread(struct ebb_thread *thread, bool polling);

#endif
