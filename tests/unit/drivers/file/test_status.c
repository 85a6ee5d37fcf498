/* SPDX-License-Identifier: Apache-2.0 */
/* Which blocks of a file are holes. */
#include "drivers/file/file.h"

#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/core/base/scratch.h"
#include "tests/unit/drivers/file/disk.h"
#include "tests/unit/drivers/file/filesystem.h"
#include "tests/unit/unit.h"

#define SIZE  (8u << 20)
#define TOTAL (SIZE / DISK_BLOCK)
#define HOLE  (EBB_BDEV_EXTENT_HOLE | EBB_BDEV_EXTENT_ZERO)

static void setup(void)
{
	disk_begin();
}

static void setup_mounts(void)
{
	filesystem_begin();
	disk_begin();
}

static void teardown(void)
{
	filesystem_end();
	disk_end();
}

static void extent_is(unsigned index, uint64_t num_blocks, uint32_t flags)
{
	ck_assert_uint_lt(index, disk.extents.count);
	ck_assert_uint_eq(disk.extent[index].num_blocks, num_blocks);
	ck_assert_uint_eq(disk.extent[index].flags, flags);
}

static void holes_are_found(void)
{
	disk_fill(64 * DISK_BLOCK, 1);
	ck_assert_int_eq(disk_status(0, TOTAL, 16), 0);
	ck_assert_uint_eq(disk.extents.count, 1);
	extent_is(0, TOTAL, HOLE);
	ck_assert_int_eq(disk_write(disk.buf, 256, 64), 0);
	ck_assert_int_eq(disk_write(disk.buf, 1024, 64), 0);
	ck_assert_int_eq(disk_status(0, TOTAL, 16), 0);
	ck_assert_uint_eq(disk.extents.count, 5);
	extent_is(0, 256, HOLE);
	extent_is(1, 64, 0);
	extent_is(2, 1024 - 256 - 64, HOLE);
	extent_is(3, 64, 0);
	extent_is(4, TOTAL - 1024 - 64, HOLE);
	/* From the middle of one into the middle of another. */
	ck_assert_int_eq(disk_status(260, 100, 16), 0);
	ck_assert_uint_eq(disk.extents.count, 2);
	extent_is(0, 60, 0);
	extent_is(1, 40, HOLE);
	ck_assert_int_eq(disk_status(TOTAL - 1, 1, 1), 0);
	extent_is(0, 1, HOLE);
	/* What is zeroed is a hole again. */
	ck_assert_int_eq(disk_zeroes(256, 64, 0), 0);
	ck_assert_int_eq(disk_status(0, 1024 + 64, 16), 0);
	ck_assert_uint_eq(disk.extents.count, 2);
	extent_is(0, 1024, HOLE);
	extent_is(1, 64, 0);
}

START_TEST(holes_are_found_on)
{
	filesystem_mount((enum filesystem)_i);
	disk_open(filesystem_file("disk", SIZE), ", 'direct': false");
	holes_are_found();
	disk_close();
}
END_TEST

START_TEST(holes_are_found_past_the_cache)
{
	disk_open(scratch_sparse("disk", SIZE), "");
	holes_are_found();
	disk_close();
}
END_TEST

START_TEST(no_more_is_answered_than_there_is_room_for)
{
	disk_open(scratch_sparse("disk", SIZE), "");
	disk_fill(DISK_BLOCK, 1);
	ck_assert_int_eq(disk_write(disk.buf, 100, 1), 0);
	ck_assert_int_eq(disk_status(0, TOTAL, 1), 0);
	ck_assert_uint_eq(disk.extents.count, 1);
	extent_is(0, 100, HOLE);
	ck_assert_int_eq(disk_status(100, TOTAL - 100, 1), 0);
	ck_assert_uint_eq(disk.extents.count, 1);
	extent_is(0, 1, 0);
	disk_close();
}
END_TEST

