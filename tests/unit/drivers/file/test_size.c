/* SPDX-License-Identifier: Apache-2.0 */
/* Files that end within a block, and files that have become shorter. */
#include "drivers/file/size.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "drivers/file/file.h"
#include "tests/unit/core/base/scratch.h"
#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/drivers/file/disk.h"
#include "tests/unit/drivers/file/filesystem.h"
#include "tests/unit/unit.h"

#define BLOCK     DISK_BLOCK
#define TAIL      77u
#define TAIL_FILE (3u * BLOCK + TAIL)
#define SIZE      (1u << 20)

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

/* A file of data, as long as that. */
static const char *data_file(size_t len)
{
	const char *path = scratch_sparse("disk", 0);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	disk_fill(len, 3);
	ck_assert_int_eq(pwrite(fd, disk.buf, len, 0), (ssize_t)len);
	close(fd);
	return path;
}

static bool all_zero(const char *bytes, size_t len)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0;
}

START_TEST(the_tail_reads_as_zeroes)
{
	char got[4 * BLOCK];

	disk_open(data_file(TAIL_FILE), ", 'direct': false");
	call_has("bdev_get_bdevs", "{'name': 'f'}", "\"num_blocks\":4");
	memset(got, 0xff, sizeof(got));
	ck_assert_int_eq(disk_read(got, 0, 4), 0);
	ck_assert_mem_eq(got, disk.buf, TAIL_FILE);
	ck_assert(all_zero(got + TAIL_FILE, BLOCK - TAIL));
	memset(got, 0xff, sizeof(got));
	ck_assert_int_eq(disk_read(got, 3, 1), 0);
	ck_assert_mem_eq(got, disk.buf + (size_t)3 * BLOCK, TAIL);
	ck_assert(all_zero(got + TAIL, BLOCK - TAIL));
	ck_assert_uint_eq(disk_length(disk.path), TAIL_FILE);
	disk_close();
}
END_TEST

static void on_end(void *arg, int status)
{
	*(int *)arg = status;
}

/* The end of the file is within an element of the vector, and whole elements are behind it. */
START_TEST(the_tail_is_read_into_pieces)
{
	static char pieces[4][2 * BLOCK];
	const size_t sizes[] = {2 * BLOCK, BLOCK + 10, BLOCK - 20, 10};
	struct iovec iov[4];
	int i, status = 1;
	size_t at = 0;

	disk_open(data_file(TAIL_FILE), ", 'direct': false");
	memset(pieces, 0xff, sizeof(pieces));
	for (i = 0; i < 4; i++) {
		iov[i] = (struct iovec){.iov_base = pieces[i], .iov_len = sizes[i]};
	}
	ck_assert_int_eq(ebb_bdev_readv(disk.desc, disk.ch, iov, 4, 0, 4, on_end, &status), 0);
	while (status == 1) {
		stage_turn();
	}
	ck_assert_int_eq(status, 0);
	memset(disk.buf + TAIL_FILE, 0, BLOCK);
	for (i = 0; i < 4; i++) {
		ck_assert_mem_eq(pieces[i], disk.buf + at, sizes[i]);
		at += sizes[i];
	}
	disk_close();
}
END_TEST

START_TEST(a_write_makes_the_tail_whole)
{
	char got[BLOCK];

	disk_open(data_file(TAIL_FILE), ", 'direct': false");
	ck_assert_int_eq(disk_write(disk.buf, 1, 1), 0);
	ck_assert_uint_eq(disk_length(disk.path), TAIL_FILE);
	ck_assert_int_eq(disk_write(disk.buf, 2, 2), 0);
	ck_assert_uint_eq(disk_length(disk.path), 4 * BLOCK);
	ck_assert_int_eq(disk_read(got, 3, 1), 0);
	ck_assert_mem_eq(got, disk.buf + BLOCK, BLOCK);
	/* What has been written is not the tail any more: it can be lost. */
	ck_assert_int_eq(truncate(disk.path, TAIL_FILE), 0);
	ck_assert_int_eq(disk_read(got, 3, 1), -EIO);
	disk_close();
}
END_TEST

START_TEST(a_tail_is_zeroed)
{
	const char *path = data_file(TAIL_FILE);
	char got[BLOCK];

	for (uint32_t flags = 0; flags <= EBB_BDEV_NO_HOLE; flags += EBB_BDEV_NO_HOLE) {
		disk_open(path, ", 'direct': false");
		disk_fill(BLOCK, 9);
		ck_assert_int_eq(disk_zeroes(3, 1, flags), 0);
		memset(got, 0xff, sizeof(got));
		ck_assert_int_eq(disk_read(got, 3, 1), 0);
		ck_assert(all_zero(got, BLOCK));
		ck_assert_int_eq(disk_unmap(3, 1), 0);
		ck_assert_int_eq(disk_read(got, 3, 1), 0);
		disk_close();
	}
}
END_TEST

START_TEST(a_tail_is_read_only_where_all_is)
{
	char got[BLOCK];

	disk_open(data_file(TAIL), ", 'direct': false, 'readonly': true");
	call_has("bdev_get_bdevs", "{'name': 'f'}", "\"num_blocks\":1");
	ck_assert_int_eq(disk_read(got, 0, 1), 0);
	ck_assert_mem_eq(got, disk.buf, TAIL);
	ck_assert(all_zero(got + TAIL, BLOCK - TAIL));
	disk_close();
}
END_TEST

