/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/text.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static struct rpc_text text;

static void setup(void)
{
	text = (struct rpc_text){.data = NULL};
}

static void teardown(void)
{
	rpc_text_fini(&text);
}

static void expect(const char *expected)
{
	ck_assert_uint_eq(rpc_text_bytes(&text), strlen(expected));
	ck_assert_mem_eq(rpc_text_begin(&text), expected, strlen(expected));
}

START_TEST(what_is_added_is_taken_in_order)
{
	ck_assert_uint_eq(rpc_text_bytes(&text), 0);
	ck_assert(rpc_text_add(&text, "abc", 3));
	ck_assert(rpc_text_add(&text, "def", 3));
	expect("abcdef");
	rpc_text_take(&text, 2);
	expect("cdef");
	ck_assert(rpc_text_add(&text, "g", 1));
	expect("cdefg");
	rpc_text_take(&text, 5);
	ck_assert_uint_eq(rpc_text_bytes(&text), 0);
}
END_TEST

/* A client that takes as much as is added, again and again, does not make it grow. */
START_TEST(what_was_taken_leaves_its_room)
{
	char piece[1000];

	memset(piece, 'x', sizeof(piece));
	ck_assert(rpc_text_add(&text, piece, sizeof(piece)));
	for (int i = 0; i < 1000; i++) {
		ck_assert(rpc_text_add(&text, piece, sizeof(piece)));
		rpc_text_take(&text, sizeof(piece));
	}
	ck_assert_uint_eq(rpc_text_bytes(&text), sizeof(piece));
	ck_assert_uint_le(text.size, 4 * sizeof(piece) + 4096);
}
END_TEST

START_TEST(long_ones_give_their_memory_back)
{
	size_t len = 1000000;
	char *piece = malloc(len);

	memset(piece, 'x', len);
	ck_assert(rpc_text_add(&text, piece, len));
	rpc_text_take(&text, len - 1);
	ck_assert_ptr_nonnull(text.data);
	rpc_text_take(&text, 1);
	ck_assert_ptr_null(text.data);
	ck_assert_uint_eq(text.size, 0);
	free(piece);
}
END_TEST

START_TEST(an_empty_one_takes_another_without_a_copy)
{
	struct rpc_text from = {.data = NULL};
	const char *data;

	ck_assert(rpc_text_add(&from, "abc", 3));
	data = from.data;
	ck_assert(rpc_text_move(&text, &from));
	ck_assert_ptr_eq(text.data, data);
	ck_assert_ptr_null(from.data);
	ck_assert(rpc_text_add(&from, "def", 3));
	rpc_text_take(&from, 1);
	ck_assert(rpc_text_move(&text, &from));
	ck_assert_uint_eq(rpc_text_bytes(&from), 0);
	expect("abcef");
	ck_assert(rpc_text_move(&text, &from));
	expect("abcef");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(what_is_added_is_taken_in_order),
		UNIT_TEST(what_was_taken_leaves_its_room),
		UNIT_TEST(long_ones_give_their_memory_back),
		UNIT_TEST(an_empty_one_takes_another_without_a_copy),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
