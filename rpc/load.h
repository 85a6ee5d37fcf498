/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RPC_LOAD_H
#define RPC_LOAD_H

/* What all clients' requests together cost. Thread: control. */

#include <event2/util.h>

struct rpc_server;

/**
 * rpc_load_release() - a request has ended, or a client has gone
 * Others that were held back may go on; and if that was the last one, the heap is looked after.
 */
void rpc_load_release(struct rpc_server *server);

/*
 * The server's trim_event: what many requests and answers have left free in the heap goes back to
 * the system, in a moment when none is under way: nobody else can allocate meanwhile, for as long
 * as it takes.
 */
void rpc_load_trim(evutil_socket_t fd, short events, void *arg);

#endif
