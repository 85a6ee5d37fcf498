/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wanted, in whole runs of ebb_app_start() with the service's own drivers: a configuration
 * is loaded, methods are called, and what is saved then is a configuration again.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ebb/app.h>
#include <ebb/bdev.h>
#include <ebb/bdev_module.h>
#include <ebb/log.h>
#include <ebb/method.h>
#include <ebb/thread.h>
#include <ebb/wanted.h>

#include "core/app/section.h"
#include "tests/unit/unit.h"

#define UUID "01234567-89ab-cdef-0123-456789abcdef"
#define NULL_BDEV                                                                       \
	"{\"method\":\"bdev_null_create\",\"params\":{\"name\":\"n\",\"num_blocks\":8," \
	"\"block_size\":512,\"uuid\":\"" UUID "\"}}"

/* A call to make when all is up, and how it must end. */
struct step {
	const char *method;
	const char *params; /* with ' for " */
	int code;
};

static const struct step *steps;
static struct json_object *step_params;
static char saved[8192];
static char sockets[2][64];
/* What was in force then. */
static enum ebb_log_level saved_level;
static bool saved_flags[3]; /* bdev, nvme, nbd */

/* What was saved has @piece. */
static void saved_has(const char *piece)
{
	ck_assert_msg(strstr(saved, piece) != NULL, "no %s in %s", piece, saved);
}

static void saved_lacks(const char *piece)
{
	ck_assert_msg(strstr(saved, piece) == NULL, "%s in %s", piece, saved);
}

static void quoted(const char *from, char *to, size_t size)
{
	snprintf(to, size, "%s", from);
	for (; *to != '\0'; to++) {
		*to = *to == '\'' ? '"' : *to;
	}
}

static void step_next(void *arg);

static void step_done(void *arg, struct json_object *result, const struct ebb_method_error *error)
{
	(void)arg;
	json_object_put(result);
	json_object_put(step_params);
	ck_assert_msg((error != NULL ? error->code : 0) == steps->code, "%s: %s", steps->method,
		      error != NULL ? error->text : "no error");
	steps++;
	ck_assert_int_eq(ebb_thread_send_msg(ebb_thread_app(), step_next, NULL), 0);
}

