/* SPDX-License-Identifier: Apache-2.0 */
#include "core/app/section.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include <ebb/method.h>
#include <ebb/subsystem.h>

#include "core/app/subsystem.h"
#include "tests/unit/unit.h"

/* Beside those that are linked in: two subsystems, of which one has a method, and two sections. */

static void nothing(struct ebb_call *call, void *params)
{
	(void)params;
	ebb_call_result(call, NULL);
}

#define METHOD(id, section)                   \
	static struct ebb_method id = {       \
		.name = "test_" #id,          \
		.states = EBB_METHOD_RUNTIME, \
		.fn = nothing,                \
		.effect = EBB_METHOD_SETS,    \
		.subsystem = section,         \
	};                                    \
	EBB_METHOD_REGISTER(id)

METHOD(late, "z_section")
METHOD(early, "a_section")
METHOD(again, "z_section")
METHOD(of_subsystem, "t_saves")

static struct ebb_subsystem saves = {.name = "t_saves"};
EBB_SUBSYSTEM_REGISTER(saves)
static struct ebb_subsystem t_never = {.name = "t_never"};
EBB_SUBSYSTEM_REGISTER(t_never)
EBB_SUBSYSTEM_DEPEND(t_never, t_saves)

static char names[1024];

static void collect(const char *name, const char *const *depends_on, size_t num_depends, void *arg)
{
	size_t len = strlen(names);

	(void)arg;
	if (strncmp(name, "t_", 2) == 0 || strstr(name, "_section") != NULL) {
		snprintf(names + len, sizeof(names) - len, "%s%s ", name,
			 num_depends > 0 ? depends_on[0] : "");
	}
}

START_TEST(subsystems_come_first_then_sections_by_name)
{
	char error[APP_SUBSYSTEM_ERROR_MAX];

	ck_assert_int_eq(app_section_for_each(collect, NULL), -EAGAIN);
	ck_assert_str_eq(names, "");
	ck_assert_int_eq(app_subsystem_sort(error, sizeof(error)), 0);
	ck_assert_int_eq(app_section_for_each(collect, NULL), 0);
	ck_assert_str_eq(names, "t_saves t_nevert_saves a_section z_section ");
}
END_TEST

START_TEST(a_section_saves_if_a_method_does)
{
	ck_assert(app_section_exists("t_saves"));
	ck_assert(app_section_saves("t_saves"));
	ck_assert(app_section_exists("t_never"));
	ck_assert(!app_section_saves("t_never"));
	ck_assert(app_section_exists("z_section"));
	ck_assert(app_section_saves("z_section"));
	ck_assert(!app_section_exists("z_sections"));
	ck_assert(!app_section_saves("z_sections"));
}
END_TEST

START_TEST(all_that_save_are_saved_in_their_order)
{
	char error[APP_SUBSYSTEM_ERROR_MAX];
	struct json_object *saved;
	const char *text;
	const char *at = NULL;

	ck_assert_int_eq(app_subsystem_sort(error, sizeof(error)), 0);
	saved = app_section_save();
	text = json_object_to_json_string_ext(saved, JSON_C_TO_STRING_PLAIN);
	at = strstr(text, "{\"subsystem\":\"t_saves\",\"config\":[]}");
	ck_assert_ptr_nonnull(at);
	at = strstr(at, "{\"subsystem\":\"a_section\",\"config\":[]}");
	ck_assert_ptr_nonnull(at);
	ck_assert_ptr_nonnull(strstr(at, "{\"subsystem\":\"z_section\",\"config\":[]}"));
	ck_assert_ptr_null(strstr(text, "t_never"));
	json_object_put(saved);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(subsystems_come_first_then_sections_by_name),
		UNIT_TEST(a_section_saves_if_a_method_does),
		UNIT_TEST(all_that_save_are_saved_in_their_order),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
