/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/control.h"

#include <stdlib.h>

#include "rpc/load.h"

/* A request as an object. What is done with it: rpc/calls.c and rpc/dispatch.c. */

struct rpc_request *rpc_request_create(struct rpc_connection *connection,
				       struct json_object *document, size_t bytes, size_t memory)
{
	struct rpc_request *request = calloc(1, sizeof(*request));

	if (request == NULL) {
		return NULL;
	}
	request->server = connection->server;
	request->connection = connection;
	request->document = document;
	ebb_list_init(&request->app_link);
	ebb_list_init(&request->ready_link);
	ebb_list_push_back(&connection->requests, &request->link);
	request->bytes = bytes;
	request->memory = memory;
	connection->num_requests++;
	connection->server->num_requests++;
	connection->server->request_memory += memory;
	connection->request_bytes += bytes;
	return request;
}

void rpc_request_unlink(struct rpc_request *request)
{
	struct rpc_connection *connection = request->connection;

	ebb_list_remove(&request->link);
	ebb_list_remove(&request->ready_link);
	connection->num_requests--;
	connection->request_bytes -= request->bytes;
	if (connection->calling == request) {
		connection->calling = NULL;
	}
	request->connection = NULL;
}

static bool request_add_text(struct rpc_request *request, const char *text, size_t len)
{
	if (text == NULL || request->answer_lost || !rpc_text_add(&request->answer, text, len)) {
		request->answer_lost = true;
		return false;
	}
	rpc_load_add_answer(request->server, len);
	return true;
}

void rpc_request_add_answer(struct rpc_request *request, struct json_object *result,
			    const struct ebb_method_error *error)
{
	struct json_object *answer = rpc_envelope_answer(request->envelope.id, result, error);
	bool first = rpc_text_bytes(&request->answer) == 0;
	const char *text;
	size_t len = 0;

	text = json_object_to_json_string_length(
		answer, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	if (request->batch) {
		request_add_text(request, first ? "[" : ",", 1);
	}
	request_add_text(request, answer != NULL ? text : NULL, len);
	json_object_put(answer);
}

bool rpc_request_end_answer(struct rpc_request *request)
{
	if (rpc_text_bytes(&request->answer) == 0) {
		return !request->answer_lost;
	}
	if (request->batch) {
		request_add_text(request, "]", 1);
	}
	return request_add_text(request, "\n", 1);
}

void rpc_request_uncount(struct rpc_request *request)
{
	struct rpc_server *server = request->server;

	rpc_load_drop_answer(server, rpc_text_bytes(&request->answer));
	rpc_text_fini(&request->answer);
	server->request_memory -= request->memory;
	server->num_requests--;
}

void rpc_request_free(struct rpc_request *request)
{
	json_object_put(request->document);
	json_object_put(request->result);
	rpc_text_fini(&request->answer);
	free(request);
}
