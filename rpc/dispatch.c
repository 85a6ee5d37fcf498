/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/dispatch.h"

#include <stdlib.h>

#include <ebb/assert.h>
#include <ebb/log.h>

#include "core/method/param.h"
#include "rpc/control.h"

/* The app thread's half of the server: requests are called, or wait, or are refused. */

/* After the control thread has ended, whoever drops the last call drops the server. */
static void server_put(struct rpc_server *server)
{
	if (server->closed && ebb_list_empty(&server->running)) {
		free(server);
	}
}

/* Takes the request back to the control thread, or to its end if there is none. */
static void request_return(struct rpc_request *request)
{
	struct rpc_server *server = request->server;

	ebb_list_remove(&request->app_link);
	if (server->closed) {
		rpc_request_free(request);
		server_put(server);
		return;
	}
	rpc_mailbox_send(&server->to_control, &request->back);
}

/* The control thread serialises the result, so nothing else may hold a reference to it. */
static void request_done(void *arg, struct json_object *result,
			 const struct ebb_method_error *error)
{
	struct rpc_request *request = arg;

	request->result = result;
	request->failed = error != NULL;
	if (error != NULL) {
		request->error = *error;
	}
	request_return(request);
}

static void request_dispatch(struct rpc_request *request)
{
	struct ebb_method_error error;

	ebb_list_push_back(&request->server->running, &request->app_link);
	if (request->method == NULL) {
		ebb_method_error_unknown(&error, request->envelope.method);
		request_done(request, NULL, &error);
		return;
	}
	ebb_method_dispatch(request->method, request->envelope.params, request_done, request);
}

static void request_refuse(struct rpc_request *request)
{
	request->failed = true;
	method_error_set(&request->error, EBB_METHOD_INTERNAL_ERROR,
			 "method \"%.64s\" was not called: ebb is stopping",
			 request->envelope.method);
	request_return(request);
}

static bool request_passes(const struct rpc_request *request)
{
	return !request->server->paused ||
	       (request->method != NULL && request->method->while_paused);
}

void rpc_dispatch_arrived(void *arg)
{
	struct rpc_request *request = arg;

	ebb_assert(ebb_thread_is_app());
	if (request->server->refusing) {
		request_refuse(request);
	} else if (request_passes(request)) {
		request_dispatch(request);
	} else {
		ebb_list_push_back(&request->server->waiting, &request->app_link);
	}
}

static struct rpc_request *waiting_pop(struct rpc_server *server)
{
	return ebb_list_entry(ebb_list_pop_front(&server->waiting), struct rpc_request, app_link);
}

void rpc_dispatch_waiting(struct rpc_server *server)
{
	/* What is called may pause again; then the rest keeps its place. */
	while (!server->paused && !server->refusing && !ebb_list_empty(&server->waiting)) {
		request_dispatch(waiting_pop(server));
	}
}

void rpc_dispatch_refuse(struct rpc_server *server)
{
	while (!ebb_list_empty(&server->waiting)) {
		request_refuse(waiting_pop(server));
	}
}

void rpc_dispatch_close(struct rpc_server *server)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &server->running) {
		ebb_warn("rpc", "a call of %s has not ended; its answer is dropped",
			 ebb_list_entry(node, struct rpc_request, app_link)->envelope.method);
	}
	server->closed = true;
	server_put(server);
}
