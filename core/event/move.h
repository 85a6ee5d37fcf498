/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_EVENT_MOVE_H
#define EBB_EVENT_MOVE_H

struct ebb_thread;

/* After a turn, while @thread moves: hands it over if nothing of it is in flight here. */
void ebb_move_check(struct ebb_thread *thread);

/* @thread exits: the move that may be under way ends here, and whoever asked for it is told. */
void ebb_move_cancel(struct ebb_thread *thread);

#endif
