/* SPDX-License-Identifier: Apache-2.0 */
/* The methods about the log: log_*. */
#include <ebb/log.h>
#include <ebb/wanted.h>

#include <stdio.h>
#include <string.h>

#include "core/method/wanted.h"
#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

static const char *const levels[] = {"ERROR", "WARNING", "NOTICE", "INFO", "DEBUG"};

static void setup(void)
{
	stage_begin();
	ebb_log_set_level(EBB_LOG_NOTICE);
	ebb_log_clear_flag("all");
}

static void teardown(void)
{
	method_wanted_clear();
	stage_end();
}

static const char *call_with(const char *method, const char *name, const char *value)
{
	char params[128];

	snprintf(params, sizeof(params), "{'%s': '%s'}", name, value);
	return call_text(method, params);
}

/* What a configuration would be saved with; log_set_flag is in the order of first calls. */
static const char *saved(void)
{
	static char text[2048];
	struct json_object *json = ebb_wanted_save(NULL, 0);

	snprintf(text, sizeof(text), "%s",
		 json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN));
	json_object_put(json);
	return text;
}

START_TEST(levels_are_set_and_answered)
{
	char quoted[32];

	call_is("log_get_level", "{}", "\"NOTICE\"");
	call_is("log_get_print_level", "{}", "\"NOTICE\"");
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(levels); i++) {
		snprintf(quoted, sizeof(quoted), "\"%s\"", levels[i]);
		ck_assert_str_eq(call_with("log_set_level", "level", levels[i]), "true");
		call_is("log_get_level", "{}", quoted);
		ck_assert_int_eq(ebb_log_get_level(), i);
		ck_assert_str_eq(call_with("log_set_print_level", "level", levels[i]), "true");
		call_is("log_get_print_level", "{}", quoted);
		ck_assert_int_eq(ebb_log_get_print_level(), i);
	}
	call_is("log_set_level", "{'level': 'warning'}", "true");
	call_is("log_get_level", "{}", "\"WARNING\"");
	call_is("log_get_print_level", "{}", "\"DEBUG\"");
}
END_TEST

START_TEST(wrong_levels_are_refused)
{
	call_has("log_set_level", "{'level': 'LOUD'}",
		 "must be one of: ERROR, WARNING, NOTICE, INFO, DEBUG");
	call_has("log_set_level", "{'level': 4}", "error -32602: parameter \"level\"");
	call_has("log_set_level", "{}", "error -32602: parameter \"level\"");
	call_has("log_set_print_level", "{'level': 'ERROR', 'print': true}", "\"print\"");
	call_has("log_get_level", "{'level': 'ERROR'}", "error -32602: ");
	call_has("log_get_print_level", "{'level': 'ERROR'}", "error -32602: ");
	call_is("log_get_level", "{}", "\"NOTICE\"");
}
END_TEST

START_TEST(flags_are_set_cleared_and_listed)
{
	call_has("log_get_flags", "{}", "\"nvme\":false");
	call_is("log_set_flag", "{'flag': 'NVMe'}", "true");
	call_has("log_get_flags", "{}", "\"nvme\":true");
	call_has("log_get_flags", "{}", "\"bdev\":false");
	call_is("log_clear_flag", "{'flag': 'nvme'}", "true");
	ck_assert_ptr_null(strstr(call_text("log_get_flags", "{}"), "true"));
	call_is("log_set_flag", "{'flag': 'all'}", "true");
	ck_assert_ptr_null(strstr(call_text("log_get_flags", "{}"), "false"));
	call_is("log_clear_flag", "{'flag': 'b*'}", "true");
	call_has("log_get_flags", "{}", "\"bdev\":false");
	call_has("log_get_flags", "{}", "\"nvme\":true");
}
END_TEST

/* The error does not list them, but says who does. */
START_TEST(an_unknown_flag_is_refused)
{
	call_is("log_set_flag", "{'flag': 'nvmf'}",
		"error -32602: flag: no component with debug lines is called \"nvmf\"; "
		"log_get_flags lists those there are");
	call_has("log_clear_flag", "{'flag': ''}", "log_get_flags lists");
	call_has("log_set_flag", "{}", "parameter \"flag\"");
	call_has("log_get_flags", "{'flag': 'nvme'}", "error -32602: ");
	ck_assert_ptr_null(strstr(call_text("log_get_flags", "{}"), "true"));
	ck_assert_str_eq(saved(), "{\"subsystems\":[]}");
}
END_TEST

/* A debug line of a component is written when its flag is set and the print level is DEBUG. */
START_TEST(debug_lines_follow)
{
	ebb_debug("unit_log", "a line");
	call_is("log_set_flag", "{'flag': 'unit_log'}", "true");
	ebb_debug("unit_log", "a line");
	ck_assert(!logged("a line"));
	call_is("log_set_print_level", "{'level': 'DEBUG'}", "true");
	ebb_debug("unit_log", "a line");
	ck_assert_uint_eq(log_count("debug unit_log: a line"), 1);
	call_is("log_clear_flag", "{'flag': 'unit_log'}", "true");
	ebb_debug("unit_log", "a line");
	ck_assert_uint_eq(log_count("debug unit_log: a line"), 1);
}
END_TEST

#define LEVELS_SAVED                                                     \
	"{\"subsystems\":[{\"subsystem\":\"log\",\"config\":["           \
	"{\"method\":\"log_set_level\",\"params\":{\"level\":\"INFO\"}}" \
	",{\"method\":\"log_set_print_level\",\"params\":{\"level\":\"ERROR\"}}"
#define FLAG_SAVED(name) ",{\"method\":\"log_set_flag\",\"params\":{\"flag\":\"" name "\"}}"

/* What is saved is what is in force: the last level of each, and each flag that is set. */
START_TEST(settings_are_saved)
{
	call_is("log_set_level", "{'level': 'ERROR'}", "true");
	call_is("log_set_print_level", "{'level': 'ERROR'}", "true");
	call_is("log_set_level", "{'level': 'info'}", "true");
	ck_assert_str_eq(saved(), LEVELS_SAVED "]}]}");
	call_is("log_set_flag", "{'flag': 'NVME'}", "true");
	call_is("log_set_flag", "{'flag': 'nvme'}", "true");
	call_is("log_set_flag", "{'flag': 'unit_*'}", "true");
	ck_assert_str_eq(saved(), LEVELS_SAVED FLAG_SAVED("nvme") FLAG_SAVED("unit_log") "]}]}");
	call_is("log_clear_flag", "{'flag': 'nvme'}", "true");
	ck_assert_str_eq(saved(), LEVELS_SAVED FLAG_SAVED("unit_log") "]}]}");
	call_is("log_set_flag", "{'flag': 'all'}", "true");
	call_is("log_clear_flag", "{'flag': '[!nu]*'}", "true");
	call_is("log_clear_flag", "{'flag': 'nbd'}", "true");
	ck_assert_str_eq(saved(), LEVELS_SAVED FLAG_SAVED("unit_log") FLAG_SAVED("nvme") "]}]}");
	call_is("log_clear_flag", "{'flag': 'all'}", "true");
	ck_assert_str_eq(saved(), LEVELS_SAVED "]}]}");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),         UNIT_TEST(levels_are_set_and_answered),
		UNIT_TEST(wrong_levels_are_refused),   UNIT_TEST(flags_are_set_cleared_and_listed),
		UNIT_TEST(an_unknown_flag_is_refused), UNIT_TEST(debug_lines_follow),
		UNIT_TEST(settings_are_saved),         UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
