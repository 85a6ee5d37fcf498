/* SPDX-License-Identifier: Apache-2.0 */
/* What is refused, what the driver gets, and when the callback comes. */
#include <errno.h>
#include <string.h>

#include "core/bdev/channel.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

static struct fake *fake;
static struct ebb_bdev_desc *desc;
static struct ebb_io_channel *ch;
static struct fake_result result;
static char buf[16 * FAKE_BLOCK] __attribute__((aligned(4096)));

static void setup(void)
{
	stage_begin();
	fake = fake_create("disk");
	fake_open(fake, &desc, &ch);
	memset(&result, 0, sizeof(result));
}

static void teardown(void)
{
	fake_close(fake, desc, ch);
	stage_end();
}

START_TEST(callback_comes_after_the_call)
{
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1, fake_done, &result), 0);
	ck_assert_uint_eq(fake->num_records, 1);
	ck_assert_uint_eq(result.calls, 0);
	stage_turn();
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, 0);
	stage_turns(3);
	ck_assert_uint_eq(result.calls, 1);
}
END_TEST

START_TEST(later_completion_calls_back_at_once)
{
	fake->mode = FAKE_HOLD;
	ck_assert_int_eq(ebb_bdev_write(desc, ch, buf, 7, 2, 0, fake_done, &result), 0);
	stage_turns(3);
	ck_assert_uint_eq(result.calls, 0);
	fake_complete_one(fake, -EIO);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, -EIO);
}
END_TEST

START_TEST(data_goes_both_ways)
{
	struct iovec iov[5];
	char back[5 * FAKE_BLOCK];
	int i;

	for (i = 0; i < (int)sizeof(back); i++) {
		buf[i] = (char)(i * 7);
	}
	ck_assert_int_eq(ebb_bdev_write(desc, ch, buf, 9, 5, 0, fake_done, &result), 0);
	stage_turn();
	for (i = 0; i < 5; i++) {
		iov[i].iov_base = back + i * (int)FAKE_BLOCK;
		iov[i].iov_len = FAKE_BLOCK;
	}
	/* Up to four elements are copied, five are not: both must arrive. */
	fake->mode = FAKE_HOLD;
	ck_assert_int_eq(ebb_bdev_readv(desc, ch, iov, 4, 9, 4, fake_done, &result), 0);
	iov[0].iov_base = NULL;
	fake_complete_one(fake, 0);
	ck_assert_mem_eq(back, buf, 4 * FAKE_BLOCK);
	memset(back, 0, sizeof(back));
	iov[0].iov_base = back;
	ck_assert_int_eq(ebb_bdev_readv(desc, ch, iov, 5, 9, 5, fake_done, &result), 0);
	fake_complete_one(fake, 0);
	ck_assert_mem_eq(back, buf, 5 * FAKE_BLOCK);
	ck_assert_int_eq(fake->records[2].iovcnt, 5);
	ck_assert_uint_eq(result.calls, 3);
}
END_TEST

START_TEST(driver_gets_what_was_asked)
{
	static const enum ebb_bdev_io_type types[] = {EBB_BDEV_READ, EBB_BDEV_WRITE, EBB_BDEV_UNMAP,
						      EBB_BDEV_WRITE_ZEROES};
	unsigned i;

	ebb_bdev_read(desc, ch, buf, 1, 2, fake_done, &result);
	ebb_bdev_write(desc, ch, buf, 1, 2, 0, fake_done, &result);
	ebb_bdev_unmap(desc, ch, 1, 2, fake_done, &result);
	ebb_bdev_write_zeroes(desc, ch, 1, 2, 0, fake_done, &result);
	ebb_bdev_flush(desc, ch, fake_done, &result);
	ck_assert_uint_eq(fake->num_records, 5);
	for (i = 0; i < EBB_ARRAY_SIZE(types); i++) {
		ck_assert_int_eq(fake->records[i].type, types[i]);
		ck_assert_uint_eq(fake->records[i].offset_blocks, 1);
		ck_assert_uint_eq(fake->records[i].num_blocks, 2);
		ck_assert_int_eq(fake->records[i].iovcnt, types[i] <= EBB_BDEV_WRITE ? 1 : 0);
	}
	ck_assert_int_eq(fake->records[4].type, EBB_BDEV_FLUSH);
	stage_turn();
	ck_assert_uint_eq(result.calls, 5);
}
END_TEST

START_TEST(impossible_ranges_are_refused)
{
	static const struct {
		uint64_t offset, num;
	} ranges[] = {
		{0, 0},
		{FAKE_BLOCKS, 1},
		{FAKE_BLOCKS - 1, 2},
		{0, FAKE_BLOCKS + 1},
		{UINT64_MAX, 1},
		{UINT64_MAX, 2},
		{1, UINT64_MAX},
		{2, UINT64_MAX - 1},
		{UINT64_MAX / 2, UINT64_MAX / 2 + 2},
		{0, 1ull << 55}, /* a length that wraps to zero bytes */
		{0, 1ull << 32},
	};
	unsigned i;

	for (i = 0; i < EBB_ARRAY_SIZE(ranges); i++) {
		uint64_t offset = ranges[i].offset, num = ranges[i].num;

		ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, offset, num, fake_done, &result),
				 -EINVAL);
		ck_assert_int_eq(ebb_bdev_write(desc, ch, buf, offset, num, 0, fake_done, &result),
				 -EINVAL);
		ck_assert_int_eq(ebb_bdev_unmap(desc, ch, offset, num, fake_done, &result),
				 -EINVAL);
		ck_assert_int_eq(ebb_bdev_write_zeroes(desc, ch, offset, num, 0, fake_done,
						       &result),
				 -EINVAL);
	}
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, FAKE_BLOCKS - 1, 1, fake_done, &result), 0);
	stage_turns(2);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_uint_eq(fake->num_records, 1);
}
END_TEST

