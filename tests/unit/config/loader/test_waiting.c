/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configurations that ask for a bdev before they ask for what it stands on, or without; and
 * shutdown with requests that are held back. Whole runs of ebb_app_start().
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <ebb/app.h>
#include <ebb/bdev_module.h>
#include <ebb/clock.h>
#include <ebb/io_channel.h>
#include <ebb/method.h>
#include <ebb/subsystem.h>
#include <ebb/thread.h>
#include <ebb/wanted.h>

#include "core/app/section.h"
#include "tests/unit/fixtures/log.h"
#include "tests/unit/unit.h"

#define ENTRY(method, params) "{\"method\":\"" method "\",\"params\":{" params "}}"
#define BDEVS(entries)        "{\"subsystems\":[{\"subsystem\":\"bdev\",\"config\":[" entries "]}]}"
#define DELAY                                                                      \
	ENTRY("bdev_delay_create",                                                 \
	      "\"name\":\"D\",\"base_bdev_name\":\"EE_N\",\"avg_read_latency\":1," \
	      "\"p99_read_latency\":2,\"avg_write_latency\":3,\"p99_write_latency\":4")
#define UPDATE                                                                           \
	ENTRY("bdev_delay_update_latency", "\"delay_bdev_name\":\"D\",\"latency_type\":" \
					   "\"avg_read\",\"latency_us\":600")
#define ERROR_ON_N ENTRY("bdev_error_create", "\"base_name\":\"N\"")
#define NULL_N     ENTRY("bdev_null_create", "\"name\":\"N\",\"num_blocks\":8,\"block_size\":512")

static char saved[8192];
static void (*act)(void);

static void call_done(void *arg, struct json_object *result, const struct ebb_method_error *error)
{
	(void)arg;
	json_object_put(result);
	ck_assert_msg(error == NULL, "%s", error != NULL ? error->text : "");
}

/* @params: JSON text; of a method that ends inside its call. */
static void call(const char *method, const char *params)
{
	struct json_object *json = json_tokener_parse(params);

	ck_assert_ptr_nonnull(json);
	ebb_method_dispatch(ebb_method_find(method), json, call_done, NULL);
	json_object_put(json);
}

