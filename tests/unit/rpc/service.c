/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/rpc/service.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ebb/app.h>
#include <ebb/thread.h>

#include "tests/unit/unit.h"

char path[96];
static char folder[64];

static struct ebb_call *held[RPC_REQUESTS_MAX + 8];
unsigned num_held;
sem_t hold_reached;

static void hold(struct ebb_call *call, void *params)
{
	(void)params;
	held[num_held++] = call;
	sem_post(&hold_reached);
}

static struct ebb_method hold_method = {
	.name = "test_hold",
	.states = EBB_METHOD_STARTUP | EBB_METHOD_RUNTIME,
	.while_paused = true,
	.fn = hold,
};
EBB_METHOD_REGISTER(hold_method)

void release_calls(void *arg)
{
	(void)arg;
	while (num_held > 0) {
		ebb_call_result(held[--num_held], json_object_new_string("held"));
	}
}

struct rpc_client client;
sem_t started;

void connect_client(void)
{
	int rc = rpc_client_open(&client, path, TIMEOUT_MS);

	ck_assert_msg(rc == 0, "%s", client.error);
}

void send_text(const char *text)
{
	ck_assert_int_eq(send(client.fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

void ask(int id, const char *method)
{
	char text[128];

	snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s\"}", id,
		 method);
	send_text(text);
}

char pending[65536];
size_t pending_len;

struct json_object *receive(void)
{
	for (;;) {
		struct ebb_method_error error;
		struct json_object *value;
		size_t used;
		ssize_t got;
		enum rpc_framing_status status =
			rpc_framing_next(&client.framing, pending, pending_len, &used, &value,
					 &error);

		memmove(pending, pending + used, pending_len - used);
		pending_len -= used;
		if (status == RPC_FRAMING_VALUE) {
			return value;
		}
		ck_assert(status == RPC_FRAMING_MORE);
		got = recv(client.fd, pending, sizeof(pending), 0);
		ck_assert_int_gt(got, 0);
		pending_len = (size_t)got;
	}
}

int id_of(struct json_object *answer)
{
	return json_object_get_int(json_object_object_get(answer, "id"));
}

void expect(int id, const char *piece)
{
	struct json_object *answer = receive();
	const char *text = json_object_to_json_string(answer);

	ck_assert_msg(id_of(answer) == id, "%s, not %d", text, id);
	ck_assert_msg(strstr(text, piece) != NULL, "%s: no \"%s\"", text, piece);
	json_object_put(answer);
}

static void app_started(void *arg)
{
	(void)arg;
	sem_post(&started);
}

static void *script_main(void *arg)
{
	void (*script)(void) = (void (*)(void))arg;

	script();
	rpc_client_close(&client);
	ebb_app_stop(0);
	return NULL;
}

int service_run(void (*script)(void))
{
	struct ebb_app_opts opts;
	pthread_t thread;
	int rc;

	ebb_app_opts_init(&opts, sizeof(opts));
	opts.name = "test";
	opts.rpc_socket = path;
	opts.mode = EBB_REACTOR_INTERRUPT;
	opts.handle_signals = false;
	opts.on_violation = EBB_VIOLATION_LOG; /* a test blocks a reactor on purpose */
	ck_assert_int_eq(pthread_create(&thread, NULL, script_main, (void *)script), 0);
	rc = ebb_app_start(&opts, app_started, NULL);
	pthread_join(thread, NULL);
	ck_assert_int_ne(access(path, F_OK), 0);
	return rc;
}

void service_setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/ebb-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/a.sock", folder);
	sem_init(&hold_reached, 0, 0);
	sem_init(&started, 0, 0);
	num_held = 0;
	pending_len = 0;
	log_capture();
}

void service_teardown(void)
{
	rmdir(folder);
}
