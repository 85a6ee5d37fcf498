/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RPC_DISPATCH_H
#define RPC_DISPATCH_H

/* Requests on the app thread, for as long as their methods run. Thread: app. */

struct rpc_server;

/**
 * rpc_dispatch_arrived() - its call is to be made: the message's function on the way there
 * @arg: the request. It goes back by its message back, when its method has ended.
 */
void rpc_dispatch_arrived(void *arg);

/* The control thread has turned results into text: there may be more. @arg: the server. */
void rpc_dispatch_go(void *arg);

/* Clients of requests that are marked so have gone: their methods are told. @arg: the server. */
void rpc_dispatch_left(void *arg);

/* Calls what has waited while the server was paused: some at once, the rest in the next turns. */
void rpc_dispatch_waiting(struct rpc_server *server);

/* Refuses what waits: ebb is stopping. */
void rpc_dispatch_refuse(struct rpc_server *server);

/*
 * The control thread is no more: frees @server, as soon as the calls under way, which are named in
 * the log, have ended.
 */
void rpc_dispatch_close(struct rpc_server *server);

#endif