/* A file in a thousand pieces is no long job: the answer ends before the client's range does. */
START_TEST(no_more_is_looked_at_than_is_bounded)
{
	const char *path = scratch_sparse("disk", SIZE);
	static struct ebb_bdev_extent extent[TOTAL];
	uint64_t blocks = 0;
	unsigned i;

	disk_open(path, "");
	disk_fill(DISK_BLOCK, 1);
	for (i = 0; i < TOTAL; i += 2) {
		ck_assert_int_eq(disk_write(disk.buf, i, 1), 0);
	}
	for (i = 0; blocks < TOTAL; i++) {
		uint64_t before = blocks;
		unsigned k;

		ck_assert_int_eq(disk_status_into(blocks, TOTAL - blocks, extent, TOTAL), 0);
		for (k = 0; k < disk.extents.count; k++) {
			ck_assert_uint_eq(extent[k].num_blocks, 1);
			ck_assert_uint_eq(extent[k].flags, (blocks + k) % 2 == 0 ? 0 : HOLE);
		}
		blocks += disk.extents.count;
		ck_assert_uint_lt(blocks - before, 300);
	}
	ck_assert_uint_gt(i, 4);
	disk_close();
}
END_TEST

/* Blocks that are larger than the filesystem's: what is data in part is data. */
START_TEST(a_block_that_is_data_in_part_is_data)
{
	const char *path = scratch_sparse("disk", SIZE);
	int fd = open(path, O_RDWR | O_CLOEXEC);

	disk_fill(4096, 1);
	ck_assert_int_eq(pwrite(fd, disk.buf, 4096, 65536 + 8192), 4096);
	ck_assert_int_eq(pwrite(fd, disk.buf, 4096, 3 * 65536), 4096);
	close(fd);
	disk_open(path, ", 'direct': false, 'block_size': 65536");
	ck_assert_int_eq(disk_status(0, 6, 16), 0);
	ck_assert_uint_eq(disk.extents.count, 5);
	extent_is(0, 1, HOLE);
	extent_is(1, 1, 0);
	extent_is(2, 1, HOLE);
	extent_is(3, 1, 0);
	extent_is(4, 2, HOLE);
	disk_close();
}
END_TEST

START_TEST(the_rest_of_the_last_block_is_a_hole)
{
	disk_open(scratch_sparse("disk", 5 * DISK_BLOCK + 100), ", 'direct': false");
	ck_assert_int_eq(disk_status(0, 6, 16), 0);
	ck_assert_uint_eq(disk.extents.count, 1);
	extent_is(0, 6, HOLE);
	disk_close();
}
END_TEST

/* What a file has lost is no hole, which would read as zeroes. */
START_TEST(what_is_lost_is_data)
{
	const char *path = scratch_sparse("disk", SIZE);

	disk_open(path, "");
	ck_assert_int_eq(truncate(path, 4096), 0);
	ck_assert_int_eq(disk_status(0, TOTAL, 16), 0);
	ck_assert_uint_eq(disk.extents.count, 1);
	extent_is(0, TOTAL, 0);
	ck_assert_int_eq(disk_status(0, 1, 16), 0);
	extent_is(0, 1, HOLE);
	disk_close();
}
END_TEST

START_TEST(a_block_device_is_data)
{
	const char *path = filesystem_loop(scratch_sparse("backing", SIZE));

	disk_open(path, "");
	ck_assert_int_eq(disk_status(0, TOTAL, 16), 0);
	ck_assert_uint_eq(disk.extents.count, 1);
	extent_is(0, TOTAL, 0);
	disk_close();
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup_mounts, teardown),
		UNIT_LOOP(holes_are_found_on, 0, FILESYSTEM_COUNT),
		UNIT_TEST(a_block_device_is_data),
		UNIT_FIXTURE(setup, disk_end),
		UNIT_TEST(holes_are_found_past_the_cache),
		UNIT_TEST(no_more_is_answered_than_there_is_room_for),
		UNIT_TEST(no_more_is_looked_at_than_is_bounded),
		UNIT_TEST(a_block_that_is_data_in_part_is_data),
		UNIT_TEST(the_rest_of_the_last_block_is_a_hole),
		UNIT_TEST(what_is_lost_is_data),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
