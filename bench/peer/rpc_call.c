/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/rpc_call.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include <ebb/clock.h>

#include "bench/signals.h"

#define SIGNAL_LOOK_NS (100 * EBB_NS_PER_MS)

static int socket_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;
	int rc;

	if (strlen(path) >= sizeof(address.sun_path)) {
		return -ENAMETOOLONG;
	}
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		return -errno;
	}
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

int bench_rpc_call_probe(const char *path)
{
	int fd = socket_connect(path);

	if (fd < 0) {
		return fd;
	}
	close(fd);
	return 0;
}

static int socket_wait(int fd, uint64_t deadline_ns)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	uint64_t now_ns;

	while ((now_ns = ebb_clock_now_ns()) < deadline_ns) {
		uint64_t left_ns = deadline_ns - now_ns;
		struct timespec time = {
			.tv_nsec = (long)(left_ns < SIGNAL_LOOK_NS ? left_ns : SIGNAL_LOOK_NS)};

		if (bench_signals_seen()) {
			return -ECANCELED;
		}
		if (ppoll(&poll_fd, 1, &time, NULL) > 0) {
			return 0;
		}
	}
	return -ETIMEDOUT;
}

/* An answer is a JSON value, however many pieces it comes in. */
static int answer_read(int fd, uint64_t deadline_ns, struct json_tokener *tokener,
		       struct json_object **ret_answer)
{
	char buf[4096];

	for (;;) {
		int rc = socket_wait(fd, deadline_ns);
		ssize_t got;

		if (rc < 0) {
			return rc;
		}
		got = recv(fd, buf, sizeof(buf), 0);
		if (got <= 0) {
			return got == 0 ? -ECONNRESET : -errno;
		}
		*ret_answer = json_tokener_parse_ex(tokener, buf, (int)got);
		if (*ret_answer != NULL) {
			return 0;
		}
		if (json_tokener_get_error(tokener) != json_tokener_continue) {
			return -EPROTO;
		}
	}
}

static int request_send(int fd, const char *method, struct json_object *params)
{
	struct json_object *request = json_object_new_object();
	const char *text;
	ssize_t len;
	ssize_t sent;

	if (request == NULL) {
		return -ENOMEM;
	}
	json_object_object_add(request, "jsonrpc", json_object_new_string("2.0"));
	json_object_object_add(request, "id", json_object_new_int(1));
	json_object_object_add(request, "method", json_object_new_string(method));
	if (params != NULL) {
		json_object_object_add(request, "params", json_object_get(params));
	}
	text = json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN);
	len = (ssize_t)strlen(text);
	sent = send(fd, text, (size_t)len, MSG_NOSIGNAL);
	json_object_put(request);
	return sent == len ? 0 : (sent < 0 ? -errno : -EIO);
}

/* Return: 0; -EREMOTEIO, -EPROTO, with @error. */
static int answer_judge(struct json_object *answer, const char *method,
			struct json_object **ret_result, char error[BENCH_TEXT_MAX])
{
	struct json_object *value;
	struct json_object *message;

	if (json_object_object_get_ex(answer, "error", &value)) {
		bool told = json_object_object_get_ex(value, "message", &message);

		snprintf(error, BENCH_TEXT_MAX, "%s: %.200s", method,
			 told ? json_object_get_string(message) : "refused");
		return -EREMOTEIO;
	}
	if (!json_object_object_get_ex(answer, "result", &value)) {
		snprintf(error, BENCH_TEXT_MAX, "%s: the answer has no result", method);
		return -EPROTO;
	}
	if (ret_result != NULL) {
		*ret_result = json_object_get(value);
	}
	return 0;
}

int bench_rpc_call(const char *path, const char *method, struct json_object *params,
		   uint64_t timeout_ns, struct json_object **ret_result, char error[BENCH_TEXT_MAX])
{
	uint64_t deadline_ns = ebb_clock_now_ns() + timeout_ns;
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *answer = NULL;
	int fd = socket_connect(path);
	int rc = fd < 0 ? fd : 0;

	if (rc == 0 && tokener == NULL) {
		rc = -ENOMEM;
	}
	if (rc == 0) {
		rc = request_send(fd, method, params);
	}
	if (rc == 0) {
		rc = answer_read(fd, deadline_ns, tokener, &answer);
	}
	if (rc < 0) {
		snprintf(error, BENCH_TEXT_MAX, "%s: %s: %s", method, path,
			 rc == -EPROTO ? "the answer is no JSON" : strerror(-rc));
	} else {
		rc = answer_judge(answer, method, ret_result, error);
	}
	json_object_put(answer);
	if (tokener != NULL) {
		json_tokener_free(tokener);
	}
	if (fd >= 0) {
		close(fd);
	}
	return rc;
}