static void step_next(void *arg)
{
	struct json_object *json;
	char params[512];

	(void)arg;
	if (steps->method != NULL) {
		quoted(steps->params, params, sizeof(params));
		step_params = json_tokener_parse(params);
		ck_assert_ptr_nonnull(step_params);
		ebb_method_dispatch(ebb_method_find(steps->method), step_params, step_done, NULL);
		return;
	}
	json = app_section_save();
	snprintf(saved, sizeof(saved), "%s",
		 json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN |
							      JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(json);
	saved_level = ebb_log_get_level();
	saved_flags[0] = ebb_log_get_flag("bdev");
	saved_flags[1] = ebb_log_get_flag("nvme");
	saved_flags[2] = ebb_log_get_flag("nbd");
	ebb_app_stop(0);
}

/* Runs with the configuration @text, makes @calls, and saves. */
static void run(const char *text, bool ignore, const struct step *calls)
{
	static const struct step none[] = {{NULL, NULL, 0}};
	struct ebb_app_opts opts;

	ebb_app_opts_init(&opts, sizeof(opts));
	opts.name = "test";
	opts.json_data = text;
	opts.json_ignore_init_errors = ignore;
	opts.on_violation = EBB_VIOLATION_ABORT;
	steps = calls != NULL ? calls : none;
	saved[0] = '\0';
	ck_assert_int_eq(ebb_app_start(&opts, step_next, NULL), 0);
	ck_assert_ptr_null(ebb_wanted_next(NULL));
}

static void setup(void)
{
	for (int i = 0; i < 2; i++) {
		snprintf(sockets[i], sizeof(sockets[i]), "/tmp/ebb-test-saved-%d-%d", getpid(), i);
	}
}

START_TEST(nothing_wanted_is_nothing_saved)
{
	run(NULL, false, NULL);
	saved_has("{\"subsystems\":[{\"subsystem\":\"bdev\",\"config\":[]},"
		  "{\"subsystem\":\"nbd\",\"config\":[]},");
	saved_has("{\"subsystem\":\"reactor\",\"config\":[]}");
	saved_lacks("method");
	saved_lacks("nvme"); /* nothing is ever saved there */
}
END_TEST

START_TEST(loaded_again_it_saves_the_same)
{
	char export[128];
	const struct step calls[] = {
		{"bdev_null_create", "{'name': 'm', 'num_blocks': 8, 'block_size': 512}", 0},
		{"nbd_start_export", export, 0},
		{"nbd_start_export", "{'bdev_name': 'm', 'address': 'localhost', 'port': 0}", 0},
		{"bdev_nvme_set_options", "{'retry_count': 7}", 0},
		{"bdev_nvme_set_options", "{'transport_retry_count': 3}", 0},
		{"bdev_nvme_set_options", "{'timeout_us': 0}", 0},
		{NULL, NULL, 0},
	};
	char first[sizeof(saved)];

	snprintf(export, sizeof(export), "{'bdev_name': 'n', 'path': '%s'}", sockets[0]);
	run("{\"subsystems\":[{\"subsystem\":\"bdev\",\"config\":[{\"method\":\"bdev_set_options\","
	    "\"params\":{\"bdev_io_pool_size\":64}}," NULL_BDEV "]}]}",
	    false, calls);
	saved_has("{\"method\":\"bdev_set_options\",\"params\":{\"bdev_io_pool_size\":64}}");
	saved_has(NULL_BDEV);
	saved_has("\"params\":{\"name\":\"m\",\"num_blocks\":8,\"block_size\":512,\"uuid\":\"");
	saved_has("\"params\":{\"retry_count\":3,\"transport_retry_count\":3,"
		  "\"timeout_us\":0}");
	saved_has("\"export_name\":\"n\"");
	saved_has("\"address\":\"127.0.0.1\"");
	saved_lacks("\"port\":0");
	strcpy(first, saved);
	run(first, false, NULL);
	ck_assert_str_eq(saved, first);
}
END_TEST

START_TEST(the_log_and_the_scheduler_are_saved)
{
	const struct step calls[] = {
		{"log_set_print_level", "{'level': 'error'}", 0},
		{"log_set_level", "{'level': 'INFO'}", 0},
		{"log_set_flag", "{'flag': 'all'}", 0},
		{"log_clear_flag", "{'flag': '[!nb]*'}", 0},
		{"log_clear_flag", "{'flag': 'nbd'}", 0},
		{"framework_set_scheduler", "{'name': 'static', 'period': 1000}", 0},
		{NULL, NULL, 0},
	};
	char first[sizeof(saved)];

	run(NULL, false, calls);
	saved_has("{\"subsystem\":\"log\",\"config\":["
		  "{\"method\":\"log_set_print_level\",\"params\":{\"level\":\"ERROR\"}},"
		  "{\"method\":\"log_set_level\",\"params\":{\"level\":\"INFO\"}},"
		  "{\"method\":\"log_set_flag\",\"params\":{\"flag\":\"bdev\"}},"
		  "{\"method\":\"log_set_flag\",\"params\":{\"flag\":\"nvme\"}}]}");
	saved_has(
		"{\"subsystem\":\"scheduler\",\"config\":[{\"method\":\"framework_set_scheduler\","
		"\"params\":{\"name\":\"static\",\"period\":1000}}]}");
	strcpy(first, saved);
	/* The run has put them back. */
	ck_assert_int_eq(ebb_log_get_level(), EBB_LOG_NOTICE);
	ck_assert(!ebb_log_get_flag("bdev") && !ebb_log_get_flag("nvme"));
	run(first, false, NULL);
	ck_assert_str_eq(saved, first);
	ck_assert_int_eq(saved_level, EBB_LOG_INFO);
	ck_assert(saved_flags[0] && saved_flags[1] && !saved_flags[2]);
}
END_TEST

START_TEST(an_entry_that_failed_is_saved)
{
	static const struct step calls[] = {
		{"bdev_null_create", "{'name': 'n', 'num_blocks': 8, 'block_size': 512}", 0},
		{"nbd_start_export", "{'bdev_name': 'n', 'address': 'localhost', 'port': 0}", 0},
		{NULL, NULL, 0},
	};
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"subsystems\":[{\"subsystem\":\"nbd\",\"config\":[{\"method\":"
		 "\"nbd_start_export\",\"params\":{\"bdev_name\":\"n\",\"path\":\"%s\"}}]}]}",
		 sockets[0]);
	run(text, true, NULL);
	saved_has(sockets[0]);
	/* A call that fails adds nothing; one that succeeds does not take it away. */
	run(text, true, calls);
	saved_has(sockets[0]);
	saved_has("127.0.0.1");
}
END_TEST

