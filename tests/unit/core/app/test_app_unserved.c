/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ebb_app_start() says of options that nothing in the program can serve: this one is linked
 * with core alone, so that there is neither a loader nor an RPC server.
 */
#include <ebb/app.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ebb/log.h>
#include <ebb/startup.h>

#include "tests/unit/unit.h"

static char last_error[1024];
static struct ebb_app_opts opts;
static int starts;

static void log_sink(enum ebb_log_level level, const char *component, const char *text)
{
	if (level == EBB_LOG_ERROR) {
		snprintf(last_error, sizeof(last_error), "%s: %s", component, text);
	}
}

static void start_and_stop(void *arg)
{
	(void)arg;
	starts++;
	ebb_app_stop(0);
}

static void setup(void)
{
	ebb_log_set_sink(log_sink);
	ebb_app_opts_init(&opts, sizeof(opts));
	opts.name = "test";
	last_error[0] = '\0';
	starts = 0;
}

/* The error names the option, and the remedy. */
static void check_refused(const char *option, const char *without)
{
	ck_assert_int_eq(ebb_app_start(&opts, start_and_stop, NULL), -ENOTSUP);
	ck_assert_int_eq(starts, 0);
	ck_assert_msg(strstr(last_error, option) != NULL, "\"%s\"", last_error);
	ck_assert_msg(strstr(last_error, "link all of libebb") != NULL, "\"%s\"", last_error);
	ck_assert_msg(strstr(last_error, without) != NULL, "\"%s\"", last_error);
}

START_TEST(json_data_without_a_loader_is_refused)
{
	opts.json_data = "{\"subsystems\": []}";
	check_refused("opts.json_data", "without --json");
}
END_TEST

START_TEST(a_json_file_without_a_loader_is_refused)
{
	opts.json_file = "/nonexistent/file.json";
	check_refused("opts.json_file", "without --json");
}
END_TEST

START_TEST(an_rpc_socket_without_a_server_is_refused)
{
	opts.rpc_socket = "/tmp/ebb-test.sock";
	check_refused("opts.rpc_socket", "without --rpc-socket");
	/* Nobody could ever end the wait. */
	opts.wait_for_rpc = true;
	check_refused("opts.rpc_socket", "without --rpc-socket");
}
END_TEST

START_TEST(core_alone_runs)
{
	ck_assert_int_eq(ebb_app_start(&opts, start_and_stop, NULL), 0);
	ck_assert_int_eq(starts, 1);
	ck_assert_str_eq(last_error, "");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, NULL),
		UNIT_TEST(json_data_without_a_loader_is_refused),
		UNIT_TEST(a_json_file_without_a_loader_is_refused),
		UNIT_TEST(an_rpc_socket_without_a_server_is_refused),
		UNIT_TEST(core_alone_runs),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
