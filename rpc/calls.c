/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/calls.h"

#include <ebb/log.h>

#include "core/method/param.h"
#include "rpc/control.h"
#include "rpc/dispatch.h"
#include "rpc/load.h"

/* What one costs besides its text and its answer's, more or less. */
#define REQUEST_CHURN 4096u

/* A request's way: to the app thread and back, once for each of a batch. The control thread's. */

static void request_answered(void *arg);

static void request_finish(struct rpc_request *request)
{
	struct rpc_connection *connection = request->connection;
	struct rpc_server *server = request->server;

	if (connection != NULL) {
		rpc_request_unlink(request);
		if (request->answer != NULL &&
		    (!request->batch || json_object_array_length(request->answer) > 0)) {
			rpc_connection_answer(connection, request->answer);
		}
	}
	server->churn_bytes += REQUEST_CHURN + request->bytes;
	server->num_requests--;
	rpc_request_free(request);
	rpc_load_release(server);
}

/* True if the call has ended already, without the app thread. */
static bool request_call(struct rpc_request *request)
{
	const struct rpc_envelope *envelope = &request->envelope;
	const struct ebb_method *method = ebb_method_find(envelope->method);
	struct ebb_method_error error;

	if (method != NULL && method->snapshot != NULL) {
		bool good = ebb_method_check(method, envelope->params, &error) == 0;

		if (!envelope->notification) {
			rpc_request_add_answer(request, good ? method->snapshot() : NULL,
					       good ? NULL : &error);
		}
		return true;
	}
	request->method = method;
	if (method != NULL && method->changes_state && request->connection != NULL) {
		/* Whether it is called depends on its parameters, and on ebb's state then. */
		ebb_notice("rpc", "process %d of user %u asks for %s",
			   request->connection->peer.pid, request->connection->peer.uid,
			   method->name);
	}
	ebb_msg_init(&request->msg, rpc_dispatch_arrived, request);
	ebb_msg_init(&request->back, request_answered, request);
	if (ebb_thread_send(request->server->app_thread, &request->msg) != 0) {
		method_error_set(&error, EBB_METHOD_INTERNAL_ERROR,
				 "method \"%.64s\" was not called: ebb is stopping",
				 envelope->method);
		if (!envelope->notification) {
			rpc_request_add_answer(request, NULL, &error);
		}
		return true;
	}
	return false;
}

/* A batch whose answers are too many already. True if the call has been refused. */
static bool request_refuse_rest(struct rpc_request *request)
{
	struct ebb_method_error error;

	if (request->answer_bytes <= RPC_BATCH_OUT_MAX) {
		return false;
	}
	if (!request->envelope.notification) {
		method_error_set(&error, EBB_METHOD_INTERNAL_ERROR,
				 "method \"%.64s\" was not called: the answers to its batch "
				 "have more than %zu bytes already; make smaller batches",
				 request->envelope.method, RPC_BATCH_OUT_MAX);
		rpc_request_add_answer(request, NULL, &error);
	}
	return true;
}

/* Runs what is left of the request, until the app thread has it or it has ended. */
static void request_run(struct rpc_request *request)
{
	struct ebb_method_error error;

	for (;;) {
		struct json_object *value = request->document;

		/* Nobody is there for the answers to the rest of a batch, so it is not called. */
		if (request->connection == NULL ||
		    request->next >=
			    (request->batch ? json_object_array_length(request->document) : 1)) {
			request_finish(request);
			return;
		}
		if (request->batch) {
			value = json_object_array_get_idx(request->document, request->next);
		}
		request->next++;
		if (rpc_envelope_parse(value, &request->envelope, &error) != 0) {
			rpc_request_add_answer(request, NULL, &error);
		} else if (!request_refuse_rest(request) && !request_call(request)) {
			return;
		}
	}
}

/* A batch has an array for its answers, and at least one request and not too many. */
static void request_begin_batch(struct rpc_request *request)
{
	size_t num = json_object_array_length(request->document);
	struct ebb_method_error error;

	if (num > 0 && num <= RPC_BATCH_MAX) {
		request->batch = true;
		request->answer = json_object_new_array();
		return;
	}
	method_error_set(&error, EBB_METHOD_INVALID_REQUEST,
			 "invalid request: a batch of %zu requests; it may have 1 to %d", num,
			 RPC_BATCH_MAX);
	request->next = 1;
	rpc_request_add_answer(request, NULL, &error);
}

void rpc_calls_start(struct rpc_connection *connection, struct json_object *document, size_t bytes)
{
	struct rpc_request *request = rpc_request_create(connection, document, bytes);

	if (request == NULL) {
		ebb_error("rpc", "out of memory for a request of process %d: it is cut off",
			  connection->peer.pid);
		json_object_put(document);
		connection->dead = true;
		return;
	}
	if (json_object_is_type(document, json_type_array)) {
		request_begin_batch(request);
	}
	request_run(request);
}

/* While the app thread has the request, its answer and its envelope's id are not touched there. */
void rpc_calls_abandon(struct rpc_request *request)
{
	struct rpc_connection *connection = request->connection;
	struct ebb_method_error error;

	if (!request->envelope.notification) {
		method_error_set(&error, EBB_METHOD_INTERNAL_ERROR,
				 "method \"%.64s\" has not ended, and ebb is stopping",
				 request->envelope.method);
		rpc_request_add_answer(request, NULL, &error);
	}
	if (request->answer != NULL) {
		rpc_connection_answer(connection, request->answer);
	}
	rpc_request_unlink(request);
	request->next = SIZE_MAX; /* if it comes back, that is its end */
}

/* Its call has ended: the message's function on the way back. */
static void request_answered(void *arg)
{
	struct rpc_request *request = arg;
	struct rpc_connection *connection = request->connection;
	struct json_object *result = request->result;

	request->result = NULL;
	if (request->envelope.notification || connection == NULL) {
		json_object_put(result);
	} else {
		rpc_request_add_answer(request, result, request->failed ? &request->error : NULL);
	}
	request_run(request);
	if (connection != NULL) {
		rpc_connection_advance(connection);
	}
}
