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
#include "rpc/outbox.h"
#include "rpc/shares.h"

/*
 * One client. Bytes come in as they like and are cut into JSON values; answers go out as they are
 * ready. A client is held back (its bytes stay where they are) while it has more than its share
 * (shares.h), so what it costs is bounded whatever it does.
 *
 * All events end in advance(), which does what can be done, arms the events for the rest, and
 * closes the connection when nothing is left to do. Nothing else closes one.
 */

/* A broken stream is read on, so far, for its sender to see the error and not a reset. */
#define DRAIN_BYTES_MAX ((size_t)4 * 1024 * 1024)

/* Answers what is no request of any kind. */
static void connection_tell(struct rpc_connection *connection, const struct ebb_method_error *error)
{
	struct json_object *answer = rpc_envelope_answer(NULL, NULL, error);
	struct rpc_text text = {.data = NULL};
	const char *line;
	size_t len = 0;

	line = json_object_to_json_string_length(
		answer, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	if (answer != NULL && line != NULL && rpc_text_add(&text, line, len) &&
	    rpc_text_add(&text, "\n", 1)) {
		rpc_load_add_answer(connection->server, len + 1);
		rpc_outbox_add(connection, &text);
		rpc_load_drop_answer(connection->server, rpc_text_bytes(&text));
	}
	rpc_text_fini(&text);
	json_object_put(answer);
}

/* The stream cannot go on: says so, reads no more, and closes when all answers have been sent. */
static void connection_break(struct rpc_connection *connection,
			     const struct ebb_method_error *error)
{
	size_t drained = 0;
	ssize_t got = 1;

	connection_tell(connection, error);
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
	if (len == 0) {
		free(connection->in);
		connection->in = NULL;
		connection->in_len = 0;
		return;
	}
	if (connection->in == NULL) {
		connection->in = malloc(len);
		if (connection->in == NULL) {
			ebb_error("rpc", "out of memory for requests of process %d: it is cut off",
				  connection->peer.pid);
			connection->dead = true;
			return;
		}
		memcpy(connection->in, data, len);
		data = connection->in;
	}
	connection->in_offset = (size_t)(data - connection->in);
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

	while (len > 0 && !connection->dead && rpc_shares_may_ask(connection)) {
		status = rpc_framing_next(&connection->framing, data, len, &used, &value, &error);
		data += used;
		len -= used;
		connection->value_bytes += used;
		if (status == RPC_FRAMING_VALUE) {
			rpc_calls_start(connection, value, connection_value_bytes(connection),
					connection->framing.value_memory);
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
		rpc_calls_start(connection, value, connection_value_bytes(connection),
				connection->framing.value_memory);
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

static void connection_set_reading(struct rpc_connection *connection, bool reading)
{
	if (reading == connection->reading) {
		return;
	}
	if (reading) {
		event_add(connection->read_event, NULL);
	} else {
		event_del(connection->read_event);
	}
	connection->reading = reading;
}

static void connection_set_writing(struct rpc_connection *connection, bool writing)
{
	if (writing == connection->writing) {
		return;
	}
	if (writing) {
		event_add(connection->write_event, NULL);
	} else {
		event_del(connection->write_event);
	}
	connection->writing = writing;
}

static void connection_update_events(struct rpc_connection *connection)
{
	connection_set_reading(connection, !connection->ended && connection->in_len == 0 &&
						   rpc_shares_may_ask(connection));
	connection_set_writing(connection, rpc_text_bytes(&connection->out) > 0);
}

static bool connection_is_done(const struct rpc_connection *connection)
{
	return connection->dead ||
	       (connection->ended && connection->in_len == 0 && connection->num_requests == 0 &&
		rpc_text_bytes(&connection->out) == 0);
}

static bool connection_may_parse(const struct rpc_connection *connection)
{
	return !connection->server->stopping && connection->in_len > 0 &&
	       rpc_shares_may_ask(connection);
}

/* Each answer that is sent may let the next call be made, and each request be looked at. */
static bool connection_goes_on(const struct rpc_connection *connection)
{
	return !connection->dead &&
	       (connection_may_parse(connection) ||
		(!ebb_list_empty(&connection->ready) && rpc_shares_may_call(connection)));
}

void rpc_connection_advance(struct rpc_connection *connection)
{
	rpc_outbox_send(connection);
	while (connection_goes_on(connection)) {
		rpc_calls_advance(connection);
		if (connection_may_parse(connection)) {
			connection_parse(connection, connection->in + connection->in_offset,
					 connection->in_len);
		}
		rpc_outbox_send(connection);
	}
	if (connection->server->stopping) {
		connection->ended = true;
		connection->in_len = 0;
	}
	if (connection_is_done(connection)) {
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
		rpc_shares_moved(connection);
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

int rpc_connection_open(struct rpc_server *server, int fd, const struct ucred *peer)
{
	struct rpc_connection *connection = calloc(1, sizeof(*connection));

	if (connection == NULL) {
		close(fd);
		return -ENOMEM;
	}
	connection->server = server;
	connection->fd = fd;
	rpc_framing_init(&connection->framing, RPC_FRAMING_BYTES_MAX);
	ebb_list_init(&connection->requests);
	ebb_list_init(&connection->ready);
	ebb_list_init(&connection->advance_link);
	ebb_list_push_back(&server->connections, &connection->link);
	server->num_connections++;
	connection->peer = *peer;
	rpc_shares_moved(connection);
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

	while (!ebb_list_empty(&connection->requests)) {
		struct rpc_request *request =
			ebb_list_first(&connection->requests, struct rpc_request, link);
		bool is_ready = !ebb_list_empty(&request->ready_link);

		rpc_request_unlink(request);
		if (is_ready) {
			rpc_calls_drop(request); /* nobody else has it */
		} else {
			rpc_calls_leave(request);
		}
	}
	ebb_list_remove(&connection->link);
	ebb_list_remove(&connection->advance_link);
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
	rpc_load_drop_answer(server, rpc_text_bytes(&connection->out));
	rpc_text_fini(&connection->out);
	free(connection);
	rpc_load_release(server);
	if (server->stopping && ebb_list_empty(&server->connections)) {
		event_base_loopbreak(server->base);
	}
}
