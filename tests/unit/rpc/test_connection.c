/* SPDX-License-Identifier: Apache-2.0 */
/* What the server lets a client have. */
#include "rpc/control.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <ebb/clock.h>
#include <ebb/reactor.h>
#include <ebb/thread.h>

#include "tests/unit/rpc/service.h"
#include "tests/unit/unit.h"

/* A method with a long answer. */
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
	ck_assert_int_eq(service_run(long_requests_script), 0);
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
	ck_assert_int_eq(service_run(many_requests_script), 0);
	ck_assert_uint_eq(num_held, 0);
}
END_TEST

/* The clock, which the test moves on. */
static _Atomic uint64_t clock_ahead_ns;

static uint64_t clock_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * EBB_NS_PER_S + (uint64_t)now.tv_nsec + clock_ahead_ns;
}

/* Whether one more client is served beside those that there are. */
static bool one_more_is_served(void)
{
	struct rpc_client one;
	struct json_object *result = NULL;
	struct ebb_method_error error;
	int rc;

	ck_assert_int_eq(rpc_client_open(&one, path, TIMEOUT_MS), 0);
	rc = rpc_client_call(&one, "spdk_get_version", NULL, &result, &error);
	ck_assert(rc == 0 || strstr(error.text, "no place for another") != NULL);
	json_object_put(result);
	rpc_client_close(&one);
	return rc == 0;
}

static bool is_open(struct rpc_client *one)
{
	char byte;

	return recv(one->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) != 0;
}

/* All places are taken: by one that asks again, one that waits for a call, and others. */
static void stalled_script(void)
{
	static struct rpc_client clients[RPC_PLACES_ANY];
	struct json_object *result;
	struct ebb_method_error error;
	unsigned num_open = 0;

	sem_wait(&started);
	for (int i = 0; i < RPC_PLACES_ANY; i++) {
		ck_assert_int_eq(rpc_client_open(&clients[i], path, TIMEOUT_MS), 0);
		ck_assert_int_eq(rpc_client_call(&clients[i], "spdk_get_version", NULL, &result,
						 &error),
				 0);
		json_object_put(result);
	}
	client = clients[0];
	ask(1, "test_hold");
	sem_wait(&hold_reached);
	ck_assert(!one_more_is_served());
	clock_ahead_ns += RPC_STALLED_NS + EBB_NS_PER_S;
	ck_assert_int_eq(rpc_client_call(&clients[1], "spdk_get_version", NULL, &result, &error),
			 0);
	json_object_put(result);
	ck_assert(!logged("is cut off"));
	ck_assert(one_more_is_served());
	ck_assert_uint_eq(log_count("is cut off"), 1);
	for (int i = 0; i < RPC_PLACES_ANY; i++) {
		num_open += is_open(&clients[i]);
		ck_assert(i > 1 || is_open(&clients[i]));
	}
	ck_assert_uint_eq(num_open, RPC_PLACES_ANY - 1);
	ebb_thread_send_msg(ebb_thread_app(), release_calls, NULL);
	expect(1, "held");
	for (int i = 1; i < RPC_PLACES_ANY; i++) {
		rpc_client_close(&clients[i]);
	}
}

START_TEST(who_has_not_moved_for_30_s_goes_for_another)
{
	ebb_clock_set_source(clock_now_ns);
	ck_assert_int_eq(service_run(stalled_script), 0);
	ebb_clock_set_source(NULL);
}
END_TEST

/* Until the app thread has opened what it opens: it begins to when it starts. */
static void wait_until_settled(void)
{
	struct ebb_reactor_stats stats;

	do {
		usleep(1000);
		ck_assert_int_eq(ebb_reactor_get_stats(ebb_reactor_core(0), &stats), 0);
	} while (!stats.asleep);
}

