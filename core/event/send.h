/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_SEND_H
#define CORE_EVENT_SEND_H

#include <ebb/thread.h>

struct event_reactor;

/* Runs @msg on the reactor, in no thread. Thread: any. Never fails. */
void event_reactor_send(struct event_reactor *reactor, struct ebb_msg *msg);

#endif
