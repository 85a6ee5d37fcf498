/* SPDX-License-Identifier: Apache-2.0 */
/* framework_set_scheduler and framework_get_scheduler; integration/test_admin.py has two reactors. */
#include <ebb/reactor.h>
#include <ebb/thread.h>
#include <ebb/wanted.h>

#include <stdio.h>
#include <string.h>

#include "core/method/wanted.h"
#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

static void teardown(void)
{
	method_wanted_clear();
	stage_end();
}

START_TEST(the_scheduler_is_told)
{
	char expected[160];

	snprintf(expected, sizeof(expected),
		 "{\"scheduler_name\":\"static\",\"scheduler_period\":0,"
		 "\"isolated_core_mask\":\"0\",\"scheduling_core\":%d}",
		 ebb_reactor_core(0));
	call_is("framework_get_scheduler", "{}", expected);
	call_is("framework_set_scheduler", "{'name': 'static', 'period': 1000000}", "true");
	call_is("framework_get_scheduler", "{}", expected);
	call_has("framework_get_scheduler", "{'name': 'static'}", "error -32602: ");
}
END_TEST

START_TEST(others_are_refused_by_name)
{
	call_has("framework_set_scheduler", "{'name': 'dynamic'}", "\"dynamic\"");
	call_has("framework_set_scheduler", "{'name': 'dynamic'}", "must be one of: static");
	call_has("framework_set_scheduler", "{'name': 'gscheduler'}", "\"gscheduler\"");
	call_has("framework_set_scheduler", "{}", "parameter \"name\"");
}
END_TEST

/* What SPDK's client sends for the dynamic one is of the type it has there. */
START_TEST(limits_are_taken)
{
	call_is("framework_set_scheduler",
		"{'name': 'static', 'load_limit': 20, 'core_limit': 80, 'core_busy': 95}", "true");
	call_is("framework_set_scheduler",
		"{'name': 'static', 'period': null, 'load_limit': null, 'mappings': null}", "true");
	call_has("framework_set_scheduler", "{'name': 'static', 'load_limit': 256}", "load_limit");
	call_has("framework_set_scheduler", "{'name': 'static', 'core_limit': -1}", "core_limit");
	call_has("framework_set_scheduler", "{'name': 'static', 'core_busy': 'x'}", "core_busy");
	call_has("framework_set_scheduler", "{'name': 'static', 'core_mask': '0x1'}", "core_mask");
}
END_TEST

static const char *with_mappings(const char *mappings)
{
	char params[160];

	snprintf(params, sizeof(params), "{'name': 'static', 'mappings': '%s'}", mappings);
	return call_text("framework_set_scheduler", params);
}

static void check_has(const char *text, const char *piece)
{
	ck_assert_msg(strstr(text, piece) != NULL, "%s: no \"%s\"", text, piece);
}

START_TEST(mappings_are_checked_before_anything_moves)
{
	static const char *const wrong[] = {"1",   "1:", "1:0,",     "1:0:1", "app:0",
					    "1;0", ":0", "1:0,,1:0", " 1:0",  "1:-1"};
	char text[32];

	for (unsigned i = 0; i < EBB_ARRAY_SIZE(wrong); i++) {
		check_has(with_mappings(wrong[i]), "error -32602: mappings: ");
		check_has(with_mappings(wrong[i]), "legal are THREAD:CPU pairs");
	}
	snprintf(text, sizeof(text), "99:%d", ebb_reactor_core(0));
	check_has(with_mappings(text), "there is no thread 99; thread_get_stats lists them");
	snprintf(text, sizeof(text), "1:%d", ebb_reactor_core(0) + 1);
	check_has(with_mappings(text), "framework_get_reactors lists them");
	ck_assert_ptr_null(ebb_wanted_next(NULL));
}
END_TEST

START_TEST(a_scheduler_is_saved_without_its_mappings)
{
	struct ebb_thread *worker = stage_thread("worker");
	const struct ebb_wanted *wanted;
	char text[64];

	snprintf(text, sizeof(text), "1:%d,%d:%d", ebb_reactor_core(0), (int)ebb_thread_id(worker),
		 ebb_reactor_core(0));
	ck_assert_str_eq(with_mappings(text), "true");
	wanted = ebb_wanted_next(NULL);
	ck_assert_ptr_nonnull(wanted);
	ck_assert_str_eq(wanted->method->subsystem, "scheduler");
	ck_assert_str_eq(json_object_to_json_string_ext(wanted->params, JSON_C_TO_STRING_PLAIN),
			 "{\"name\":\"static\"}");
	ck_assert_ptr_null(ebb_wanted_next(wanted));
	stage_thread_exit(worker);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(stage_begin, teardown),
		UNIT_TEST(the_scheduler_is_told),
		UNIT_TEST(others_are_refused_by_name),
		UNIT_TEST(limits_are_taken),
		UNIT_TEST(mappings_are_checked_before_anything_moves),
		UNIT_TEST(a_scheduler_is_saved_without_its_mappings),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
