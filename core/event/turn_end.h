/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_EVENT_TURN_END_H
#define EBB_EVENT_TURN_END_H

struct ebb_reactor;

/*
 * The end of a turn, if it has one: completions from the io_urings, deferred completions, what was
 * put off to the turn's end, threads that leave. Thread: the reactor's.
 */
void event_turn_end_run(struct ebb_reactor *reactor);

#endif