static void started(void *arg)
{
	struct json_object *json = app_section_save();

	(void)arg;
	snprintf(saved, sizeof(saved), "%s",
		 json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN |
							      JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(json);
	if (act != NULL) {
		act();
	} else {
		ebb_app_stop(0);
	}
}

static int run(const char *text, bool ignore)
{
	struct ebb_app_opts opts;

	ebb_app_opts_init(&opts, sizeof(opts));
	opts.name = "test";
	opts.json_data = text;
	opts.json_ignore_init_errors = ignore;
	opts.on_violation = EBB_VIOLATION_ABORT;
	saved[0] = '\0';
	return ebb_app_start(&opts, started, NULL);
}

static void setup(void)
{
	log_capture();
}

static void teardown(void)
{
	log_release();
}

/* In any order; and what is saved then does so again, and is saved the same. */
START_TEST(any_order_is_the_same)
{
	static const char *const orders[] = {
		BDEVS(DELAY "," UPDATE "," ERROR_ON_N "," NULL_N),
		BDEVS(ERROR_ON_N "," DELAY "," UPDATE "," NULL_N),
		BDEVS(NULL_N "," DELAY "," ERROR_ON_N "," UPDATE),
		BDEVS(NULL_N "," ERROR_ON_N "," DELAY "," UPDATE),
	};
	char first[sizeof(saved)];

	ck_assert_int_eq(run(orders[_i], false), 0);
	ck_assert(!logged("has not come"));
	ck_assert_ptr_nonnull(strstr(saved, "\"name\":\"EE_N\""));
	ck_assert_ptr_nonnull(strstr(saved, UPDATE));
	ck_assert_ptr_nonnull(strstr(saved, "\"avg_read_latency\":1,"));
	strcpy(first, saved);
	ck_assert_int_eq(run(first, false), 0);
	ck_assert_str_eq(saved, first);
}
END_TEST

START_TEST(a_base_that_never_comes_ends_startup)
{
	ck_assert_int_ne(run(BDEVS(NULL_N "," DELAY), false), 0);
	ck_assert(logged("subsystems[0] \"bdev\", config[1] bdev_delay_create: delay bdev 'D': its "
			 "base 'EE_N' has not come; make that, or leave this out"));
	ck_assert_uint_eq(log_count("has not come"), 1);
	log_clear();
	/* All are named, each once. */
	ck_assert_int_ne(run(BDEVS(DELAY "," ERROR_ON_N), false), 0);
	ck_assert(logged("config[0] bdev_delay_create: delay bdev 'D': its base 'EE_N'"));
	ck_assert(logged("config[1] bdev_error_create: error bdev 'EE_N': its base 'N'"));
	ck_assert_uint_eq(log_count("has not come"), 2);
}
END_TEST

#define ERROR_TOO ENTRY("bdev_error_create", "\"base_name\":\"N\",\"name\":\"E\"")

/* What is saved then loads again. */
START_TEST(a_base_that_another_has_claimed_is_not_missed)
{
	ck_assert_int_eq(run(BDEVS(ERROR_TOO "," ERROR_ON_N "," NULL_N), false), 0);
	ck_assert(logged("warning config: json_data: subsystems[0] \"bdev\", config[1] "
			 "bdev_error_create: error bdev 'EE_N': it waits for its base 'N', which "
			 "'E' has claimed; delete that first, or leave this out: it goes on "
			 "waiting"));
	ck_assert(!logged("has not come"));
}
END_TEST

static void make_the_base(void)
{
	ck_assert_ptr_null(ebb_bdev_find("D"));
	call("bdev_null_create", "{\"name\":\"N\",\"num_blocks\":8,\"block_size\":512}");
	ck_assert_ptr_nonnull(ebb_bdev_find("D"));
	ebb_app_stop(0);
}

START_TEST(passed_over_it_goes_on_waiting)
{
	act = make_the_base;
	ck_assert_int_eq(run(BDEVS(DELAY "," ERROR_ON_N), true), 0);
	ck_assert(logged("config[0] bdev_delay_create: delay bdev 'D': its base 'EE_N' has not "
			 "come; make that, or leave this out: it goes on waiting"));
	ck_assert_ptr_nonnull(strstr(saved, "\"method\":\"bdev_delay_create\""));
}
END_TEST

/* A run forgets what waited in the run before. */
START_TEST(nothing_waits_from_run_to_run)
{
	ck_assert_int_eq(run(BDEVS(ERROR_ON_N), true), 0);
	ck_assert_int_eq(run(BDEVS(NULL_N), false), 0);
	ck_assert_ptr_null(strstr(saved, "error"));
	ck_assert_int_eq(run(BDEVS(NULL_N "," ERROR_ON_N), false), 0);
}
END_TEST

START_TEST(an_export_comes_after_its_bdev)
{
#define EXPORT(at)                                                                       \
	"{\"subsystem\":\"nbd\",\"config\":[" ENTRY("nbd_start_export",                  \
						    "\"bdev_name\":\"D\",\"path\":\"" at \
						    "\"") "]}"
#define SECTION(entries) "{\"subsystem\":\"bdev\",\"config\":[" entries "]}"
#define AT               "/tmp/ebb-test-waiting"
	ck_assert_int_eq(run("{\"subsystems\":[" SECTION(DELAY "," ERROR_ON_N
							       "," NULL_N) "," EXPORT(AT) "]}",
			     false),
			 0);
	ck_assert_int_ne(run("{\"subsystems\":[" SECTION(DELAY) "," EXPORT(AT) "," SECTION(
				     ERROR_ON_N "," NULL_N) "]}",
			     false),
			 0);
	ck_assert(logged("bdev D is not there yet: it waits for its base EE_N; export it when that "
			 "has come"));
	unlink(AT);
}
END_TEST

/* ---- shutdown ---- */

/* Somebody whose end waits for his requests, as an export's does for its clients'. */
static struct ebb_bdev_desc *desc;
static struct ebb_io_channel *ch;
static unsigned under_way;
static bool ending;
static int status;
static char buf[512];

static void user_close(void)
{
	if (ending && under_way == 0 && desc != NULL) {
		ebb_io_channel_put(ch);
		ebb_bdev_close(desc);
		desc = NULL;
		ebb_subsystem_fini_next();
	}
}

static void user_fini(void)
{
	ending = true;
	if (desc == NULL) {
		ebb_subsystem_fini_next();
	}
	user_close();
}

static struct ebb_subsystem test_user = {.name = "test_user", .fini = user_fini};
EBB_SUBSYSTEM_REGISTER(test_user)
EBB_SUBSYSTEM_DEPEND(test_user, bdev)

static void user_done(void *arg, int rc)
{
	(void)arg;
	status = rc;
	under_way--;
	user_close();
}

static void user_open(const char *name)
{
	ending = false;
	ck_assert_int_eq(ebb_bdev_open(name, true, NULL, NULL, &desc), 0);
	ch = ebb_bdev_channel_get(desc);
	ck_assert_ptr_nonnull(ch);
}

static void user_read(void)
{
	under_way++;
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1, user_done, NULL), 0);
}