START_TEST(impossible_vectors_are_refused)
{
	struct iovec iov[2] = {{buf, FAKE_BLOCK}, {buf + FAKE_BLOCK, FAKE_BLOCK}};

	ck_assert_int_eq(ebb_bdev_readv(desc, ch, iov, 2, 0, 1, fake_done, &result), -EINVAL);
	ck_assert_int_eq(ebb_bdev_readv(desc, ch, iov, 2, 0, 3, fake_done, &result), -EINVAL);
	ck_assert_int_eq(ebb_bdev_readv(desc, ch, iov, 1, 0, 2, fake_done, &result), -EINVAL);
	ck_assert_int_eq(ebb_bdev_readv(desc, ch, iov, 0, 0, 1, fake_done, &result), -EINVAL);
	ck_assert_int_eq(ebb_bdev_readv(desc, ch, iov, -1, 0, 1, fake_done, &result), -EINVAL);
	iov[1].iov_len = 0;
	ck_assert_int_eq(ebb_bdev_readv(desc, ch, iov, 2, 0, 1, fake_done, &result), -EINVAL);
	iov[1].iov_len = FAKE_BLOCK;
	iov[1].iov_base = NULL;
	ck_assert_int_eq(ebb_bdev_readv(desc, ch, iov, 2, 0, 2, fake_done, &result), -EINVAL);
	ck_assert_int_eq(ebb_bdev_read(desc, ch, NULL, 0, 1, fake_done, &result), -EINVAL);
	ck_assert_int_eq(ebb_bdev_write(desc, ch, buf, 0, 1, 2, fake_done, &result), -EINVAL);
	stage_turns(2);
	ck_assert_uint_eq(result.calls, 0);
	ck_assert_uint_eq(fake->num_records, 0);
}
END_TEST

START_TEST(writing_needs_a_descriptor_for_it)
{
	struct ebb_bdev_desc *reader;

	ck_assert_int_eq(ebb_bdev_open("disk", false, NULL, NULL, &reader), 0);
	ck_assert_int_eq(ebb_bdev_write(reader, ch, buf, 0, 1, 0, fake_done, &result), -EBADF);
	ck_assert_int_eq(ebb_bdev_unmap(reader, ch, 0, 1, fake_done, &result), -EBADF);
	ck_assert_int_eq(ebb_bdev_write_zeroes(reader, ch, 0, 1, 0, fake_done, &result), -EBADF);
	ck_assert_int_eq(ebb_bdev_read(reader, ch, buf, 0, 1, fake_done, &result), 0);
	ck_assert_int_eq(ebb_bdev_flush(reader, ch, fake_done, &result), 0);
	stage_turn();
	ck_assert_uint_eq(result.calls, 2);
	ebb_bdev_close(reader);
}
END_TEST

START_TEST(unsupported_types_are_refused)
{
	struct fake *readable = fake_create("readable");
	struct ebb_bdev_desc *other_desc;
	struct ebb_io_channel *other_ch;

	readable->bdev.io_types = EBB_BIT(EBB_BDEV_READ);
	fake_open(readable, &other_desc, &other_ch);
	ck_assert_int_eq(ebb_bdev_write(other_desc, other_ch, buf, 0, 1, 0, fake_done, &result),
			 -ENOTSUP);
	ck_assert_int_eq(ebb_bdev_flush(other_desc, other_ch, fake_done, &result), -ENOTSUP);
	ck_assert_int_eq(ebb_bdev_unmap(other_desc, other_ch, 0, 1, fake_done, &result), -ENOTSUP);
	ck_assert_int_eq(ebb_bdev_write_zeroes(other_desc, other_ch, 0, 1, 0, fake_done, &result),
			 -ENOTSUP);
	ck_assert_int_eq(ebb_bdev_compare(other_desc, other_ch, buf, 0, 1, fake_done, &result),
			 -ENOTSUP);
	ck_assert_int_eq(ebb_bdev_read(other_desc, other_ch, buf, 0, 1, fake_done, &result), 0);
	stage_turn();
	ck_assert(!ebb_bdev_io_type_supported(&readable->bdev, EBB_BDEV_WRITE));
	ck_assert(!ebb_bdev_io_type_supported(&readable->bdev, EBB_BDEV_COMPARE));
	ck_assert(!ebb_bdev_io_type_supported(&readable->bdev, EBB_BDEV_IO_TYPE_COUNT));
	fake_close(readable, other_desc, other_ch);
}
END_TEST

