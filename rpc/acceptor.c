/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/acceptor.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <ebb/log.h>

#include "core/method/param.h"
#include "core/os/fd_reserve.h"
#include "rpc/control.h"
#include "rpc/shares.h"

/*
 * A client that cannot be served is told so and sent away, since one that is left waiting would
 * wake this thread for ever. Before that, whoever has not moved for long loses his place to it.
 *
 * A shortage is told once, however many clients it turns away: what is refused within a minute of
 * the last refusal belongs to the same one.
 */

#define ACCEPTS_PER_EVENT 16
#define ACCEPT_PAUSE_MS   250
#define SHORTAGE_NS       (60 * EBB_NS_PER_S)

/* What there is too little of. */
enum shortage {
	SHORT_OF_NOTHING,
	SHORT_OF_PLACES,
	SHORT_OF_FDS,
};

/* True: this is another shortage than that of the last refusal. */
static bool acceptor_is_new_shortage(struct rpc_server *server)
{
	uint64_t now_ns = ebb_clock_now_ns();
	bool is_new = server->refused_ns == 0 || now_ns - server->refused_ns > SHORTAGE_NS;

	server->refused_ns = now_ns;
	return is_new;
}

static void shortage_explain(const struct rpc_server *server, enum shortage shortage,
			     struct ebb_method_error *error)
{
	const struct rpc_connection *largest;
	unsigned num;

	switch (shortage) {
	case SHORT_OF_NOTHING:
		break;
	case SHORT_OF_PLACES:
		largest = rpc_shares_largest(server, &num);
		method_error_set(error, EBB_METHOD_INTERNAL_ERROR,
				 "%u clients are connected, and there is no place for another: "
				 "try again when one has gone (process %d has %u of them)",
				 server->num_connections, largest != NULL ? largest->peer.pid : 0,
				 num);
		break;
	case SHORT_OF_FDS:
		method_error_set(error, EBB_METHOD_INTERNAL_ERROR,
				 "no file descriptor for another client: try again when one has "
				 "gone, or raise RLIMIT_NOFILE of ebbd (ulimit -n)");
		break;
	}
}

/* Closes @fd, and says why. */
static void acceptor_refuse(struct rpc_server *server, int fd, enum shortage shortage)
{
	struct ebb_method_error error;
	struct json_object *answer;
	const char *text;
	size_t len;

	shortage_explain(server, shortage, &error);
	if (acceptor_is_new_shortage(server)) {
		ebb_warn("rpc", "a client of %s is sent away: %s", server->socket.path, error.text);
	}
	answer = rpc_envelope_answer(NULL, NULL, &error);
	text = json_object_to_json_string_length(answer, JSON_C_TO_STRING_PLAIN, &len);
	/* An empty socket takes this much; if not, the client learns it from the close. */
	if (text == NULL || send(fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
		ebb_debug("rpc", "a refused client was not told why: %s", strerror(errno));
	}
	json_object_put(answer);
	close(fd);
}

/* What a client at @fd would need that there is none of. */
static enum shortage acceptor_shortage(const struct rpc_server *server, int fd,
				       const struct ucred *peer)
{
	int needed = rpc_shares_has_few(server, peer) ? fd : fd + RPC_FDS_FEW;

	if (!os_fd_reserve_admits(needed, OS_FD_CONTROL)) {
		return SHORT_OF_FDS;
	}
	return rpc_shares_has_place(server, peer) ? SHORT_OF_NOTHING : SHORT_OF_PLACES;
}

/* A client that is not listened to, as it has too much under way, may have gone unseen. */
static struct rpc_connection *acceptor_gone(const struct rpc_server *server)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &server->connections) {
		struct rpc_connection *connection =
			ebb_list_entry(node, struct rpc_connection, link);
		struct pollfd peer = {.fd = connection->fd};

		if (poll(&peer, 1, 0) > 0 && (peer.revents & (POLLHUP | POLLERR)) != 0) {
			return connection;
		}
	}
	return NULL;
}

/* Takes the place of a client that has gone or does not move. Return: false: there is none. */
static bool acceptor_make_room(struct rpc_server *server)
{
	uint64_t now_ns = ebb_clock_now_ns();
	struct rpc_connection *connection = acceptor_gone(server);

	if (connection == NULL) {
		connection = rpc_shares_stalled(server, now_ns);
		if (connection == NULL) {
			return false;
		}
		ebb_warn("rpc",
			 "process %d of user %u has neither asked nor taken anything for %llu s "
			 "(%zu bytes of answers wait), and another client needs its place: it is "
			 "cut off",
			 connection->peer.pid, connection->peer.uid,
			 (unsigned long long)((now_ns - connection->moved_ns) / EBB_NS_PER_S),
			 rpc_text_bytes(&connection->out));
	}
	rpc_connection_destroy(connection);
	return true;
}

