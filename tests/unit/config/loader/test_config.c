/* SPDX-License-Identifier: Apache-2.0 */
#include "config/loader/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ebb/app.h>
#include <ebb/clock.h>
#include <ebb/log.h>
#include <ebb/method.h>
#include <ebb/startup.h>
#include <ebb/subsystem.h>
#include <ebb/thread.h>

#include "core/app/subsystem.h"
#include "tests/unit/fixtures/log.h"
#include "tests/unit/unit.h"

/*
 * Checked as data, and loaded for real by ebb_app_start(), with a subsystem and methods of the
 * test's own. Each test is a process of its own.
 */

static char trace[512];

static void note(const char *what, const char *name)
{
	size_t len = strlen(trace);

	snprintf(trace + len, sizeof(trace) - len, "%s%s%s", len > 0 ? " " : "", what, name);
}

static void own_init(void)
{
	note("init", "");
	ebb_subsystem_init_next(0);
}

/* Of a configuration's entries. */
static unsigned reallocs;
static unsigned realloc_fails; /* this one, counted from 1; 0: none */

/* In place of the library's. */
void *reallocarray(void *memory, size_t count, size_t size)
{
	reallocs += size == sizeof(struct config_entry);
	return size == sizeof(struct config_entry) && reallocs == realloc_fails
		       ? NULL
		       : realloc(memory, count * size);
}

static struct ebb_subsystem own = {.name = "t_own", .init = own_init};
EBB_SUBSYSTEM_REGISTER(own)

struct params {
	char *name;
	uint32_t size;
};

static const struct ebb_param params_table[] = {
	EBB_PARAM(struct params, name, EBB_PARAM_STRING),
	EBB_PARAM(struct params, size, EBB_PARAM_UINT32, .optional = true, .max = 100),
};

#define PARAMS                                                              \
	.params = params_table, .num_params = EBB_ARRAY_SIZE(params_table), \
	.params_size = sizeof(struct params)

static void early(struct ebb_call *call, void *params)
{
	note("early:", ((struct params *)params)->name);
	ebb_call_result(call, NULL);
}

static struct ebb_call *slow_call;

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * EBB_NS_PER_S + (uint64_t)now.tv_nsec;
}

/* Blocks the reactor for longer than a callback may, by its own doing however busy the machine is. */
static void be_busy(void)
{
	uint64_t end_ns = cpu_ns() + 40 * EBB_NS_PER_MS;

	while (cpu_ns() < end_ns) {
	}
}

/* Fails if the name is "bad", never ends if it is "slow", and blocks if it is "busy". */
static void late(struct ebb_call *call, void *params)
{
	const char *name = ((struct params *)params)->name;

	note("late:", name);
	if (strcmp(name, "bad") == 0) {
		ebb_call_error(call, -ENODEV, "no device for \"%s\"", name);
	} else if (strcmp(name, "slow") == 0) {
		slow_call = call;
	} else if (strcmp(name, "busy") == 0) {
		be_busy();
		ebb_call_result(call, NULL);
	} else {
		ebb_call_result(call, json_object_new_string(name));
	}
}

static struct ebb_method early_method = {.name = "t_early",
					 .states = EBB_METHOD_STARTUP,
					 .fn = early,
					 PARAMS};
EBB_METHOD_REGISTER(early_method)
static struct ebb_method both_method = {.name = "t_both",
					.states = EBB_METHOD_STARTUP | EBB_METHOD_RUNTIME,
					.fn = early,
					PARAMS};
EBB_METHOD_REGISTER(both_method)
static struct ebb_method late_method = {.name = "t_late",
					.alias = "t_late_alias",
					.states = EBB_METHOD_RUNTIME,
					.fn = late,
					PARAMS};
EBB_METHOD_REGISTER(late_method)
static struct ebb_method never_method = {.name = "t_never", .states = 0, .fn = late, PARAMS};
EBB_METHOD_REGISTER(never_method)

static struct config_file *config;

static void check(const char *text)
{
	char error[APP_SUBSYSTEM_ERROR_MAX];

	config_destroy(config);
	ck_assert_int_eq(app_subsystem_sort(error, sizeof(error)), 0);
	ck_assert_int_eq(config_create("F", text, strlen(text), &config), 0);
}

