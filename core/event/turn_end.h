/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_TURN_END_H
#define CORE_EVENT_TURN_END_H

struct event_reactor;

/*
 * The end of a turn, if it has one: completions from the io_urings, deferred completions, what was
 * put off to the turn's end, threads that leave. Thread: the reactor's.
 */
void event_turn_end_run(struct event_reactor *reactor);

#endif
