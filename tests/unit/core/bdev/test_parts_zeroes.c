/* SPDX-License-Identifier: Apache-2.0 */
/* Zeroes: which flags the driver gets, when they are written, and when they are refused. */
#include <errno.h>
#include <string.h>

#include <ebb/memory.h>

#include "core/bdev/channel.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

#define BOTH (EBB_BDEV_NO_HOLE | EBB_BDEV_FAST_ZERO)

static struct fake *fake;
static struct ebb_bdev_desc *desc;
static struct ebb_io_channel *ch;
static struct fake_result result;

static void setup(void)
{
	stage_begin();
	fake = fake_create("disk");
	memset(fake->memory, 0xff, sizeof(fake->memory));
	memset(&result, 0, sizeof(result));
}

static void teardown(void)
{
	struct ebb_mem_stats stats;

	fake_close(fake, desc, ch);
	ebb_mem_trim();
	ebb_mem_get_stats(&stats);
	ck_assert_uint_eq(stats.used_bytes, 0);
	stage_end();
}

static int zeroes(uint64_t num, uint32_t flags)
{
	return ebb_bdev_write_zeroes(desc, ch, 1, num, flags, fake_done, &result);
}

/* All of it is done, and all is zero. */
static void ended_well(uint64_t num)
{
	stage_turns(10);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, 0);
	for (size_t i = FAKE_BLOCK; i < (num + 1) * FAKE_BLOCK; i++) {
		ck_assert_uint_eq(fake->memory[i], 0);
	}
	ck_assert_uint_eq(fake->memory[FAKE_BLOCK - 1], 0xff);
	ck_assert_uint_eq(fake->memory[(num + 1) * FAKE_BLOCK], 0xff);
}

START_TEST(flags_go_to_a_driver_that_honours_them)
{
	static const uint32_t all[] = {0, EBB_BDEV_NO_HOLE, EBB_BDEV_FAST_ZERO, BOTH,
				       BOTH | EBB_BDEV_FUA};

	fake->bdev.zero_flags = BOTH;
	fake->bdev.fua = true;
	fake_open(fake, &desc, &ch);
	ck_assert_int_eq(zeroes(8, all[_i]), 0);
	ended_well(8);
	ck_assert_uint_eq(fake->num_records, 1);
	ck_assert_int_eq(fake->records[0].type, EBB_BDEV_WRITE_ZEROES);
	ck_assert_uint_eq(fake->records[0].flags, all[_i]);
}
END_TEST

START_TEST(every_part_gets_no_hole)
{
	unsigned i;

	fake->bdev.zero_flags = EBB_BDEV_NO_HOLE;
	fake->bdev.fua = true;
	fake->bdev.max_write_zeroes_blocks = 10;
	fake_open(fake, &desc, &ch);
	ck_assert_int_eq(zeroes(200, EBB_BDEV_NO_HOLE | EBB_BDEV_FUA), 0);
	ended_well(200);
	ck_assert_uint_eq(fake->num_records, 20);
	for (i = 0; i < 20; i++) {
		ck_assert_int_eq(fake->records[i].type, EBB_BDEV_WRITE_ZEROES);
		ck_assert_uint_eq(fake->records[i].flags, EBB_BDEV_NO_HOLE | EBB_BDEV_FUA);
	}
}
END_TEST

/* A hole is what zeroes with room of their own must not be: they are data. */
START_TEST(room_is_written_where_the_driver_gives_none)
{
	fake->bdev.zero_flags = EBB_BDEV_FAST_ZERO;
	fake_open(fake, &desc, &ch);
	ck_assert_int_eq(zeroes(8, EBB_BDEV_NO_HOLE), 0);
	ended_well(8);
	ck_assert_uint_eq(fake->num_records, 1);
	ck_assert_int_eq(fake->records[0].type, EBB_BDEV_WRITE);
	ck_assert_uint_eq(fake->records[0].flags, 0);
}
END_TEST