/* All descriptors are taken, and not one is left to send a client away. */
static void starved_script(void)
{
	struct rpc_client stalled, late;
	struct json_object *result = NULL;
	struct ebb_method_error error;
	struct rlimit limit, none;
	int fillers[64];
	unsigned num_fillers = 0;
	int fd;

	sem_wait(&started);
	ck_assert_int_eq(rpc_client_open(&stalled, path, TIMEOUT_MS), 0);
	ck_assert_int_eq(rpc_client_call(&stalled, "spdk_get_version", NULL, &result, &error), 0);
	json_object_put(result);
	wait_until_settled();
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){.rlim_cur = EBB_ARRAY_SIZE(fillers), .rlim_max = limit.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	while ((fd = dup(STDERR_FILENO)) >= 0) {
		fillers[num_fillers++] = fd;
	}
	close(fillers[--num_fillers]); /* for the client's own end */
	ck_assert_int_eq(rpc_client_open(&late, path, TIMEOUT_MS), 0);
	while (!logged("no file descriptor for a client")) {
		usleep(1000);
	}
	ck_assert(is_open(&stalled));
	clock_ahead_ns += RPC_STALLED_NS + EBB_NS_PER_S;
	ck_assert_int_eq(rpc_client_call(&late, "spdk_get_version", NULL, &result, &error), 0);
	json_object_put(result);
	ck_assert_uint_eq(log_count("is cut off"), 1);
	ck_assert(!is_open(&stalled));
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while (num_fillers > 0) {
		close(fillers[--num_fillers]);
	}
	rpc_client_close(&stalled);
	rpc_client_close(&late);
}

START_TEST(who_has_not_moved_for_30_s_goes_for_a_descriptor_too)
{
	ebb_clock_set_source(clock_now_ns);
	ck_assert_int_eq(service_run(starved_script), 0);
	ebb_clock_set_source(NULL);
}
END_TEST

/* Who was called, in order. */
#define NOTES_EACH 20
static char notes[2 * NOTES_EACH + 1];
static size_t num_notes;

static void note(struct ebb_call *call, void *arg)
{
	char *const *who = arg;

	notes[num_notes++] = (*who)[0];
	ebb_call_result(call, NULL);
}

static const struct ebb_param note_table[] = {
	{.name = "who", .type = EBB_PARAM_STRING},
};

static struct ebb_method note_method = {
	.name = "test_note",
	.states = EBB_METHOD_RUNTIME,
	.params = note_table,
	.num_params = 1,
	.params_size = sizeof(char *),
	.fn = note,
};
EBB_METHOD_REGISTER(note_method)

static sem_t app_blocked;
static sem_t app_over;

static void block_app(void *arg)
{
	(void)arg;
	sem_post(&app_blocked);
	sem_wait(&app_over);
}

static void ask_for_notes(struct rpc_client *one, char who)
{
	char text[NOTES_EACH * 80] = "";

	for (int i = 0; i < NOTES_EACH; i++) {
		size_t len = strlen(text);

		snprintf(text + len, sizeof(text) - len,
			 "{\"id\":%d,\"method\":\"test_note\",\"params\":{\"who\":\"%c\"}}", i,
			 who);
	}
	ck_assert_int_eq(send(one->fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* While the app thread does something else, one client asks many times, and then another. */
static void turns_script(void)
{
	struct rpc_client other;
	struct json_object *result;
	struct ebb_method_error error;

	sem_wait(&started);
	sem_init(&app_blocked, 0, 0);
	sem_init(&app_over, 0, 0);
	num_notes = 0;
	connect_client();
	ck_assert_int_eq(rpc_client_open(&other, path, TIMEOUT_MS), 0);
	ebb_thread_send_msg(ebb_thread_app(), block_app, NULL);
	sem_wait(&app_blocked);
	ask_for_notes(&client, 'a');
	ask_for_notes(&other, 'b');
	/* An answer for each of them means that all of it has been read. */
	ask(100, "framework_get_state");
	expect(100, "running");
	ck_assert_int_eq(rpc_client_call(&other, "framework_get_state", NULL, &result, &error), 0);
	json_object_put(result);
	sem_post(&app_over);
	for (int i = 0; i < NOTES_EACH; i++) {
		expect(i, "null");
	}
	ask(101, "spdk_get_version");
	expect(101, "version");
	rpc_client_close(&other);
}

START_TEST(each_client_has_its_turn)
{
	int lead = 0;

	ck_assert_int_eq(service_run(turns_script), 0);
	for (size_t i = 0; i < NOTES_EACH; i++) {
		lead += notes[i] == 'a' ? 1 : -1;
		ck_assert_msg(lead >= -2 && lead <= 2, "%s", notes);
	}
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
	ck_assert_int_eq(service_run(big_batch_script), 0);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(service_setup, service_teardown),
		UNIT_TEST(a_client_cannot_fill_the_memory_with_requests),
		UNIT_TEST(a_clients_requests_are_bounded),
		UNIT_TEST(who_has_not_moved_for_30_s_goes_for_another),
		UNIT_TEST(who_has_not_moved_for_30_s_goes_for_a_descriptor_too),
		UNIT_TEST(each_client_has_its_turn),
		UNIT_TEST(a_batchs_answers_are_bounded),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