START_TEST(fua_goes_to_a_driver_that_knows_it)
{
	struct fake *knows = fake_create("knows");
	struct ebb_bdev_desc *other_desc;
	struct ebb_io_channel *other_ch;

	knows->bdev.fua = true;
	fake_open(knows, &other_desc, &other_ch);
	ck_assert_int_eq(ebb_bdev_write(other_desc, other_ch, buf, 3, 1, EBB_BDEV_FUA, fake_done,
					&result),
			 0);
	stage_turns(3);
	ck_assert_uint_eq(knows->num_records, 1);
	ck_assert_uint_eq(knows->records[0].flags, EBB_BDEV_FUA);
	ck_assert_uint_eq(result.calls, 1);
	fake_close(knows, other_desc, other_ch);
}
END_TEST

START_TEST(fua_is_a_flush_for_others)
{
	struct iovec iov[2] = {{buf, FAKE_BLOCK}, {buf, FAKE_BLOCK}};

	fake->mode = FAKE_HOLD;
	ck_assert_int_eq(ebb_bdev_writev(desc, ch, iov, 2, 3, 2, EBB_BDEV_FUA, fake_done, &result),
			 0);
	ck_assert_uint_eq(fake->num_records, 1);
	ck_assert_uint_eq(fake->records[0].flags, 0);
	fake_complete_one(fake, 0);
	ck_assert_uint_eq(result.calls, 0);
	ck_assert_uint_eq(fake->num_records, 2);
	ck_assert_int_eq(fake->records[1].type, EBB_BDEV_FLUSH);
	fake_complete_one(fake, 0);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, 0);

	/* A write that failed is not flushed; a flush that failed is the write's failure. */
	ebb_bdev_write(desc, ch, buf, 3, 1, EBB_BDEV_FUA, fake_done, &result);
	fake_complete_one(fake, -ENOSPC);
	ck_assert_int_eq(result.status, -ENOSPC);
	ck_assert_uint_eq(fake->num_records, 3);
	ebb_bdev_write(desc, ch, buf, 3, 1, EBB_BDEV_FUA, fake_done, &result);
	fake_complete_one(fake, 0);
	fake_complete_one(fake, -EIO);
	ck_assert_int_eq(result.status, -EIO);
	ck_assert_uint_eq(result.calls, 3);

	/* All of it inside submit: the callback still comes later, and once. */
	fake->mode = FAKE_AT_ONCE;
	ebb_bdev_write_zeroes(desc, ch, 3, 1, EBB_BDEV_FUA, fake_done, &result);
	ck_assert_uint_eq(result.calls, 3);
	stage_turns(3);
	ck_assert_uint_eq(result.calls, 4);
	ck_assert_uint_eq(fake->num_records, 7);
	ck_assert_int_eq(fake->records[6].type, EBB_BDEV_FLUSH);
}
END_TEST

START_TEST(fua_without_a_cache_is_a_write)
{
	struct fake *plain = fake_create("plain");
	struct ebb_bdev_desc *other_desc;
	struct ebb_io_channel *other_ch;

	plain->bdev.io_types = EBB_BIT(EBB_BDEV_READ) | EBB_BIT(EBB_BDEV_WRITE);
	fake_open(plain, &other_desc, &other_ch);
	ck_assert_int_eq(ebb_bdev_write(other_desc, other_ch, buf, 3, 1, EBB_BDEV_FUA, fake_done,
					&result),
			 0);
	stage_turns(3);
	ck_assert_uint_eq(plain->num_records, 1);
	ck_assert_uint_eq(result.calls, 1);
	fake_close(plain, other_desc, other_ch);
}
END_TEST

static void again(void *arg, int status)
{
	fake_done(arg, status);
	if (((struct fake_result *)arg)->calls < 5) {
		ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1, again, arg), 0);
	}
}

START_TEST(a_callback_may_submit_and_a_turn_ends)
{
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1, again, &result), 0);
	stage_turn();
	ck_assert_uint_eq(result.calls, 1);
	stage_turn();
	ck_assert_uint_eq(result.calls, 2);
	stage_turns(10);
	ck_assert_uint_eq(result.calls, 5);
	/* One in flight at a time was one and the same request. */
	ck_assert_uint_eq(((struct bdev_channel *)ebb_io_channel_ctx(ch))->pool_bump, 1);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(callback_comes_after_the_call),
		UNIT_TEST(later_completion_calls_back_at_once),
		UNIT_TEST(data_goes_both_ways),
		UNIT_TEST(driver_gets_what_was_asked),
		UNIT_TEST(impossible_ranges_are_refused),
		UNIT_TEST(impossible_vectors_are_refused),
		UNIT_TEST(writing_needs_a_descriptor_for_it),
		UNIT_TEST(unsupported_types_are_refused),
		UNIT_TEST(fua_goes_to_a_driver_that_knows_it),
		UNIT_TEST(fua_is_a_flush_for_others),
		UNIT_TEST(fua_without_a_cache_is_a_write),
		UNIT_TEST(a_callback_may_submit_and_a_turn_ends),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
