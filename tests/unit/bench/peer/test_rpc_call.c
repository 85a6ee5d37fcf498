/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/rpc_call.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <json-c/json.h>

#include "bench/signals.h"
#include "tests/unit/unit.h"

#define LONG_NS (60 * EBB_NS_PER_S)

static char folder[] = "/tmp/rpc-call.XXXXXX";
static char path[64];
static char error[BENCH_TEXT_MAX];
static char request[512];
static const char *pieces[4];
static int listener;

static void *server(void *arg)
{
	int fd = accept(listener, NULL, NULL);

	(void)arg;
	request[recv(fd, request, sizeof(request) - 1, 0)] = '\0';
	for (const char **piece = pieces; *piece != NULL; piece++) {
		send(fd, *piece, strlen(*piece), MSG_NOSIGNAL);
	}
	close(fd);
	return NULL;
}

static void setup(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
	memcpy(address.sun_path, path, sizeof(path));
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	bench_signals_install(NULL);
}

static void teardown(void)
{
	close(listener);
	unlink(path);
	rmdir(folder);
}

static int call(struct json_object *params, struct json_object **ret_result)
{
	pthread_t thread;
	int rc;

	ck_assert_int_eq(pthread_create(&thread, NULL, server, NULL), 0);
	rc = bench_rpc_call(path, "do_it", params, LONG_NS, ret_result, error);
	pthread_join(thread, NULL);
	return rc;
}

START_TEST(test_answer_in_pieces)
{
	struct json_object *params = json_object_new_object();
	struct json_object *result = NULL;
	struct json_object *sent;

	pieces[0] = "{\"jsonrpc\": \"2.0\", \"id\": 1, ";
	pieces[1] = "\"result\": {\"a\": ";
	pieces[2] = "5}}\n";
	json_object_object_add(params, "lcore", json_object_new_int(3));
	ck_assert_int_eq(call(params, &result), 0);
	ck_assert_str_eq(json_object_to_json_string_ext(result, JSON_C_TO_STRING_PLAIN),
			 "{\"a\":5}");
	sent = json_tokener_parse(request);
	ck_assert_str_eq(
		json_object_to_json_string_ext(sent, JSON_C_TO_STRING_PLAIN),
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"do_it\",\"params\":{\"lcore\":3}}");
	json_object_put(sent);
	json_object_put(result);
	json_object_put(params);
}
END_TEST

START_TEST(test_error)
{
	pieces[0] = "{\"id\": 1, \"error\": {\"code\": -1, \"message\": \"not today\"}}";
	ck_assert_int_eq(call(NULL, NULL), -EREMOTEIO);
	ck_assert_str_eq(error, "do_it: not today");
}
END_TEST

START_TEST(test_no_answer)
{
	static const char *const texts[] = {"no JSON\n", "{\"id\": 1}", "{\"id\": 1"};
	static const int codes[] = {-EPROTO, -EPROTO, -ECONNRESET};

	pieces[0] = texts[_i];
	ck_assert_int_eq(call(NULL, NULL), codes[_i]);
	ck_assert_int_eq(strncmp(error, "do_it: ", 7), 0);
}
END_TEST

START_TEST(test_nobody_answers)
{
	ck_assert_int_eq(bench_rpc_call(path, "do_it", NULL, EBB_NS_PER_MS, NULL, error),
			 -ETIMEDOUT);
	raise(SIGINT);
	ck_assert_int_eq(bench_rpc_call(path, "do_it", NULL, LONG_NS, NULL, error), -ECANCELED);
}
END_TEST

START_TEST(test_nobody_listens)
{
	char long_path[256] = "";

	memset(long_path, 'x', sizeof(long_path) - 1);
	ck_assert_int_eq(bench_rpc_call_probe(path), 0);
	ck_assert_int_eq(bench_rpc_call_probe("/nonexistent/socket"), -ENOENT);
	ck_assert_int_eq(bench_rpc_call_probe(long_path), -ENAMETOOLONG);
	ck_assert_int_eq(bench_rpc_call("/nonexistent/socket", "do_it", NULL, LONG_NS, NULL, error),
			 -ENOENT);
	ck_assert_str_eq(error, "do_it: /nonexistent/socket: No such file or directory");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(test_answer_in_pieces),
		UNIT_TEST(test_error),
		UNIT_LOOP(test_no_answer, 0, 3),
		UNIT_TEST(test_nobody_answers),
		UNIT_TEST(test_nobody_listens),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
