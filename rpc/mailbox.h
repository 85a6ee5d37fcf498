/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RPC_MAILBOX_H
#define RPC_MAILBOX_H

/* Messages to an OS thread that waits for file descriptors, as the control thread does. */

#include <stdbool.h>

#include <ebb/thread.h>

#include "core/base/mpsc.h"

struct rpc_mailbox {
	struct base_mpsc queue;
	int fd; /* readable when there are messages; -1: none */
};

/* Thread: any, before anybody sends. Return: 0; or negative errno: then fd is -1. */
int rpc_mailbox_init(struct rpc_mailbox *mailbox);

/* Closes the descriptor; what has not been taken stays. Thread: any, when nobody sends any more. */
void rpc_mailbox_fini(struct rpc_mailbox *mailbox);

/* Thread: any. Owns: @msg is the receiver's from here on. */
void rpc_mailbox_send(struct rpc_mailbox *mailbox, struct ebb_msg *msg);

/* The descriptor is readable. Return: false: for messages that have been taken already. */
bool rpc_mailbox_woken(struct rpc_mailbox *mailbox);

/* All there are, in order, linked by their next. Thread: the receiver. Return: or NULL. */
struct ebb_msg *rpc_mailbox_take(struct rpc_mailbox *mailbox);

#endif
