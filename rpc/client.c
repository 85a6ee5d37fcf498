/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/client.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <ebb/clock.h>

#include "core/method/param.h"

/* Answers may be longer than requests: that of 50,000 bdevs, say. */
#define CLIENT_ANSWER_MAX ((size_t)64 * 1024 * 1024)

static int EBB_PRINTF(3, 4) client_fail(struct rpc_client *client, int rc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(client->error, sizeof(client->error), format, args);
	va_end(args);
	return rc;
}

static int client_fail_connect(struct rpc_client *client, const char *path, int error)
{
	struct stat st;

	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return client_fail(client, -error,
				   "there is no socket %s: start ebbd, or name its socket with -s",
				   path);
	case ECONNREFUSED:
		if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
			return client_fail(client, -error,
					   "%s is not a socket: name that of ebbd with -s", path);
		}
		return client_fail(
			client, -error,
			"nobody listens on socket %s: its ebbd has ended; start it again, "
			"or name another socket with -s",
			path);
	case EACCES:
	case EPERM:
		return client_fail(
			client, -error,
			"no permission for socket %s: run this as the user who runs ebbd, "
			"or as root",
			path);
	case EAGAIN:
		return client_fail(client, -error,
				   "ebbd does not accept on socket %s within %u ms: is it stopped?",
				   path, client->timeout_ms);
	default:
		return client_fail(client, -error, "cannot connect to socket %s: %s", path,
				   strerror(error));
	}
}

int rpc_client_open(struct rpc_client *client, const char *path, unsigned timeout_ms)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
	int rc;

	*client = (struct rpc_client){.fd = -1, .timeout_ms = timeout_ms, .next_id = 1};
	if (strlen(path) >= sizeof(address.sun_path)) {
		return client_fail(client, -ENAMETOOLONG,
				   "the path %.120s is %zu bytes long; a socket's has at most %zu",
				   path, strlen(path), sizeof(address.sun_path) - 1);
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0) {
		return client_fail(client, -errno, "cannot make a socket: %s", strerror(errno));
	}
	/* It bounds connect(), too: that waits while ebbd's backlog is full. */
	setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(client->fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		rc = client_fail_connect(client, path, errno);
		goto close_fd;
	}
	rpc_framing_init(&client->framing, CLIENT_ANSWER_MAX);
	return 0;
close_fd:
	close(client->fd);
	client->fd = -1;
	return rc;
}

void rpc_client_close(struct rpc_client *client)
{
	if (client->fd >= 0) {
		close(client->fd);
		client->fd = -1;
	}
	rpc_framing_fini(&client->framing);
}

static int client_send(struct rpc_client *client, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(client->fd, text, len, MSG_NOSIGNAL);

		if (sent >= 0) {
			text += sent;
			len -= (size_t)sent;
		} else if (errno == EPIPE || errno == ECONNRESET) {
			return 0; /* it may have said why, before it closed */
		} else if (errno != EINTR) {
			return client_fail(client, -errno, "cannot send to ebbd: %s",
					   errno == EAGAIN ? "it does not read" : strerror(errno));
		}
	}
	return 0;
}

