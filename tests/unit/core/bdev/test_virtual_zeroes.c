/* SPDX-License-Identifier: Apache-2.0 */
/* A virtual bdev's zeroes and holes are its base's. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ebb/bdev_module.h>
#include <ebb/io_channel.h>

#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/core/bdev/virtual_stage.h"
#include "tests/unit/unit.h"

#define BOTH (EBB_BDEV_NO_HOLE | EBB_BDEV_FAST_ZERO)

static struct fake *fake;
static struct ebb_bdev_desc *desc;
static struct ebb_io_channel *ch;
static struct fake_result result;

/* An error bdev, or a delay bdev, on the fake. */
static void begin(int which)
{
	static const char *const names[] = {"EE_base", "D"};

	memset(&result, 0, sizeof(result));
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	if (which == 0) {
		call_is("bdev_error_create", "{'base_name': 'base'}", "true");
	} else {
		call_is("bdev_delay_create", DELAY_ON("base"), "\"D\"");
	}
	ck_assert_int_eq(ebb_bdev_open(names[which], true, NULL, NULL, &desc), 0);
	ch = ebb_bdev_channel_get(desc);
	ck_assert_ptr_nonnull(ch);
}

static void end(int which)
{
	ebb_io_channel_put(ch);
	ebb_bdev_close(desc);
	if (which == 0) {
		call_is("bdev_error_delete", "{'name': 'EE_base'}", "true");
	} else {
		call_is("bdev_delay_delete", "{'name': 'D'}", "true");
	}
	fake_close(fake, NULL, NULL);
}

static void setup(void)
{
	virtual_stage_begin();
	fake = fake_create("base");
}

START_TEST(flags_of_zeroes_are_passed_on)
{
	static const uint32_t all[] = {0, EBB_BDEV_NO_HOLE, EBB_BDEV_FAST_ZERO, BOTH,
				       BOTH | EBB_BDEV_FUA};

	fake->bdev.zero_flags = BOTH;
	fake->bdev.zeroes_unmap = true;
	fake->bdev.fua = true;
	begin(_i);
	ck_assert_uint_eq(ebb_bdev_desc_bdev(desc)->zero_flags, BOTH);
	ck_assert(ebb_bdev_desc_bdev(desc)->zeroes_unmap);
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(all); i++) {
		ck_assert_int_eq(ebb_bdev_write_zeroes(desc, ch, i, 2, all[i], fake_done, &result),
				 0);
		stage_turns(4);
		ck_assert_uint_eq(result.calls, i + 1);
		ck_assert_int_eq(result.status, 0);
		ck_assert_uint_eq(fake->num_records, i + 1);
		ck_assert_int_eq(fake->records[i].type, EBB_BDEV_WRITE_ZEROES);
		ck_assert_uint_eq(fake->records[i].flags, all[i]);
	}
	end(_i);
}
END_TEST

/* The base cannot: what must have room is written, and what must be fast is refused. */
START_TEST(what_the_base_cannot_it_cannot)
{
	begin(_i);
	ck_assert_uint_eq(ebb_bdev_desc_bdev(desc)->zero_flags, 0);
	ck_assert(!ebb_bdev_desc_bdev(desc)->zeroes_unmap);
	ck_assert_int_eq(ebb_bdev_write_zeroes(desc, ch, 0, 2, EBB_BDEV_FAST_ZERO, fake_done,
					       &result),
			 -ENOTSUP);
	ck_assert_int_eq(ebb_bdev_write_zeroes(desc, ch, 0, 2, EBB_BDEV_NO_HOLE | EBB_BDEV_FUA,
					       fake_done, &result),
			 0);
	stage_turns(4);
	stage_clock_advance(EBB_NS_PER_S);
	stage_turns(8);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, 0);
	ck_assert_uint_eq(fake->num_records, 2);
	ck_assert_int_eq(fake->records[0].type, EBB_BDEV_WRITE);
	ck_assert_int_eq(fake->records[1].type, EBB_BDEV_FLUSH);
	end(_i);
}
END_TEST

static struct ebb_bdev_extent extent[2];
static struct ebb_bdev_extents extents = {.max = 2, .extent = extent};

START_TEST(the_base_tells_its_holes)
{
	memset(fake->memory, 1, FAKE_BLOCK);
	begin(_i);
	ck_assert_int_eq(ebb_bdev_block_status(desc, ch, 0, 9, &extents, fake_done, &result), 0);
	stage_turns(4);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, 0);
	ck_assert_uint_eq(extents.count, 2);
	ck_assert(extent[0].num_blocks == 1 && extent[0].flags == 0);
	ck_assert(extent[1].num_blocks == 8 &&
		  extent[1].flags == (EBB_BDEV_EXTENT_HOLE | EBB_BDEV_EXTENT_ZERO));
	end(_i);
}
END_TEST

START_TEST(of_a_base_that_does_not_all_is_data)
{
	fake->bdev.io_types &= ~EBB_BIT(EBB_BDEV_BLOCK_STATUS);
	begin(_i);
	ck_assert_int_eq(ebb_bdev_block_status(desc, ch, 0, 9, &extents, fake_done, &result), 0);
	stage_turns(4);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, 0);
	ck_assert_uint_eq(extents.count, 1);
	ck_assert(extent[0].num_blocks == 9 && extent[0].flags == 0);
	ck_assert_uint_eq(fake->num_records, 0);
	end(_i);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, virtual_stage_end),
		UNIT_LOOP(flags_of_zeroes_are_passed_on, 0, 2),
		UNIT_LOOP(what_the_base_cannot_it_cannot, 0, 2),
		UNIT_LOOP(the_base_tells_its_holes, 0, 2),
		UNIT_LOOP(of_a_base_that_does_not_all_is_data, 0, 2),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
