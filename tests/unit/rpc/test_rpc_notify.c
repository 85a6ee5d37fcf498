/* SPDX-License-Identifier: Apache-2.0 */
/* notify_get_types and notify_get_notifications. */
#include <ebb/notify.h>

#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

START_TEST(types_are_listed)
{
	call_is("notify_get_types", "{}",
		"[\"bdev_register\",\"bdev_resize\",\"bdev_unregister\"]");
	call_has("notify_get_types", "{'id': 1}", "error -32602: ");
}
END_TEST

START_TEST(events_are_listed_from_a_number_on)
{
	struct fake *fake = fake_create("disk");

	call_is("notify_get_notifications", "{}", "[]");
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	ck_assert_int_eq(ebb_bdev_resize(&fake->bdev, FAKE_BLOCKS + 1), 0);
	ck_assert_int_eq(ebb_bdev_resize(&fake->bdev, FAKE_BLOCKS + 1), 0); /* as it is */
	fake_close(fake, NULL, NULL);
	call_is("notify_get_notifications", "{}",
		"[{\"type\":\"bdev_register\",\"ctx\":\"disk\",\"id\":0},"
		"{\"type\":\"bdev_resize\",\"ctx\":\"disk\",\"id\":1},"
		"{\"type\":\"bdev_unregister\",\"ctx\":\"disk\",\"id\":2}]");
	call_is("notify_get_notifications", "{'id': 1, 'max': 1}",
		"[{\"type\":\"bdev_resize\",\"ctx\":\"disk\",\"id\":1}]");
	call_is("notify_get_notifications", "{'max': 0}", "[]");
	call_is("notify_get_notifications", "{'id': 3}", "[]");
}
END_TEST

/* A name that cannot be taken is no event. */
START_TEST(what_has_failed_has_not_happened)
{
	struct fake *fake = fake_create("disk");
	struct fake *second = fake_create("disk");

	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	ck_assert_int_lt(ebb_bdev_register(&second->bdev), 0);
	second->bdev.name = "second";
	ck_assert_int_eq(ebb_bdev_register(&second->bdev), 0);
	call_is("notify_get_notifications", "{}",
		"[{\"type\":\"bdev_register\",\"ctx\":\"disk\",\"id\":0},"
		"{\"type\":\"bdev_register\",\"ctx\":\"second\",\"id\":1}]");
	fake_close(second, NULL, NULL);
	fake_close(fake, NULL, NULL);
}
END_TEST

START_TEST(wrong_parameters_are_named)
{
	call_has("notify_get_notifications", "{'id': -1}", "parameter \"id\"");
	call_has("notify_get_notifications", "{'max': 'all'}", "parameter \"max\"");
	call_has("notify_get_notifications", "{'from': 1}", "no parameter \"from\"");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(stage_begin, stage_end),
		UNIT_TEST(types_are_listed),
		UNIT_TEST(events_are_listed_from_a_number_on),
		UNIT_TEST(what_has_failed_has_not_happened),
		UNIT_TEST(wrong_parameters_are_named),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
