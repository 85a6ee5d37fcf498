/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_MOVE_H
#define CORE_EVENT_MOVE_H

struct ebb_thread;

/* After a turn, while @thread moves: hands it over if nothing of it is in flight here. */
void event_move_check(struct ebb_thread *thread);

/* @thread exits: the move that may be under way ends here, and whoever asked for it is told. */
void event_move_cancel(struct ebb_thread *thread);

#endif