START_TEST(a_failed_entry_that_is_made_up_for_is_saved_once)
{
	char export[128];
	const struct step calls[] = {
		{"bdev_null_create", "{'name': 'n', 'num_blocks': 8, 'block_size': 512}", 0},
		{"nbd_start_export", export, 0},
		{NULL, NULL, 0},
	};
	char text[512];
	const char *at;

	snprintf(export, sizeof(export), "{'bdev_name': 'n', 'path': '%s'}", sockets[0]);
	snprintf(text, sizeof(text),
		 "{\"subsystems\":[{\"subsystem\":\"nbd\",\"config\":[{\"method\":"
		 "\"nbd_start_export\",\"params\":{\"bdev_name\":\"n\",\"path\":\"%s\"}}]}]}",
		 sockets[0]);
	run(text, true, calls);
	at = strstr(saved, sockets[0]);
	ck_assert_ptr_nonnull(at);
	ck_assert_ptr_null(strstr(at + 1, sockets[0]));
}
END_TEST

START_TEST(what_is_taken_away_takes_its_exports_along)
{
	char exports[2][128];
	const struct step calls[] = {
		{"bdev_null_create", "{'name': 'm', 'num_blocks': 8, 'block_size': 512}", 0},
		{"nbd_start_export", exports[0], 0},
		{"nbd_start_export", exports[1], 0},
		{"bdev_null_delete", "{'name': 'n'}", 0},
		{"bdev_null_delete", "{'name': 'n'}", -ENODEV},
		{NULL, NULL, 0},
	};

	snprintf(exports[0], sizeof(exports[0]), "{'bdev_name': 'n', 'path': '%s'}", sockets[0]);
	snprintf(exports[1], sizeof(exports[1]), "{'bdev_name': 'm', 'path': '%s'}", sockets[1]);
	run("{\"subsystems\":[{\"subsystem\":\"bdev\",\"config\":[" NULL_BDEV "]}]}", false, calls);
	saved_lacks("\"n\"");
	saved_has("\"bdev_name\":\"m\"");
}
END_TEST

START_TEST(a_stopped_export_is_not_wanted)
{
	char exports[2][128];
	const struct step calls[] = {
		{"nbd_start_export", exports[0], 0},
		{"nbd_start_export", exports[1], 0},
		{"nbd_stop_export", "{'export_name': 'other'}", 0},
		{NULL, NULL, 0},
	};

	snprintf(exports[0], sizeof(exports[0]), "{'bdev_name': 'n', 'path': '%s'}", sockets[0]);
	snprintf(exports[1], sizeof(exports[1]),
		 "{'bdev_name': 'n', 'path': '%s', 'export_name': 'other'}", sockets[1]);
	run("{\"subsystems\":[{\"subsystem\":\"bdev\",\"config\":[" NULL_BDEV "]}]}", false, calls);
	saved_has(sockets[0]);
	saved_lacks(sockets[1]);
}
END_TEST

/* One bdev, under its default name at two sockets: the socket says which is meant. */
START_TEST(an_export_is_stopped_by_its_socket)
{
	char exports[3][160];
	const struct step calls[] = {
		{"nbd_start_export", exports[0], 0},
		{"nbd_start_export", exports[1], 0},
		{"nbd_stop_export", "{'export_name': 'n'}", EBB_METHOD_INVALID_PARAMS},
		{"nbd_stop_export", "{'bdev_name': 'n', 'path': '/nowhere'}", -ENOENT},
		{"nbd_stop_export", exports[2], 0},
		{NULL, NULL, 0},
	};

	snprintf(exports[0], sizeof(exports[0]), "{'bdev_name': 'n', 'path': '%s'}", sockets[0]);
	snprintf(exports[1], sizeof(exports[1]), "{'bdev_name': 'n', 'path': '%s'}", sockets[1]);
	snprintf(exports[2], sizeof(exports[2]), "{'path': '%s'}", sockets[0]);
	run("{\"subsystems\":[{\"subsystem\":\"bdev\",\"config\":[" NULL_BDEV "]}]}", false, calls);
	saved_lacks(sockets[0]);
	saved_has(sockets[1]);
}
END_TEST

