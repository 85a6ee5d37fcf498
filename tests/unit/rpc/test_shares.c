/* SPDX-License-Identifier: Apache-2.0 */
/* Servers and connections that are nothing but their numbers. */
#include "rpc/shares.h"

#include <stdlib.h>
#include <unistd.h>

#include "rpc/control.h"
#include "tests/unit/unit.h"

#define OTHER_USER 4000000u
#define NOW_NS     (1000 * EBB_NS_PER_S)

static struct rpc_server *server;

static void setup(void)
{
	server = calloc(1, sizeof(*server));
	ebb_list_init(&server->connections);
}

static void teardown(void)
{
	struct ebb_list *node;

	while ((node = ebb_list_pop_front(&server->connections)) != NULL) {
		struct rpc_connection *connection =
			ebb_list_entry(node, struct rpc_connection, link);

		rpc_text_fini(&connection->out);
		free(connection);
	}
	free(server);
}

static struct rpc_connection *connect_as(pid_t pid, uid_t uid)
{
	struct rpc_connection *connection = calloc(1, sizeof(*connection));

	connection->server = server;
	connection->peer = (struct ucred){.pid = pid, .uid = uid};
	connection->moved_ns = NOW_NS;
	ebb_list_push_back(&server->connections, &connection->link);
	server->num_connections++;
	return connection;
}

static bool place_for(pid_t pid, uid_t uid)
{
	const struct ucred peer = {.pid = pid, .uid = uid};

	return rpc_shares_has_place(server, &peer);
}

static void unread(struct rpc_connection *connection, size_t bytes)
{
	char *data = calloc(1, bytes);

	ck_assert(rpc_text_add(&connection->out, data, bytes));
	server->answer_bytes += bytes;
	free(data);
}

START_TEST(anybody_has_a_place_until_they_are_full)
{
	for (int i = 0; i < RPC_PLACES_ANY; i++) {
		ck_assert(place_for(7, OTHER_USER));
		connect_as(7, OTHER_USER);
	}
	ck_assert(!place_for(7, OTHER_USER));
	ck_assert(!place_for(8, OTHER_USER));
	ck_assert(place_for(8, 0));
	ck_assert(place_for(8, geteuid()));
}
END_TEST

START_TEST(the_last_places_are_for_processes_with_few)
{
	for (int i = 0; i < RPC_PLACES_ANY; i++) {
		connect_as(7, geteuid());
	}
	ck_assert(!place_for(7, geteuid()));
	for (int i = 0; i < RPC_PLACES_OWN; i++) {
		pid_t pid = 100 + i / RPC_PROCESS_FEW;

		ck_assert(place_for(pid, geteuid()));
		connect_as(pid, geteuid());
		ck_assert(i % RPC_PROCESS_FEW != RPC_PROCESS_FEW - 1 || !place_for(pid, geteuid()));
	}
	ck_assert(!place_for(999, geteuid()));
	ck_assert(!place_for(999, 0));
}
END_TEST

START_TEST(who_has_most_is_known)
{
	const struct rpc_connection *largest;
	unsigned num;

	ck_assert_ptr_null(rpc_shares_largest(server, &num));
	ck_assert_uint_eq(num, 0);
	connect_as(7, 0);
	connect_as(8, 0);
	connect_as(9, 0);
	connect_as(8, 0);
	largest = rpc_shares_largest(server, &num);
	ck_assert_int_eq(largest->peer.pid, 8);
	ck_assert_uint_eq(num, 2);
}
END_TEST

START_TEST(who_does_not_move_is_found_after_30_s)
{
	struct rpc_connection *first = connect_as(7, 0);
	struct rpc_connection *second = connect_as(8, 0);

	second->moved_ns++;
	ck_assert_ptr_null(rpc_shares_stalled(server, NOW_NS));
	ck_assert_ptr_null(rpc_shares_stalled(server, NOW_NS + RPC_STALLED_NS - 1));
	ck_assert_ptr_eq(rpc_shares_stalled(server, NOW_NS + RPC_STALLED_NS), first);
	ck_assert_ptr_eq(rpc_shares_stalled(server, NOW_NS + 2 * RPC_STALLED_NS), first);
	first->moved_ns = NOW_NS + 2;
	ck_assert_ptr_eq(rpc_shares_stalled(server, NOW_NS + 2 * RPC_STALLED_NS), second);
}
END_TEST

