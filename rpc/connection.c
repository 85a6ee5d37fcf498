/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/control.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ebb/log.h>

#include "core/method/param.h"
#include "rpc/calls.h"
#include "rpc/load.h"

/*
 * One client. Bytes come in as they like and are cut into JSON values; answers go out as they are
 * ready. A client is held back (its bytes stay where they are) while it has many requests under way
 * or does not read its answers, or has some while there are many of all clients, so what it costs
 * is bounded whatever it does.
 *
 * All events end in advance(), which does what can be done, arms the events for the rest, and
 * closes the connection when nothing is left to do. Nothing else closes one.
 */

/* A broken stream is read on, so far, for its sender to see the error and not a reset. */
#define DRAIN_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define OUT_SIZE_MIN    4096

static size_t out_waiting(const struct rpc_connection *connection)
{
	return connection->out_len - connection->out_offset;
}

static bool connection_held_back(const struct rpc_connection *connection)
{
	return (connection->num_requests >= RPC_CLIENT_FEW &&
		connection->server->num_requests >= RPC_REQUESTS_MAX) ||
	       connection->request_bytes > RPC_CLIENT_IN_HIGH ||
	       out_waiting(connection) > RPC_CLIENT_OUT_HIGH;
}

/* Makes room for @len more bytes at the end of the output. */
static bool out_reserve(struct rpc_connection *connection, size_t len)
{
	size_t need = out_waiting(connection) + len;
	size_t size = connection->out_size != 0 ? connection->out_size : OUT_SIZE_MIN;
	char *grown;

	if (connection->out_offset > 0 && connection->out_len > 0) {
		memmove(connection->out, connection->out + connection->out_offset,
			out_waiting(connection));
	}
	connection->out_len -= connection->out_offset;
	connection->out_offset = 0;
	if (need <= connection->out_size) {
		return true;
	}
	while (size < need) {
		size *= 2;
	}
	grown = realloc(connection->out, size);
	if (grown == NULL) {
		return false;
	}
	connection->out = grown;
	connection->out_size = size;
	return true;
}

void rpc_connection_answer(struct rpc_connection *connection, struct json_object *answer)
{
	size_t len = 0;
	const char *text = json_object_to_json_string_length(
		answer, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);

	if (connection->dead) {
		return;
	}
	if (text != NULL && out_waiting(connection) > 0 &&
	    out_waiting(connection) + len > RPC_CLIENT_OUT_MAX) {
		ebb_warn("rpc",
			 "process %d does not read its answers (%zu bytes wait): it is cut off",
			 connection->peer.pid, out_waiting(connection));
		connection->dead = true;
		return;
	}
	if (answer == NULL || text == NULL || !out_reserve(connection, len + 1)) {
		ebb_error("rpc", "out of memory for an answer to process %d: it is cut off",
			  connection->peer.pid);
		connection->dead = true;
		return;
	}
	memcpy(connection->out + connection->out_len, text, len);
	connection->out[connection->out_len + len] = '\n';
	connection->out_len += len + 1;
	connection->server->churn_bytes += len;
}

static void connection_send(struct rpc_connection *connection)
{
	while (!connection->dead && out_waiting(connection) > 0) {
		ssize_t sent = send(connection->fd, connection->out + connection->out_offset,
				    out_waiting(connection), MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent >= 0) {
			connection->out_offset += (size_t)sent;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			return;
		} else if (errno != EINTR) {
			connection->dead = true;
		}
	}
	if (connection->out_size > RPC_CLIENT_OUT_HIGH) {
		free(connection->out);
		connection->out = NULL;
		connection->out_size = 0;
	}
	connection->out_offset = 0;
	connection->out_len = 0;
}

/* The stream cannot go on: says so, reads no more, and closes when all answers have been sent. */
static void connection_break(struct rpc_connection *connection,
			     const struct ebb_method_error *error)
{
	struct json_object *answer = rpc_envelope_answer(NULL, NULL, error);
	size_t drained = 0;
	ssize_t got = 1;

	rpc_connection_answer(connection, answer);
	json_object_put(answer);
	connection->ended = true;
	connection->in_len = 0;
	while (got > 0 && drained < DRAIN_BYTES_MAX) {
		got = recv(connection->fd, connection->server->read_buffer, RPC_READ_BYTES,
			   MSG_DONTWAIT);
		drained += got > 0 ? (size_t)got : 0;
	}
}

/* Keeps the rest of what was read for when the client is no longer held back. */
static void connection_keep(struct rpc_connection *connection, const char *data, size_t len)
{
	if (len > 0 && connection->in == NULL) {
		connection->in = malloc(RPC_READ_BYTES);
		if (connection->in == NULL) {
			ebb_error("rpc", "out of memory for requests of process %d: it is cut off",
				  connection->peer.pid);
			connection->dead = true;
			return;
		}
	}
	if (len > 0) {
		memmove(connection->in, data, len);
	} else {
		free(connection->in);
		connection->in = NULL;
	}
	connection->in_len = len;
}

/*
 * What the value that is complete now came in, less any white space that is past a value's limit.
 */
static size_t connection_value_bytes(struct rpc_connection *connection)
{
	size_t bytes = connection->value_bytes;

	connection->value_bytes = 0;
	return bytes < RPC_FRAMING_BYTES_MAX ? bytes : RPC_FRAMING_BYTES_MAX;
}

