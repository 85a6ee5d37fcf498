/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_THREAD_EXIT_H
#define CORE_EVENT_THREAD_EXIT_H

struct ebb_thread;

/* After a turn, while @thread exits: it ends if nothing of it is left, or if its time is up. */
void event_thread_exit_check(struct ebb_thread *thread);

/* A message: its thread shall exit. */
void event_thread_exit_tell(void *arg);

#endif
