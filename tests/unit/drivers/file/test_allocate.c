/* SPDX-License-Identifier: Apache-2.0 */
/* Zeroes and blocks given up, on every kind of filesystem and behind a loop device. */
#include "drivers/file/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/core/base/scratch.h"
#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/drivers/file/disk.h"
#include "tests/unit/drivers/file/filesystem.h"
#include "tests/unit/unit.h"

#define MIB        (1u << 20)
#define MIB_BLOCKS (MIB / DISK_BLOCK)
#define SIZE       (16u * MIB)
#define SLACK      (64u << 10) /* for a filesystem's own */

static const char *file;

static void setup(void)
{
	filesystem_begin();
	disk_begin();
}

static void teardown(void)
{
	filesystem_end();
	disk_end();
}

/* A disk on @which, that can be written to past the page cache or not. */
static void open_on(int which, size_t size, const char *options)
{
	filesystem_mount((enum filesystem)which);
	file = filesystem_file("disk", size);
	disk_open(file, options);
}

static void write_data(uint64_t at_mib, unsigned num_mib)
{
	disk_fill(MIB, 1);
	for (unsigned i = 0; i < num_mib; i++) {
		uint64_t block = (at_mib + i) * MIB_BLOCKS;

		ck_assert_int_eq(disk_write(disk.buf, block, MIB_BLOCKS), 0);
	}
}

/* Zeroes of the whole disk, with data and holes in it, leave nothing of either. */
static void thin_stays_thin(uint32_t flags)
{
	write_data(3, 2);
	ck_assert_uint_ge(disk_allocated(file), 2 * MIB);
	ck_assert_int_eq(disk_zeroes(0, SIZE / DISK_BLOCK, flags), 0);
	ck_assert_uint_le(disk_allocated(file), SLACK);
	ck_assert(disk_is_zero(file, 0, SIZE));
	ck_assert_uint_eq(disk_length(file), SIZE);
}

START_TEST(zeroes_leave_a_file_thin)
{
	open_on(_i, SIZE, ", 'direct': false");
	thin_stays_thin(0);
	thin_stays_thin(EBB_BDEV_FUA);
	thin_stays_thin(EBB_BDEV_FAST_ZERO);
	call_has("bdev_get_bdevs", "{'name': 'f'}",
		 "\"zero_flags\":[\"no_hole\",\"fast_zero\"],\"zeroes_unmap\":true");
	disk_close();
}
END_TEST

START_TEST(zeroes_leave_a_file_thin_past_the_cache)
{
	if (_i == FILESYSTEM_TMPFS) {
		unit_skip("tmpfs is the page cache");
	}
	open_on(_i, SIZE, "");
	thin_stays_thin(0);
	disk_close();
}
END_TEST

/* Where a hole was, and where data was, there is room afterwards. */
START_TEST(zeroes_without_holes_have_room)
{
	open_on(_i, SIZE, ", 'direct': false");
	ck_assert_uint_le(disk_allocated(file), SLACK);
	ck_assert_int_eq(disk_zeroes(0, 4 * MIB_BLOCKS, EBB_BDEV_NO_HOLE), 0);
	ck_assert_uint_ge(disk_allocated(file), 4 * MIB);
	write_data(2, 4);
	ck_assert_uint_ge(disk_allocated(file), 6 * MIB);
	ck_assert_int_eq(disk_zeroes(0, SIZE / DISK_BLOCK, EBB_BDEV_NO_HOLE | EBB_BDEV_FUA), 0);
	ck_assert_uint_ge(disk_allocated(file), SIZE);
	ck_assert(disk_is_zero(file, 0, SIZE));
	disk_close();
}
END_TEST

START_TEST(fast_zeroes_are_not_written)
{
	int rc;

	open_on(_i, SIZE, ", 'direct': false");
	write_data(0, 1);
	rc = disk_zeroes(0, 2 * MIB_BLOCKS, EBB_BDEV_NO_HOLE | EBB_BDEV_FAST_ZERO);
	if (_i == FILESYSTEM_TMPFS) {
		/* It can give room, and it can zero, but not both at once: nothing is touched. */
		ck_assert_int_eq(rc, -ENOTSUP);
		ck_assert(!disk_is_zero(file, 0, DISK_BLOCK));
		ck_assert_uint_eq(disk_allocated(file), MIB);
	} else {
		ck_assert_int_eq(rc, 0);
		ck_assert(disk_is_zero(file, 0, 2 * MIB));
		ck_assert_uint_ge(disk_allocated(file), 2 * MIB);
	}
	disk_close();
}
END_TEST

/* Room that is not there is not promised; the rest goes on. */
START_TEST(room_that_is_not_there_is_not_promised)
{
	uint64_t blocks = 2ull * FILESYSTEM_BYTES / DISK_BLOCK;

	if (_i == FILESYSTEM_OVERLAY) {
		unit_skip("it has the room of the filesystem below");
	}
	open_on(_i, 2ull * FILESYSTEM_BYTES, ", 'direct': false");
	write_data(0, 1);
	ck_assert_int_eq(disk_zeroes(MIB_BLOCKS, blocks - MIB_BLOCKS, EBB_BDEV_NO_HOLE), -ENOSPC);
	ck_assert_uint_eq(log_count("f: write_zeroes of "), 1);
	ck_assert_uint_eq(log_count("make room on its filesystem"), 1);
	ck_assert_int_eq(disk_zeroes(0, blocks, 0), 0);
	ck_assert_uint_le(disk_allocated(file), SLACK);
	disk_close();
}
END_TEST

