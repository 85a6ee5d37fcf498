/* SPDX-License-Identifier: Apache-2.0 */
/* A place in the order of bdevs, while others come and go. What is found by name: test_registry.c. */
#include "core/bdev/table.h"

#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

static struct bdev_table_cursor cursor;
static struct fake *fakes[4];

static void setup(void)
{
	static const char *const names[] = {"a", "b", "c", "d"};

	stage_begin();
	for (size_t i = 0; i < EBB_ARRAY_SIZE(fakes); i++) {
		fakes[i] = fake_create(names[i]);
		ck_assert_int_eq(ebb_bdev_register(&fakes[i]->bdev), 0);
	}
	bdev_table_cursor_init(&cursor);
}

static void teardown(void)
{
	bdev_table_cursor_fini(&cursor);
	for (size_t i = 0; i < EBB_ARRAY_SIZE(fakes); i++) {
		if (fakes[i] != NULL) {
			fake_close(fakes[i], NULL, NULL);
		}
	}
	stage_end();
}

static void expect(const char *name)
{
	const struct ebb_bdev *bdev = bdev_table_cursor_next(&cursor);

	if (name == NULL) {
		ck_assert_ptr_null(bdev);
	} else {
		ck_assert_str_eq(bdev->name, name);
	}
}

static void remove_fake(size_t index)
{
	fake_close(fakes[index], NULL, NULL);
	fakes[index] = NULL;
}

START_TEST(all_are_passed_in_order)
{
	expect("a");
	expect("b");
	expect("c");
	expect("d");
	expect(NULL);
	expect(NULL);
}
END_TEST

START_TEST(the_next_may_go)
{
	expect("a");
	remove_fake(1);
	remove_fake(2);
	expect("d");
	expect(NULL);
}
END_TEST

START_TEST(who_was_passed_may_go)
{
	expect("a");
	expect("b");
	remove_fake(0);
	remove_fake(1);
	expect("c");
	remove_fake(3);
	expect(NULL);
}
END_TEST

START_TEST(who_comes_is_at_the_end)
{
	struct fake *late = fake_create("late");

	expect("a");
	ck_assert_int_eq(ebb_bdev_register(&late->bdev), 0);
	expect("b");
	expect("c");
	expect("d");
	expect("late");
	fake_close(late, NULL, NULL);
	expect(NULL);
}
END_TEST

START_TEST(each_has_a_place_of_its_own)
{
	struct bdev_table_cursor other;

	bdev_table_cursor_init(&other);
	expect("a");
	expect("b");
	remove_fake(0);
	ck_assert_str_eq(bdev_table_cursor_next(&other)->name, "b");
	bdev_table_cursor_fini(&other);
	expect("c");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(all_are_passed_in_order),
		UNIT_TEST(the_next_may_go),
		UNIT_TEST(who_was_passed_may_go),
		UNIT_TEST(who_comes_is_at_the_end),
		UNIT_TEST(each_has_a_place_of_its_own),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