/* Exactly one mistake, which is this. */
static void mistake(const char *text, const char *expected)
{
	check(text);
	ck_assert_msg(config->num_mistakes == 1, "%zu mistakes in %s", config->num_mistakes, text);
	ck_assert_str_eq(config->mistakes[0], expected);
}

/* As mistake(), in the one entry of a configuration. */
static void entry_mistake(const char *entry, const char *expected)
{
	char text[512];
	char place[512];

	snprintf(text, sizeof(text),
		 "{\"subsystems\": [{\"subsystem\": \"t_own\", \"config\": [%s]}]}", entry);
	snprintf(place, sizeof(place), "F: subsystems[0] \"t_own\", config[0]%s", expected);
	mistake(text, place);
	ck_assert_uint_eq(config->num_entry_mistakes, 1);
}

static void entry_accepted(const char *entry, size_t num_entries)
{
	char text[2048];

	snprintf(text, sizeof(text),
		 "{\"subsystems\": [{\"subsystem\": \"t_own\", \"config\": [%s]}]}", entry);
	check(text);
	ck_assert_msg(config->num_mistakes == 0, "%s", config->mistakes[0]);
	ck_assert_uint_eq(config->num_entries, num_entries);
}

START_TEST(test_syntax_errors_have_a_place)
{
	mistake("{\n  \"subsystems\": [\n    {,}\n  ]\n}",
		"F: line 3, column 6: not JSON: expected a quoted name or a closing brace");
	mistake("{\"subsystems\": [\n",
		"F: line 2, column 1: not JSON: the text ends too early: a bracket, a brace, a "
		"quote or a comment is not closed");
	mistake("{} x",
		"F: line 1, column 4: not JSON: something follows after the end of the value");
	mistake("{\"subsystems\": [1 2]}",
		"F: line 1, column 19: not JSON: expected a comma or a closing bracket");
	mistake("{\"a\" 1}", "F: line 1, column 6: not JSON: expected a colon after the name");
	mistake("rubbish", "F: line 1, column 1: not JSON: expected a value");
	mistake("[]", "F: the whole must be an object: {\"subsystems\": [...]}");
	mistake("17", "F: the whole must be an object: {\"subsystems\": [...]}");
}
END_TEST

START_TEST(test_too_deep)
{
	char text[128] = "{\"a\": ";

	memset(text + strlen(text), '[', 40);
	check(text);
	ck_assert_uint_eq(config->num_mistakes, 1);
	ck_assert_ptr_nonnull(strstr(config->mistakes[0], "nested too deeply"));
}
END_TEST

START_TEST(test_comments_and_extra_keys)
{
	check("/* a */ {\"comment\": 1, // b\n \"subsystems\": [], \"more\": {}} // c");
	ck_assert_uint_eq(config->num_mistakes, 0);
	ck_assert_uint_eq(config->num_entries, 0);
	check("{\"subsystems\": []} /* d */\n");
	ck_assert_uint_eq(config->num_mistakes, 0);
}
END_TEST

START_TEST(test_form)
{
	mistake("{}", "F: \"subsystems\" is missing; the least is {\"subsystems\": []}");
	mistake("{\"subsystems\": 1}", "F: \"subsystems\" is not an array");
	mistake("{\"subsystems\": [{\"subsystem\": \"t_own\"}, 1]}",
		"F: subsystems[1]: must be an object: {\"subsystem\": ..., \"config\": [...]}");
	mistake("{\"subsystems\": [{\"config\": []}]}",
		"F: subsystems[0]: \"subsystem\" is missing or no name");
	mistake("{\"subsystems\": [{\"subsystem\": \"t_own\", \"confg\": []}]}",
		"F: subsystems[0]: \"confg\" is not known; known: \"subsystem\", \"config\"");
	mistake("{\"subsystems\": [{\"subsystem\": \"t_own\", \"config\": {}}]}",
		"F: subsystems[0] \"t_own\": \"config\" is not an array");
	check("{\"subsystems\": [{\"subsystem\": \"t_own\", \"config\": null}]}");
	ck_assert_uint_eq(config->num_mistakes, 0);
}
END_TEST