START_TEST(written_zeroes_are_durable_if_asked)
{
	fake->bdev.max_io_blocks = 5;
	fake_open(fake, &desc, &ch);
	ck_assert_int_eq(zeroes(8, EBB_BDEV_NO_HOLE | EBB_BDEV_FUA), 0);
	ended_well(8);
	ck_assert_uint_eq(fake->num_records, 3);
	ck_assert_int_eq(fake->records[1].type, EBB_BDEV_WRITE);
	ck_assert_uint_eq(fake->records[1].flags, 0);
	ck_assert_int_eq(fake->records[2].type, EBB_BDEV_FLUSH);
	ck_assert_uint_eq(fake->records[2].flags, 0);
}
END_TEST

START_TEST(written_zeroes_are_durable_by_a_driver_that_knows)
{
	fake->bdev.fua = true;
	fake->bdev.max_io_blocks = 5;
	fake_open(fake, &desc, &ch);
	ck_assert_int_eq(zeroes(8, EBB_BDEV_NO_HOLE | EBB_BDEV_FUA), 0);
	ended_well(8);
	ck_assert_uint_eq(fake->num_records, 2);
	ck_assert_uint_eq(fake->records[0].flags, EBB_BDEV_FUA);
	ck_assert_uint_eq(fake->records[1].flags, EBB_BDEV_FUA);
}
END_TEST

/* What writes them may find no room; the client is told. */
START_TEST(no_room_is_told)
{
	fake->bdev.max_io_blocks = 5;
	fake->mode = FAKE_HOLD;
	fake_open(fake, &desc, &ch);
	ck_assert_int_eq(zeroes(8, EBB_BDEV_NO_HOLE), 0);
	fake_complete_one(fake, 0);
	fake_complete_one(fake, -ENOSPC);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, -ENOSPC);
}
END_TEST

/* Nothing is asked of a driver that would have to write. */
START_TEST(fast_is_refused_where_they_would_be_written)
{
	static const struct {
		uint32_t zero_flags, flags;
		bool written; /* no such request */
	} rows[] = {
		{0, EBB_BDEV_FAST_ZERO, false},
		{0, EBB_BDEV_FAST_ZERO | EBB_BDEV_FUA, false},
		{EBB_BDEV_NO_HOLE, EBB_BDEV_FAST_ZERO, false},
		{EBB_BDEV_NO_HOLE, BOTH, false},
		{EBB_BDEV_FAST_ZERO, BOTH, false},
		{0, EBB_BDEV_FAST_ZERO, true},
		{0, BOTH, true},
	};

	fake->bdev.zero_flags = rows[_i].zero_flags;
	fake->bdev.max_write_zeroes_blocks = 4;
	if (rows[_i].written) {
		fake->bdev.io_types &= ~EBB_BIT(EBB_BDEV_WRITE_ZEROES);
	}
	fake_open(fake, &desc, &ch);
	ck_assert(!ebb_bdev_fast_zero_supported(&fake->bdev, rows[_i].flags));
	ck_assert_int_eq(zeroes(8, rows[_i].flags), -ENOTSUP);
	stage_turns(4);
	ck_assert_uint_eq(result.calls, 0);
	ck_assert_uint_eq(fake->num_records, 0);
}
END_TEST

/* The driver may refuse, too: then one part has been asked for, and no block has changed. */
START_TEST(fast_in_parts_asks_first)
{
	fake->bdev.zero_flags = BOTH;
	fake->bdev.max_write_zeroes_blocks = 10;
	fake->mode = FAKE_HOLD;
	fake_open(fake, &desc, &ch);
	ck_assert_int_eq(zeroes(200, BOTH), 0);
	ck_assert_uint_eq(fake->num_held, 1);
	fake_complete_one(fake, -ENOTSUP);
	ck_assert_uint_eq(fake->num_held, 0);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, -ENOTSUP);
	ck_assert_uint_eq(fake->num_records, 1);
}
END_TEST