/* Reads up to the end of one JSON value. */
static int client_receive(struct rpc_client *client, struct json_object **ret_value)
{
	uint64_t deadline_ns = ebb_clock_now_ns() + client->timeout_ms * EBB_NS_PER_MS;
	enum rpc_framing_status status = RPC_FRAMING_MORE;
	const struct rpc_framing_fault *fault;
	struct ebb_method_error error;

	while (status == RPC_FRAMING_MORE) {
		struct pollfd readable = {.fd = client->fd, .events = POLLIN};
		uint64_t now_ns = ebb_clock_now_ns();
		char data[65536];
		size_t used;
		ssize_t got;

		if (now_ns >= deadline_ns) {
			return client_fail(client, -ETIMEDOUT,
					   "no answer within %u ms: ask framework_get_state what "
					   "ebbd is doing, or wait longer with -t",
					   client->timeout_ms);
		}
		if (poll(&readable, 1, (int)((deadline_ns - now_ns) / EBB_NS_PER_MS + 1)) <= 0) {
			continue;
		}
		got = recv(client->fd, data, sizeof(data), 0);
		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got <= 0) {
			return client_fail(client, -ECONNRESET, "ebbd has closed the connection %s",
					   client->framing.kept_len > 0
						   ? "in the middle of its answer"
						   : "without an answer");
		}
		/* One request is under way, so there is nothing after its answer. */
		status = rpc_framing_next(&client->framing, data, (size_t)got, &used, ret_value,
					  &error);
	}
	if (status == RPC_FRAMING_BROKEN) {
		return client_fail(client, -EBADMSG, "the answer is no JSON: %.200s", error.text);
	}
	fault = rpc_framing_fault(*ret_value);
	if (fault != NULL) {
		return client_fail(client, -EBADMSG, "the answer cannot be read: %.200s",
				   fault->text);
	}
	return 0;
}

static int client_fail_answer(struct rpc_client *client, const char *what,
			      struct json_object *answer)
{
	return client_fail(client, -EBADMSG, "the answer is %s: %.200s", what,
			   json_object_to_json_string(answer));
}

/* The server's own error. It has no id where the server has not looked at the request. */
static int client_judge_error(struct rpc_client *client, struct json_object *answer,
			      struct json_object *error, struct ebb_method_error *ret_error)
{
	struct json_object *code = NULL;
	struct json_object *message = NULL;

	json_object_object_get_ex(error, "code", &code);
	json_object_object_get_ex(error, "message", &message);
	if (!json_object_is_type(code, json_type_int) ||
	    !json_object_is_type(message, json_type_string)) {
		return client_fail_answer(client, "not JSON-RPC", answer);
	}
	method_error_set(ret_error, json_object_get_int(code), "%s",
			 json_object_get_string(message));
	return -EREMOTEIO;
}

/* Takes the answer apart. */
static int client_judge(struct rpc_client *client, int id, struct json_object *answer,
			struct json_object **ret_result, struct ebb_method_error *ret_error)
{
	struct json_object *result = NULL;
	struct json_object *error = NULL;
	struct json_object *answered = NULL;
	bool has_result;

	if (!json_object_is_type(answer, json_type_object)) {
		return client_fail_answer(client, "not JSON-RPC", answer);
	}
	has_result = json_object_object_get_ex(answer, "result", &result);
	json_object_object_get_ex(answer, "error", &error);
	json_object_object_get_ex(answer, "id", &answered);
	if (has_result == (error != NULL)) {
		return client_fail_answer(client, "not JSON-RPC", answer);
	}
	if ((has_result || answered != NULL) && (!json_object_is_type(answered, json_type_int) ||
						 json_object_get_int64(answered) != id)) {
		return client_fail_answer(client, "to another request", answer);
	}
	if (error != NULL) {
		return client_judge_error(client, answer, error, ret_error);
	}
	*ret_result = json_object_get(result);
	return 0;
}

int rpc_client_call(struct rpc_client *client, const char *method, struct json_object *params,
		    struct json_object **ret_result, struct ebb_method_error *ret_error)
{
	struct json_object *request = json_object_new_object();
	struct json_object *answer = NULL;
	int id = client->next_id++;
	const char *text;
	size_t len;
	int rc;

	json_object_object_add(request, "jsonrpc", json_object_new_string("2.0"));
	json_object_object_add(request, "id", json_object_new_int(id));
	json_object_object_add(request, "method", json_object_new_string(method));
	if (params != NULL) {
		json_object_object_add(request, "params", json_object_get(params));
	}
	text = json_object_to_json_string_length(request, JSON_C_TO_STRING_PLAIN, &len);
	rc = client_send(client, text, len);
	json_object_put(request);
	if (rc == 0) {
		rc = client_receive(client, &answer);
	}
	if (rc == 0) {
		rc = client_judge(client, id, answer, ret_result, ret_error);
	}
	json_object_put(answer);
	return rc;
}