/* Cuts @data into values and runs them, until it is used up or the client must be held back. */
static void connection_parse(struct rpc_connection *connection, const char *data, size_t len)
{
	enum rpc_framing_status status = RPC_FRAMING_VALUE;
	struct ebb_method_error error;
	struct json_object *value;
	size_t used;

	while (len > 0 && !connection->dead && !connection_held_back(connection)) {
		status = rpc_framing_next(&connection->framing, data, len, &used, &value, &error);
		data += used;
		len -= used;
		connection->value_bytes += used;
		if (status == RPC_FRAMING_VALUE) {
			rpc_calls_start(connection, value, connection_value_bytes(connection));
		} else if (status == RPC_FRAMING_BROKEN) {
			connection_break(connection, &error);
			len = 0;
		}
	}
	connection_keep(connection, data, len);
}

/* The client has ended its side: what it has asked for is answered, if it is there to listen. */
static void connection_end(struct rpc_connection *connection)
{
	struct pollfd peer = {.fd = connection->fd};
	struct ebb_method_error error;
	struct json_object *value;

	connection->ended = true;
	switch (rpc_framing_end(&connection->framing, &value, &error)) {
	case RPC_FRAMING_VALUE:
		rpc_calls_start(connection, value, connection_value_bytes(connection));
		break;
	case RPC_FRAMING_BROKEN:
		connection_break(connection, &error);
		break;
	case RPC_FRAMING_MORE:
		break;
	}
	if (poll(&peer, 1, 0) > 0 && (peer.revents & (POLLHUP | POLLERR)) != 0) {
		connection->dead = true; /* closed, not only half */
	}
}

static void connection_update_events(struct rpc_connection *connection)
{
	bool reading =
		!connection->ended && !connection_held_back(connection) && connection->in_len == 0;
	bool writing = out_waiting(connection) > 0;

	if (reading != connection->reading) {
		if (reading) {
			event_add(connection->read_event, NULL);
		} else {
			event_del(connection->read_event);
		}
		connection->reading = reading;
	}
	if (writing != connection->writing) {
		if (writing) {
			event_add(connection->write_event, NULL);
		} else {
			event_del(connection->write_event);
		}
		connection->writing = writing;
	}
}

void rpc_connection_advance(struct rpc_connection *connection)
{
	bool stopping = connection->server->stopping;

	connection_send(connection);
	while (!stopping && connection->in_len > 0 && !connection->dead &&
	       !connection_held_back(connection)) {
		connection_parse(connection, connection->in, connection->in_len);
		connection_send(connection);
	}
	if (stopping) {
		connection->ended = true;
		connection->in_len = 0;
	}
	if (connection->dead || (connection->ended && connection->in_len == 0 &&
				 connection->num_requests == 0 && out_waiting(connection) == 0)) {
		rpc_connection_destroy(connection);
		return;
	}
	connection_update_events(connection);
}

static void connection_readable(evutil_socket_t fd, short events, void *arg)
{
	struct rpc_connection *connection = arg;
	char *buffer = connection->server->read_buffer;
	ssize_t got = recv(fd, buffer, RPC_READ_BYTES, MSG_DONTWAIT);

	(void)events;
	if (got > 0) {
		connection_parse(connection, buffer, (size_t)got);
	} else if (got == 0) {
		connection_end(connection);
	} else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
		connection->dead = true;
	}
	rpc_connection_advance(connection);
}

static void connection_writable(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	rpc_connection_advance(arg);
}

int rpc_connection_open(struct rpc_server *server, int fd)
{
	struct rpc_connection *connection = calloc(1, sizeof(*connection));
	socklen_t len = sizeof(connection->peer);

	if (connection == NULL) {
		close(fd);
		return -ENOMEM;
	}
	connection->server = server;
	connection->fd = fd;
	rpc_framing_init(&connection->framing, RPC_FRAMING_BYTES_MAX);
	ebb_list_init(&connection->requests);
	ebb_list_push_back(&server->connections, &connection->link);
	server->num_connections++;
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &connection->peer, &len);
	connection->read_event =
		event_new(server->base, fd, EV_READ | EV_PERSIST, connection_readable, connection);
	connection->write_event =
		event_new(server->base, fd, EV_WRITE | EV_PERSIST, connection_writable, connection);
	if (connection->read_event == NULL || connection->write_event == NULL) {
		rpc_connection_destroy(connection);
		return -ENOMEM;
	}
	connection_update_events(connection);
	return 0;
}

void rpc_connection_destroy(struct rpc_connection *connection)
{
	struct rpc_server *server = connection->server;
	struct ebb_list *node;

	while ((node = ebb_list_pop_front(&connection->requests)) != NULL) {
		ebb_list_entry(node, struct rpc_request, link)->connection = NULL;
	}
	ebb_list_remove(&connection->link);
	server->num_connections--;
	if (connection->read_event != NULL) {
		event_free(connection->read_event);
	}
	if (connection->write_event != NULL) {
		event_free(connection->write_event);
	}
	rpc_framing_fini(&connection->framing);
	close(connection->fd);
	free(connection->in);
	free(connection->out);
	free(connection);
	rpc_load_release(server);
	if (server->stopping && ebb_list_empty(&server->connections)) {
		event_base_loopbreak(server->base);
	}
}
