/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>
#include <ebb/log.h>

#include "core/method/param.h"
#include "rpc/control.h"

/* The app thread's half of the server: requests are called, or wait, or are refused. */

#define CONTROL_STACK_BYTES ((size_t)512 * 1024)

/* After the control thread has ended, whoever drops the last call drops the server. */
static void server_put(struct ebb_rpc_server *server)
{
	if (server->closed && ebb_list_empty(&server->running)) {
		free(server);
	}
}

/* Takes the request back to the control thread, or to its end if there is none. */
static void request_return(struct ebb_rpc_request *request)
{
	struct ebb_rpc_server *server = request->server;

	ebb_list_remove(&request->app_link);
	if (server->closed) {
		ebb_rpc_request_free(request);
		server_put(server);
		return;
	}
	ebb_msg_init(&request->msg, ebb_rpc_request_answered, request);
	ebb_rpc_control_send(server, &request->msg);
}

/* The control thread serialises the result, so nothing else may hold a reference to it. */
static void request_done(void *arg, struct json_object *result,
			 const struct ebb_method_error *error)
{
	struct ebb_rpc_request *request = arg;

	request->result = result;
	request->failed = error != NULL;
	if (error != NULL) {
		request->error = *error;
	}
	request_return(request);
}

static void request_dispatch(struct ebb_rpc_request *request)
{
	ebb_list_push_back(&request->server->running, &request->app_link);
	ebb_method_dispatch(request->envelope.method, request->envelope.params, request_done,
			    request);
}

static void request_refuse(struct ebb_rpc_request *request)
{
	request->failed = true;
	ebb_method_error_set(&request->error, EBB_METHOD_INTERNAL_ERROR,
			     "method \"%.64s\" was not called: ebb is stopping",
			     request->envelope.method);
	request_return(request);
}

/* framework_get_state does not come here: the control thread answers it. */
static bool request_passes(const struct ebb_rpc_request *request)
{
	return !request->server->paused ||
	       strcmp(request->envelope.method, "framework_wait_init") == 0;
}

void ebb_rpc_request_arrived(void *arg)
{
	struct ebb_rpc_request *request = arg;

	ebb_assert(ebb_thread_is_app());
	if (request->server->refusing) {
		request_refuse(request);
	} else if (request_passes(request)) {
		request_dispatch(request);
	} else {
		ebb_list_push_back(&request->server->waiting, &request->app_link);
	}
}

void ebb_rpc_server_pause(struct ebb_rpc_server *server)
{
	ebb_assert(ebb_thread_is_app());
	server->paused = true;
}

void ebb_rpc_server_resume(struct ebb_rpc_server *server)
{
	ebb_assert(ebb_thread_is_app());
	server->paused = false;
	/* What is called may pause again; then the rest keeps its place. */
	while (!server->paused && !server->refusing && !ebb_list_empty(&server->waiting)) {
		request_dispatch(ebb_list_entry(ebb_list_pop_front(&server->waiting),
						struct ebb_rpc_request, app_link));
	}
}

void ebb_rpc_server_refuse(struct ebb_rpc_server *server)
{
	ebb_assert(ebb_thread_is_app());
	server->refusing = true;
	while (!ebb_list_empty(&server->waiting)) {
		request_refuse(ebb_list_entry(ebb_list_pop_front(&server->waiting),
					      struct ebb_rpc_request, app_link));
	}
}

/* The control thread has sent its last message: what it has left behind is freed here. */
static void server_ended(void *arg)
{
	struct ebb_rpc_server *server = arg;
	void (*stopped)(void *stopped_arg) = server->stopped;
	void *stopped_arg = server->stopped_arg;
	struct ebb_list *node;
	struct ebb_msg *msg;

	pthread_join(server->pthread, NULL);
	for (msg = ebb_mpsc_take(&server->to_control); msg != NULL;) {
		struct ebb_msg *next = msg->next;

		ebb_rpc_request_free(msg->arg); /* answers only: the stop was taken before */
		msg = next;
	}
	ebb_list_for_each(node, &server->running) {
		ebb_warn("rpc", "a call of %s has not ended; its answer is dropped",
			 ebb_list_entry(node, struct ebb_rpc_request, app_link)->envelope.method);
	}
	ebb_rpc_control_fini(server);
	ebb_unix_socket_close(&server->socket);
	server->closed = true;
	server_put(server);
	stopped(stopped_arg);
}

void ebb_rpc_server_stop(struct ebb_rpc_server *server, void (*done)(void *arg), void *arg)
{
	ebb_assert(ebb_thread_is_app());
	ebb_rpc_server_refuse(server);
	server->stopped = done;
	server->stopped_arg = arg;
	ebb_msg_init(&server->ended_msg, server_ended, server);
	ebb_msg_init(&server->stop_msg, ebb_rpc_control_stop, server);
	ebb_rpc_control_send(server, &server->stop_msg);
}

/* Signals are for the reactors: the control thread takes none. */
static int server_create_thread(struct ebb_rpc_server *server)
{
	pthread_attr_t attr;
	sigset_t all;
	sigset_t before;
	int rc = pthread_attr_init(&attr);

	if (rc != 0) {
		return -rc;
	}
	pthread_attr_setstacksize(&attr, CONTROL_STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&server->pthread, &attr, ebb_rpc_control_main, server);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (rc == 0) {
		pthread_setname_np(server->pthread, "ebb-rpc");
	}
	return -rc;
}

int ebb_rpc_server_start(const char *path, mode_t mode, struct ebb_rpc_server **ret_server,
			 char *ret_error, size_t size)
{
	struct ebb_rpc_server *server;
	int rc;

	ebb_assert(ebb_thread_is_app());
	server = calloc(1, sizeof(*server));
	if (server == NULL) {
		snprintf(ret_error, size, "out of memory for the RPC server");
		return -ENOMEM;
	}
	server->wake_fd = -1;
	server->spare_fd = -1;
	server->app_thread = ebb_thread_app();
	ebb_list_init(&server->waiting);
	ebb_list_init(&server->running);
	rc = ebb_unix_socket_open(&server->socket, path, mode,
				  "choose another path with --rpc-socket");
	if (rc != 0) {
		snprintf(ret_error, size, "%s", server->socket.error);
		goto free_server;
	}
	rc = ebb_rpc_control_init(server);
	if (rc == 0) {
		rc = server_create_thread(server);
	}
	if (rc != 0) {
		snprintf(ret_error, size, "cannot start the RPC server on %s: %s%s", path,
			 strerror(-rc), rc == -EMFILE ? "; raise RLIMIT_NOFILE (ulimit -n)" : "");
		goto close_socket;
	}
	ebb_notice("rpc", "listening on %s", path);
	*ret_server = server;
	return 0;
close_socket:
	ebb_rpc_control_fini(server);
	ebb_unix_socket_close(&server->socket);
free_server:
	free(server);
	return rc;
}
