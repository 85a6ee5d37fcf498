/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RPC_CLIENT_H
#define RPC_CLIENT_H

/* A blocking client of the RPC socket, for command-line tools. */

#include <ebb/method.h>

#include "rpc/framing.h"

struct rpc_client {
	int fd;
	unsigned timeout_ms; /* for each call, and for connecting */
	struct rpc_framing framing;
	int next_id;
	char error[320]; /* of the connection, for people */
};

/* Return: 0; or negative errno: @client->error says which socket, why and what to do. */
int rpc_client_open(struct rpc_client *client, const char *path, unsigned timeout_ms);
void rpc_client_close(struct rpc_client *client);

/**
 * rpc_client_call() - ask, and wait for the answer
 * @params: an object or NULL; borrowed
 * @ret_result: the caller's to put; may become NULL, which is null
 * Return: 0; -EREMOTEIO the server's own error, in @ret_error; or another negative errno: the
 *	connection failed, @client->error says how.
 */
int rpc_client_call(struct rpc_client *client, const char *method, struct json_object *params,
		    struct json_object **ret_result, struct ebb_method_error *ret_error);

#endif
