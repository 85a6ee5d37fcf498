/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/control.h"

#include <stdlib.h>

/* A request as an object. What is done with it: rpc/calls.c and rpc/dispatch.c. */

struct rpc_request *rpc_request_create(struct rpc_connection *connection,
				       struct json_object *document, size_t bytes)
{
	struct rpc_request *request = calloc(1, sizeof(*request));

	if (request == NULL) {
		return NULL;
	}
	request->server = connection->server;
	request->connection = connection;
	request->document = document;
	ebb_list_init(&request->app_link);
	ebb_list_push_back(&connection->requests, &request->link);
	request->bytes = bytes;
	connection->num_requests++;
	connection->server->num_requests++;
	connection->request_bytes += bytes;
	return request;
}

void rpc_request_unlink(struct rpc_request *request)
{
	ebb_list_remove(&request->link);
	request->connection->num_requests--;
	request->connection->request_bytes -= request->bytes;
	request->connection = NULL;
}

void rpc_request_add_answer(struct rpc_request *request, struct json_object *result,
			    const struct ebb_method_error *error)
{
	struct json_object *answer = rpc_envelope_answer(request->envelope.id, result, error);

	if (answer == NULL && request->connection != NULL) {
		/* There was no memory for it. Who waits for it is to know. */
		rpc_connection_answer(request->connection, NULL);
	} else if (request->batch) {
		size_t len = 0;

		if (json_object_to_json_string_length(answer, JSON_C_TO_STRING_PLAIN, &len) !=
		    NULL) {
			request->answer_bytes += len;
		}
		json_object_array_add(request->answer, answer);
	} else {
		request->answer = answer;
	}
}

void rpc_request_free(struct rpc_request *request)
{
	json_object_put(request->document);
	json_object_put(request->answer);
	json_object_put(request->result);
	free(request);
}