/* One that was called by its bdev's uuid stands on the bdev, and is found by both of its names. */
START_TEST(an_export_by_uuid_is_of_its_bdev)
{
	char export[160];
	const struct step stopped[] = {
		{"nbd_start_export", export, 0},
		{"nbd_stop_export", "{'bdev_name': 'n'}", 0},
		{"nbd_start_export", export, 0},
		{"nbd_stop_export", "{'bdev_name': '" UUID "'}", 0},
		{NULL, NULL, 0},
	};
	const struct step taken_away[] = {
		{"nbd_start_export", export, 0},
		{"bdev_null_delete", "{'name': 'n'}", 0},
		{NULL, NULL, 0},
	};
	const struct step kept[] = {
		{"nbd_start_export", export, 0},
		{NULL, NULL, 0},
	};

	snprintf(export, sizeof(export), "{'bdev_name': '" UUID "', 'path': '%s'}", sockets[0]);
	run("{\"subsystems\":[{\"subsystem\":\"bdev\",\"config\":[" NULL_BDEV "]}]}", false,
	    stopped);
	saved_lacks(sockets[0]);
	run("{\"subsystems\":[{\"subsystem\":\"bdev\",\"config\":[" NULL_BDEV "]}]}", false,
	    taken_away);
	saved_lacks(sockets[0]);
	run("{\"subsystems\":[{\"subsystem\":\"bdev\",\"config\":[" NULL_BDEV "]}]}", false, kept);
	saved_has("\"bdev_name\":\"n\"");
}
END_TEST

