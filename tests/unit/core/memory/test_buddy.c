/* SPDX-License-Identifier: Apache-2.0 */
#include "core/memory/buddy.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static struct mem_buddy buddy;

static void setup(void)
{
	memset(&buddy, 0, sizeof(buddy));
	mem_buddy_init(&buddy);
}

START_TEST(nothing_comes_of_nothing)
{
	ck_assert_int_eq(mem_buddy_alloc(&buddy, 0), -1);
	ck_assert(!mem_buddy_remove_region(&buddy, 0));
}
END_TEST

START_TEST(a_region_is_512_pages)
{
	bool seen[MEM_BUDDY_REGION_PAGES] = {false};
	unsigned i;

	mem_buddy_add_region(&buddy, 3);
	for (i = 0; i < MEM_BUDDY_REGION_PAGES; i++) {
		long page = mem_buddy_alloc(&buddy, 0) - 3 * (long)MEM_BUDDY_REGION_PAGES;

		ck_assert_int_ge(page, 0);
		ck_assert_int_lt(page, MEM_BUDDY_REGION_PAGES);
		ck_assert(!seen[page]);
		seen[page] = true;
	}
	ck_assert_int_eq(mem_buddy_alloc(&buddy, 0), -1);
	ck_assert(!mem_buddy_remove_region(&buddy, 3));
	for (i = 0; i < MEM_BUDDY_REGION_PAGES; i++) {
		ck_assert(mem_buddy_free(&buddy, 3 * MEM_BUDDY_REGION_PAGES + i, 0));
	}
	ck_assert(mem_buddy_remove_region(&buddy, 3));
	ck_assert_int_eq(mem_buddy_alloc(&buddy, 0), -1);
}
END_TEST

START_TEST(misuse_is_noticed)
{
	long page;

	mem_buddy_add_region(&buddy, 0);
	page = mem_buddy_alloc(&buddy, 2);
	ck_assert_int_ge(page, 0);
	ck_assert(!mem_buddy_free(&buddy, (unsigned long)page, 1));
	ck_assert(!mem_buddy_free(&buddy, (unsigned long)page + 1, 2));
	ck_assert(mem_buddy_free(&buddy, (unsigned long)page, 2));
	ck_assert(!mem_buddy_free(&buddy, (unsigned long)page, 2));
}
END_TEST

/* Random blocks never overlap, lie on their size, and all come together again in the end. */
START_TEST(blocks_do_not_overlap)
{
	static uint8_t owner[4 * MEM_BUDDY_REGION_PAGES];
	struct {
		unsigned long page;
		unsigned order;
	} blocks[200];
	unsigned count = 0, round, i;

	srand((unsigned)_i + 1);
	memset(owner, 0, sizeof(owner));
	for (i = 0; i < 4; i++) {
		mem_buddy_add_region(&buddy, i);
	}
	for (round = 0; round < 5000; round++) {
		unsigned order = (unsigned)rand() % MEM_BUDDY_ORDERS;
		long page = rand() % 2 && count < 200 ? mem_buddy_alloc(&buddy, order) : -1;

		if (page >= 0) {
			ck_assert_int_eq(page & ((1l << order) - 1), 0);
			for (i = 0; i < 1u << order; i++) {
				ck_assert_uint_eq(owner[page + i]++, 0);
			}
			blocks[count].page = (unsigned long)page;
			blocks[count++].order = order;
		} else if (count > 0) {
			unsigned victim = (unsigned)rand() % count;

			for (i = 0; i < 1u << blocks[victim].order; i++) {
				owner[blocks[victim].page + i]--;
			}
			ck_assert(
				mem_buddy_free(&buddy, blocks[victim].page, blocks[victim].order));
			blocks[victim] = blocks[--count];
		}
	}
	while (count-- > 0) {
		ck_assert(mem_buddy_free(&buddy, blocks[count].page, blocks[count].order));
	}
	for (i = 0; i < 4; i++) {
		ck_assert(mem_buddy_remove_region(&buddy, i));
	}
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, NULL),
		UNIT_TEST(nothing_comes_of_nothing),
		UNIT_TEST(a_region_is_512_pages),
		UNIT_TEST(misuse_is_noticed),
		UNIT_LOOP(blocks_do_not_overlap, 0, 10),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