/* Who waits for us is not stalled, unless there is something that it could take. */
START_TEST(who_waits_for_a_call_is_not_meant)
{
	struct rpc_connection *connection = connect_as(7, 0);

	connection->num_requests = 1;
	ck_assert_ptr_null(rpc_shares_stalled(server, NOW_NS + RPC_STALLED_NS));
	unread(connection, 1);
	ck_assert_ptr_eq(rpc_shares_stalled(server, NOW_NS + RPC_STALLED_NS), connection);
}
END_TEST

START_TEST(one_call_of_a_client_at_a_time)
{
	struct rpc_connection *connection = connect_as(7, 0);
	struct rpc_request request;

	ck_assert(rpc_shares_may_call(connection));
	connection->calling = &request;
	ck_assert(!rpc_shares_may_call(connection));
	ck_assert(rpc_shares_may_ask(connection)); /* it may be a question of state */
}
END_TEST

START_TEST(unread_answers_hold_their_client_back)
{
	struct rpc_connection *connection = connect_as(7, 0);

	unread(connection, RPC_CLIENT_OUT_HIGH);
	ck_assert(rpc_shares_may_call(connection));
	ck_assert(rpc_shares_may_ask(connection));
	unread(connection, 1);
	ck_assert(!rpc_shares_may_call(connection));
	ck_assert(!rpc_shares_may_ask(connection));
}
END_TEST

/* When all clients' answers are too many, those have their floor who have read theirs. */
START_TEST(in_a_shortage_who_has_read_goes_on)
{
	struct rpc_connection *reader = connect_as(7, 0);
	struct rpc_connection *other = connect_as(8, 0);

	unread(other, 1);
	server->answer_bytes = RPC_ANSWERS_MAX - 1;
	ck_assert(rpc_shares_may_call(other));
	ck_assert_uint_eq(rpc_shares_batch_bytes(server), RPC_BATCH_OUT_MAX);
	server->answer_bytes = RPC_ANSWERS_MAX;
	ck_assert(!rpc_shares_may_call(other));
	ck_assert(rpc_shares_may_call(reader));
	ck_assert_uint_eq(rpc_shares_batch_bytes(server), RPC_CLIENT_OUT_HIGH);
}
END_TEST

START_TEST(requests_under_way_are_bounded)
{
	struct rpc_connection *connection = connect_as(7, 0);

	connection->num_requests = RPC_CLIENT_FEW;
	server->num_requests = RPC_REQUESTS_MAX - 1;
	ck_assert(rpc_shares_may_ask(connection));
	server->num_requests = RPC_REQUESTS_MAX;
	ck_assert(!rpc_shares_may_ask(connection));
	connection->num_requests = RPC_CLIENT_FEW - 1;
	ck_assert(rpc_shares_may_ask(connection));
	connection->request_bytes = RPC_CLIENT_IN_HIGH;
	ck_assert(rpc_shares_may_ask(connection));
	connection->request_bytes++;
	ck_assert(!rpc_shares_may_ask(connection));
}
END_TEST

START_TEST(memory_for_a_small_request_is_always_there)
{
	server->request_memory = RPC_REQUESTS_MEMORY_MAX - RPC_REQUEST_MEMORY_FLOOR - 1;
	ck_assert(rpc_shares_has_memory(server, RPC_REQUEST_MEMORY_FLOOR + 1));
	ck_assert(!rpc_shares_has_memory(server, RPC_REQUEST_MEMORY_FLOOR + 2));
	server->request_memory = RPC_REQUESTS_MEMORY_MAX;
	ck_assert(rpc_shares_has_memory(server, RPC_REQUEST_MEMORY_FLOOR));
	ck_assert(!rpc_shares_has_memory(server, RPC_REQUEST_MEMORY_FLOOR + 1));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(anybody_has_a_place_until_they_are_full),
		UNIT_TEST(the_last_places_are_for_processes_with_few),
		UNIT_TEST(who_has_most_is_known),
		UNIT_TEST(who_does_not_move_is_found_after_30_s),
		UNIT_TEST(who_waits_for_a_call_is_not_meant),
		UNIT_TEST(one_call_of_a_client_at_a_time),
		UNIT_TEST(unread_answers_hold_their_client_back),
		UNIT_TEST(in_a_shortage_who_has_read_goes_on),
		UNIT_TEST(requests_under_way_are_bounded),
		UNIT_TEST(memory_for_a_small_request_is_always_there),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
