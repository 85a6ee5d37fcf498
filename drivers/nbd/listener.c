/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Listening. One accept is outstanding on the app thread's ring, so a listener that nobody comes to
 * costs nothing, asleep or polling.
 */

#include "drivers/nbd/listener.h"

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

#include "drivers/nbd/address.h"
#include "drivers/nbd/client.h"
#include "drivers/nbd/threads.h"

#define ACCEPT_PAUSE_US 1000000u
#define SEND_BUFFER     (4 << 20) /* as much of it as the system allows */

struct ebb_list nbd_listeners = EBB_LIST_INIT(nbd_listeners);

static const char *const state_names[NBD_LISTENER_STATE_COUNT] = {
	[NBD_LISTENER_OPENING] = "opening", [NBD_LISTENER_ACCEPTING] = "accepting",
	[NBD_LISTENER_PAUSED] = "paused",   [NBD_LISTENER_CLOSING] = "closing",
	[NBD_LISTENER_CLOSED] = "closed",
};

static const uint32_t state_next[NBD_LISTENER_STATE_COUNT] = {
	[NBD_LISTENER_OPENING] = EBB_BIT(NBD_LISTENER_ACCEPTING),
	[NBD_LISTENER_ACCEPTING] = EBB_BIT(NBD_LISTENER_PAUSED) | EBB_BIT(NBD_LISTENER_CLOSING) |
				   EBB_BIT(NBD_LISTENER_CLOSED),
	[NBD_LISTENER_PAUSED] = EBB_BIT(NBD_LISTENER_ACCEPTING) | EBB_BIT(NBD_LISTENER_CLOSED),
	[NBD_LISTENER_CLOSING] = EBB_BIT(NBD_LISTENER_CLOSED),
};

static const char *listener_name(const struct nbd_listener *listener)
{
	return listener->path != NULL ? listener->path : listener->address;
}

void nbd_listener_set_state(struct nbd_listener *listener, enum nbd_listener_state state)
{
	ebb_assert((state_next[listener->state] & EBB_BIT(state)) != 0);
	ebb_debug("nbd", "%s: %s -> %s", listener_name(listener), state_names[listener->state],
		  state_names[state]);
	listener->state = state;
}