/* Nothing is ever given up then, whatever the client wants. */
START_TEST(without_fallocate_nothing_is_given_up)
{
	open_on(_i, SIZE, ", 'direct': false, 'fallocate': false");
	call_has("bdev_get_bdevs", "{'name': 'f'}", "\"zeroes_unmap\":false");
	write_data(0, SIZE / MIB);
	ck_assert_int_eq(disk_zeroes(0, SIZE / DISK_BLOCK, 0), 0);
	ck_assert_uint_ge(disk_allocated(file), SIZE);
	ck_assert(disk_is_zero(file, 0, SIZE));
	ck_assert_int_eq(disk_unmap(0, 1), -ENOTSUP);
	disk_close();
}
END_TEST

START_TEST(unmapped_blocks_are_given_up)
{
	open_on(_i, SIZE, ", 'direct': false");
	write_data(0, 4);
	ck_assert_int_eq(disk_unmap(MIB_BLOCKS, 2 * MIB_BLOCKS), 0);
	ck_assert_uint_le(disk_allocated(file), 2 * MIB + SLACK);
	ck_assert(disk_is_zero(file, MIB, 2 * MIB));
	ck_assert(!disk_is_zero(file, 0, MIB));
	ck_assert(!disk_is_zero(file, 3 * MIB, MIB));
	disk_close();
}
END_TEST

static void open_loop(size_t size, const char *options)
{
	file = scratch_sparse("backing", size);
	disk_open(filesystem_loop(file), options);
}

/* The kernel's driver makes them; long ones in pieces. */
START_TEST(zeroes_leave_a_loop_device_thin)
{
	const uint64_t size = 64 * MIB;

	open_loop(size, "");
	call_has("bdev_get_bdevs", "{'name': 'f'}",
		 "\"zero_flags\":[\"no_hole\",\"fast_zero\"],\"zeroes_unmap\":true");
	write_data(1, 2);
	write_data(40, 2);
	ck_assert_int_eq(disk_flush(), 0);
	ck_assert_uint_ge(disk_allocated(file), 4 * MIB);
	ck_assert_int_eq(disk_zeroes(0, size / DISK_BLOCK, 0), 0);
	ck_assert_uint_le(disk_allocated(file), SLACK);
	ck_assert(disk_is_zero(file, 0, size));
	write_data(40, 2);
	ck_assert_int_eq(disk_zeroes(0, size / DISK_BLOCK, EBB_BDEV_FAST_ZERO), 0);
	ck_assert_uint_le(disk_allocated(file), SLACK);
	disk_close();
}
END_TEST

START_TEST(zeroes_without_holes_have_room_behind_a_loop_device)
{
	open_loop(SIZE, "");
	write_data(1, 1);
	ck_assert_int_eq(disk_zeroes(0, 8 * MIB_BLOCKS, EBB_BDEV_NO_HOLE | EBB_BDEV_FUA), 0);
	ck_assert_uint_ge(disk_allocated(file), 8 * MIB);
	ck_assert(disk_is_zero(file, 0, SIZE));
	/* The kernel might write them, and would not say so. */
	write_data(1, 1);
	ck_assert_int_eq(disk_zeroes(0, 2 * MIB_BLOCKS, EBB_BDEV_NO_HOLE | EBB_BDEV_FAST_ZERO),
			 -ENOTSUP);
	ck_assert_int_eq(disk_flush(), 0);
	ck_assert(!disk_is_zero(file, MIB, MIB));
	disk_close();
}
END_TEST

START_TEST(without_fallocate_a_device_gives_nothing_up)
{
	open_loop(SIZE, ", 'fallocate': false");
	call_has("bdev_get_bdevs", "{'name': 'f'}",
		 "\"zero_flags\":[\"no_hole\"],\"zeroes_unmap\":false");
	write_data(1, 1);
	ck_assert_int_eq(disk_zeroes(0, 4 * MIB_BLOCKS, 0), 0);
	ck_assert_uint_ge(disk_allocated(file), 4 * MIB);
	ck_assert(disk_is_zero(file, 0, SIZE));
	ck_assert_int_eq(disk_zeroes(0, 1, EBB_BDEV_FAST_ZERO), -ENOTSUP);
	disk_close();
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_LOOP(zeroes_leave_a_file_thin, 0, FILESYSTEM_COUNT),
		UNIT_LOOP(zeroes_leave_a_file_thin_past_the_cache, 0, FILESYSTEM_COUNT),
		UNIT_LOOP(zeroes_without_holes_have_room, 0, FILESYSTEM_COUNT),
		UNIT_LOOP(fast_zeroes_are_not_written, 0, FILESYSTEM_COUNT),
		UNIT_LOOP(room_that_is_not_there_is_not_promised, 0, FILESYSTEM_COUNT),
		UNIT_LOOP(without_fallocate_nothing_is_given_up, 0, FILESYSTEM_COUNT),
		UNIT_LOOP(unmapped_blocks_are_given_up, 0, FILESYSTEM_COUNT),
		UNIT_TEST(zeroes_leave_a_loop_device_thin),
		UNIT_TEST(zeroes_without_holes_have_room_behind_a_loop_device),
		UNIT_TEST(without_fallocate_a_device_gives_nothing_up),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
