/* SPDX-License-Identifier: Apache-2.0 */
#include <ebb/list.h>

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

struct item {
	char name;
	struct ebb_list link;
};

static struct item items[] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}};
static struct ebb_list list = EBB_LIST_INIT(list);

static void setup(void)
{
	ebb_list_init(&list);
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(items); i++) {
		ebb_list_init(&items[i].link);
	}
}

/* Checks what @checked holds, forwards and backwards. */
static void check_list(struct ebb_list *checked, const char *names)
{
	struct ebb_list *node;
	size_t count = 0;

	ebb_list_for_each(node, checked) {
		ck_assert_int_eq(ebb_list_entry(node, struct item, link)->name, names[count]);
		ck_assert_ptr_eq(node->next->prev, node);
		count++;
	}
	ck_assert_uint_eq(count, strlen(names));
	for (node = checked->prev; node != checked; node = node->prev) {
		ck_assert_int_eq(ebb_list_entry(node, struct item, link)->name, names[--count]);
	}
	ck_assert_uint_eq(count, 0);
}

START_TEST(test_push_pop)
{
	ck_assert(ebb_list_empty(&list));
	ck_assert_ptr_null(ebb_list_pop_front(&list));
	ebb_list_push_back(&list, &items[1].link);
	ebb_list_push_back(&list, &items[2].link);
	ebb_list_push_front(&list, &items[0].link);
	check_list(&list, "abc");
	ck_assert_ptr_eq(ebb_list_first(&list, struct item, link), &items[0]);
	ck_assert_ptr_eq(ebb_list_pop_front(&list), &items[0].link);
	check_list(&list, "bc");
}
END_TEST

START_TEST(test_insert_before)
{
	ebb_list_push_back(&list, &items[0].link);
	ebb_list_push_back(&list, &items[2].link);
	ebb_list_insert_before(&items[1].link, &items[2].link);
	check_list(&list, "abc");
}
END_TEST

/* Removing twice, or what never was on a list, does no harm. */
START_TEST(test_remove)
{
	ebb_list_remove(&items[0].link);
	ebb_list_push_back(&list, &items[0].link);
	ebb_list_push_back(&list, &items[1].link);
	ebb_list_remove(&items[0].link);
	ebb_list_remove(&items[0].link);
	check_list(&list, "b");
	ck_assert(ebb_list_empty(&items[0].link));
}
END_TEST

START_TEST(test_for_each_safe)
{
	struct ebb_list *node, *tmp;
	unsigned visits = 0;

	for (unsigned i = 0; i < EBB_ARRAY_SIZE(items); i++) {
		ebb_list_push_back(&list, &items[i].link);
	}
	ebb_list_for_each_safe(node, tmp, &list) {
		ebb_list_remove(node);
		visits++;
	}
	ck_assert_uint_eq(visits, EBB_ARRAY_SIZE(items));
	check_list(&list, "");
}
END_TEST

START_TEST(test_splice)
{
	struct ebb_list other = EBB_LIST_INIT(other);

	ebb_list_splice_back(&list, &other);
	check_list(&list, "");
	ebb_list_push_back(&list, &items[0].link);
	ebb_list_push_back(&other, &items[1].link);
	ebb_list_push_back(&other, &items[2].link);
	ebb_list_splice_back(&list, &other);
	check_list(&list, "abc");
	check_list(&other, "");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, NULL),
		UNIT_TEST(test_push_pop),
		UNIT_TEST(test_insert_before),
		UNIT_TEST(test_remove),
		UNIT_TEST(test_for_each_safe),
		UNIT_TEST(test_splice),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
