/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/app_only.h"

/*
 * The functions that are the app thread's, each called on another thread, on none, and where no
 * framework runs: it is reported, refused, and nothing comes of it.
 */

#include <errno.h>
#include <string.h>

#include <json-c/json.h>

#include <ebb/bdev_module.h>
#include <ebb/method.h>
#include <ebb/startup.h>
#include <ebb/violation.h>
#include <ebb/wanted.h>

#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

static unsigned called;

static void never(void *arg, int rc)
{
	(void)arg;
	(void)rc;
	called++;
}

static void never_done(void *arg, struct json_object *result, const struct ebb_method_error *error)
{
	(void)arg;
	(void)result;
	(void)error;
	called++;
}

static void never_called(struct ebb_call *call, void *params)
{
	(void)call;
	(void)params;
	called++;
}

static struct ebb_call *kept;

static void keep(struct ebb_call *call, void *params)
{
	(void)params;
	kept = call;
}

static const struct ebb_method never_method = {
	.name = "never",
	.states = EBB_METHOD_STARTUP | EBB_METHOD_RUNTIME,
	.fn = never_called,
};

static const struct ebb_method keep_method = {
	.name = "keep",
	.states = EBB_METHOD_STARTUP | EBB_METHOD_RUNTIME,
	.fn = keep,
};

static struct ebb_bdev bdev = {.name = "disk", .product_name = "none"};

static unsigned violations[6];

static void count_violation(const struct ebb_violation_record *record, void *arg)
{
	(void)arg;
	violations[record->rule] += (unsigned)record->count;
}

/* Fails unless so many calls were breaches of @rule, and none of any other. */
static void check_violations(int rule, unsigned calls)
{
	memset(violations, 0, sizeof(violations));
	ebb_violation_for_each(count_violation, NULL);
	for (int i = 1; i <= 5; i++) {
		ck_assert_uint_eq(violations[i], i == rule ? calls : 0);
	}
}

/* Return: how many have been called. */
static unsigned call_each(void)
{
	ck_assert_int_eq(ebb_bdev_register(&bdev), -EPERM);
	ck_assert_int_eq(ebb_bdev_unregister(&bdev, NULL, NULL), -EPERM);
	ck_assert_int_eq(ebb_bdev_resize(&bdev, 1), -EPERM);
	ck_assert_ptr_null(ebb_bdev_find("disk"));
	ck_assert_ptr_null(ebb_bdev_next(NULL));
	ck_assert_int_eq(ebb_app_start_init(never, NULL), -EPERM);
	ebb_app_wait_init(never, NULL);
	return 7;
}

/* Those that everybody may call where no framework runs. */
static unsigned call_each_of_methods(void)
{
	ebb_method_dispatch(&never_method, NULL, never_done, NULL);
	ebb_method_dispatch_wanted(&never_method, NULL, never_done, NULL);
	ebb_call_result(kept, json_object_new_boolean(true));
	ebb_call_error(kept, -EIO, "nothing");
	ebb_call_took_effect(kept, "name", json_object_new_boolean(true));
	ck_assert_ptr_null(ebb_wanted_next(NULL));
	ebb_wanted_set_present("never", "object", true);
	ck_assert_ptr_null(ebb_wanted_save(NULL, 0));
	ck_assert_ptr_null(ebb_wanted_find("never", "object"));
	ck_assert_ptr_null(ebb_wanted_save_section("never"));
	return 10;
}

START_TEST(test_elsewhere)
{
	struct ebb_thread *thread;
	unsigned calls;

	stepper_start();
	thread = stepper_thread("worker", 0);
	stepper_enter(ebb_thread_app());
	ebb_method_dispatch(&keep_method, NULL, never_done, NULL);
	stepper_enter(thread);
	calls = call_each() + call_each_of_methods();
	check_violations(2, calls);
	ck_assert_uint_eq(log_count("belongs to thread 'app_thread', by thread 'worker'"), calls);
	stepper_leave();
	calls += call_each() + call_each_of_methods();
	check_violations(2, calls);
	ck_assert_uint_eq(called, 0);
	/* The call is still under way, and ends where it may. */
	stepper_enter(ebb_thread_app());
	ebb_call_result(kept, NULL);
	ck_assert_uint_eq(called, 1);
	stepper_leave();
	stepper_stop();
}
END_TEST

START_TEST(test_without_a_framework)
{
	unsigned calls;

	log_capture();
	calls = call_each();
	check_violations(4, calls);
	ebb_method_dispatch(&keep_method, NULL, never_done, NULL);
	ck_assert_uint_eq(called, 0);
	ebb_call_result(kept, NULL);
	ck_assert_uint_eq(called, 1);
	ck_assert_ptr_null(ebb_wanted_next(NULL));
	check_violations(4, calls);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_elsewhere),
		UNIT_TEST(test_without_a_framework),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
