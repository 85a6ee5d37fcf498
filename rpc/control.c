/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/control.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <unistd.h>

#include <ebb/log.h>

#include "rpc/acceptor.h"
#include "rpc/calls.h"
#include "rpc/load.h"
#include "rpc/renewal.h"

/*
 * The control thread: one libevent loop. It has no timer while it serves, unless the process is
 * short of what accept() needs or the socket's file has gone, and once after many requests; so it
 * sleeps until a client or the app thread wants something.
 *
 * It stops last of all, when nothing is left that a call could wait for: a call that does not end
 * at once never will, and is answered with an error. Its client has a second to take that.
 */

#define STOP_CALLS_US  100000
#define STOP_CLIENTS_S 1
#define LIBEVENT_FDS   4u /* at least as many as it opens for a base */

/* Clients that were held back, for there were too many requests of all. */
static void control_room(evutil_socket_t fd, short events, void *arg)
{
	struct rpc_server *server = arg;
	struct ebb_list *node;
	struct ebb_list *tmp;

	(void)fd;
	(void)events;
	ebb_list_for_each_safe(node, tmp, &server->connections) {
		rpc_connection_advance(ebb_list_entry(node, struct rpc_connection, link));
	}
}

static void control_wake(evutil_socket_t fd, short events, void *arg)
{
	struct rpc_server *server = arg;
	struct ebb_list *node;
	struct ebb_msg *msg;

	(void)fd;
	(void)events;
	if (!rpc_mailbox_woken(&server->to_control)) {
		return;
	}
	msg = rpc_mailbox_take(&server->to_control);
	while (msg != NULL) {
		struct ebb_msg *next = msg->next;

		msg->fn(msg->arg);
		msg = next;
	}
	while ((node = ebb_list_pop_front(&server->advancing)) != NULL) {
		rpc_connection_advance(ebb_list_entry(node, struct rpc_connection, advance_link));
	}
}

static void control_abandon_calls(struct rpc_server *server)
{
	struct ebb_list *node;
	struct ebb_list *tmp;

	ebb_list_for_each_safe(node, tmp, &server->connections) {
		struct rpc_connection *connection =
			ebb_list_entry(node, struct rpc_connection, link);

		while (!ebb_list_empty(&connection->requests)) {
			rpc_calls_abandon(
				ebb_list_first(&connection->requests, struct rpc_request, link));
		}
		rpc_connection_advance(connection);
	}
}

/* First for the calls, then for the clients. */
static void control_deadline(evutil_socket_t fd, short events, void *arg)
{
	struct rpc_server *server = arg;
	struct timeval limit = {.tv_sec = STOP_CLIENTS_S};

	(void)fd;
	(void)events;
	if (!server->calls_abandoned) {
		server->calls_abandoned = true;
		event_add(server->deadline_event, &limit);
		control_abandon_calls(server);
		return;
	}
	ebb_warn("rpc", "%u clients have not taken their answers in %d s: they are cut off",
		 server->num_connections, STOP_CLIENTS_S);
	event_base_loopbreak(server->base);
}

void rpc_control_stop(void *arg)
{
	struct rpc_server *server = arg;
	struct timeval limit = {.tv_usec = STOP_CALLS_US};
	struct ebb_list *node;
	struct ebb_list *tmp;

	server->stopping = true;
	rpc_acceptor_stop(server);
	event_del(server->trim_event);
	rpc_renewal_stop(server);
	event_add(server->deadline_event, &limit);
	if (ebb_list_empty(&server->connections)) {
		event_base_loopbreak(server->base); /* else the last to go does that */
	}
	ebb_list_for_each_safe(node, tmp, &server->connections) {
		rpc_connection_advance(ebb_list_entry(node, struct rpc_connection, link));
	}
}

void *rpc_control_main(void *arg)
{
	struct rpc_server *server = arg;
	struct ebb_list *node;
	struct ebb_list *tmp;

	event_base_dispatch(server->base);
	ebb_list_for_each_safe(node, tmp, &server->connections) {
		rpc_connection_destroy(ebb_list_entry(node, struct rpc_connection, link));
	}
	/* The app thread runs the stop, so it is there to take this. */
	ebb_thread_send(server->app_thread, &server->ended_msg);
	return NULL;
}

/* libevent ends the process where it gets no descriptors, so see first whether it will. */
static bool control_has_fds(int some_fd)
{
	int fds[LIBEVENT_FDS];
	unsigned num = 0;
	bool enough;

	while (num < LIBEVENT_FDS && (fds[num] = fcntl(some_fd, F_DUPFD_CLOEXEC, 0)) >= 0) {
		num++;
	}
	enough = num == LIBEVENT_FDS;
	while (num > 0) {
		close(fds[--num]);
	}
	return enough;
}

static struct event_base *control_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (config == NULL) {
		return NULL;
	}
	/* One thread only touches it; with so few timers there is no time worth caching. */
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
	event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

int rpc_control_init(struct rpc_server *server)
{
	int rc;

	ebb_list_init(&server->connections);
	ebb_list_init(&server->advancing);
	rc = rpc_mailbox_init(&server->to_control);
	if (rc < 0) {
		return rc;
	}
	if (!control_has_fds(server->to_control.fd)) {
		return -EMFILE;
	}
	server->base = control_base();
	if (server->base == NULL) {
		return -ENOMEM;
	}
	server->wake_event = event_new(server->base, server->to_control.fd, EV_READ | EV_PERSIST,
				       control_wake, server);
	server->deadline_event = event_new(server->base, -1, 0, control_deadline, server);
	server->room_event = event_new(server->base, -1, 0, control_room, server);
	server->trim_event = event_new(server->base, -1, 0, rpc_load_trim, server);
	if (server->wake_event == NULL || server->deadline_event == NULL ||
	    server->room_event == NULL || server->trim_event == NULL ||
	    event_add(server->wake_event, NULL) != 0) {
		return -ENOMEM;
	}
	rc = rpc_acceptor_init(server);
	return rc == 0 ? rpc_renewal_init(server) : rc;
}

static void event_free_any(struct event *event)
{
	if (event != NULL) {
		event_free(event);
	}
}

void rpc_control_fini(struct rpc_server *server)
{
	rpc_acceptor_fini(server);
	event_free_any(server->wake_event);
	event_free_any(server->deadline_event);
	event_free_any(server->room_event);
	event_free_any(server->trim_event);
	rpc_renewal_fini(server);
	if (server->base != NULL) {
		event_base_free(server->base);
	}
	rpc_mailbox_fini(&server->to_control);
}
