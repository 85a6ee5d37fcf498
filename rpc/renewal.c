/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/renewal.h"

/*
 * A socket whose file has gone is found by nobody, and ebbd cannot be asked anything any more. So
 * its file is watched, and made again where it has gone; in a moment, for who removes the folder
 * with all that is in it is to come to an end. Where it cannot be made (no folder, or another has
 * the path) the folder is watched. All of that sleeps until the kernel tells of a change.
 */

#include <event2/event.h>
#include <string.h>
#include <unistd.h>

#include <ebb/log.h>

#include "core/app/default_socket.h"
#include "rpc/acceptor.h"
#include "rpc/control.h"

#define RENEWAL_PAUSE_MS     100
#define RENEWAL_TRY_AGAIN_MS 1000 /* where the last try has failed */

static void renewal_look_soon(struct rpc_server *server)
{
	int ms = server->renewal_failed ? RENEWAL_TRY_AGAIN_MS : RENEWAL_PAUSE_MS;
	struct timeval pause = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	if (!evtimer_pending(server->renewal_event, NULL)) {
		event_add(server->renewal_event, &pause);
	}
}

/* Return: true: its file is there, and watched. */
static bool renewal_is_found(struct rpc_server *server)
{
	return os_socket_watch_file(&server->watch, server->socket.path) == 0 &&
	       os_unix_socket_is_found(&server->socket);
}

static void renewal_make(struct rpc_server *server)
{
	int old_fd;
	int rc;

	(void)app_default_socket_mkdir(server->socket.path); /* if not, that is told next */
	rc = os_unix_socket_renew(&server->socket, "choose another path with --rpc-socket",
				  &old_fd);
	if (rc == 0) {
		if (rpc_acceptor_listen(server) != 0) {
			ebb_error("rpc", "out of memory to listen on %s: restart ebbd",
				  server->socket.path);
		}
		close(old_fd);
		server->renewal_failed = false;
		ebb_warn("rpc", "%s: somebody has removed this socket; it has been made again",
			 server->socket.path);
	} else if (!server->renewal_failed) {
		server->renewal_failed = true;
		ebb_error("rpc",
			  "%s: somebody has removed this socket, and it cannot be made again: %s",
			  server->socket.path, server->socket.error);
	}
}

static void renewal_look(evutil_socket_t fd, short events, void *arg)
{
	struct rpc_server *server = arg;

	(void)fd;
	(void)events;
	if (renewal_is_found(server)) {
		return;
	}
	/* First this: what changes from here on is told of. */
	(void)os_socket_watch_folder(&server->watch, server->socket.path);
	renewal_make(server);
	if (!server->renewal_failed && !renewal_is_found(server)) {
		renewal_look_soon(server);
	}
}

static void renewal_told(evutil_socket_t fd, short events, void *arg)
{
	struct rpc_server *server = arg;

	(void)fd;
	(void)events;
	os_socket_watch_clear(&server->watch);
	if (!os_unix_socket_is_found(&server->socket)) {
		renewal_look_soon(server);
	}
}

int rpc_renewal_init(struct rpc_server *server)
{
	int rc = os_socket_watch_init(&server->watch);

	if (rc == 0) {
		rc = os_socket_watch_file(&server->watch, server->socket.path);
	}
	if (rc < 0) {
		ebb_notice("rpc", "%s is not watched (%s): if somebody removes it, restart ebbd",
			   server->socket.path, strerror(-rc));
		os_socket_watch_fini(&server->watch);
		return 0;
	}
	server->watch_event = event_new(server->base, server->watch.fd, EV_READ | EV_PERSIST,
					renewal_told, server);
	server->renewal_event = event_new(server->base, -1, 0, renewal_look, server);
	if (server->watch_event == NULL || server->renewal_event == NULL ||
	    event_add(server->watch_event, NULL) != 0) {
		return -ENOMEM;
	}
	return 0;
}

void rpc_renewal_stop(struct rpc_server *server)
{
	if (server->watch_event != NULL) {
		event_del(server->watch_event);
		event_del(server->renewal_event);
	}
	/* It may take the kernel tens of ms to put it away, which the app thread must not wait for. */
	os_socket_watch_fini(&server->watch);
}

void rpc_renewal_fini(struct rpc_server *server)
{
	if (server->watch_event != NULL) {
		event_free(server->watch_event);
	}
	if (server->renewal_event != NULL) {
		event_free(server->renewal_event);
	}
	os_socket_watch_fini(&server->watch);
}