/* What is saved names the same files from any working directory; so does a stop. */
START_TEST(paths_are_saved_from_the_root)
{
	const char *name = strrchr(sockets[0], '/') + 1;
	char export[128], image[128], file[128];
	const struct step calls[] = {
		{"bdev_uring_create", file, 0},
		{"nbd_start_export", export, 0},
		{NULL, NULL, 0},
	};
	const struct step stopped[] = {
		{"nbd_start_export", export, 0},
		{"nbd_stop_export", export, 0},
		{NULL, NULL, 0},
	};
	int fd;

	snprintf(image, sizeof(image), "%s.img", sockets[0]);
	fd = open(image, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	ck_assert(fd >= 0 && ftruncate(fd, 65536) == 0 && close(fd) == 0);
	snprintf(file, sizeof(file), "{'name': 'f', 'filename': '%s.img'}", name);
	snprintf(export, sizeof(export), "{'bdev_name': 'n', 'path': './%s'}", name);
	*strrchr(image, '/') = '\0';
	ck_assert_int_eq(chdir(image), 0);
	run("{\"subsystems\":[{\"subsystem\":\"bdev\",\"config\":[" NULL_BDEV "]}]}", false, calls);
	snprintf(image, sizeof(image), "\"%s.img\"", sockets[0]);
	saved_has(image);
	snprintf(image, sizeof(image), "\"%s\"", sockets[0]);
	saved_has(image);
	run("{\"subsystems\":[{\"subsystem\":\"bdev\",\"config\":[" NULL_BDEV "]}]}", false,
	    stopped);
	saved_lacks(sockets[0]);
	snprintf(image, sizeof(image), "%s.img", sockets[0]);
	unlink(image);
	ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

/* A bdev that its driver takes away, as one does whose drive is unplugged. */
static void bdev_leaves(void *arg)
{
	struct ebb_bdev *bdev = ebb_bdev_find("n");

	(void)arg;
	ck_assert_int_eq(ebb_bdev_unregister(bdev, NULL, NULL), 0);
}

static void leave(struct ebb_call *call, void *params)
{
	bdev_leaves(params);
	ebb_call_result(call, NULL);
}

static struct ebb_method leave_method = {
	.name = "test_leave",
	.states = EBB_METHOD_RUNTIME,
	.fn = leave,
};
EBB_METHOD_REGISTER(leave_method)

START_TEST(an_export_whose_bdev_left_is_wanted)
{
	char export[128];
	const struct step calls[] = {
		{"nbd_start_export", export, 0},
		{"test_leave", "{}", 0},
		{NULL, NULL, 0},
	};

	snprintf(export, sizeof(export), "{'bdev_name': 'n', 'path': '%s'}", sockets[0]);
	run("{\"subsystems\":[{\"subsystem\":\"bdev\",\"config\":[" NULL_BDEV "]}]}", false, calls);
	saved_has(sockets[0]);
	saved_has(NULL_BDEV);
}
END_TEST

/* The first allowed CPU, where a reactor is if nothing else is asked for. */
static int first_core(void)
{
	cpu_set_t allowed;
	int core = 0;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
	while (!CPU_ISSET((size_t)core, &allowed)) {
		core++;
	}
	return core;
}

START_TEST(both_ways_to_set_a_reactors_mode_are_one)
{
	char modes[3][96];
	const struct step calls[] = {
		{"reactor_set_mode", modes[0], 0},
		{"reactor_set_interrupt_mode", modes[1], 0},
		{"reactor_set_interrupt_mode", "{'lcore': 1023, 'disable_interrupt': true}",
		 EBB_METHOD_INVALID_PARAMS},
		{NULL, NULL, 0},
	};
	char first[sizeof(saved)];
	char expected[256];
	int core = first_core();

	snprintf(modes[0], sizeof(modes[0]), "{'lcore': %d, 'mode': 'adaptive', 'spin_us_max': 30}",
		 core);
	snprintf(modes[1], sizeof(modes[1]), "{'lcore': %d, 'disable_interrupt': false}", core);
	run(NULL, false, calls);
	snprintf(expected, sizeof(expected),
		 "{\"subsystem\":\"reactor\",\"config\":[{\"method\":\"reactor_set_mode\","
		 "\"params\":{\"lcore\":%d,\"mode\":\"interrupt\",\"spin_us_max\":30}}]}",
		 core);
	saved_has(expected);
	strcpy(first, saved);
	run(first, false, NULL);
	ck_assert_str_eq(saved, first);
}
END_TEST

#define DELAY_BDEV                                                                            \
	"{'base_bdev_name': 'n', 'name': 'd', 'avg_read_latency': 1, 'p99_read_latency': 2, " \
	"'avg_write_latency': 3, 'p99_write_latency': 4}"

/*
 * One call of each method that has something saved: what it took is saved, and is saved the same by
 * a service that is started with it. A method that has no row here fails
 * every_method_that_is_saved_has_an_example().
 */
static const struct step examples[] = {
	{"bdev_null_create", "{'name': 'm', 'num_blocks': 8, 'block_size': 512}", 0},
	{"bdev_malloc_create", "{'name': 'm', 'num_blocks': 64, 'block_size': 512}", 0},
	{"bdev_uring_create", "{'name': 'm', 'filename': '@', 'readonly': true}", 0},
	{"bdev_error_create", "{'base_name': 'n'}", 0},
	{"bdev_delay_create", DELAY_BDEV, 0},
	{"bdev_delay_update_latency",
	 "{'delay_bdev_name': 'd', 'latency_type': 'avg_read', 'latency_us': 7}", 0},
	{"bdev_set_options", "{'bdev_io_pool_size': 64}", 0},
	{"bdev_set_qos_limit", "{'name': 'n', 'rw_ios_per_sec': 10000}", 0},
	{"bdev_enable_histogram", "{'name': 'n', 'enable': true}", 0},
	{"bdev_nvme_set_options", "{'retry_count': 7, 'timeout_us': 1000000}", 0},
	{"nbd_start_export", "{'bdev_name': 'n', 'path': '@', 'read_only': true}", 0},
	{"reactor_set_mode", "{'lcore': #, 'mode': 'adaptive', 'spin_us_max': 30}", 0},
	{"framework_set_scheduler", "{'name': 'static'}", 0},
	{"log_set_level", "{'level': 'INFO'}", 0},
	{"log_set_print_level", "{'level': 'WARNING'}", 0},
	{"log_set_flag", "{'flag': 'bdev'}", 0},
};

/* @params with a path for @ and the reactor's number for #. */
static void params_fill(const char *params, const char *path, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (; *params != '\0'; params++) {
		if (*params == '@') {
			len += (size_t)snprintf(text + len, size - len, "%s", path);
		} else if (*params == '#') {
			len += (size_t)snprintf(text + len, size - len, "%d", first_core());
		} else {
			len += (size_t)snprintf(text + len, size - len, "%c", *params);
		}
	}
}

/* A method of STARTUP only is called by the configuration, another one by RPC. */
static void example_run(const struct ebb_method *method, const char *params)
{
	const struct step on_delay[] = {
		{"bdev_delay_create", DELAY_BDEV, 0},
		{method->name, params, 0},
		{NULL, NULL, 0},
	};
	const struct step *calls =
		strstr(params, "delay_bdev_name") != NULL ? on_delay : &on_delay[1];
	char text[1024];
	char json[512];

	quoted(params, json, sizeof(json));
	snprintf(text, sizeof(text),
		 "{\"subsystems\":[{\"subsystem\":\"bdev\",\"config\":[%s%s%s%s%s" NULL_BDEV "]}]}",
		 method->states == EBB_METHOD_STARTUP ? "{\"method\":\"" : "",
		 method->states == EBB_METHOD_STARTUP ? method->name : "",
		 method->states == EBB_METHOD_STARTUP ? "\",\"params\":" : "",
		 method->states == EBB_METHOD_STARTUP ? json : "",
		 method->states == EBB_METHOD_STARTUP ? "}," : "");
	run(text, false, method->states == EBB_METHOD_STARTUP ? NULL : calls);
}

START_TEST(what_a_method_asks_for_is_saved_and_loaded)
{
	const struct step *example = &examples[_i];
	const struct ebb_method *method = ebb_method_find(example->method);
	char first[sizeof(saved)];
	char path[96];
	char params[512];
	FILE *file;

	if (method == NULL) {
		unit_skip("ebb has no method %s", example->method);
	}
	snprintf(path, sizeof(path), "%s-%d", sockets[0], _i);
	if (strstr(example->params, "filename") != NULL) {
		file = fopen(path, "w");
		ck_assert_ptr_nonnull(file);
		ck_assert_int_eq(ftruncate(fileno(file), 1 << 20), 0);
		fclose(file);
	}
	params_fill(example->params, path, params, sizeof(params));
	example_run(method, params);
	saved_has(method->name);
	strcpy(first, saved);
	run(first, false, NULL);
	ck_assert_str_eq(saved, first);
	unlink(path);
}
END_TEST

START_TEST(every_method_that_is_saved_has_an_example)
{
	const struct ebb_method *method = NULL;

	while ((method = ebb_method_next(method)) != NULL) {
		/* That takes an NVMe controller: the guest's tests have one. */
		bool found = strcmp(method->name, "bdev_nvme_attach_controller") == 0;

		if (method->effect != EBB_METHOD_CREATES && method->effect != EBB_METHOD_SETS) {
			continue;
		}
		for (size_t i = 0; i < EBB_ARRAY_SIZE(examples); i++) {
			found = found || strcmp(examples[i].method, method->name) == 0;
		}
		ck_assert_msg(found, "%s: a row in examples[] is missing", method->name);
	}
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, NULL),
		UNIT_TEST(nothing_wanted_is_nothing_saved),
		UNIT_TEST(loaded_again_it_saves_the_same),
		UNIT_TEST(the_log_and_the_scheduler_are_saved),
		UNIT_TEST(an_entry_that_failed_is_saved),
		UNIT_TEST(a_failed_entry_that_is_made_up_for_is_saved_once),
		UNIT_TEST(what_is_taken_away_takes_its_exports_along),
		UNIT_TEST(a_stopped_export_is_not_wanted),
		UNIT_TEST(an_export_is_stopped_by_its_socket),
		UNIT_TEST(an_export_by_uuid_is_of_its_bdev),
		UNIT_TEST(paths_are_saved_from_the_root),
		UNIT_TEST(an_export_whose_bdev_left_is_wanted),
		UNIT_TEST(both_ways_to_set_a_reactors_mode_are_one),
		UNIT_LOOP(what_a_method_asks_for_is_saved_and_loaded, 0, EBB_ARRAY_SIZE(examples)),
		UNIT_TEST(every_method_that_is_saved_has_an_example),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