/* To the lowest number that is free now. Return: the new one, or @fd. */
static int fd_move_down(int fd)
{
	int lower = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (lower < 0) {
		return fd;
	}
	if (lower > fd) {
		close(lower);
		return fd;
	}
	close(fd);
	return lower;
}

static void acceptor_take(struct rpc_server *server, int fd)
{
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t len = sizeof(peer);
	enum shortage shortage;

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	shortage = acceptor_shortage(server, fd, &peer);
	if (shortage != SHORT_OF_NOTHING && acceptor_make_room(server)) {
		fd = fd_move_down(fd);
		shortage = acceptor_shortage(server, fd, &peer);
	}
	if (shortage != SHORT_OF_NOTHING) {
		acceptor_refuse(server, fd, shortage);
	} else if (rpc_connection_open(server, fd, &peer) != 0 &&
		   acceptor_is_new_shortage(server)) {
		ebb_error("rpc", "out of memory for another client of %s", server->socket.path);
	}
}

/* A client that can neither be accepted nor refused would wake this thread for ever. */
static void acceptor_pause(struct rpc_server *server)
{
	struct timeval pause = {.tv_usec = ACCEPT_PAUSE_MS * 1000};

	event_del(server->accept_event);
	event_add(server->accept_retry_event, &pause);
}

static void acceptor_retry(evutil_socket_t fd, short events, void *arg)
{
	struct rpc_server *server = arg;

	(void)fd;
	(void)events;
	event_add(server->accept_event, NULL);
}

/*
 * Not even the kept descriptors are free, so nobody can be told: whoever comes waits. If all are
 * held by clients of ours, one of them may have gone or not moved for long.
 */
static void acceptor_starved(struct rpc_server *server)
{
	if (acceptor_make_room(server)) {
		return; /* the listening socket is still readable */
	}
	acceptor_pause(server);
	if (acceptor_is_new_shortage(server)) {
		ebb_warn("rpc",
			 "no file descriptor for a client of %s: raise RLIMIT_NOFILE of ebbd "
			 "(ulimit -n)",
			 server->socket.path);
	}
}

static void acceptor_failed(struct rpc_server *server, int error)
{
	switch (error) {
	case EAGAIN: /* no more clients */
	case EINTR:
	case ECONNABORTED:
		break;
	case EMFILE:
	case ENFILE:
		acceptor_starved(server);
		break;
	default:
		acceptor_pause(server);
		if (acceptor_is_new_shortage(server)) {
			ebb_warn("rpc",
				 "no client of %s can be accepted: %s; trying again and again",
				 server->socket.path, strerror(error));
		}
		break;
	}
}

static void acceptor_readable(evutil_socket_t listen_fd, short events, void *arg)
{
	struct rpc_server *server = arg;

	(void)events;
	for (int i = 0; i < ACCEPTS_PER_EVENT; i++) {
		int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			acceptor_failed(server, errno);
			return;
		}
		acceptor_take(server, fd);
	}
}

void rpc_acceptor_stop(struct rpc_server *server)
{
	event_del(server->accept_event);
	event_del(server->accept_retry_event);
	os_unix_socket_stop(&server->socket);
}

int rpc_acceptor_listen(struct rpc_server *server)
{
	event_del(server->accept_event);
	if (evutil_make_socket_nonblocking(server->socket.fd) != 0 ||
	    event_assign(server->accept_event, server->base, server->socket.fd,
			 EV_READ | EV_PERSIST, acceptor_readable, server) != 0 ||
	    event_add(server->accept_event, NULL) != 0) {
		return -ENOMEM;
	}
	return 0;
}

int rpc_acceptor_init(struct rpc_server *server)
{
	server->accept_event = event_new(server->base, -1, 0, acceptor_readable, server);
	server->accept_retry_event = event_new(server->base, -1, 0, acceptor_retry, server);
	if (server->accept_event == NULL || server->accept_retry_event == NULL) {
		return -ENOMEM;
	}
	return rpc_acceptor_listen(server);
}

void rpc_acceptor_fini(struct rpc_server *server)
{
	if (server->accept_event != NULL) {
		event_free(server->accept_event);
	}
	if (server->accept_retry_event != NULL) {
		event_free(server->accept_retry_event);
	}
}
