/* SPDX-License-Identifier: Apache-2.0 */

/* A request's buffers: memory of the pool, counted as its client's. */

#include "core/exporter/buffers.h"

#include <errno.h>

#include "core/memory/pool.h"
#include "tests/unit/unit.h"

static struct exporter_pot pot;
static struct exporter_share share, other;

static void nothing(struct exporter_share *which)
{
	(void)which;
}

static const struct exporter_share_ops ops = {.retry = nothing};

static void setup(void)
{
	exporter_pot_init(&pot, EXPORTER_POT_MAX);
	exporter_share_open(&share, &pot, &ops);
	exporter_share_open(&other, &pot, &ops);
}

START_TEST(they_are_as_long_as_asked_for_and_counted_as_the_pool_rounds_them)
{
	static const struct {
		uint32_t len, used;
	} cases[] = {
		{1, 4096},
		{4096, 4096},
		{4097, 8192},
		{600000, EXPORTER_CHUNK_SIZE},
		{EXPORTER_CHUNK_SIZE - 1, EXPORTER_CHUNK_SIZE},
		{EXPORTER_CHUNK_SIZE, EXPORTER_CHUNK_SIZE},
	};
	struct exporter_buffers buffers = {.used_bytes = 0};
	unsigned i;

	for (i = 0; i < EBB_ARRAY_SIZE(cases); i++) {
		ck_assert_int_eq(exporter_buffers_alloc(&buffers, &share, cases[i].len), 0);
		ck_assert_uint_eq(buffers.iov.iov_len, cases[i].len);
		ck_assert_uint_eq(share.used_bytes, cases[i].used);
		exporter_buffers_free(&buffers, &share);
		ck_assert_uint_eq(buffers.iov.iov_len, 0);
		ck_assert_uint_eq(share.used_bytes, 0);
		/* Harmless. */
		exporter_buffers_free(&buffers, &share);
		ck_assert_uint_eq(share.used_bytes, 0);
	}
}
END_TEST

START_TEST(a_piece_begins_where_asked)
{
	struct exporter_buffers buffers = {.used_bytes = 0};
	struct iovec iov;

	ck_assert_int_eq(exporter_buffers_iov(&buffers, 0, &iov), 0);
	ck_assert_int_eq(exporter_buffers_alloc(&buffers, &share, 1000), 0);
	ck_assert_int_eq(exporter_buffers_iov(&buffers, 7, &iov), 1);
	ck_assert_ptr_eq(iov.iov_base, (char *)buffers.iov.iov_base + 7);
	ck_assert_uint_eq(iov.iov_len, 993);
	ck_assert_int_eq(exporter_buffers_iov(&buffers, 1000, &iov), 0);
	exporter_buffers_free(&buffers, &share);
}
END_TEST

START_TEST(an_empty_pool_gives_nothing_and_wakes_nobody)
{
	struct exporter_buffers has = {.used_bytes = 0}, buffers = {.used_bytes = 0};

	mem_fail_from(1);
	ck_assert_int_eq(exporter_buffers_alloc(&buffers, &share, 4096), -ENOMEM);
	ck_assert_uint_eq(buffers.used_bytes, 0);
	ck_assert_int_eq(exporter_buffers_try(&buffers, &other, 4096), -ENOMEM);
	ck_assert_int_eq(exporter_buffers_alloc_reserve(&buffers, &other, 4096), -ENOMEM);
	ck_assert(!other.reserve_used);
	ck_assert_uint_eq(share.used_bytes + other.used_bytes + pot.used_bytes, 0);
	ck_assert(!pot.freed);
	/* Both lack what is theirs. */
	ck_assert_ptr_eq(pot.lacking.next, &share.wait);
	ck_assert_ptr_eq(pot.lacking.prev, &other.wait);
	mem_fail_from(0);
	ck_assert_int_eq(exporter_buffers_alloc(&buffers, &share, 4096), 0);
	ck_assert_ptr_eq(pot.lacking.next, &other.wait);
	ck_assert_int_eq(exporter_buffers_alloc(&has, &other, EXPORTER_FLOOR), 0);
	/* Above the floor it waits for what it has itself. */
	mem_fail_from(1);
	exporter_buffers_free(&buffers, &share);
	ck_assert_int_eq(exporter_buffers_alloc(&buffers, &other, EXPORTER_FLOOR), -ENOMEM);
	mem_fail_from(0);
	ck_assert(ebb_list_empty(&pot.lacking));
	ck_assert_ptr_eq(pot.waiters.next, &other.wait);
	ck_assert_uint_eq(pot.used_bytes, 0);
	exporter_buffers_free(&has, &other);
}
END_TEST

START_TEST(the_reserve_is_beside_the_share)
{
	struct exporter_buffers all = {.used_bytes = 0}, one = {.used_bytes = 0},
				two = {.used_bytes = 0};

	ck_assert_int_eq(exporter_buffers_alloc(&all, &share, EXPORTER_FLOOR), 0);
	ck_assert_int_eq(exporter_buffers_alloc_reserve(&one, &share, EXPORTER_RESERVE), 0);
	ck_assert_uint_eq(share.used_bytes, EXPORTER_FLOOR);
	ck_assert_uint_eq(pot.used_bytes, 0);
	ck_assert_int_eq(exporter_buffers_alloc_reserve(&two, &share, 512), -EBUSY);
	exporter_buffers_free(&one, &share);
	ck_assert_int_eq(exporter_buffers_alloc_reserve(&two, &share, 512), 0);
	exporter_buffers_free(&two, &share);
	exporter_buffers_free(&all, &share);
	ck_assert_uint_eq(share.used_bytes, 0);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, NULL),
		UNIT_TEST(they_are_as_long_as_asked_for_and_counted_as_the_pool_rounds_them),
		UNIT_TEST(a_piece_begins_where_asked),
		UNIT_TEST(an_empty_pool_gives_nothing_and_wakes_nobody),
		UNIT_TEST(the_reserve_is_beside_the_share),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
