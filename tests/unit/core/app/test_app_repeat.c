/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole service over and over in one process, as a real client finds it: each run begins with
 * nothing of the one before, and leaves nothing behind.
 */
#include <ebb/app.h>

#include <dirent.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include <ebb/log.h>

#include "rpc/client.h"
#include "tests/unit/fixtures/log.h"
#include "tests/unit/unit.h"

#define ROUNDS     4
#define TIMEOUT_MS 10000

static char folder[64], rpc_path[96], nbd_path[96];
static sem_t started;
static struct rpc_client client;

/* The result of @method is the JSON text @wanted; NULL: whatever it is. */
static void call(const char *method, const char *params, const char *wanted)
{
	struct json_object *object = params != NULL ? json_tokener_parse(params) : NULL;
	struct json_object *result = NULL;
	struct ebb_method_error error;
	const char *text;
	int rc;

	ck_assert(params == NULL || object != NULL);
	rc = rpc_client_call(&client, method, object, &result, &error);
	ck_assert_msg(rc == 0, "%s: %d", method, rc);
	text = json_object_to_json_string_ext(result, JSON_C_TO_STRING_PLAIN);
	if (wanted != NULL) {
		ck_assert_msg(strcmp(text, wanted) == 0, "%s: %s, not %s", method, text, wanted);
	}
	json_object_put(result);
	json_object_put(object);
}

static void app_started(void *arg)
{
	(void)arg;
	sem_post(&started);
}

static void check_fresh(void)
{
	/* As the program had them, whatever the run before was asked for. */
	call("log_get_level", NULL, "\"NOTICE\"");
	call("log_get_print_level", NULL, "\"INFO\"");
	ck_assert(ebb_log_get_flag("app") && !ebb_log_get_flag("bdev"));
	call("framework_get_config", "{\"name\":\"log\"}", "[]");
	call("bdev_get_bdevs", NULL, "[]");
	call("nbd_get_exports", NULL, "[]");
	call("framework_get_config", "{\"name\":\"bdev\"}", "[]");
	call("framework_get_config", "{\"name\":\"nbd\"}", "[]");
	call("thread_get_violations", NULL, "[]");
}

static void make_things(void)
{
	static const char size[] = "{\"num_blocks\":256,\"block_size\":4096}";
	char params[192];

	call("log_set_level", "{\"level\":\"DEBUG\"}", "true");
	call("log_set_level", "{\"level\":\"INFO\"}", "true");
	call("log_set_print_level", "{\"level\":\"WARNING\"}", "true");
	call("log_set_flag", "{\"flag\":\"all\"}", "true");
	call("log_clear_flag", "{\"flag\":\"app\"}", "true");
	call("bdev_malloc_create", size, "\"Malloc0\"");
	call("bdev_malloc_create", size, "\"Malloc1\"");
	call("bdev_error_create", "{\"base_name\":\"Malloc1\"}", NULL);
	call("bdev_set_qos_limit", "{\"name\":\"Malloc0\",\"rw_ios_per_sec\":10000}", "true");
	call("bdev_enable_histogram", "{\"name\":\"Malloc0\",\"enable\":true}", "true");
	snprintf(params, sizeof(params), "{\"bdev_name\":\"Malloc0\",\"path\":\"%s\"}", nbd_path);
	call("nbd_start_export", params, NULL);
	ck_assert_int_eq(access(nbd_path, F_OK), 0);
}

static void *client_main(void *arg)
{
	(void)arg;
	sem_wait(&started);
	ck_assert_int_eq(rpc_client_open(&client, rpc_path, TIMEOUT_MS), 0);
	check_fresh();
	make_things();
	call("spdk_kill_instance", "{\"sig_name\":\"SIGTERM\"}", "true");
	rpc_client_close(&client);
	return NULL;
}

static unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL) {
		count++;
	}
	closedir(dir);
	return count;
}

static void run(void)
{
	struct ebb_app_opts opts;
	pthread_t thread;

	ebb_app_opts_init(&opts, sizeof(opts));
	opts.name = "repeat";
	opts.rpc_socket = rpc_path;
	ck_assert_int_eq(pthread_create(&thread, NULL, client_main, NULL), 0);
	ck_assert_int_eq(ebb_app_start(&opts, app_started, NULL), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_ne(access(rpc_path, F_OK), 0);
	ck_assert_int_ne(access(nbd_path, F_OK), 0);
}

static void setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/ebb-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(rpc_path, sizeof(rpc_path), "%s/a.sock", folder);
	snprintf(nbd_path, sizeof(nbd_path), "%s/a.nbd", folder);
	sem_init(&started, 0, 0);
	log_capture();
	ebb_log_set_print_level(EBB_LOG_INFO);
	ck_assert_int_eq(ebb_log_set_flag("app"), 0);
}

static void teardown(void)
{
	ck_assert_int_eq(rmdir(folder), 0);
}

START_TEST(each_run_is_as_the_first)
{
	unsigned fds;

	run(); /* some are kept from here on, such as the log's */
	fds = count_fds();
	for (unsigned round = 1; round < ROUNDS; round++) {
		run();
		ck_assert_uint_eq(count_fds(), fds);
	}
	ck_assert_uint_eq(log_count("left behind"), 0);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(each_run_is_as_the_first),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
