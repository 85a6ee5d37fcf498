/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server in the service's life. A subsystem of the test's holds start-up back until the script
 * lets it go.
 */
#include "rpc/server.h"

#include <errno.h>
#include <semaphore.h>
#include <string.h>
#include <sys/socket.h>

#include <ebb/app.h>
#include <ebb/subsystem.h>
#include <ebb/thread.h>

#include "core/method/call.h"
#include "tests/unit/rpc/service.h"
#include "tests/unit/unit.h"

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

/* A third, which goes on only as long as somebody waits for its answer. */
static struct ebb_call *watched;
static sem_t watch_reached;
static sem_t watch_left;

static void watch_end(void *arg)
{
	(void)arg;
	ebb_call_result(watched, json_object_new_string("left"));
	sem_post(&watch_left);
}

static void watch(struct ebb_call *call, void *params)
{
	(void)params;
	watched = call;
	method_call_on_leave(call, watch_end, NULL);
	sem_post(&watch_reached);
}

static struct ebb_method watch_method = {
	.name = "test_watch",
	.states = EBB_METHOD_RUNTIME,
	.fn = watch,
};
EBB_METHOD_REGISTER(watch_method)

static void setup(void)
{
	service_setup();
	sem_init(&watch_reached, 0, 0);
	sem_init(&watch_left, 0, 0);
	sem_init(&init_reached, 0, 0);
	sem_init(&block_reached, 0, 0);
	sem_init(&block_over, 0, 0);
	hold_init = false;
	init_rc = 0;
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
	ck_assert_int_eq(service_run(paused_script), 0);
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
	ck_assert_int_lt(service_run(failing_script), 0);
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
	ck_assert_int_eq(service_run(vanishing_script), 0);
	ck_assert_uint_eq(num_held, 0);
	ck_assert(!logged("has not ended"));
}
END_TEST

static void leaving_script(void)
{
	sem_wait(&started);
	connect_client();
	ask(1, "test_watch");
	sem_wait(&watch_reached);
	rpc_client_close(&client);
	sem_wait(&watch_left);
}

/* The app thread hears that the client has gone before it has called the method. */
static void leaving_early_script(void)
{
	struct rpc_client blocker;

	sem_wait(&started);
	connect_client();
	blocker = client;
	ask(1, "test_block");
	sem_wait(&block_reached);
	connect_client();
	ask(2, "test_watch");
	rpc_client_close(&client);
	client = blocker;
	ask(3, "framework_get_state"); /* its answerer sees the other end, too */
	expect(3, "running");
	sem_post(&block_over);
	sem_wait(&watch_left);
	expect(1, "null");
}

START_TEST(a_method_is_told_that_its_client_has_gone)
{
	ck_assert_int_eq(service_run(leaving_script), 0);
	ck_assert_int_eq(service_run(leaving_early_script), 0);
	ck_assert(!logged("has not ended"));
}
END_TEST

static void end_watched(void *arg)
{
	(void)arg;
	ebb_call_result(watched, json_object_new_string("waited for"));
}

/* Who has ended its side only waits for the answer. */
static void half_closed_script(void)
{
	sem_wait(&started);
	connect_client();
	ask(1, "test_watch");
	ck_assert_int_eq(shutdown(client.fd, SHUT_WR), 0);
	sem_wait(&watch_reached);
	ebb_thread_send_msg(ebb_thread_app(), end_watched, NULL);
	expect(1, "waited for");
}

START_TEST(a_client_that_is_half_closed_has_not_gone)
{
	ck_assert_int_eq(service_run(half_closed_script), 0);
	ck_assert_int_ne(sem_trywait(&watch_left), 0);
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
	ck_assert_int_eq(service_run(blocked_script), 0);
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
	ck_assert_int_eq(service_run(batch_script), 0);
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
	ck_assert_int_eq(service_run(stuck_script), 0);
	ck_assert(logged("a call of test_hold has not ended"));
	ck_assert(!logged("taken their answers"));
	ck_assert_uint_eq(num_held, 1);
	release_calls(NULL); /* too late, and good for the memory only */
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
		ck_assert_int_eq(service_run(stopping_script), 0);
	}
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, service_teardown),
		UNIT_TEST(requests_wait_while_paused),
		UNIT_TEST(a_failed_start_answers_whoever_waits),
		UNIT_TEST(calls_of_a_client_that_vanished_end),
		UNIT_TEST(a_method_is_told_that_its_client_has_gone),
		UNIT_TEST(a_client_that_is_half_closed_has_not_gone),
		UNIT_TEST(the_state_is_told_while_the_app_thread_is_stuck),
		UNIT_TEST(a_batch_runs_one_by_one_and_holds_up_nobody),
		UNIT_TEST(a_call_that_never_ends_does_not_hold_up_the_end),
		UNIT_TEST(stops_under_load_and_starts_again),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
