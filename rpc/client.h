/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_RPC_CLIENT_H
#define EBB_RPC_CLIENT_H

/* A blocking client of the RPC socket, for command-line tools. */

#include <ebb/method.h>

#include "rpc/framing.h"

struct ebb_rpc_client {
	int fd;
	unsigned timeout_ms; /* for each call, and for connecting */
	struct ebb_framing framing;
	int next_id;
	char error[320]; /* of the connection, for people */
};

/* Return: 0; or negative errno: @client->error says which socket, why and what to do. */
int ebb_rpc_client_open(struct ebb_rpc_client *client, const char *path, unsigned timeout_ms);
void ebb_rpc_client_close(struct ebb_rpc_client *client);

/**
 * ebb_rpc_client_call() - ask, and wait for the answer
 * @params: an object or NULL; borrowed
 * @ret_result: the caller's to put; may become NULL, which is null
 * Return: 0; -EREMOTEIO the server's own error, in @ret_error; or another negative errno: the
 *	connection failed, @client->error says how.
 */
int ebb_rpc_client_call(struct ebb_rpc_client *client, const char *method,
			struct json_object *params, struct json_object **ret_result,
			struct ebb_method_error *ret_error);

#endif
