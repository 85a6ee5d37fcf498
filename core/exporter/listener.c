/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Listening. One accept is outstanding on the app thread, so a listener that nobody comes to
 * costs nothing, asleep or polling.
 */

#include "core/exporter/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ebb/assert.h>
#include <ebb/log.h>
#include <ebb/poller.h>

#include "core/exporter/address.h"
#include "core/exporter/client.h"
#include "core/exporter/threads.h"

#define ACCEPT_PAUSE_US 1000000u
#define SEND_BUFFER     (4 << 20) /* as much of it as the system allows */

struct ebb_list exporter_listeners = EBB_LIST_INIT(exporter_listeners);

static const char *const state_names[EXPORTER_LISTENER_STATE_COUNT] = {
	[EXPORTER_LISTENER_OPENING] = "opening", [EXPORTER_LISTENER_ACCEPTING] = "accepting",
	[EXPORTER_LISTENER_PAUSED] = "paused",   [EXPORTER_LISTENER_CLOSING] = "closing",
	[EXPORTER_LISTENER_CLOSED] = "closed",
};

static const uint32_t state_next[EXPORTER_LISTENER_STATE_COUNT] = {
	[EXPORTER_LISTENER_OPENING] = EBB_BIT(EXPORTER_LISTENER_ACCEPTING),
	[EXPORTER_LISTENER_ACCEPTING] = EBB_BIT(EXPORTER_LISTENER_PAUSED) |
					EBB_BIT(EXPORTER_LISTENER_CLOSING) |
					EBB_BIT(EXPORTER_LISTENER_CLOSED),
	[EXPORTER_LISTENER_PAUSED] =
		EBB_BIT(EXPORTER_LISTENER_ACCEPTING) | EBB_BIT(EXPORTER_LISTENER_CLOSED),
	[EXPORTER_LISTENER_CLOSING] = EBB_BIT(EXPORTER_LISTENER_CLOSED),
};

static const char *listener_name(const struct exporter_listener *listener)
{
	return listener->path != NULL ? listener->path : listener->address;
}

void exporter_listener_set_state(struct exporter_listener *listener,
				 enum exporter_listener_state state)
{
	ebb_assert((state_next[listener->state] & EBB_BIT(state)) != 0);
	ebb_debug("exporter", "%s: %s -> %s", listener_name(listener), state_names[listener->state],
		  state_names[state]);
	listener->state = state;
}

