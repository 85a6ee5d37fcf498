/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RPC_SERVER_H
#define RPC_SERVER_H

/* The JSON-RPC server, as start-up uses it. */

#include <stddef.h>
#include <sys/types.h>

struct rpc_server;

/**
 * rpc_server_start() - listen on @path, on a control OS thread of its own
 * Thread: app, for all of these.
 * Return: 0; or negative errno: @ret_error says what was wrong and what to do.
 */
int rpc_server_start(const char *path, mode_t mode, struct rpc_server **ret_server, char *ret_error,
		     size_t size);

/* While paused, requests wait in order; framework_get_state and framework_wait_init pass. */
void rpc_server_pause(struct rpc_server *server);
void rpc_server_resume(struct rpc_server *server);

/* From here on every request, waiting ones included, is answered "ebb is stopping". */
void rpc_server_refuse(struct rpc_server *server);

/**
 * rpc_server_stop() - refuse, send what is to be sent, close
 * Takes at most a second. Calls that have not ended by then are named; their answers are dropped.
 * @done: once, never inside this call; @server is gone for the caller then
 */
void rpc_server_stop(struct rpc_server *server, void (*done)(void *arg), void *arg);

#endif