static void stop_later(void *arg, struct json_object *result, const struct ebb_method_error *error)
{
	call_done(arg, result, error);
	user_read();
	user_read();
	ebb_app_stop(0);
}

static struct json_object *inject_params;

static void hold_pending(void)
{
	inject_params = json_tokener_parse("{\"name\":\"EE_N\",\"io_type\":\"read\","
					   "\"error_type\":\"pending\",\"num\":9}");
	user_open("EE_N");
	ebb_method_dispatch(ebb_method_find("bdev_error_inject_error"), inject_params, stop_later,
			    NULL);
}

static void hold_delayed(void)
{
	call("bdev_delay_update_latency",
	     "{\"delay_bdev_name\":\"D\",\"latency_type\":\"avg_read\",\"latency_us\":3600000000}");
	call("bdev_delay_update_latency",
	     "{\"delay_bdev_name\":\"D\",\"latency_type\":\"p99_read\",\"latency_us\":3600000000}");
	user_open("D");
	user_read();
	user_read();
	ebb_app_stop(0);
}

/* The end of an export comes before that of the bdevs: what is held back must not keep it. */
START_TEST(shutdown_does_not_wait_for_what_is_held_back)
{
	uint64_t begin_ns = ebb_clock_now_ns();

	act = _i == 0 ? hold_pending : hold_delayed;
	ck_assert_int_eq(run(_i == 0 ? BDEVS(NULL_N "," ERROR_ON_N)
				     : BDEVS(NULL_N "," ERROR_ON_N "," DELAY),
			     false),
			 0);
	ck_assert_uint_eq(under_way, 0);
	ck_assert_ptr_null(desc);
	ck_assert_int_eq(status, _i == 0 ? -ECANCELED : 0);
	ck_assert(ebb_clock_now_ns() - begin_ns < 4 * EBB_NS_PER_S);
	ck_assert(!logged("left behind"));
	json_object_put(inject_params);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_LOOP(any_order_is_the_same, 0, 4),
		UNIT_TEST(a_base_that_never_comes_ends_startup),
		UNIT_TEST(a_base_that_another_has_claimed_is_not_missed),
		UNIT_TEST(passed_over_it_goes_on_waiting),
		UNIT_TEST(nothing_waits_from_run_to_run),
		UNIT_TEST(an_export_comes_after_its_bdev),
		UNIT_LOOP(shutdown_does_not_wait_for_what_is_held_back, 0, 2),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
