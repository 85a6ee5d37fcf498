/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/dispatch.h"

#include <stdlib.h>

#include <ebb/assert.h>
#include <ebb/log.h>

#include "core/method/build.h"
#include "core/method/call.h"
#include "core/method/param.h"
#include "rpc/control.h"

/*
 * The app thread's half of the server: requests are called, or wait, or are refused.
 *
 * The app thread has more to do than to answer: on its reactor there may be I/O. So requests that
 * arrive are put in a list, of each client one, and each turn makes calls for a short time only.
 *
 * A long answer is made in parts (core/method/build.h) and takes ten times the memory of its text.
 * So none is begun while some that were made have not become text yet: the control thread says when
 * that may go on (go_msg). Other calls do not wait for it.
 */

/* After the control thread has ended, whoever drops the last call drops the server. */
static void server_put(struct rpc_server *server)
{
	if (server->closed && !server->turn_sent && ebb_list_empty(&server->running)) {
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

static bool results_are_many(struct rpc_server *server)
{
	return atomic_load(&server->num_results) >= RPC_RESULTS_MAX;
}

static void server_go_on(struct rpc_server *server)
{
	server->held = false;
	method_build_hold(false);
}

/* There is one more long result. The next is not begun if there are many; then go_msg will come. */
static void server_count_result(struct rpc_server *server)
{
	atomic_fetch_add(&server->num_results, 1);
	if (server->held || !results_are_many(server)) {
		return;
	}
	server->held = true;
	method_build_hold(true);
	atomic_store(&server->results_full, true);
	/* One may have been taken before that was said. Whoever takes it back has to go on. */
	if (!results_are_many(server) && atomic_exchange(&server->results_full, false)) {
		server_go_on(server);
	}
}

/* The client's next request need not wait for this one. */
static void request_lasts(struct rpc_request *request)
{
	if (!request->lasts && !request->server->closed) {
		request->lasts = true;
		rpc_mailbox_send(&request->server->to_control, &request->called);
	}
}

/* The control thread serialises the result, so nothing else may hold a reference to it. */
static void request_done(void *arg, struct json_object *result,
			 const struct ebb_method_error *error)
{
	struct rpc_request *request = arg;
	struct rpc_server *server = request->server;

	request->result = result;
	request->failed = error != NULL;
	if (error != NULL) {
		request->error = *error;
	}
	if (server->called == request) {
		server->called = NULL;
	}
	if (request->building && !server->closed) {
		server_count_result(server);
	}
	request_return(request);
}

static void request_dispatch(struct rpc_request *request)
{
	struct rpc_server *server = request->server;
	unsigned builds = method_build_count();
	struct ebb_method_error error;
	struct ebb_call *call;

	ebb_list_push_back(&server->running, &request->app_link);
	if (request->method == NULL) {
		ebb_method_error_unknown(&error, request->envelope.method);
		request_done(request, NULL, &error);
		return;
	}
	server->called = request;
	call = method_call_dispatch(request->method, request->envelope.params, request_done,
				    request);
	if (server->called == NULL) {
		return; /* it has ended, and may be gone */
	}
	server->called = NULL;
	request->call = call;
	if (method_build_count() > builds) {
		request->building = true;
	} else {
		request_lasts(request);
	}
	if (atomic_load(&request->left)) {
		method_call_leave(call); /* it went before this was called */
	}
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

static struct rpc_request *list_pop(struct ebb_list *list)
{
	return ebb_list_entry(ebb_list_pop_front(list), struct rpc_request, app_link);
}

static void server_turn(void *arg);

static void server_want_turn(struct rpc_server *server)
{
	if (!server->turn_sent && !ebb_list_empty(&server->ready)) {
		server->turn_sent = true;
		ebb_msg_init(&server->turn_msg, server_turn, server);
		ebb_thread_send(server->app_thread, &server->turn_msg);
	}
}

/* Makes calls for a while; the rest has the next turn. */
static void server_make_calls(struct rpc_server *server)
{
	uint64_t end_ns = ebb_clock_now_ns() + RPC_TURN_NS;

	while (!ebb_list_empty(&server->ready)) {
		struct rpc_request *request = list_pop(&server->ready);

		if (request_passes(request)) {
			request_dispatch(request);
		} else {
			ebb_list_push_back(&server->waiting, &request->app_link);
			request_lasts(request);
		}
		if (ebb_clock_now_ns() >= end_ns) {
			break;
		}
	}
	server_want_turn(server);
}

static void server_turn(void *arg)
{
	struct rpc_server *server = arg;

	server->turn_sent = false;
	server_make_calls(server);
	server_put(server);
}

void rpc_dispatch_go(void *arg)
{
	server_go_on(arg);
}

/* One whose client has gone and whose method has not been told, or NULL. */
static struct rpc_request *running_left(struct rpc_server *server)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &server->running) {
		struct rpc_request *request = ebb_list_entry(node, struct rpc_request, app_link);

		if (request->call != NULL && atomic_load(&request->left)) {
			return request;
		}
	}
	return NULL;
}

/* A method that is told may end its call at once, and the request goes with it. */
void rpc_dispatch_left(void *arg)
{
	struct rpc_server *server = arg;
	struct rpc_request *request;

	atomic_store(&server->left_sent, false);
	while ((request = running_left(server)) != NULL) {
		struct ebb_call *call = request->call;

		request->call = NULL;
		method_call_leave(call);
	}
}

void rpc_dispatch_arrived(void *arg)
{
	struct rpc_request *request = arg;

	ebb_assert(ebb_thread_is_app());
	request->call = NULL;
	request->lasts = false;
	request->building = false;
	if (request->server->refusing) {
		request_refuse(request);
		return;
	}
	ebb_list_push_back(&request->server->ready, &request->app_link);
	server_want_turn(request->server);
}

void rpc_dispatch_waiting(struct rpc_server *server)
{
	/* They have come before all others; what is called may pause again. */
	ebb_list_splice_back(&server->waiting, &server->ready);
	ebb_list_splice_back(&server->ready, &server->waiting);
	server_make_calls(server);
}

void rpc_dispatch_refuse(struct rpc_server *server)
{
	while (!ebb_list_empty(&server->waiting)) {
		request_refuse(list_pop(&server->waiting));
	}
	while (!ebb_list_empty(&server->ready)) {
		request_refuse(list_pop(&server->ready));
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
	if (server->held) {
		server_go_on(server);
	}
	server_put(server);
}