/* When a block has changed it is too late to refuse. */
START_TEST(fast_in_parts_goes_through_once_it_has_begun)
{
	unsigned i;

	fake->bdev.zero_flags = BOTH;
	fake->bdev.max_write_zeroes_blocks = 10;
	fake->mode = FAKE_HOLD;
	fake_open(fake, &desc, &ch);
	ck_assert_int_eq(zeroes(200, BOTH), 0);
	fake_complete_one(fake, 0);
	ck_assert_uint_eq(fake->num_held, BDEV_CHILDREN_MAX);
	fake_complete_all(fake, 0);
	ended_well(200);
	ck_assert_uint_eq(fake->num_records, 20);
	ck_assert_uint_eq(fake->records[0].flags, BOTH);
	for (i = 1; i < 20; i++) {
		ck_assert_uint_eq(fake->records[i].flags, EBB_BDEV_NO_HOLE);
	}
}
END_TEST

START_TEST(flags_of_zeroes_are_for_zeroes)
{
	static char buf[FAKE_BLOCK];

	fake->bdev.zero_flags = BOTH;
	fake_open(fake, &desc, &ch);
	ck_assert_int_eq(ebb_bdev_write(desc, ch, buf, 0, 1, EBB_BDEV_NO_HOLE, fake_done, &result),
			 -EINVAL);
	ck_assert_int_eq(ebb_bdev_write(desc, ch, buf, 0, 1, EBB_BDEV_FAST_ZERO, fake_done,
					&result),
			 -EINVAL);
	ck_assert_int_eq(zeroes(1, EBB_BIT(3)), -EINVAL);
	ck_assert_int_eq(zeroes(1, EBB_BIT(31)), -EINVAL);
	ck_assert_uint_eq(fake->num_records, 0);
}
END_TEST

START_TEST(room_needs_a_driver_that_can_write)
{
	fake->bdev.io_types &= ~EBB_BIT(EBB_BDEV_WRITE);
	fake_open(fake, &desc, &ch);
	ck_assert_int_eq(zeroes(1, EBB_BDEV_NO_HOLE), -ENOTSUP);
	ck_assert_int_eq(zeroes(1, 0), 0);
	ended_well(1);
}
END_TEST

START_TEST(flags_without_zeroes_are_refused)
{
	struct ebb_bdev *bdev = &fake->bdev;

	bdev->zero_flags = EBB_BDEV_FUA;
	ck_assert_int_eq(ebb_bdev_register(bdev), -EINVAL);
	bdev->io_types = EBB_BIT(EBB_BDEV_READ) | EBB_BIT(EBB_BDEV_WRITE);
	bdev->zero_flags = EBB_BDEV_NO_HOLE;
	ck_assert_int_eq(ebb_bdev_register(bdev), -EINVAL);
	bdev->zero_flags = 0;
	bdev->zeroes_unmap = true;
	ck_assert_int_eq(ebb_bdev_register(bdev), -EINVAL);
	bdev->zeroes_unmap = false;
	fake_open(fake, &desc, &ch);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_LOOP(flags_go_to_a_driver_that_honours_them, 0, 5),
		UNIT_TEST(every_part_gets_no_hole),
		UNIT_TEST(room_is_written_where_the_driver_gives_none),
		UNIT_TEST(written_zeroes_are_durable_if_asked),
		UNIT_TEST(written_zeroes_are_durable_by_a_driver_that_knows),
		UNIT_TEST(no_room_is_told),
		UNIT_LOOP(fast_is_refused_where_they_would_be_written, 0, 7),
		UNIT_TEST(fast_in_parts_asks_first),
		UNIT_TEST(fast_in_parts_goes_through_once_it_has_begun),
		UNIT_TEST(flags_of_zeroes_are_for_zeroes),
		UNIT_TEST(flags_without_zeroes_are_refused),
		UNIT_TEST(room_needs_a_driver_that_can_write),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
