/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole server with real threads: the framework runs on the main thread, and a script on
 * another is its client. A subsystem of the test's holds start-up back until the script lets it go,
 * and a method of the test's holds its calls.
 */
#include "rpc/server.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ebb/app.h>
#include <ebb/log.h>
#include <ebb/subsystem.h>
#include <ebb/thread.h>

#include "rpc/client.h"
#include "rpc/control.h"
#include "tests/unit/fixtures/log.h"
#include "tests/unit/unit.h"

#define TIMEOUT_MS 10000

static char folder[64];
static char path[96];

/* The subsystem. */
static bool hold_init;
static int init_rc;
static sem_t init_reached;

static void slow_init(void)
{
	if (hold_init) {
		sem_post(&init_reached);
	} else {
		ebb_subsystem_init_next(0);
	}
}

static struct ebb_subsystem slow_subsystem = {.name = "test_slow", .init = slow_init};
EBB_SUBSYSTEM_REGISTER(slow_subsystem)

static void release_init(void *arg)
{
	(void)arg;
	ebb_subsystem_init_next(init_rc);
}

/* The method; app thread. */
static struct ebb_call *held[RPC_REQUESTS_MAX + 8];
static unsigned num_held;
static sem_t hold_reached;

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

static void release_calls(void *arg)
{
	(void)arg;
	while (num_held > 0) {
		ebb_call_result(held[--num_held], json_object_new_string("held"));
	}
}

/* Another, which blocks the app thread. */
static sem_t block_reached;
static sem_t block_over;

static void block(struct ebb_call *call, void *params)
{
	(void)params;
	sem_post(&block_reached);
	sem_wait(&block_over);
	ebb_call_result(call, NULL);
}

static struct ebb_method block_method = {
	.name = "test_block",
	.states = EBB_METHOD_RUNTIME,
	.fn = block,
};
EBB_METHOD_REGISTER(block_method)

/* And one with a long answer. */
static void big(struct ebb_call *call, void *params)
{
	static char text[900 * 1024];

	(void)params;
	memset(text, 'b', sizeof(text) - 1);
	ebb_call_result(call, json_object_new_string(text));
}

static struct ebb_method big_method = {
	.name = "test_big",
	.states = EBB_METHOD_RUNTIME,
	.fn = big,
};
EBB_METHOD_REGISTER(big_method)

/* The client. */
static struct rpc_client client;
static sem_t started;

static void connect_client(void)
{
	int rc = rpc_client_open(&client, path, TIMEOUT_MS);

	ck_assert_msg(rc == 0, "%s", client.error);
}

