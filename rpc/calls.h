/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RPC_CALLS_H
#define RPC_CALLS_H

/* Makes the calls of requests, one after the other. Thread: control. */

#include <stddef.h>

struct rpc_connection;
struct rpc_request;
struct json_object;

/**
 * rpc_calls_start() - run a request, or a batch, as far as it goes
 * @bytes: that it came in
 * @memory: that its values take
 * Owns: @document is taken over.
 */
void rpc_calls_start(struct rpc_connection *connection, struct json_object *document, size_t bytes,
		     size_t memory);

/* Frees a request that waited for its turn: its client has gone. */
void rpc_calls_drop(struct rpc_request *request);

/* Its client has gone while the app thread has it: its method is told, if it wants to know. */
void rpc_calls_leave(struct rpc_request *request);

/* Goes on with the requests that wait for their turn. */
void rpc_calls_advance(struct rpc_connection *connection);

/**
 * rpc_calls_abandon() - answer that its call has not ended, and call nothing more of it
 * The app thread may have the request: it comes back, or stays there, and is not answered.
 */
void rpc_calls_abandon(struct rpc_request *request);

#endif
