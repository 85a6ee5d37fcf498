/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_EVENT_SEND_H
#define EBB_EVENT_SEND_H

#include <ebb/thread.h>

struct ebb_reactor;

/* Runs @msg on the reactor, in no thread. Thread: any. Never fails. */
void ebb_reactor_send(struct ebb_reactor *reactor, struct ebb_msg *msg);

#endif