static void listener_spare(struct exporter_listener *listener)
{
	if (listener->spare_fd < 0) {
		listener->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
}

static void listener_spare_drop(struct exporter_listener *listener)
{
	if (listener->spare_fd >= 0) {
		close(listener->spare_fd);
		listener->spare_fd = -1;
	}
}

static void listener_accept(struct exporter_listener *listener)
{
	if (listener->state == EXPORTER_LISTENER_ACCEPTING &&
	    exporter_poll_group_may_begin(listener->group, &listener->accept_op)) {
		exporter_op_accept(&listener->group->ops, &listener->accept_op, listener->fd);
	}
}

static int listener_pause_end(void *arg)
{
	struct exporter_listener *listener = arg;

	ebb_poller_unregister(&listener->pause);
	exporter_listener_set_state(listener, EXPORTER_LISTENER_ACCEPTING);
	listener_accept(listener);
	return 1;
}

/*
 * A host that is gone says nothing, and its connection would stay for ever. It is the kernel that
 * asks, and hangs up after a minute of silence; it wakes nobody for that.
 */
static void listener_keep_alive(int fd)
{
	int on = 1, idle_s = 30, interval_s = 10, probes = 3;
	unsigned timeout_ms = 60000;

	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
}

static void listener_admit(struct exporter_listener *listener, int fd)
{
	static struct ebb_ratelimit limit;
	struct ebb_thread *thread = exporter_threads_pick();
	char peer[96];
	int on = 1, size = SEND_BUFFER;

	exporter_address_peer(fd, peer, sizeof(peer));
	if (exporter_clients_are_full()) {
		if (ebb_ratelimit_ok(&limit)) {
			ebb_warn("exporter",
				 "client %s refused: %u are connected, which is the limit", peer,
				 EXPORTER_CLIENTS_MAX);
		}
		close(fd);
		return;
	}
	if (listener->path == NULL) {
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		listener_keep_alive(fd);
	} else {
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	}
	if (thread == NULL || !listener->admit(listener, fd, peer, thread)) {
		if (ebb_ratelimit_ok(&limit)) {
			ebb_error("exporter", "client %s refused: out of memory", peer);
		}
		close(fd);
	}
}

/* Told once, until a client has been accepted again. */
static void listener_short_of(struct exporter_listener *listener, int error)
{
	if (!listener->is_short) {
		ebb_error("exporter",
			  "%s: no client can be accepted: %s; trying again every second%s",
			  listener_name(listener), strerror(error),
			  error == EMFILE ? "; raise RLIMIT_NOFILE (ulimit -n)" : "");
	}
	listener->is_short = true;
	/* A thread gets its timer when it first sleeps with one, and cannot sleep without. */
	listener_spare_drop(listener);
	listener->pause = ebb_poller_register(listener_pause_end, listener, ACCEPT_PAUSE_US);
	if (listener->pause != NULL) {
		exporter_listener_set_state(listener, EXPORTER_LISTENER_PAUSED);
	}
}

static void listener_close_fd(struct exporter_listener *listener)
{
	close(listener->fd);
	listener->fd = -1;
	listener->unix_socket.fd = -1;
	exporter_listener_set_state(listener, EXPORTER_LISTENER_CLOSED);
}

static void listener_take(struct exporter_listener *listener, int32_t res)
{
	if (listener->state == EXPORTER_LISTENER_CLOSING) {
		if (res >= 0) {
			close(res);
		}
		listener_close_fd(listener);
		listener->closed(listener);
		return;
	}
	if (res >= 0) {
		listener->is_short = false;
		listener_spare(listener);
		listener_admit(listener, res);
	} else if (res != -ECANCELED && res != -EINTR && res != -ECONNABORTED) {
		/* Short of descriptors or memory: at once again would be for ever again. */
		listener_short_of(listener, -res);
	}
	listener_accept(listener);
}

static void listener_accepted(struct exporter_op *op, int32_t res)
{
	struct exporter_listener *listener =
		ebb_container_of(op, struct exporter_listener, accept_op);
	struct exporter_poll_group *group = listener->group;

	listener_take(listener, res);
	exporter_poll_group_end_callback(group);
}

static void listener_resume(struct exporter_member *member)
{
	listener_accept(ebb_container_of(member, struct exporter_listener, member));
}

struct exporter_listener *exporter_listener_find(const char *path, const char *address,
						 uint16_t port)
{
	struct ebb_list *node;

	ebb_assert(ebb_thread_is_app());
	ebb_list_for_each(node, &exporter_listeners) {
		struct exporter_listener *listener =
			ebb_list_entry(node, struct exporter_listener, link);

		if (exporter_listener_is_closing(listener) ||
		    (path == NULL) != (listener->path == NULL)) {
			continue;
		}
		if (path != NULL ? strcmp(path, listener->path) == 0
				 : port == listener->port &&
					   exporter_address_same(address, listener->address)) {
			return listener;
		}
	}
	return NULL;
}

static struct exporter_listener *listener_create(const char *path)
{
	struct exporter_listener *listener = calloc(1, sizeof(*listener));

	if (listener == NULL) {
		return NULL;
	}
	if (path != NULL) {
		listener->path = strdup(path);
		if (listener->path == NULL) {
			free(listener);
			return NULL;
		}
	}
	listener->fd = -1;
	listener->unix_socket = (struct os_unix_socket){.fd = -1, .lock_fd = -1};
	listener->spare_fd = -1;
	listener->member.resume = listener_resume;
	listener->accept_op.complete = listener_accepted;
	ebb_list_init(&listener->exports);
	ebb_list_init(&listener->clients);
	return listener;
}

int exporter_listener_open(const char *path, const char *address, uint16_t port,
			   exporter_admit_fn admit, struct exporter_listener **ret_listener,
			   char *ret_error)
{
	struct exporter_listener *listener;
	int rc;

	ebb_assert(ebb_thread_is_app());
	listener = listener_create(path);
	if (listener == NULL) {
		snprintf(ret_error, EXPORTER_ERROR_TEXT, "out of memory");
		return -ENOMEM;
	}
	listener->group = exporter_poll_group_get();
	rc = exporter_threads_error();
	if (rc != 0) {
		snprintf(ret_error, EXPORTER_ERROR_TEXT,
			 "there is no thread to serve clients (%s): the log has the reason",
			 strerror(-rc));
		goto free_listener;
	}
	if (listener->group == NULL || exporter_threads_pick() == NULL) {
		snprintf(ret_error, EXPORTER_ERROR_TEXT, "%s",
			 "serving clients needs io_uring, which this process may not use: the log "
			 "has the "
			 "remedy");
		rc = -ENOSYS;
		goto free_listener;
	}
	if (path != NULL) {
		rc = os_unix_socket_open(&listener->unix_socket, path, 0600, "choose another path");
		listener->fd = listener->unix_socket.fd;
		if (rc != 0) {
			snprintf(ret_error, EXPORTER_ERROR_TEXT, "%s", listener->unix_socket.error);
		}
	} else {
		rc = exporter_address_listen_tcp(address, port, &listener->fd, listener->address,
						 sizeof(listener->address), &listener->port,
						 ret_error);
	}
	if (rc != 0) {
		goto free_listener;
	}
	listener->admit = admit;
	listener_spare(listener);
	exporter_listener_set_state(listener, EXPORTER_LISTENER_ACCEPTING);
	ebb_list_push_back(&exporter_listeners, &listener->link);
	ebb_list_push_back(&listener->group->members, &listener->member.link);
	listener_accept(listener);
	*ret_listener = listener;
	return 0;

free_listener:
	if (listener->group != NULL) {
		exporter_poll_group_put(listener->group);
	}
	free(listener->path);
	free(listener);
	return rc;
}

int exporter_listener_renew(struct exporter_listener *listener, char *ret_error)
{
	int old_fd;
	int rc;

	ebb_assert(ebb_thread_is_app());
	if (listener->path == NULL || os_unix_socket_is_found(&listener->unix_socket)) {
		return 0;
	}
	rc = os_unix_socket_renew(&listener->unix_socket, "choose another path", &old_fd);
	if (rc != 0) {
		snprintf(ret_error, EXPORTER_ERROR_TEXT, "%s", listener->unix_socket.error);
		return rc;
	}
	ebb_warn("exporter",
		 "%s: somebody has removed this socket, and no client found it; it has been made "
		 "again",
		 listener->path);
	listener->fd = listener->unix_socket.fd;
	/* Nobody comes by the old one any more: the accept that waits there ends, and asks anew. */
	close(old_fd);
	exporter_op_cancel(&listener->accept_op);
	listener_accept(listener);
	return 0;
}

void exporter_listener_close(struct exporter_listener *listener,
			     void (*closed)(struct exporter_listener *listener))
{
	ebb_assert(ebb_thread_is_app());
	if (exporter_listener_is_closing(listener)) {
		return;
	}
	listener->closed = closed;
	ebb_poller_unregister(&listener->pause);
	listener_spare_drop(listener);
	/* The path is anybody's at once; the accept may take a moment to end. */
	os_unix_socket_unlink(&listener->unix_socket);
	os_unix_socket_unlock(&listener->unix_socket);
	if (exporter_op_busy(&listener->accept_op)) {
		exporter_listener_set_state(listener, EXPORTER_LISTENER_CLOSING);
		exporter_op_cancel(&listener->accept_op);
		return;
	}
	listener_close_fd(listener);
}

bool exporter_listener_put(struct exporter_listener *listener)
{
	ebb_assert(ebb_thread_is_app());
	if (listener->state != EXPORTER_LISTENER_CLOSED || !ebb_list_empty(&listener->clients) ||
	    !ebb_list_empty(&listener->exports)) {
		return false;
	}
	ebb_list_remove(&listener->link);
	ebb_list_remove(&listener->member.link);
	exporter_poll_group_put(listener->group);
	os_unix_socket_close(&listener->unix_socket);
	free(listener->path);
	free(listener);
	return true;
}
