/* SPDX-License-Identifier: Apache-2.0 */

/* A request's buffers, and what its client and the other clients of its thread may use. */

#include "core/exporter/buffers.h"

#include <errno.h>
#include <stdlib.h>

#include "core/memory/pool.h"
#include "tests/unit/unit.h"

static struct exporter_poll_group group;
static struct exporter_mem_waiter waiter;
static struct exporter_share share = {.group = &group}, other = {.group = &group};

static void setup(void)
{
	base_wait_list_init(&group.mem_waiters);
	ebb_list_init(&waiter.link);
}

START_TEST(they_are_as_long_as_asked_for_and_counted_as_the_pool_rounds_them)
{
	static const struct {
		uint32_t len, used;
		int count;
	} cases[] = {
		{1, 4096, 1},
		{4096, 4096, 1},
		{4097, 8192, 1},
		{EXPORTER_CHUNK_SIZE, EXPORTER_CHUNK_SIZE, 1},
		{EXPORTER_CHUNK_SIZE + 512, EXPORTER_CHUNK_SIZE + 4096, 2},
		{3 * EXPORTER_CHUNK_SIZE - 1, 3 * EXPORTER_CHUNK_SIZE, 3},
		{EXPORTER_BUFFERS_MAX, EXPORTER_BUFFERS_MAX, (int)EXPORTER_CHUNKS_MAX},
	};
	struct exporter_buffers buffers = {.iovcnt = 0};
	size_t len;
	unsigned i;
	int j;

	for (i = 0; i < EBB_ARRAY_SIZE(cases); i++) {
		ck_assert_int_eq(exporter_buffers_alloc(&buffers, &share, cases[i].len, false), 0);
		ck_assert_int_eq(buffers.iovcnt, cases[i].count);
		for (len = 0, j = 0; j < buffers.iovcnt; j++) {
			len += buffers.iov[j].iov_len;
		}
		ck_assert_uint_eq(len, cases[i].len);
		ck_assert_uint_eq(share.used_bytes, cases[i].used);
		ck_assert_uint_eq(group.used_bytes, cases[i].used);
		exporter_buffers_free(&buffers, &share);
		ck_assert_int_eq(buffers.iovcnt, 0);
		ck_assert_uint_eq(share.used_bytes, 0);
		ck_assert_uint_eq(group.used_bytes, 0);
	}
}
END_TEST

START_TEST(pieces_begin_where_asked)
{
	struct exporter_buffers buffers = {.iovcnt = 0};
	struct iovec iov[4];

	ck_assert_int_eq(exporter_buffers_alloc(&buffers, &share, 2 * EXPORTER_CHUNK_SIZE + 1000,
						false),
			 0);
	ck_assert_int_eq(exporter_buffers_iov(&buffers, 0, iov, 4), 3);
	ck_assert_ptr_eq(iov[0].iov_base, buffers.iov[0].iov_base);
	ck_assert_int_eq(exporter_buffers_iov(&buffers, EXPORTER_CHUNK_SIZE + 7, iov, 4), 2);
	ck_assert_ptr_eq(iov[0].iov_base, (char *)buffers.iov[1].iov_base + 7);
	ck_assert_uint_eq(iov[0].iov_len, EXPORTER_CHUNK_SIZE - 7);
	ck_assert_ptr_eq(iov[1].iov_base, buffers.iov[2].iov_base);
	ck_assert_uint_eq(iov[1].iov_len, 1000);
	ck_assert_int_eq(exporter_buffers_iov(&buffers, 0, iov, 2), 2);
	exporter_buffers_free(&buffers, &share);
}
END_TEST

/* Each may have one request, whatever the others use; more only if there is room. */
START_TEST(clients_share)
{
	struct exporter_buffers all = {.iovcnt = 0}, first = {.iovcnt = 0}, second = {.iovcnt = 0};

	ck_assert_int_eq(exporter_buffers_alloc(&all, &share, EXPORTER_POLL_GROUP_BUFFERS_MAX,
						false),
			 0);
	ck_assert_int_eq(exporter_buffers_alloc(&first, &share, 1, false), -EBUSY);
	ck_assert_int_eq(first.iovcnt, 0);
	ck_assert_int_eq(exporter_buffers_alloc(&first, &other, EXPORTER_CHUNK_SIZE, false), 0);
	ck_assert_int_eq(exporter_buffers_alloc(&second, &other, 4096, false), -EBUSY);
	ck_assert_uint_eq(group.used_bytes, EXPORTER_POLL_GROUP_BUFFERS_MAX + EXPORTER_CHUNK_SIZE);
	ck_assert_int_eq(exporter_buffers_alloc(&second, &other, 4096, true), 0);
	exporter_buffers_free(&second, &other);
	exporter_buffers_free(&all, &share);
	/* Exactly as much as there may be. */
	ck_assert_int_eq(exporter_buffers_alloc(&all, &other,
						EXPORTER_POLL_GROUP_BUFFERS_MAX -
							EXPORTER_CHUNK_SIZE,
						false),
			 0);
	exporter_buffers_free(&all, &other);
	exporter_buffers_free(&first, &other);
	ck_assert_uint_eq(group.used_bytes, 0);
}
END_TEST

START_TEST(an_empty_pool_gives_nothing_and_wakes_nobody)
{
	struct exporter_buffers buffers = {.iovcnt = 0};

	base_wait_list_add(&group.mem_waiters, &waiter.link);
	mem_fail_from(3);
	ck_assert_int_eq(exporter_buffers_alloc(&buffers, &share, 4 * EXPORTER_CHUNK_SIZE, false),
			 -ENOMEM);
	mem_fail_from(0);
	ck_assert_int_eq(buffers.iovcnt, 0);
	ck_assert_uint_eq(share.used_bytes, 0);
	ck_assert_uint_eq(group.used_bytes, 0);
	ck_assert(!group.freed);
}
END_TEST

START_TEST(who_waits_is_woken_by_what_is_freed)
{
	struct exporter_buffers buffers = {.iovcnt = 0};

	ck_assert_int_eq(exporter_buffers_alloc(&buffers, &share, 512, false), 0);
	exporter_buffers_free(&buffers, &share);
	ck_assert(!group.freed);
	ck_assert_int_eq(exporter_buffers_alloc(&buffers, &share, 512, false), 0);
	base_wait_list_add(&group.mem_waiters, &waiter.link);
	exporter_buffers_free(&buffers, &share);
	ck_assert(group.freed);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, NULL),
		UNIT_TEST(they_are_as_long_as_asked_for_and_counted_as_the_pool_rounds_them),
		UNIT_TEST(pieces_begin_where_asked),
		UNIT_TEST(clients_share),
		UNIT_TEST(an_empty_pool_gives_nothing_and_wakes_nobody),
		UNIT_TEST(who_waits_is_woken_by_what_is_freed),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