START_TEST(test_entries)
{
	entry_mistake("1", ": an entry is an object: {\"method\": ..., \"params\": ...}");
	entry_mistake("{\"params\": {}}", ": \"method\" is missing or no name");
	entry_mistake("{\"method\": 1}", ": \"method\" is missing or no name");
	entry_mistake("{\"method\": \"t_late\", \"parms\": {}}",
		      ": \"parms\" is not known in an entry; known: \"method\", \"params\"");
	entry_mistake("{\"method\": \"t_late\", \"params\": []}",
		      " t_late: \"params\" is not an object");
	entry_mistake("{\"method\": \"t_nothing\"}",
		      " t_nothing: this method is not known; rpc_get_methods lists those that are");
	entry_mistake("{\"method\": \"t_never\", \"params\": {\"name\": \"a\"}}",
		      " t_never: this method can run neither before nor after the subsystems are "
		      "initialised");
	check("{\"subsystems\": [{\"subsystem\": \"t_own\", \"config\": [[{\"method\": \"t_late\", "
	      "\"params\": {\"name\": \"a\"}}, {\"method\": \"t_nothing\"}]]}]}");
	ck_assert_uint_eq(config->num_entries, 1);
	ck_assert_uint_eq(config->num_mistakes, 1);
	ck_assert_ptr_nonnull(strstr(config->mistakes[0], "\"t_own\", config[0][1] t_nothing: "));
}
END_TEST

/* It would wait for itself. */
START_TEST(test_who_waits_for_start_up_is_refused)
{
	entry_mistake(
		"{\"method\": \"framework_wait_init\"}",
		" framework_wait_init: it waits for the end of start-up, which waits for this "
		"file: leave it out, and call it by RPC");
}
END_TEST

START_TEST(test_parameters)
{
	static const char *const entries[] = {
		"{\"method\": \"t_late\"}",
		"{\"method\": \"t_late\", \"params\": {\"name\": 1}}",
		"{\"method\": \"t_late\", \"params\": {\"name\": \"a\", \"size\": 101}}",
		"{\"method\": \"t_late\", \"params\": {\"name\": \"a\", \"sise\": 1}}",
	};
	static const char *const named[] = {"\"name\"", "\"name\"", "\"size\"", "\"sise\""};
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"subsystems\": [{\"subsystem\": \"t_own\", \"config\": [%s]}]}", entries[_i]);
	check(text);
	ck_assert_uint_eq(config->num_mistakes, 1);
	ck_assert_ptr_nonnull(
		strstr(config->mistakes[0], "F: subsystems[0] \"t_own\", config[0] t_late: "));
	ck_assert_msg(strstr(config->mistakes[0], named[_i]) != NULL, "%s", config->mistakes[0]);
}
END_TEST

START_TEST(test_all_mistakes_are_found)
{
	char text[8192] = "{\"subsystems\": [{\"subsystem\": \"t_own\", \"config\": [";
	size_t index;

	for (index = 0; index < CONFIG_MISTAKES_MAX + 10; index++) {
		strcat(text, index == 0 ? "1" : ", 1");
	}
	strcat(text, "]}, 2]}");
	check(text);
	ck_assert_uint_eq(config->num_mistakes, CONFIG_MISTAKES_MAX + 11);
	ck_assert_uint_eq(config->num_entry_mistakes, CONFIG_MISTAKES_MAX + 10);
	ck_assert_ptr_nonnull(config->mistakes[CONFIG_MISTAKES_MAX - 1]);
}
END_TEST

/* Room for entries is got 16 and more at a time; here it cannot be had for the 17th. */
START_TEST(test_out_of_memory_for_entries)
{
	char text[8192] = "{\"subsystems\": [{\"subsystem\": \"t_own\", \"config\": [";
	char error[APP_SUBSYSTEM_ERROR_MAX];
	struct config_file *none = NULL;
	unsigned index;

	for (index = 0; index < 40; index++) {
		strcat(text, index == 0 ? "" : ", ");
		strcat(text, "{\"method\": \"t_late\", \"params\": {\"name\": \"a\"}}");
	}
	strcat(text, "]}]}");
	ck_assert_int_eq(app_subsystem_sort(error, sizeof(error)), 0);
	reallocs = 0;
	realloc_fails = 2;
	ck_assert_int_eq(config_create("F", text, strlen(text), &none), -ENOMEM);
	ck_assert_ptr_null(none);
	ck_assert_uint_eq(reallocs, 2);
}
END_TEST

