/* SPDX-License-Identifier: Apache-2.0 */
/* A stop that is asked for before there is an app thread; test_app.c has those that come later. */
#include "core/app/run.h"

#include <errno.h>
#include <string.h>

#include <ebb/app.h>
#include <ebb/log.h>
#include <ebb/startup.h>

#include "tests/unit/unit.h"

static struct ebb_app_opts opts;
static int starts;
static int stops;

/* The first state is logged before the reactors are made. */
static void stop_at_the_first_state(enum ebb_log_level level, const char *component,
				    const char *text)
{
	(void)level;
	(void)component;
	if (strcmp(text, "state: environment") == 0) {
		stops++;
		ebb_app_stop(4);
	}
}

static void start_and_stop(void *arg)
{
	(void)arg;
	starts++;
	ebb_app_stop(0);
}

START_TEST(a_stop_before_there_is_an_app_thread_is_not_lost)
{
	struct ebb_app_state state;

	ebb_log_set_sink(stop_at_the_first_state);
	ebb_app_opts_init(&opts, sizeof(opts));
	opts.name = "test";
	ck_assert_int_eq(ebb_app_start(&opts, start_and_stop, NULL), 4);
	ck_assert_int_eq(stops, 1);
	ck_assert_int_eq(starts, 0);
	ebb_app_get_state(&state);
	ck_assert_int_eq(state.phase, EBB_APP_STOPPING);
}
END_TEST

START_TEST(there_is_one_run_at_a_time)
{
	ck_assert_int_eq(app_run_claim(), 0);
	ck_assert_int_eq(app_run_claim(), -EBUSY);
	app_run_note(0);
	app_run_note(3);
	app_run_note(5);
	ck_assert(!app_run_stopping());
	ck_assert_int_eq(app_run_release(), 3);
	ck_assert_int_eq(app_run_claim(), 0);
	ck_assert_int_eq(app_run_release(), 0);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(a_stop_before_there_is_an_app_thread_is_not_lost),
		UNIT_TEST(there_is_one_run_at_a_time),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
