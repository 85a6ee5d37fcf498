/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/hash.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/need.h"
#include "tests/unit/unit.h"

#define NUM_ITEMS 5000u

struct item {
	unsigned key;
	unsigned seen;
	struct base_hash_node node;
};

static struct item items[NUM_ITEMS];
static struct base_hash table;

static bool exhausted;

/* A sanitizer brings a calloc() of its own, which must not be replaced. */
#ifndef UNIT_HEAP_IS_TAKEN
void *__libc_calloc(size_t count, size_t size);

void *calloc(size_t count, size_t size)
{
	return exhausted ? NULL : __libc_calloc(count, size);
}
#endif

static void setup(void)
{
	table = (struct base_hash){0};
	for (unsigned i = 0; i < NUM_ITEMS; i++) {
		items[i] = (struct item){.key = i};
	}
}

static struct item *item_find(unsigned key, uint64_t hash)
{
	struct base_hash_node *node;

	base_hash_for_each(node, &table, hash)
	{
		struct item *item = base_hash_entry(node, struct item, node);

		ck_assert_uint_eq(node->hash, hash);
		if (item->key == key) {
			return item;
		}
	}
	return NULL;
}

/* Adds all, finds all, removes every other one, finds the rest, removes these. */
static void check_all_by(uint64_t (*hash_of)(unsigned key), unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		ck_assert_ptr_null(item_find(i, hash_of(i)));
		base_hash_add(&table, &items[i].node, hash_of(i));
	}
	ck_assert_uint_eq(table.num_nodes, count);
	for (unsigned i = 0; i < count; i += 2) {
		base_hash_remove(&table, &items[i].node);
		base_hash_remove(&table, &items[i].node);
	}
	ck_assert_uint_eq(table.num_nodes, count / 2);
	for (unsigned i = 0; i < count; i++) {
		ck_assert_ptr_eq(item_find(i, hash_of(i)), i % 2 == 0 ? NULL : &items[i]);
	}
	for (unsigned i = 1; i < count; i += 2) {
		base_hash_remove(&table, &items[i].node);
	}
	ck_assert_uint_eq(table.num_nodes, 0);
	ck_assert_ptr_null(table.buckets);
}

static uint64_t hash_good(unsigned key)
{
	return base_hash_of_address((void *)(uintptr_t)(key * 4096ul));
}

static uint64_t hash_bad(unsigned key)
{
	return key % 7;
}

START_TEST(what_was_added_is_found_until_it_is_removed)
{
	check_all_by(hash_good, NUM_ITEMS);
	ck_assert_uint_eq(table.num_buckets, 0);
}
END_TEST

START_TEST(nodes_of_one_hash_are_kept_apart)
{
	check_all_by(hash_bad, 500);
}
END_TEST

START_TEST(without_memory_to_grow_it_goes_on)
{
	need_heap();
	exhausted = true;
	check_all_by(hash_good, 500);
	exhausted = false;
	base_hash_add(&table, &items[0].node, 1);
	exhausted = true;
	base_hash_add(&table, &items[1].node, 2);
	exhausted = false;
	ck_assert_uint_eq(table.num_buckets, 0);
	base_hash_add(&table, &items[2].node, 3);
	ck_assert_uint_ge(table.num_buckets, 3);
	ck_assert_ptr_eq(item_find(0, 1), &items[0]);
	ck_assert_ptr_eq(item_find(1, 2), &items[1]);
	ck_assert_ptr_eq(item_find(2, 3), &items[2]);
	for (unsigned i = 0; i < 3; i++) {
		base_hash_remove(&table, &items[i].node);
	}
}
END_TEST

START_TEST(equal_keys_are_all_seen)
{
	struct base_hash_node *node;

	for (unsigned i = 0; i < 100; i++) {
		base_hash_add(&table, &items[i].node, hash_good(i % 10));
	}
	base_hash_for_each(node, &table, hash_good(3))
	{
		base_hash_entry(node, struct item, node)->seen++;
	}
	for (unsigned i = 0; i < 100; i++) {
		ck_assert_uint_eq(items[i].seen, i % 10 == 3);
		base_hash_remove(&table, &items[i].node);
	}
}
END_TEST

START_TEST(a_node_that_never_was_there_may_be_removed)
{
	base_hash_remove(&table, &items[0].node);
	base_hash_add(&table, &items[1].node, 0);
	base_hash_remove(&table, &items[0].node);
	ck_assert_ptr_eq(item_find(1, 0), &items[1]);
	base_hash_remove(&table, &items[1].node);
}
END_TEST

START_TEST(the_case_of_a_name_does_not_matter)
{
	ck_assert_uint_eq(base_hash_of_name("ABab-09"), base_hash_of_name("abAB-09"));
	ck_assert_uint_ne(base_hash_of_name("ab"), base_hash_of_name("ba"));
	ck_assert_uint_ne(base_hash_of_name("a@"), base_hash_of_name("a`"));
	ck_assert_uint_ne(base_hash_of_name(""), base_hash_of_name("a"));
}
END_TEST

/* The longest chain there is. */
static unsigned longest_chain(void)
{
	unsigned longest = 0;

	for (size_t i = 0; i < table.num_buckets; i++) {
		const struct base_hash_node *node;
		unsigned length = 0;

		for (node = table.buckets[i]; node != NULL; node = node->next) {
			length++;
		}
		longest = length > longest ? length : longest;
	}
	return longest;
}

/* Names as people number them, and addresses as an allocator gives them. */
START_TEST(hashes_are_spread)
{
	char name[32];

	for (unsigned i = 0; i < NUM_ITEMS; i++) {
		snprintf(name, sizeof(name), "Null%u", i);
		base_hash_add(&table, &items[i].node, base_hash_of_name(name));
	}
	ck_assert_uint_ge(table.num_buckets, NUM_ITEMS);
	ck_assert_uint_le(longest_chain(), 10);
	for (unsigned i = 0; i < NUM_ITEMS; i++) {
		base_hash_remove(&table, &items[i].node);
	}
	for (unsigned i = 0; i < NUM_ITEMS; i++) {
		base_hash_add(&table, &items[i].node, hash_good(i));
	}
	ck_assert_uint_le(longest_chain(), 10);
	for (unsigned i = 0; i < NUM_ITEMS; i++) {
		base_hash_remove(&table, &items[i].node);
	}
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, NULL),
		UNIT_TEST(what_was_added_is_found_until_it_is_removed),
		UNIT_TEST(nodes_of_one_hash_are_kept_apart),
		UNIT_TEST(without_memory_to_grow_it_goes_on),
		UNIT_TEST(equal_keys_are_all_seen),
		UNIT_TEST(a_node_that_never_was_there_may_be_removed),
		UNIT_TEST(the_case_of_a_name_does_not_matter),
		UNIT_TEST(hashes_are_spread),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
