/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RPC_LOAD_H
#define RPC_LOAD_H

/* What all clients' requests and answers together cost. Thread: control. */

#include <stddef.h>

#include <event2/util.h>

struct rpc_server;

/* Bytes of answers that wait for their clients have come, or gone: others may go on then. */
void rpc_load_add_answer(struct rpc_server *server, size_t bytes);
void rpc_load_drop_answer(struct rpc_server *server, size_t bytes);

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