/* The tail itself has become shorter: what is missing was data. */
START_TEST(a_lost_tail_is_no_tail)
{
	char got[2 * BLOCK];

	disk_open(data_file(TAIL_FILE), ", 'direct': false");
	ck_assert_int_eq(truncate(disk.path, TAIL_FILE - 1), 0);
	ck_assert_int_eq(disk_read(got, 3, 1), -EIO);
	ck_assert_int_eq(disk_read(got, 2, 2), -EIO);
	ck_assert_int_eq(disk_write(disk.buf, 3, 1), -EIO);
	ck_assert_uint_eq(disk_length(disk.path), TAIL_FILE - 1);
	ck_assert_int_eq(disk_read(got, 2, 1), 0);
	disk_close();
}
END_TEST

/* Neither by a write nor by zeroes does what is lost become a hole that reads as zeroes. */
static void nothing_comes_back(const char *path)
{
	ck_assert_int_eq(truncate(path, 10 * BLOCK), 0);
	disk_fill(8 * BLOCK, 2);
	ck_assert_int_eq(disk_write(disk.buf, 100, 1), -EIO);
	ck_assert_int_eq(disk_write(disk.buf, 10, 1), -EIO);
	ck_assert_int_eq(disk_write(disk.buf, 8, 8), -EIO);
	ck_assert_int_eq(disk_zeroes(100, 1, 0), -EIO);
	ck_assert_int_eq(disk_zeroes(8, 8, EBB_BDEV_NO_HOLE), -EIO);
	ck_assert_int_eq(disk_zeroes(8, 8, EBB_BDEV_FAST_ZERO), -EIO);
	ck_assert_int_eq(disk_unmap(9, 2), -EIO);
	ck_assert_uint_eq(disk_length(path), 10 * BLOCK);
	ck_assert_int_eq(disk_read(disk.buf, 100, 1), -EIO);
	ck_assert_int_eq(disk_read(disk.buf, 9, 2), -EIO);
	ck_assert_uint_eq(log_count("has become shorter: it has 40960 bytes"), 1);
	/* What is there is served. */
	ck_assert_int_eq(disk_write(disk.buf, 2, 8), 0);
	ck_assert_int_eq(disk_zeroes(9, 1, 0), 0);
	ck_assert_int_eq(disk_read(disk.buf, 2, 8), 0);
	ck_assert_int_eq(disk_flush(), 0);
	/* Somebody has brought it back. */
	disk_set_length(path, SIZE);
	ck_assert_int_eq(disk_write(disk.buf, 100, 1), 0);
	ck_assert_int_eq(disk_read(disk.buf, 100, 1), 0);
}

START_TEST(what_is_lost_does_not_come_back)
{
	filesystem_mount((enum filesystem)_i);
	disk_open(filesystem_file("disk", SIZE), ", 'direct': false");
	nothing_comes_back(disk.path);
	disk_close();
}
END_TEST

START_TEST(what_is_lost_does_not_come_back_past_the_cache)
{
	if (_i == FILESYSTEM_TMPFS) {
		unit_skip("tmpfs is the page cache");
	}
	filesystem_mount((enum filesystem)_i);
	disk_open(filesystem_file("disk", SIZE), "");
	nothing_comes_back(disk.path);
	disk_close();
}
END_TEST

/* Many that were queued before: none of them makes the file longer. */
START_TEST(a_queue_of_writes_does_not_bring_it_back)
{
	int status[64];
	unsigned i;

	disk_open(data_file(64 * BLOCK), "");
	for (i = 0; i < 64; i++) {
		status[i] = 1;
		ck_assert_int_eq(ebb_bdev_write(disk.desc, disk.ch, disk.buf, i, 1, 0, on_end,
						&status[i]),
				 0);
		if (i == 32) {
			ck_assert_int_eq(truncate(disk.path, 8 * BLOCK), 0);
		}
	}
	for (i = 0; i < 64; i++) {
		while (status[i] == 1) {
			stage_turn();
		}
		/* Those from before the truncation may be done, or not. */
		ck_assert_int_eq(status[i], i < 8 || (i <= 32 && status[i] == 0) ? 0 : -EIO);
	}
	ck_assert_uint_eq(disk_length(disk.path), 8 * BLOCK);
	disk_close();
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, disk_end),
		UNIT_TEST(the_tail_reads_as_zeroes),
		UNIT_TEST(the_tail_is_read_into_pieces),
		UNIT_TEST(a_write_makes_the_tail_whole),
		UNIT_TEST(a_tail_is_zeroed),
		UNIT_TEST(a_tail_is_read_only_where_all_is),
		UNIT_TEST(a_lost_tail_is_no_tail),
		UNIT_TEST(a_queue_of_writes_does_not_bring_it_back),
		UNIT_FIXTURE(setup_mounts, teardown),
		UNIT_LOOP(what_is_lost_does_not_come_back, 0, FILESYSTEM_COUNT),
		UNIT_LOOP(what_is_lost_does_not_come_back_past_the_cache, 0, FILESYSTEM_COUNT),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
