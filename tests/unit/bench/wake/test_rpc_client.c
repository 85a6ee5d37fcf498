/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/wake/rpc_client.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static bool complete(const char *text)
{
	return bench_rpc_client_complete(text, strlen(text));
}

START_TEST(test_complete)
{
	ck_assert(complete("{}"));
	ck_assert(complete("{\"a\":{\"b\":[1,{}]}}\n"));
	ck_assert(complete("{\"a\":\"}{\\\"}\"}"));
	ck_assert(!complete(""));
	ck_assert(!complete("{\"a\":{}"));
	ck_assert(!complete("{\"a\":\"}"));
	ck_assert(!complete("{\"a\":\"\\"));
	ck_assert(!complete(" \n"));
}
END_TEST

/* The reply comes in two pieces, and is put together. */
START_TEST(test_call)
{
	static const char first[] = "{\"result\":";
	static const char second[] = "{\"version\":\"1\"}}";
	char reply[BENCH_RPC_REPLY_MAX];
	char request[256];
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ck_assert_int_eq(write(fds[1], first, sizeof(first) - 1), sizeof(first) - 1);
	ck_assert_int_eq(write(fds[1], second, sizeof(second) - 1), sizeof(second) - 1);
	ck_assert_int_eq(bench_rpc_client_call(fds[0], reply), sizeof(first) + sizeof(second) - 2);
	ck_assert_str_eq(reply, "{\"result\":{\"version\":\"1\"}}");
	ck_assert_int_eq(read(fds[1], request, sizeof(request)), strlen(BENCH_RPC_REQUEST));
	ck_assert_mem_eq(request, BENCH_RPC_REQUEST, strlen(BENCH_RPC_REQUEST));

	close(fds[1]);
	ck_assert_int_lt(bench_rpc_client_call(fds[0], reply), 0);
	close(fds[0]);
}
END_TEST

START_TEST(test_connect_fails)
{
	char path[256];

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	ck_assert_int_lt(bench_rpc_client_connect(path), 0);
	ck_assert_int_lt(bench_rpc_client_connect("/nonexistent/socket"), 0);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_complete),
		UNIT_TEST(test_call),
		UNIT_TEST(test_connect_fails),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
