/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/calls.h"

#include <ebb/log.h>

#include "core/method/param.h"
#include "rpc/control.h"
#include "rpc/dispatch.h"
#include "rpc/load.h"
#include "rpc/outbox.h"
#include "rpc/shares.h"

/* What one costs besides its text and its answer's, more or less. */
#define REQUEST_CHURN 4096u

/*
 * A request's way: to the app thread and back, once for each of a batch. The control thread's.
 *
 * Of one client, one call at a time is on its way to its method (connection->calling), so that each
 * client has its turn; the others wait in connection->ready. From there it comes back with the end
 * of its call; or with the word that the call lasts, and then the next one is made beside it. What
 * its connection can do then, control.c sees to (server->advancing).
 */

static void request_called(void *arg);
static void request_answered(void *arg);

/* What has been answered goes to the client, and the request goes. */
static void request_finish(struct rpc_request *request)
{
	struct rpc_connection *connection = request->connection;
	struct rpc_server *server = request->server;

	if (connection != NULL) {
		rpc_request_unlink(request);
		if (rpc_request_end_answer(request)) {
			rpc_outbox_add(connection, &request->answer);
		} else {
			ebb_error("rpc", "out of memory for an answer to process %d: it is cut off",
				  connection->peer.pid);
			connection->dead = true;
		}
	}
	server->churn_bytes += REQUEST_CHURN + request->bytes;
	rpc_request_uncount(request);
	rpc_request_free(request);
	rpc_load_release(server);
}

/* True if the call has been answered without the app thread, whatever that does. */
static bool request_answer_snapshot(struct rpc_request *request)
{
	const struct ebb_method *method = request->method;
	struct ebb_method_error error;
	bool good;

	if (method == NULL || method->snapshot == NULL) {
		return false;
	}
	good = ebb_method_check(method, request->envelope.params, &error) == 0;
	if (!request->envelope.notification) {
		rpc_request_add_answer(request, good ? method->snapshot() : NULL,
				       good ? NULL : &error);
	}
	return true;
}

/*
 * What is wrong with long parameters is found here, as it takes time. True if that was answered.
 */
static bool request_refuse_params(struct rpc_request *request)
{
	struct ebb_method_error error;

	if (request->method == NULL || request->memory <= RPC_PARAMS_LONG ||
	    ebb_method_check(request->method, request->envelope.params, &error) == 0) {
		return false;
	}
	if (!request->envelope.notification) {
		rpc_request_add_answer(request, NULL, &error);
	}
	return true;
}

/* Whether it is called depends on its parameters, and on ebb's state then. */
static void request_log(const struct rpc_request *request)
{
	if (request->method != NULL && request->method->changes_state) {
		ebb_notice("rpc", "process %d of user %u asks for %s",
			   request->connection->peer.pid, request->connection->peer.uid,
			   request->method->name);
	}
}

/* True if the call has ended already, without the app thread. */
static bool request_call(struct rpc_request *request)
{
	const struct rpc_envelope *envelope = &request->envelope;
	struct ebb_method_error error;

	request_log(request);
	ebb_msg_init(&request->msg, rpc_dispatch_arrived, request);
	ebb_msg_init(&request->called, request_called, request);
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
	request->connection->calling = request;
	return false;
}

/* A batch whose answers are too many already. True if the call has been refused. */
static bool request_refuse_rest(struct rpc_request *request)
{
	size_t limit = rpc_shares_batch_bytes(request->server);
	struct ebb_method_error error;

	if (rpc_text_bytes(&request->answer) <= limit) {
		return false;
	}
	if (!request->envelope.notification) {
		method_error_set(&error, EBB_METHOD_INTERNAL_ERROR,
				 "method \"%.64s\" was not called: the answers to its batch "
				 "have more than %zu bytes already; make smaller batches",
				 request->envelope.method, limit);
		rpc_request_add_answer(request, NULL, &error);
	}
	return true;
}

/* Nobody is there for the answers to the rest of a batch, so it is not called. */
static bool request_is_over(const struct rpc_request *request)
{
	return request->connection == NULL ||
	       request->next >= (request->batch ? json_object_array_length(request->document) : 1);
}

/* The JSON of its next call. */
static struct json_object *request_next_value(const struct rpc_request *request)
{
	return request->batch ? json_object_array_get_idx(request->document, request->next)
			      : request->document;
}

/* Runs what is left of the request, until the app thread has it, or it must wait, or has ended. */
static void request_run(struct rpc_request *request)
{
	struct ebb_method_error error;

	while (!request_is_over(request)) {
		bool good = rpc_envelope_parse(request_next_value(request), &request->envelope,
					       &error) == 0;

		if (!good) {
			rpc_request_add_answer(request, NULL, &error);
			request->next++;
			continue;
		}
		request->method = ebb_method_find(request->envelope.method);
		if (request_refuse_rest(request) || request_answer_snapshot(request) ||
		    request_refuse_params(request)) {
			request->next++;
			continue;
		}
		if (!rpc_shares_may_call(request->connection)) {
			ebb_list_push_back(&request->connection->ready, &request->ready_link);
			return;
		}
		request->next++;
		if (!request_call(request)) {
			return;
		}
	}
	request_finish(request);
}

