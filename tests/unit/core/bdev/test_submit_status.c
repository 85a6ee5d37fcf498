/* SPDX-License-Identifier: Apache-2.0 */
/* Block status: what is refused, what a driver answers, and what is answered for one that cannot. */
#include <errno.h>
#include <string.h>

#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

#define HOLE (EBB_BDEV_EXTENT_HOLE | EBB_BDEV_EXTENT_ZERO)

static struct fake *fake;
static struct ebb_bdev_desc *desc;
static struct ebb_io_channel *ch;
static struct fake_result result;
static struct ebb_bdev_extent extent[4];
static struct ebb_bdev_extents extents;

static void setup(void)
{
	stage_begin();
	fake = fake_create("disk");
	memset(&result, 0, sizeof(result));
	extents = (struct ebb_bdev_extents){.max = 4, .count = 77, .extent = extent};
}

static void teardown(void)
{
	fake_close(fake, desc, ch);
	stage_end();
}

static int ask(uint64_t offset, uint64_t num)
{
	return ebb_bdev_block_status(desc, ch, offset, num, &extents, fake_done, &result);
}

static void extent_is(unsigned i, uint64_t num, uint32_t flags)
{
	ck_assert_uint_eq(extent[i].num_blocks, num);
	ck_assert_uint_eq(extent[i].flags, flags);
}

START_TEST(the_driver_answers)
{
	fake_open(fake, &desc, &ch);
	memset(fake->memory + 3 * FAKE_BLOCK, 1, 2 * FAKE_BLOCK);
	ck_assert_int_eq(ask(1, 9), 0);
	ck_assert_uint_eq(result.calls, 0);
	stage_turns(2);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, 0);
	ck_assert_uint_eq(extents.count, 3);
	extent_is(0, 2, HOLE);
	extent_is(1, 2, 0);
	extent_is(2, 5, HOLE);
	ck_assert_int_eq(fake->records[0].type, EBB_BDEV_BLOCK_STATUS);
	ck_assert_uint_eq(fake->records[0].num_blocks, 9);
}
END_TEST

START_TEST(an_answer_ends_where_there_is_no_room)
{
	extents.max = 2;
	fake_open(fake, &desc, &ch);
	memset(fake->memory + 3 * FAKE_BLOCK, 1, 2 * FAKE_BLOCK);
	ck_assert_int_eq(ask(1, 9), 0);
	stage_turns(2);
	ck_assert_uint_eq(extents.count, 2);
	extent_is(1, 2, 0);
}
END_TEST

/* However long it is, and whatever limits other requests have. */
START_TEST(of_a_driver_that_cannot_all_is_data)
{
	fake->bdev.io_types = EBB_BIT(EBB_BDEV_READ);
	fake->bdev.max_io_blocks = 1;
	fake->bdev.optimal_io_boundary = 1;
	extents.max = 1;
	fake_open(fake, &desc, &ch);
	ck_assert(ebb_bdev_io_type_supported(&fake->bdev, EBB_BDEV_BLOCK_STATUS));
	ck_assert_int_eq(ask(1, FAKE_BLOCKS - 1), 0);
	ck_assert_uint_eq(result.calls, 0);
	stage_turns(2);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, 0);
	ck_assert_uint_eq(extents.count, 1);
	extent_is(0, FAKE_BLOCKS - 1, 0);
	ck_assert_uint_eq(fake->num_records, 0);
}
END_TEST

START_TEST(it_is_not_done_in_parts)
{
	fake->bdev.max_io_blocks = 1;
	fake->bdev.max_unmap_blocks = 1;
	fake->bdev.max_write_zeroes_blocks = 1;
	fake->bdev.optimal_io_boundary = 1;
	fake_open(fake, &desc, &ch);
	ck_assert_int_eq(ask(1, 100), 0);
	stage_turns(2);
	ck_assert_uint_eq(fake->num_records, 1);
	extent_is(0, 100, HOLE);
}
END_TEST

START_TEST(a_reader_may_ask)
{
	struct ebb_bdev_desc *reader;

	fake->bdev.read_only = true;
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	ck_assert_int_eq(ebb_bdev_open("disk", false, NULL, NULL, &reader), 0);
	desc = reader;
	ch = ebb_bdev_channel_get(reader);
	ck_assert_int_eq(ask(0, 1), 0);
	stage_turns(2);
	ck_assert_uint_eq(result.calls, 1);
}
END_TEST

START_TEST(impossible_questions_are_refused)
{
	fake_open(fake, &desc, &ch);
	ck_assert_int_eq(ask(0, 0), -EINVAL);
	ck_assert_int_eq(ask(FAKE_BLOCKS, 1), -EINVAL);
	ck_assert_int_eq(ask(1, FAKE_BLOCKS), -EINVAL);
	ck_assert_int_eq(ebb_bdev_block_status(desc, ch, 0, 1, NULL, fake_done, &result), -EINVAL);
	extents.max = 0;
	ck_assert_int_eq(ask(0, 1), -EINVAL);
	extents.max = 1;
	extents.extent = NULL;
	ck_assert_int_eq(ask(0, 1), -EINVAL);
	stage_turns(2);
	ck_assert_uint_eq(result.calls, 0);
	ck_assert_uint_eq(fake->num_records, 0);
}
END_TEST

START_TEST(like_extents_are_one)
{
	fake_open(fake, &desc, &ch);
	extents.count = 0;
	extents.max = 2;
	ck_assert(ebb_bdev_extents_add(&extents, 0, HOLE));
	ck_assert_uint_eq(extents.count, 0);
	ck_assert(ebb_bdev_extents_add(&extents, 3, HOLE));
	ck_assert(ebb_bdev_extents_add(&extents, 4, HOLE));
	ck_assert(ebb_bdev_extents_add(&extents, 5, 0));
	ck_assert(ebb_bdev_extents_add(&extents, 0, HOLE));
	ck_assert(!ebb_bdev_extents_add(&extents, 6, HOLE));
	ck_assert(ebb_bdev_extents_add(&extents, 7, 0));
	ck_assert_uint_eq(extents.count, 2);
	extent_is(0, 7, HOLE);
	extent_is(1, 12, 0);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(the_driver_answers),
		UNIT_TEST(an_answer_ends_where_there_is_no_room),
		UNIT_TEST(of_a_driver_that_cannot_all_is_data),
		UNIT_TEST(it_is_not_done_in_parts),
		UNIT_TEST(a_reader_may_ask),
		UNIT_TEST(impossible_questions_are_refused),
		UNIT_TEST(like_extents_are_one),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
