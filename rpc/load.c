/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/load.h"

#include <event2/event.h>
#include <malloc.h>

#include "rpc/control.h"

#define TRIM_BYTES   (1u << 20) /* that are worth it */
#define TRIM_PAUSE_S 1

void rpc_load_trim(evutil_socket_t fd, short events, void *arg)
{
	struct rpc_server *server = arg;

	(void)fd;
	(void)events;
	if (server->num_requests == 0) {
		server->churn_bytes = 0;
		malloc_trim(0);
	}
}

/* Clients were held back for others' sake, and need not be any more. */
static void load_has_room(struct rpc_server *server)
{
	if (!server->stopping) {
		event_active(server->room_event, 0, 0);
	}
}

void rpc_load_add_answer(struct rpc_server *server, size_t bytes)
{
	server->answer_bytes += bytes;
	server->churn_bytes += bytes;
}

void rpc_load_drop_answer(struct rpc_server *server, size_t bytes)
{
	bool was_full = server->answer_bytes >= RPC_ANSWERS_MAX;

	server->answer_bytes -= bytes;
	if (was_full && server->answer_bytes < RPC_ANSWERS_MAX) {
		load_has_room(server);
	}
}

void rpc_load_release(struct rpc_server *server)
{
	struct timeval pause = {.tv_sec = TRIM_PAUSE_S};

	if (server->stopping) {
		return;
	}
	if (server->num_requests == RPC_REQUESTS_MAX - 1) {
		load_has_room(server);
	}
	if (server->num_requests == 0 && server->churn_bytes >= TRIM_BYTES &&
	    !event_pending(server->trim_event, EV_TIMEOUT, NULL)) {
		event_add(server->trim_event, &pause);
	}
}
