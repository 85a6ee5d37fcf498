/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_EVENT_REACTOR_LIST_H
#define EBB_EVENT_REACTOR_LIST_H

/* All reactors: ebb_reactors[], which reactor.h declares. */

struct ebb_reactor;

/* NULL if no reactor has that CPU. */
struct ebb_reactor *ebb_reactor_by_core(int core);

/* Each reactor ends when it has no more threads. Thread: any. */
void event_reactor_list_stop(void);

#endif
