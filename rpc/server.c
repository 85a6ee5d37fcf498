/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>
#include <ebb/log.h>

#include "core/event/os_thread.h"
#include "core/os/remedy.h"
#include "rpc/control.h"
#include "rpc/dispatch.h"

/* The server from its start to its end, on the app thread. */

void rpc_server_pause(struct rpc_server *server)
{
	ebb_assert(ebb_thread_is_app());
	server->paused = true;
}

void rpc_server_resume(struct rpc_server *server)
{
	ebb_assert(ebb_thread_is_app());
	server->paused = false;
	rpc_dispatch_waiting(server);
}

void rpc_server_refuse(struct rpc_server *server)
{
	ebb_assert(ebb_thread_is_app());
	server->refusing = true;
	rpc_dispatch_refuse(server);
}

/* The control thread has sent its last message: what it has left behind is freed here. */
static void server_ended(void *arg)
{
	struct rpc_server *server = arg;
	void (*stopped)(void *stopped_arg) = server->stopped;
	void *stopped_arg = server->stopped_arg;
	struct ebb_msg *msg;

	pthread_join(server->pthread, NULL);
	for (msg = rpc_mailbox_take(&server->to_control); msg != NULL;) {
		struct ebb_msg *next = msg->next;
		struct rpc_request *request = msg->arg; /* the stop was taken before */

		if (msg == &request->back) {
			rpc_request_free(request);
		}
		msg = next;
	}
	rpc_control_fini(server);
	os_unix_socket_close(&server->socket);
	rpc_dispatch_close(server);
	stopped(stopped_arg);
}

void rpc_server_stop(struct rpc_server *server, void (*done)(void *arg), void *arg)
{
	ebb_assert(ebb_thread_is_app());
	rpc_server_refuse(server);
	server->stopped = done;
	server->stopped_arg = arg;
	ebb_msg_init(&server->ended_msg, server_ended, server);
	ebb_msg_init(&server->stop_msg, rpc_control_stop, server);
	rpc_mailbox_send(&server->to_control, &server->stop_msg);
}

int rpc_server_start(const char *path, mode_t mode, struct rpc_server **ret_server, char *ret_error,
		     size_t size)
{
	struct rpc_server *server;
	int rc;

	ebb_assert(ebb_thread_is_app());
	server = calloc(1, sizeof(*server));
	if (server == NULL) {
		snprintf(ret_error, size, "out of memory for the RPC server");
		return -ENOMEM;
	}
	server->to_control.fd = -1;
	server->watch.fd = -1;
	server->app_thread = ebb_thread_app();
	ebb_msg_init(&server->go_msg, rpc_dispatch_go, server);
	ebb_msg_init(&server->left_msg, rpc_dispatch_left, server);
	ebb_list_init(&server->ready);
	ebb_list_init(&server->waiting);
	ebb_list_init(&server->running);
	rc = os_unix_socket_open(&server->socket, path, mode, OS_UNIX_SOCKET_ANY_GROUP,
				 "choose another path with --rpc-socket");
	if (rc != 0) {
		snprintf(ret_error, size, "%s", server->socket.error);
		goto free_server;
	}
	rc = rpc_control_init(server);
	if (rc == 0) {
		rc = event_os_thread_start(&server->pthread, "ebb-rpc", rpc_control_main, server);
	}
	if (rc != 0) {
		snprintf(ret_error, size, "cannot start the RPC server on %s: %s%s", path,
			 strerror(-rc), os_remedy(-rc));
		goto close_socket;
	}
	ebb_notice("rpc", "listening on %s", path);
	*ret_server = server;
	return 0;
close_socket:
	rpc_control_fini(server);
	os_unix_socket_close(&server->socket);
free_server:
	free(server);
	return rc;
}