static void listener_spare(struct nbd_listener *listener)
{
	if (listener->spare_fd < 0) {
		listener->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
}

static void listener_spare_drop(struct nbd_listener *listener)
{
	if (listener->spare_fd >= 0) {
		close(listener->spare_fd);
		listener->spare_fd = -1;
	}
}

static void listener_accept(struct nbd_listener *listener)
{
	struct io_uring_sqe *sqe;

	if (listener->state != NBD_LISTENER_ACCEPTING) {
		return;
	}
	sqe = nbd_poll_group_sqe(listener->group, &listener->accept_op);
	if (sqe != NULL) {
		/* Not SOCK_NONBLOCK: only for a socket that blocks does io_uring wait in place. */
		io_uring_prep_accept(sqe, listener->fd, NULL, NULL, SOCK_CLOEXEC);
	}
}

static int listener_pause_end(void *arg)
{
	struct nbd_listener *listener = arg;

	ebb_poller_unregister(&listener->pause);
	nbd_listener_set_state(listener, NBD_LISTENER_ACCEPTING);
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

static void listener_admit(struct nbd_listener *listener, int fd)
{
	static struct ebb_ratelimit limit;
	struct ebb_thread *thread = nbd_threads_pick();
	char peer[96];
	int on = 1, size = SEND_BUFFER;

	nbd_address_peer(fd, peer, sizeof(peer));
	if (nbd_clients_are_full()) {
		if (ebb_ratelimit_ok(&limit)) {
			ebb_warn("nbd", "client %s refused: %u are connected, which is the limit",
				 peer, NBD_CLIENTS_MAX);
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
			ebb_error("nbd", "client %s refused: out of memory", peer);
		}
		close(fd);
	}
}

/* Told once, until a client has been accepted again. */
static void listener_short_of(struct nbd_listener *listener, int error)
{
	if (!listener->is_short) {
		ebb_error("nbd", "%s: no client can be accepted: %s; trying again every second%s",
			  listener_name(listener), strerror(error),
			  error == EMFILE ? "; raise RLIMIT_NOFILE (ulimit -n)" : "");
	}
	listener->is_short = true;
	/* A thread gets its timer when it first sleeps with one, and cannot sleep without. */
	listener_spare_drop(listener);
	listener->pause = ebb_poller_register(listener_pause_end, listener, ACCEPT_PAUSE_US);
	if (listener->pause != NULL) {
		nbd_listener_set_state(listener, NBD_LISTENER_PAUSED);
	}
}

static void listener_close_fd(struct nbd_listener *listener)
{
	close(listener->fd);
	listener->fd = -1;
	listener->unix_socket.fd = -1;
	nbd_listener_set_state(listener, NBD_LISTENER_CLOSED);
}

static void listener_take(struct nbd_listener *listener, int32_t res)
{
	if (listener->state == NBD_LISTENER_CLOSING) {
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

static void listener_accepted(struct ebb_uring_op *uring, int32_t res, uint32_t flags)
{
	struct nbd_listener *listener =
		ebb_container_of(uring, struct nbd_listener, accept_op.uring);
	struct nbd_poll_group *group = nbd_poll_group_begin_callback(&listener->accept_op);

	(void)flags;
	listener_take(listener, res);
	nbd_poll_group_end_callback(group);
}

static void listener_resume(struct nbd_member *member)
{
	listener_accept(ebb_container_of(member, struct nbd_listener, member));
}

struct nbd_listener *nbd_listener_find(const char *path, const char *address, uint16_t port)
{
	struct ebb_list *node;

	ebb_assert(ebb_thread_is_app());
	ebb_list_for_each(node, &nbd_listeners) {
		struct nbd_listener *listener = ebb_list_entry(node, struct nbd_listener, link);

		if (nbd_listener_is_closing(listener) ||
		    (path == NULL) != (listener->path == NULL)) {
			continue;
		}
		if (path != NULL ? strcmp(path, listener->path) == 0
				 : port == listener->port &&
					   nbd_address_same(address, listener->address)) {
			return listener;
		}
	}
	return NULL;
}

static struct nbd_listener *listener_create(const char *path)
{
	struct nbd_listener *listener = calloc(1, sizeof(*listener));

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
	listener->accept_op.uring.complete = listener_accepted;
	ebb_list_init(&listener->exports);
	ebb_list_init(&listener->clients);
	return listener;
}

int nbd_listener_open(const char *path, const char *address, uint16_t port, nbd_admit_fn admit,
		      struct nbd_listener **ret_listener, char *ret_error)
{
	struct nbd_listener *listener;
	int rc;

	ebb_assert(ebb_thread_is_app());
	listener = listener_create(path);
	if (listener == NULL) {
		snprintf(ret_error, NBD_ERROR_TEXT, "out of memory");
		return -ENOMEM;
	}
	listener->group = nbd_poll_group_get();
	rc = nbd_threads_error();
	if (rc != 0) {
		snprintf(ret_error, NBD_ERROR_TEXT,
			 "there is no thread to serve NBD clients (%s): the log has the reason",
			 strerror(-rc));
		goto free_listener;
	}
	if (listener->group == NULL || nbd_threads_pick() == NULL) {
		snprintf(ret_error, NBD_ERROR_TEXT, "%s",
			 "NBD needs io_uring, which this process may not use: the log has the "
			 "remedy");
		rc = -ENOSYS;
		goto free_listener;
	}
	if (path != NULL) {
		rc = os_unix_socket_open(&listener->unix_socket, path, 0600,
					 OS_UNIX_SOCKET_ANY_GROUP, "choose another path");
		listener->fd = listener->unix_socket.fd;
		if (rc != 0) {
			snprintf(ret_error, NBD_ERROR_TEXT, "%s", listener->unix_socket.error);
		}
	} else {
		rc = nbd_address_listen_tcp(address, port, &listener->fd, listener->address,
					    sizeof(listener->address), &listener->port, ret_error);
	}
	if (rc != 0) {
		goto free_listener;
	}
	listener->admit = admit;
	listener_spare(listener);
	nbd_listener_set_state(listener, NBD_LISTENER_ACCEPTING);
	ebb_list_push_back(&nbd_listeners, &listener->link);
	ebb_list_push_back(&listener->group->members, &listener->member.link);
	listener_accept(listener);
	*ret_listener = listener;
	return 0;

free_listener:
	if (listener->group != NULL) {
		nbd_poll_group_put(listener->group);
	}
	free(listener->path);
	free(listener);
	return rc;
}

int nbd_listener_renew(struct nbd_listener *listener, char *ret_error)
{
	int old_fd;
	int rc;

	ebb_assert(ebb_thread_is_app());
	if (listener->path == NULL || os_unix_socket_is_found(&listener->unix_socket)) {
		return 0;
	}
	rc = os_unix_socket_renew(&listener->unix_socket, "choose another path", &old_fd);
	if (rc != 0) {
		snprintf(ret_error, NBD_ERROR_TEXT, "%s", listener->unix_socket.error);
		return rc;
	}
	ebb_warn("nbd",
		 "%s: somebody has removed this socket, and no client found it; it has been made "
		 "again",
		 listener->path);
	listener->fd = listener->unix_socket.fd;
	/* Nobody comes by the old one any more: the accept that waits there ends, and asks anew. */
	close(old_fd);
	nbd_poll_group_cancel(&listener->accept_op);
	listener_accept(listener);
	return 0;
}

void nbd_listener_close(struct nbd_listener *listener,
			void (*closed)(struct nbd_listener *listener))
{
	ebb_assert(ebb_thread_is_app());
	if (nbd_listener_is_closing(listener)) {
		return;
	}
	listener->closed = closed;
	ebb_poller_unregister(&listener->pause);
	listener_spare_drop(listener);
	/* The path is anybody's at once; the accept may take a moment to end. */
	os_unix_socket_unlink(&listener->unix_socket);
	os_unix_socket_unlock(&listener->unix_socket);
	if (nbd_op_busy(&listener->accept_op)) {
		nbd_listener_set_state(listener, NBD_LISTENER_CLOSING);
		nbd_poll_group_cancel(&listener->accept_op);
		return;
	}
	listener_close_fd(listener);
}

bool nbd_listener_put(struct nbd_listener *listener)
{
	ebb_assert(ebb_thread_is_app());
	if (listener->state != NBD_LISTENER_CLOSED || !ebb_list_empty(&listener->clients) ||
	    !ebb_list_empty(&listener->exports)) {
		return false;
	}
	ebb_list_remove(&listener->link);
	ebb_list_remove(&listener->member.link);
	nbd_poll_group_put(listener->group);
	os_unix_socket_close(&listener->unix_socket);
	free(listener->path);
	free(listener);
	return true;
}
