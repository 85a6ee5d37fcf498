/* SPDX-License-Identifier: Apache-2.0 */
#include "core/app/subsystem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

/* Each test runs in a process of its own, on top of the subsystems that are linked in. */
static char error[APP_SUBSYSTEM_ERROR_MAX];
static char order[1024];

static void add(const char *name)
{
	struct ebb_subsystem *subsystem = calloc(1, sizeof(*subsystem));

	subsystem->name = name;
	ebb_subsystem_add(subsystem);
}

static void depend(const char *name, const char *depends_on)
{
	struct ebb_subsystem_depend *edge = calloc(1, sizeof(*edge));

	edge->name = name;
	edge->depends_on = depends_on;
	ebb_subsystem_depend_add(edge);
}

/* Collects those of the tests, whose names begin with "t_", as "t_b(t_a) ...". */
static void collect(const char *name, const char *const *depends_on, size_t num_depends, void *arg)
{
	size_t len = strlen(order);
	size_t index;

	(void)arg;
	if (strncmp(name, "t_", 2) != 0) {
		return;
	}
	len += (size_t)snprintf(order + len, sizeof(order) - len, "%s%s", len > 0 ? " " : "", name);
	for (index = 0; index < num_depends; index++) {
		len += (size_t)snprintf(order + len, sizeof(order) - len, "%c%s",
					index == 0 ? '(' : ',', depends_on[index]);
	}
	if (num_depends > 0) {
		snprintf(order + len, sizeof(order) - len, ")");
	}
}

static int sort(void)
{
	int rc = app_subsystem_sort(error, sizeof(error));

	order[0] = '\0';
	if (rc == 0) {
		ck_assert_int_eq(app_subsystem_for_each(collect, NULL), 0);
	}
	return rc;
}

START_TEST(test_no_order_yet)
{
	ck_assert_int_eq(app_subsystem_for_each(collect, NULL), -EAGAIN);
	ck_assert_int_eq(sort(), 0);
	app_subsystem_unsort();
	ck_assert_int_eq(app_subsystem_for_each(collect, NULL), -EAGAIN);
}
END_TEST

START_TEST(test_what_is_linked_in_has_an_order)
{
	ck_assert_msg(sort() == 0, "%s", error);
}
END_TEST

START_TEST(test_dependencies_first_then_names)
{
	/* _i: the order of registration, which must not matter. */
	static const char *const names[] = {"t_d", "t_a", "t_c", "t_b"};
	int index;

	for (index = 0; index < 4; index++) {
		add(names[(index + _i) % 4]);
	}
	depend("t_a", "t_c");
	depend("t_a", "t_b");
	depend("t_a", "t_c");
	depend("t_b", "t_d");
	ck_assert_int_eq(sort(), 0);
	ck_assert_str_eq(order, "t_c t_d t_b(t_d) t_a(t_b,t_c)");
}
END_TEST

START_TEST(test_missing_dependency_names_both)
{
	add("t_a");
	depend("t_a", "t_nowhere");
	ck_assert_int_eq(sort(), -ENOENT);
	ck_assert_ptr_nonnull(strstr(error, "\"t_a\" depends on subsystem \"t_nowhere\""));
	ck_assert_int_eq(app_subsystem_for_each(collect, NULL), -EAGAIN);
}
END_TEST

START_TEST(test_missing_dependent_names_both)
{
	add("t_a");
	depend("t_nobody", "t_a");
	ck_assert_int_eq(sort(), -ENOENT);
	ck_assert_ptr_nonnull(strstr(error, "\"t_nobody\" depends on subsystem \"t_a\""));
	ck_assert_ptr_nonnull(strstr(error, "but \"t_nobody\" is not part"));
}
END_TEST

START_TEST(test_cycle_is_printed)
{
	add("t_a");
	add("t_b");
	add("t_c");
	add("t_d");
	depend("t_a", "t_b");
	depend("t_b", "t_c");
	depend("t_c", "t_b");
	depend("t_d", "t_a");
	ck_assert_int_eq(sort(), -ELOOP);
	ck_assert_ptr_nonnull(strstr(error, "in a circle: t_b -> t_c -> t_b"));
}
END_TEST

START_TEST(test_cycle_of_one)
{
	add("t_a");
	depend("t_a", "t_a");
	ck_assert_int_eq(sort(), -ELOOP);
	ck_assert_ptr_nonnull(strstr(error, "in a circle: t_a -> t_a"));
}
END_TEST

START_TEST(test_name_twice)
{
	add("t_a");
	add("t_a");
	ck_assert_int_eq(sort(), -EEXIST);
	ck_assert_ptr_nonnull(strstr(error, "\"t_a\" is registered twice"));
}
END_TEST

static void fini_expired(void)
{
}

/* Of a time limit and what is called at its end there are both or none. */
START_TEST(test_limit_without_a_function)
{
	static struct ebb_subsystem subsystem = {.name = "t_a", .fini_timeout_ms = 5000};

	ebb_subsystem_add(&subsystem);
	ck_assert_int_eq(sort(), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "subsystem \"t_a\" has"));
	ck_assert_ptr_nonnull(strstr(error, "without the other"));
}
END_TEST

START_TEST(test_function_without_a_limit)
{
	static struct ebb_subsystem subsystem = {.name = "t_a", .fini_expired = fini_expired};

	ebb_subsystem_add(&subsystem);
	ck_assert_int_eq(sort(), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "subsystem \"t_a\" has"));
	ck_assert_ptr_nonnull(strstr(error, "without the other"));
}
END_TEST

/* The step of shutdown would be passed over before, and the timer left behind. */
START_TEST(test_limit_beyond_that_of_a_step)
{
	static struct ebb_subsystem subsystem = {
		.name = "t_a",
		.fini_timeout_ms = 10000,
		.fini_expired = fini_expired,
	};

	ebb_subsystem_add(&subsystem);
	ck_assert_int_eq(sort(), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "subsystem \"t_a\" has"));
	ck_assert_ptr_nonnull(strstr(error, "10 s or more"));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_no_order_yet),
		UNIT_TEST(test_what_is_linked_in_has_an_order),
		UNIT_LOOP(test_dependencies_first_then_names, 0, 4),
		UNIT_TEST(test_missing_dependency_names_both),
		UNIT_TEST(test_missing_dependent_names_both),
		UNIT_TEST(test_cycle_is_printed),
		UNIT_TEST(test_cycle_of_one),
		UNIT_TEST(test_name_twice),
		UNIT_TEST(test_limit_without_a_function),
		UNIT_TEST(test_function_without_a_limit),
		UNIT_TEST(test_limit_beyond_that_of_a_step),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