/* All of the request is answered with one error. */
static void request_refuse(struct rpc_request *request, const struct ebb_method_error *error)
{
	request->next = 1;
	rpc_request_add_answer(request, NULL, error);
}

/* A batch has an array for its answers, and at least one request and not too many. */
static void request_begin_batch(struct rpc_request *request)
{
	size_t num = json_object_array_length(request->document);
	struct ebb_method_error error;

	if (num > 0 && num <= RPC_BATCH_MAX) {
		request->batch = true;
		return;
	}
	method_error_set(&error, EBB_METHOD_INVALID_REQUEST,
			 "invalid request: a batch of %zu requests; it may have 1 to %d", num,
			 RPC_BATCH_MAX);
	request_refuse(request, &error);
}

/* There is no memory for its values beside those of others. They are not kept. */
static void request_refuse_memory(struct rpc_request *request, size_t memory)
{
	struct ebb_method_error error;

	method_error_set(&error, EBB_METHOD_INTERNAL_ERROR,
			 "the request's values take %zu bytes of memory, and those of all requests "
			 "under way may take %zu: ask again when others have ended, or for less",
			 memory, RPC_REQUESTS_MEMORY_MAX);
	json_object_put(request->document);
	request->document = NULL;
	request_refuse(request, &error);
}

void rpc_calls_start(struct rpc_connection *connection, struct json_object *document, size_t bytes,
		     size_t memory)
{
	bool fits = rpc_shares_has_memory(connection->server, memory);
	struct rpc_request *request =
		rpc_request_create(connection, document, bytes, fits ? memory : 0);

	if (request == NULL) {
		ebb_error("rpc", "out of memory for a request of process %d: it is cut off",
			  connection->peer.pid);
		json_object_put(document);
		connection->dead = true;
		return;
	}
	if (!fits) {
		request_refuse_memory(request, memory);
	} else if (json_object_is_type(document, json_type_array)) {
		request_begin_batch(request);
	}
	request_run(request);
}

void rpc_calls_drop(struct rpc_request *request)
{
	request_finish(request);
}

/* All that are marked before the message runs are found by it. */
void rpc_calls_leave(struct rpc_request *request)
{
	struct rpc_server *server = request->server;

	atomic_store(&request->left, true);
	if (!atomic_exchange(&server->left_sent, true)) {
		ebb_thread_send(server->app_thread, &server->left_msg);
	}
}

void rpc_calls_advance(struct rpc_connection *connection)
{
	struct ebb_list *node;

	while (rpc_shares_may_call(connection) &&
	       (node = ebb_list_pop_front(&connection->ready)) != NULL) {
		request_run(ebb_list_entry(node, struct rpc_request, ready_link));
	}
}

/* While the app thread has the request, its answer and its envelope's id are not touched there. */
void rpc_calls_abandon(struct rpc_request *request)
{
	struct rpc_connection *connection = request->connection;
	bool is_ready = !ebb_list_empty(&request->ready_link);
	struct ebb_method_error error;

	if (!request->envelope.notification) {
		method_error_set(&error, EBB_METHOD_INTERNAL_ERROR,
				 "method \"%.64s\" %s, and ebb is stopping",
				 request->envelope.method,
				 is_ready ? "was not called" : "has not ended");
		rpc_request_add_answer(request, NULL, &error);
	}
	rpc_request_unlink(request);
	if (rpc_request_end_answer(request)) {
		rpc_outbox_add(connection, &request->answer);
	}
	request->next = SIZE_MAX; /* if it comes back, that is its end */
	if (is_ready) {
		request_finish(request); /* nobody else has it */
	}
}

/* There may be more for it to call, to read or to send. */
static void request_advance(struct rpc_connection *connection)
{
	if (ebb_list_empty(&connection->advance_link)) {
		ebb_list_push_back(&connection->server->advancing, &connection->advance_link);
	}
}

/* Its method has been called and the call lasts: the message's function on the way back. */
static void request_called(void *arg)
{
	struct rpc_request *request = arg;
	struct rpc_connection *connection = request->connection;

	if (connection != NULL && connection->calling == request) {
		connection->calling = NULL;
		request_advance(connection);
	}
}

/* The app thread may make more long results, if it waits for this one to have become text. */
static void request_result_taken(struct rpc_server *server)
{
	atomic_fetch_sub(&server->num_results, 1);
	if (atomic_exchange(&server->results_full, false)) {
		ebb_thread_send(server->app_thread, &server->go_msg);
	}
}

/* Its call has ended: the message's function on the way back. */
static void request_answered(void *arg)
{
	struct rpc_request *request = arg;
	struct rpc_connection *connection = request->connection;
	struct json_object *result = request->result;
	struct rpc_server *server = request->server;

	request->result = NULL;
	if (request->envelope.notification || connection == NULL) {
		json_object_put(result);
	} else {
		rpc_request_add_answer(request, result, request->failed ? &request->error : NULL);
	}
	if (request->building) {
		request_result_taken(server);
	}
	if (connection != NULL && connection->calling == request) {
		connection->calling = NULL;
	}
	request_run(request);
	if (connection != NULL) {
		request_advance(connection);
	}
}