START_TEST(test_passes)
{
	entry_accepted("{\"method\": \"t_late\", \"params\": {\"name\": \"a\"}}, "
		       "[{\"method\": \"t_early\", \"params\": {\"name\": \"b\"}}, "
		       "{\"method\": \"t_both\", \"params\": {\"name\": \"c\"}}]",
		       3);
	ck_assert_uint_eq(config->entries[0].pass, EBB_METHOD_RUNTIME);
	ck_assert_uint_eq(config->entries[1].pass, EBB_METHOD_STARTUP);
	ck_assert_uint_eq(config->entries[2].pass, EBB_METHOD_STARTUP);
	ck_assert_str_eq(config->entries[2].step, "t_own/t_both");
	ck_assert_str_eq(config->entries[2].place,
			 "F: subsystems[0] \"t_own\", config[1][1] t_both");
	entry_accepted("{\"method\": \"t_late_alias\", \"params\": {\"name\": \"a\"}}", 1);
}
END_TEST

START_TEST(test_a_methods_section_need_be_no_subsystem)
{
	check("{\"subsystems\": [{\"subsystem\": \"reactor\", \"config\": [{\"method\": "
	      "\"reactor_set_mode\", \"params\": {\"lcore\": 0, \"mode\": \"poll\"}}]}]}");
	ck_assert_uint_eq(config->num_mistakes, 0);
	ck_assert_uint_eq(config->num_entries, 1);
}
END_TEST

START_TEST(test_compat_methods)
{
	entry_accepted("{\"method\": \"bdev_wait_for_examine\"}", 1);
	ck_assert_uint_eq(config->entries[0].pass, EBB_METHOD_RUNTIME);
	entry_accepted("{\"method\": \"iobuf_set_options\", \"params\": {\"small_pool_count\": 1}}",
		       1);
	ck_assert_uint_eq(config->entries[0].pass, EBB_METHOD_STARTUP);
	entry_accepted("{\"method\": \"bdev_nvme_set_hotplug\", "
		       "\"params\": {\"period_us\": 100000, \"enable\": false}}",
		       1);
	entry_mistake("{\"method\": \"bdev_nvme_set_hotplug\", \"params\": {\"enable\": true}}",
		      " bdev_nvme_set_hotplug: parameter \"enable\" of method "
		      "\"bdev_nvme_set_hotplug\" is true, but ebb attaches only what it is told to "
		      "(bdev_nvme_attach_controller): give false");
	entry_mistake("{\"method\": \"iobuf_set_options\", \"params\": {\"small_pool\": 1}}",
		      " iobuf_set_options: method \"iobuf_set_options\" has no parameter "
		      "\"small_pool\"; it takes small_pool_count, large_pool_count, small_bufsize, "
		      "large_bufsize, enable_numa");
}
END_TEST

/* As SPDK saves them. */
START_TEST(test_compat_nvme)
{
	entry_accepted(
		"{\"method\": \"bdev_nvme_set_options\", \"params\": {\"action_on_timeout\": "
		"\"none\", \"timeout_us\": 0, \"timeout_admin_us\": 0, "
		"\"keep_alive_timeout_ms\": 10000, \"arbitration_burst\": 0, "
		"\"low_priority_weight\": 0, \"medium_priority_weight\": 0, "
		"\"high_priority_weight\": 0, \"nvme_adminq_poll_period_us\": 10000, "
		"\"nvme_ioq_poll_period_us\": 0, \"io_queue_requests\": 0, "
		"\"delay_cmd_submit\": true, \"transport_retry_count\": 4, "
		"\"bdev_retry_count\": 3, \"transport_ack_timeout\": 0, "
		"\"ctrlr_loss_timeout_sec\": 0, \"reconnect_delay_sec\": 0, "
		"\"fast_io_fail_timeout_sec\": 0, \"disable_auto_failback\": false, "
		"\"generate_uuids\": false, \"transport_tos\": 0, \"nvme_error_stat\": false, "
		"\"rdma_srq_size\": 0, \"io_path_stat\": false, "
		"\"allow_accel_sequence\": false, \"rdma_max_cq_size\": 0, "
		"\"rdma_cm_event_timeout_ms\": 0, \"dhchap_digests\": [\"sha256\"], "
		"\"dhchap_dhgroups\": [\"null\"]}}",
		1);
	entry_accepted("{\"method\": \"bdev_nvme_attach_controller\", \"params\": {\"name\": "
		       "\"Nvme0\", \"trtype\": \"PCIe\", \"traddr\": \"0000:01:00.0\", "
		       "\"prchk_reftag\": false, \"prchk_guard\": false, "
		       "\"ctrlr_loss_timeout_sec\": 0, \"reconnect_delay_sec\": 0, "
		       "\"fast_io_fail_timeout_sec\": 0, \"hdgst\": false, \"ddgst\": false, "
		       "\"multipath\": \"multipath\"}}",
		       1);
	entry_mistake("{\"method\": \"bdev_nvme_attach_controller\", \"params\": {\"name\": "
		      "\"Nvme0\", \"trtype\": \"PCIe\", \"traddr\": \"0000:01:00.0\", "
		      "\"prchk_guard\": true}}",
		      " bdev_nvme_attach_controller: parameter \"prchk_guard\" of method "
		      "\"bdev_nvme_attach_controller\" is true, but ebb does not check protection "
		      "information: leave it out, or give false");
}
END_TEST