static void send_text(const char *text)
{
	ck_assert_int_eq(send(client.fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Asks for @method under @id; its answer comes when it comes. */
static void ask(int id, const char *method)
{
	char text[128];

	snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s\"}", id,
		 method);
	send_text(text);
}

static char pending[65536];
static size_t pending_len;

/* The next answer. */
static struct json_object *receive(void)
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

static int id_of(struct json_object *answer)
{
	return json_object_get_int(json_object_object_get(answer, "id"));
}

/* The next answer is to @id; its result or error message as text must have @piece. */
static void expect(int id, const char *piece)
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

static int run(void (*script)(void))
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

static void setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/ebb-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/a.sock", folder);
	sem_init(&init_reached, 0, 0);
	sem_init(&hold_reached, 0, 0);
	sem_init(&block_reached, 0, 0);
	sem_init(&block_over, 0, 0);
	sem_init(&started, 0, 0);
	hold_init = false;
	init_rc = 0;
	num_held = 0;
	pending_len = 0;
	log_capture();
}

static void teardown(void)
{
	rmdir(folder);
}

static void paused_script(void)
{
	int seen = 0;

	sem_wait(&init_reached);
	connect_client();
	ask(1, "spdk_get_version");
	ask(2, "bdev_get_bdevs");
	ask(3, "framework_get_state");
	ask(4, "framework_wait_init");
	send_text("[{\"id\":6,\"method\":\"rpc_get_methods\"},{\"id\":7,\"method\":\"framework_get_"
		  "state\"}]");
	ask(5, "framework_get_state");
	expect(3, "initializing");
	expect(5, "test_slow");
	ebb_thread_send_msg(ebb_thread_app(), release_init, NULL);
	/* In any order: each goes out as it is ready. */
	for (int i = 0; i < 4; i++) {
		struct json_object *answer = receive();

		if (json_object_is_type(answer, json_type_array)) {
			ck_assert_uint_eq(json_object_array_length(answer), 2);
			ck_assert_int_eq(id_of(json_object_array_get_idx(answer, 0)), 6);
			ck_assert_int_eq(id_of(json_object_array_get_idx(answer, 1)), 7);
			seen += 6;
		} else {
			ck_assert(json_object_object_get_ex(answer, "result", NULL));
			seen += id_of(answer);
		}
		json_object_put(answer);
	}
	ck_assert_int_eq(seen, 1 + 2 + 4 + 6);
}

START_TEST(requests_wait_while_paused)
{
	hold_init = true;
	ck_assert_int_eq(run(paused_script), 0);
}
END_TEST

static void failing_script(void)
{
	int seen = 0;

	sem_wait(&init_reached);
	connect_client();
	ask(2, "framework_wait_init");
	ask(4, "test_hold");
	sem_wait(&hold_reached); /* so the one before has been called, too */
	ebb_thread_send_msg(ebb_thread_app(), release_calls, NULL);
	expect(4, "held");
	ask(1, "spdk_get_version");
	ask(3, "framework_get_state");
	expect(3, "initializing");
	ebb_thread_send_msg(ebb_thread_app(), release_init, NULL);
	for (int i = 0; i < 2; i++) {
		struct json_object *answer = receive();
		const char *text = json_object_to_json_string(answer);

		seen += id_of(answer);
		ck_assert_ptr_nonnull(strstr(text, id_of(answer) == 1 ? "ebb is stopping"
								      : "start-up has failed"));
		json_object_put(answer);
	}
	ck_assert_int_eq(seen, 3);
}

START_TEST(a_failed_start_answers_whoever_waits)
{
	hold_init = true;
	init_rc = -EIO;
	ck_assert_int_lt(run(failing_script), 0);
}
END_TEST

static void vanishing_script(void)
{
	sem_wait(&started);
	connect_client();
	ask(1, "test_hold");
	ask(2, "test_hold");
	sem_wait(&hold_reached);
	sem_wait(&hold_reached);
	rpc_client_close(&client);
	connect_client();
	ebb_thread_send_msg(ebb_thread_app(), release_calls, NULL);
	ask(3, "spdk_get_version");
	expect(3, "version");
}

START_TEST(calls_of_a_client_that_vanished_end)
{
	ck_assert_int_eq(run(vanishing_script), 0);
	ck_assert_uint_eq(num_held, 0);
	ck_assert(!logged("has not ended"));
}
END_TEST

static void blocked_script(void)
{
	sem_wait(&started);
	connect_client();
	ask(1, "test_block");
	sem_wait(&block_reached);
	ask(2, "spdk_get_version");
	ask(3, "framework_get_state");
	expect(3, "running");
	sem_post(&block_over);
	expect(1, "null");
	expect(2, "version");
}

START_TEST(the_state_is_told_while_the_app_thread_is_stuck)
{
	ck_assert_int_eq(run(blocked_script), 0);
}
END_TEST

static void batch_script(void)
{
	sem_wait(&started);
	connect_client();
	send_text("[{\"id\":1,\"method\":\"test_hold\"},{\"id\":2,\"method\":\"test_hold\"}]");
	ask(3, "spdk_get_version");
	sem_wait(&hold_reached);
	expect(3, "version");
	ck_assert_int_ne(sem_trywait(&hold_reached), 0);
	ebb_thread_send_msg(ebb_thread_app(), release_calls, NULL);
	sem_wait(&hold_reached);
	ebb_thread_send_msg(ebb_thread_app(), release_calls, NULL);
	json_object_put(receive());
}

START_TEST(a_batch_runs_one_by_one_and_holds_up_nobody)
{
	ck_assert_int_eq(run(batch_script), 0);
}
END_TEST

static void stuck_script(void)
{
	sem_wait(&started);
	connect_client();
	ask(1, "test_hold");
	sem_wait(&hold_reached);
	ebb_app_stop(0);
	expect(1, "\\\"test_hold\\\" has not ended");
	ck_assert_int_eq(recv(client.fd, pending, sizeof(pending), 0), 0);
}

START_TEST(a_call_that_never_ends_does_not_hold_up_the_end)
{
	ck_assert_int_eq(run(stuck_script), 0);
	ck_assert(logged("a call of test_hold has not ended"));
	ck_assert(!logged("taken their answers"));
	ck_assert_uint_eq(num_held, 1);
	release_calls(NULL); /* too late, and good for the memory only */
}
END_TEST

/* Four requests of 900 KiB each, mostly white space: the fourth waits in the socket. */
static void long_requests_script(void)
{
	static const char head[] = "{\"id\":1,\"method\":\"test_hold\"";
	static char text[900 * 1024];
	struct timeval limit = {.tv_usec = 300000};
	struct timeval none = {.tv_sec = 0};
	ssize_t sent;

	sem_wait(&started);
	connect_client();
	memset(text, ' ', sizeof(text));
	memcpy(text, head, strlen(head));
	text[sizeof(text) - 1] = '}';
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(send(client.fd, text, sizeof(text), 0), (ssize_t)sizeof(text));
		sem_wait(&hold_reached);
	}
	setsockopt(client.fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	sent = send(client.fd, text, sizeof(text), 0);
	ck_assert_int_lt(sent, (ssize_t)sizeof(text));
	setsockopt(client.fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof(none));
	ebb_thread_send_msg(ebb_thread_app(), release_calls, NULL);
	sent = sent > 0 ? sent : 0;
	ck_assert_int_eq(send(client.fd, text + sent, sizeof(text) - (size_t)sent, 0),
			 (ssize_t)sizeof(text) - sent);
	sem_wait(&hold_reached);
	ebb_thread_send_msg(ebb_thread_app(), release_calls, NULL);
	for (int i = 0; i < 4; i++) {
		expect(1, "held");
	}
}

START_TEST(a_client_cannot_fill_the_memory_with_requests)
{
	ck_assert_int_eq(run(long_requests_script), 0);
}
END_TEST

/* Requests that are sent at once and held by their method: as many as are allowed, no more. */
static void many_requests_script(void)
{
	static const char request[] = "{\"id\":1,\"method\":\"test_hold\"}";
	static char text[(RPC_REQUESTS_MAX + 8) * sizeof(request)];
	struct rpc_client other;
	struct json_object *result;
	struct ebb_method_error error;

	sem_wait(&started);
	for (int i = 0; i < RPC_REQUESTS_MAX + 8; i++) {
		strcat(text, request);
	}
	connect_client();
	send_text(text);
	for (int i = 0; i < RPC_REQUESTS_MAX; i++) {
		sem_wait(&hold_reached);
	}
	/* Another client is served beside it: by then any request too many would have come. */
	ck_assert_int_eq(rpc_client_open(&other, path, TIMEOUT_MS), 0);
	ck_assert_int_eq(rpc_client_call(&other, "spdk_get_version", NULL, &result, &error), 0);
	json_object_put(result);
	rpc_client_close(&other);
	ck_assert_int_ne(sem_trywait(&hold_reached), 0);
	ebb_thread_send_msg(ebb_thread_app(), release_calls, NULL);
	for (int i = 0; i < 8; i++) {
		sem_wait(&hold_reached);
	}
	ebb_thread_send_msg(ebb_thread_app(), release_calls, NULL);
	for (int i = 0; i < RPC_REQUESTS_MAX + 8; i++) {
		expect(1, "held");
	}
}

START_TEST(a_clients_requests_are_bounded)
{
	ck_assert_int_eq(run(many_requests_script), 0);
	ck_assert_uint_eq(num_held, 0);
}
END_TEST

static void big_batch_script(void)
{
	struct json_object *answer;
	char text[512] = "[";

	sem_wait(&started);
	connect_client();
	for (int i = 1; i <= 8; i++) {
		size_t len = strlen(text);

		snprintf(text + len, sizeof(text) - len, "%s{\"id\":%d,\"method\":\"test_big\"}",
			 i > 1 ? "," : "", i);
	}
	send_text(strcat(text, "]"));
	client.framing.limit_bytes = (size_t)32 * 1024 * 1024;
	answer = receive();
	ck_assert_uint_eq(json_object_array_length(answer), 8);
	for (size_t i = 0; i < 8; i++) {
		struct json_object *one = json_object_array_get_idx(answer, i);

		ck_assert_int_eq(id_of(one), (int)i + 1);
		ck_assert_int_eq(json_object_object_get(one, "result") != NULL, i < 5);
		ck_assert_int_eq(json_object_object_get(one, "error") != NULL, i >= 5);
	}
	json_object_put(answer);
}

START_TEST(a_batchs_answers_are_bounded)
{
	ck_assert_int_eq(run(big_batch_script), 0);
}
END_TEST

static void stopping_script(void)
{
	sem_wait(&started);
	connect_client();
	for (int i = 0; i < 50; i++) {
		ask(i, "thread_get_stats");
	}
	ebb_app_stop(0);
	/* Each answered, or refused because ebb is stopping, or not read any more; never cut. */
	for (;;) {
		ssize_t got = recv(client.fd, pending, sizeof(pending), 0);

		if (got <= 0) {
			return;
		}
		pending_len = (size_t)got;
		while (pending_len > 0) {
			struct ebb_method_error error;
			struct json_object *value;
			size_t used;

			if (rpc_framing_next(&client.framing, pending, pending_len, &used, &value,
					     &error) == RPC_FRAMING_VALUE) {
				json_object_put(value);
			}
			memmove(pending, pending + used, pending_len - used);
			pending_len -= used;
		}
	}
}

START_TEST(stops_under_load_and_starts_again)
{
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(run(stopping_script), 0);
	}
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(requests_wait_while_paused),
		UNIT_TEST(a_failed_start_answers_whoever_waits),
		UNIT_TEST(calls_of_a_client_that_vanished_end),
		UNIT_TEST(the_state_is_told_while_the_app_thread_is_stuck),
		UNIT_TEST(a_batch_runs_one_by_one_and_holds_up_nobody),
		UNIT_TEST(a_call_that_never_ends_does_not_hold_up_the_end),
		UNIT_TEST(a_client_cannot_fill_the_memory_with_requests),
		UNIT_TEST(a_clients_requests_are_bounded),
		UNIT_TEST(a_batchs_answers_are_bounded),
		UNIT_TEST(stops_under_load_and_starts_again),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