static void stop(void *arg)
{
	(void)arg;
	ebb_app_stop(0);
}

static void started(void *arg)
{
	(void)arg;
	note("start", "");
	ck_assert_int_eq(ebb_thread_send_msg(ebb_thread_app(), stop, NULL), 0);
}

static int load(const char *text, bool ignore, uint32_t init_timeout_s)
{
	struct ebb_app_opts opts;

	log_capture();
	ebb_app_opts_init(&opts, sizeof(opts));
	opts.name = "test";
	opts.json_data = text;
	opts.json_ignore_init_errors = ignore;
	opts.init_timeout_s = init_timeout_s;
	opts.on_violation = EBB_VIOLATION_ABORT;
	return ebb_app_start(&opts, started, NULL);
}

#define OWN(entries)       "{\"subsystems\": [{\"subsystem\": \"t_own\", \"config\": [" entries "]}]}"
#define CALL(method, name) "{\"method\": \"" method "\", \"params\": {\"name\": \"" name "\"}}"

START_TEST(test_two_passes)
{
	ck_assert_int_eq(load(OWN(CALL("t_late", "a") "," CALL("t_early", "b") "," CALL(
				      "t_both", "c") ",[" CALL("t_late", "d") "]"),
			      false, 0),
			 0);
	ck_assert_str_eq(trace, "early:b early:c init late:a late:d start");
	/* And again, in the same process. */
	trace[0] = '\0';
	ck_assert_int_eq(load(OWN(CALL("t_late", "e")), false, 0), 0);
	ck_assert_str_eq(trace, "init late:e start");
}
END_TEST

START_TEST(test_each_entry_is_told_at_debug)
{
	ebb_log_set_print_level(EBB_LOG_DEBUG);
	ck_assert_int_eq(ebb_log_set_flag("config"), 0);
	ck_assert_int_eq(load(OWN(CALL("t_late", "a") "," CALL("t_early", "b") "," CALL("t_late",
											"bad")),
			      true, 0),
			 0);
	ck_assert(logged("debug config: json_data: subsystems[0] \"t_own\", config[0] t_late: "
			 "called, second (RUNTIME) pass"));
	ck_assert(logged("debug config: json_data: subsystems[0] \"t_own\", config[0] t_late: "
			 "done after "));
	ck_assert(logged("debug config: json_data: subsystems[0] \"t_own\", config[1] t_early: "
			 "called, first (STARTUP) pass"));
	ck_assert(logged("debug config: json_data: subsystems[0] \"t_own\", config[2] t_late: "
			 "failed after "));
}
END_TEST

/* What blocks is called by its place in the file, not by the function that calls all entries. */
START_TEST(test_an_entry_that_blocks_is_named)
{
	ck_assert_int_eq(load(OWN(CALL("t_late", "a") "," CALL("t_late", "busy")), false, 0), 0);
	ck_assert(logged("configuration entry \"json_data: subsystems[0] \"t_own\", config[1] "
			 "t_late\": method \"t_late\" ran "));
	ck_assert(!logged("config[0]"));
}
END_TEST

START_TEST(test_mistake_before_anything_runs)
{
	ck_assert_int_eq(load(OWN(CALL("t_early", "b") ", 1"), false, 0), -EINVAL);
	ck_assert_str_eq(trace, "");
	ck_assert(
		logged("start-up failed: json_data: subsystems[0] \"t_own\", config[1]: an entry"));
	ck_assert_int_eq(load(OWN("1, 2"), false, 0), -EINVAL);
	ck_assert(logged("error config: json_data: subsystems[0] \"t_own\", config[1]: an entry"));
	ck_assert(logged("start-up failed: 2 mistakes, the first: json_data: subsystems[0] "));
}
END_TEST

/* Start-up says which configuration it was that there was no memory for. */
START_TEST(test_out_of_memory_ends_start_up)
{
	realloc_fails = 1;
	ck_assert_int_eq(load(OWN(CALL("t_late", "a")), false, 0), -ENOMEM);
	ck_assert_uint_eq(reallocs, 1);
	ck_assert(logged("start-up failed: json_data: checking its"));
	ck_assert_str_eq(trace, "");
}
END_TEST

START_TEST(test_failing_entry_ends_start_up)
{
	struct ebb_app_state state;

	ck_assert_int_eq(load(OWN(CALL("t_late", "bad") "," CALL("t_late", "a")), false, 0),
			 -ENODEV);
	ck_assert_str_eq(trace, "init late:bad");
	ebb_app_get_state(&state);
	ck_assert_int_eq(state.phase, EBB_APP_FAILED);
	ck_assert_str_eq(state.error, "json_data: subsystems[0] \"t_own\", config[0] t_late: "
				      "no device for \"bad\"");
}
END_TEST

START_TEST(test_failing_entries_can_be_passed_over)
{
	ck_assert_int_eq(load(OWN(CALL("t_late", "bad") ", 1," CALL("t_late", "a")), true, 0), 0);
	ck_assert_str_eq(trace, "init late:bad late:a start");
	ck_assert(logged(
		"config[1]: an entry is an object: {\"method\": ..., \"params\": ...}: passed"));
	ck_assert(logged("config[0] t_late: no device for \"bad\": passed over"));
	ck_assert(logged("2 entries were passed over"));
	/* What is not JSON, or not a configuration, cannot be passed over. */
	ck_assert_int_eq(load("{", true, 0), -EINVAL);
	ck_assert_int_eq(load("{\"subsystems\": [1]}", true, 0), -EINVAL);
}
END_TEST

START_TEST(test_hanging_entry_is_named)
{
	ck_assert_int_eq(load(OWN(CALL("t_late", "slow") "," CALL("t_late", "a")), false, 1),
			 -ETIMEDOUT);
	ck_assert_str_eq(trace, "init late:slow");
	ck_assert(logged("configuration: \"t_own/t_late\" has not ended after 1 s"));
	ck_assert(
		logged("start-up failed: json_data: subsystems[0] \"t_own\", config[0] t_late: it "
		       "has not ended within 1 s, the limit for a step"));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_syntax_errors_have_a_place),
		UNIT_TEST(test_too_deep),
		UNIT_TEST(test_comments_and_extra_keys),
		UNIT_TEST(test_form),
		UNIT_TEST(test_entries),
		UNIT_TEST(test_who_waits_for_start_up_is_refused),
		UNIT_LOOP(test_parameters, 0, 4),
		UNIT_TEST(test_all_mistakes_are_found),
		UNIT_TEST(test_out_of_memory_for_entries),
		UNIT_TEST(test_passes),
		UNIT_TEST(test_a_methods_section_need_be_no_subsystem),
		UNIT_TEST(test_compat_methods),
		UNIT_TEST(test_compat_nvme),
		UNIT_TEST(test_two_passes),
		UNIT_TEST(test_each_entry_is_told_at_debug),
		UNIT_TEST(test_an_entry_that_blocks_is_named),
		UNIT_TEST(test_mistake_before_anything_runs),
		UNIT_TEST(test_failing_entry_ends_start_up),
		UNIT_TEST(test_out_of_memory_ends_start_up),
		UNIT_TEST(test_failing_entries_can_be_passed_over),
		UNIT_TEST(test_hanging_entry_is_named),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
