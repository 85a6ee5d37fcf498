/* SPDX-License-Identifier: Apache-2.0 */
/* Files and devices that become longer, shorter, or lose their names: asked for and by itself. */
#include "drivers/file/rescan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ebb/poller.h>

#include "drivers/file/file.h"
#include "tests/unit/core/base/scratch.h"
#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/drivers/file/disk.h"
#include "tests/unit/drivers/file/filesystem.h"
#include "tests/unit/unit.h"

#define BLOCK  DISK_BLOCK
#define BLOCKS 64u

static const char *path;

static void setup(void)
{
	disk_begin();
	path = scratch_sparse("disk", (size_t)BLOCKS * BLOCK);
}

static void setup_mounts(void)
{
	filesystem_begin();
	setup();
}

static void teardown(void)
{
	filesystem_end();
	disk_end();
}

/* Without a word of the kernel's. */
static void set_length(uint64_t bytes)
{
	ck_assert_int_eq(truncate(path, (off_t)bytes), 0);
}

static uint64_t blocks_of(const char *name)
{
	return ebb_bdev_num_blocks(ebb_bdev_find(name));
}

START_TEST(what_has_grown_is_served)
{
	disk_open(path, "");
	set_length(100ull * BLOCK);
	ck_assert_int_eq(disk_read(disk.buf, BLOCKS, 1), -EINVAL);
	call_is("bdev_uring_rescan", "{'name': 'f'}", "true");
	stage_turns(2);
	ck_assert_uint_eq(blocks_of("f"), 100);
	ck_assert_uint_eq(disk.resizes, 1);
	ck_assert_int_eq(disk_write(disk.buf, 99, 1), 0);
	ck_assert_int_eq(disk_read(disk.buf, 99, 1), 0);
	ck_assert_uint_eq(log_count("bytes now: 100 blocks, not 64"), 1);
	/* The same again is no news. */
	call_is("bdev_aio_rescan", "{'name': 'f'}", "true");
	stage_turns(2);
	ck_assert_uint_eq(disk.resizes, 1);
	disk_close();
}
END_TEST

START_TEST(what_has_shrunk_is_shorter)
{
	disk_open(path, "");
	set_length(10ull * BLOCK);
	call_is("bdev_uring_rescan", "{'name': 'f'}", "true");
	stage_turns(2);
	ck_assert_uint_eq(blocks_of("f"), 10);
	ck_assert_uint_eq(disk.resizes, 1);
	ck_assert_int_eq(disk_write(disk.buf, 9, 1), 0);
	ck_assert_int_eq(disk_write(disk.buf, 10, 1), -EINVAL);
	ck_assert_uint_eq(disk_length(path), 10 * BLOCK);
	disk_close();
}
END_TEST

static void on_end(void *arg, int status)
{
	*(int *)arg = status;
}

/* A request that was accepted at the old length comes after the look. */
START_TEST(a_request_from_before_does_not_make_it_longer)
{
	struct call call;
	int status = 1;

	disk_open(path, ", 'direct': false");
	set_length(10ull * BLOCK);
	call_begin(&call, "bdev_uring_rescan", "{'name': 'f'}");
	ck_assert_int_eq(ebb_bdev_write(disk.desc, disk.ch, disk.buf, 10, 1, 0, on_end, &status),
			 0);
	stage_until(&call.done);
	call_end(&call);
	while (status == 1) {
		stage_turn();
	}
	ck_assert_int_eq(status, -EIO);
	ck_assert_uint_eq(disk_length(path), 10 * BLOCK);
	disk_close();
}
END_TEST

START_TEST(what_has_nothing_left_keeps_its_size)
{
	disk_open(path, "");
	set_length(0);
	call_has("bdev_uring_rescan", "{'name': 'f'}", "error -22: '/var/tmp/ebb-test-");
	call_has("bdev_uring_rescan", "{'name': 'f'}",
		 "has 0 bytes, less than one block of 4096: bdev 'f' keeps its size, and its I/O "
		 "fails");
	ck_assert_uint_eq(log_count("has 0 bytes, less than one block"), 1);
	ck_assert_uint_eq(blocks_of("f"), BLOCKS);
	ck_assert_int_eq(disk_write(disk.buf, 1, 1), -EIO);
	ck_assert_int_eq(disk_read(disk.buf, 1, 1), -EIO);
	ck_assert_uint_eq(disk_length(path), 0);
	/* And comes back. */
	set_length((uint64_t)BLOCKS * BLOCK);
	call_is("bdev_uring_rescan", "{'name': 'f'}", "true");
	ck_assert_int_eq(disk_write(disk.buf, 1, 1), 0);
	disk_close();
}
END_TEST

START_TEST(an_odd_length_is_rounded)
{
	disk_open(path, "");
	set_length(100ull * BLOCK + 7);
	call_is("bdev_uring_rescan", "{'name': 'f'}", "true");
	ck_assert_uint_eq(blocks_of("f"), 100);
	ck_assert_uint_eq(log_count("f: the last 7 bytes of '"), 1);
	ck_assert_uint_eq(log_count("truncate -s 413696 FILE, or create it with direct=false"), 1);
	call_is("bdev_uring_rescan", "{'name': 'f'}", "true");
	ck_assert_uint_eq(log_count("f: the last 7 bytes of '"), 1);
	disk_close();
	disk_open(path, ", 'direct': false");
	set_length(200ull * BLOCK + 7);
	call_is("bdev_uring_rescan", "{'name': 'f'}", "true");
	ck_assert_uint_eq(blocks_of("f"), 201);
	ck_assert_int_eq(disk_write(disk.buf, 200, 1), 0);
	ck_assert_uint_eq(disk_length(path), 201 * BLOCK);
	disk_close();
}
END_TEST

START_TEST(mistakes_are_named)
{
	call_has("bdev_uring_rescan", "{'name': 'x'}", "error -19: bdev 'x' not found");
	call_has("bdev_uring_rescan", "{}", "error -32602: ");
	call_has("bdev_uring_rescan", "{'name': 7}", "error -32602: ");
	call_has("bdev_uring_rescan", "{'name': 'x', 'size': 1}", "error -32602: ");
	call_is("bdev_null_create", "{'name': 'n', 'block_size': 512, 'num_blocks': 10}", "\"n\"");
	call_has("bdev_uring_rescan", "{'name': 'n'}", "error -22: bdev 'n' is no file bdev");
	call_is("bdev_null_delete", "{'name': 'n'}", "true");
}
END_TEST

START_TEST(a_bdev_that_goes_is_not_resized)
{
	struct call call, rescan;

	disk_open(path, "");
	set_length(100ull * BLOCK);
	call_begin(&rescan, "bdev_uring_rescan", "{'name': 'f'}");
	call_begin(&call, "bdev_uring_delete", "{'name': 'f'}");
	stage_until(&rescan.done);
	ck_assert(rescan.failed);
	ck_assert_int_eq(rescan.error.code, -ENODEV);
	ck_assert_str_eq(rescan.error.text, "bdev 'f' is going");
	call_end(&rescan);
	ebb_io_channel_put(disk.ch);
	ebb_bdev_close(disk.desc);
	stage_until(&call.done);
	call_end(&call);
}
END_TEST

/* Turns with the clock moved, for what the kernel has said to be heard. */
static void until_blocks(const char *name, uint64_t blocks)
{
	for (unsigned i = 0; i < 2000 && blocks_of(name) != blocks; i++) {
		stage_advance_ms(20);
		usleep(1000); /* the helper is a real thread */
	}
	ck_assert_uint_eq(blocks_of(name), blocks);
}

START_TEST(a_file_that_grows_is_noticed)
{
	disk_open(path, _i == 0 ? "" : ", 'direct': false");
	disk_set_length(path, 100 * BLOCK);
	until_blocks("f", 100);
	ck_assert_int_eq(disk_write(disk.buf, 99, 1), 0);
	disk_set_length(path, 200 * BLOCK);
	until_blocks("f", 200);
	disk_set_length(path, 50 * BLOCK);
	until_blocks("f", 50);
	disk_close();
}
END_TEST

/* Between its opening and the beginning of the watch. */
START_TEST(what_grew_while_it_was_made_is_noticed)
{
	struct call call;
	char params[300];

	snprintf(params, sizeof(params), "{'name': 'f', 'filename': '%s', 'block_size': 4096}",
		 path);
	call_begin(&call, "bdev_uring_create", params);
	usleep(100000); /* the helper has most likely opened it; its answer is not seen yet */
	disk_set_length(path, 100 * BLOCK);
	stage_until(&call.done);
	call_end(&call);
	until_blocks("f", 100);
	call_is("bdev_uring_delete", "{'name': 'f'}", "true");
}
END_TEST

static void create_reader(const char *name)
{
	char params[300];

	snprintf(params, sizeof(params),
		 "{'name': '%s', 'filename': '%s', 'block_size': 4096, 'readonly': true}", name,
		 path);
	ck_assert_ptr_nonnull(strchr(call_text("bdev_uring_create", params), '"'));
}

START_TEST(all_who_read_a_file_notice)
{
	create_reader("one");
	create_reader("two");
	disk_set_length(path, 100 * BLOCK);
	until_blocks("one", 100);
	until_blocks("two", 100);
	/* The watch is the other's too. */
	call_is("bdev_uring_delete", "{'name': 'one'}", "true");
	disk_set_length(path, 120 * BLOCK);
	until_blocks("two", 120);
	call_is("bdev_uring_delete", "{'name': 'two'}", "true");
	/* And begins anew. */
	create_reader("one");
	disk_set_length(path, 100 * BLOCK);
	until_blocks("one", 100);
	call_is("bdev_uring_delete", "{'name': 'one'}", "true");
}
END_TEST

static void count_busy(const struct ebb_poller_stats *stats, void *arg)
{
	if (strcmp(stats->name, "file_watch") == 0) {
		*(uint64_t *)arg += stats->busy_count + 1;
	}
}

static uint64_t watch_busy(void)
{
	uint64_t busy = 0;

	stage_advance_ms(100);
	stage_turns(4);
	ebb_poller_for_each(count_busy, &busy);
	ck_assert_uint_gt(busy, 0);
	return busy;
}

/* What the bdev itself does to its file is no news. */
START_TEST(its_own_io_wakes_nobody)
{
	uint64_t before;

	disk_open(path, ", 'direct': false");
	before = watch_busy();
	for (unsigned i = 0; i < 20; i++) {
		ck_assert_int_eq(disk_write(disk.buf, i, 2), 0);
		ck_assert_int_eq(disk_read(disk.buf, i, 2), 0);
		ck_assert_int_eq(disk_zeroes(i, 1, 0), 0);
		ck_assert_int_eq(disk_unmap(i, 1), 0);
		ck_assert_int_eq(disk_flush(), 0);
	}
	ck_assert_uint_eq(watch_busy(), before);
	disk_set_length(path, 100 * BLOCK);
	ck_assert_uint_gt(watch_busy(), before);
	disk_close();
}
END_TEST

/* It is served until it is closed, as files are; and whoever reads the log knows. */
START_TEST(a_deleted_file_is_served_and_named)
{
	char told[200];

	disk_open(path, "");
	disk_fill(BLOCK, 1);
	ck_assert_int_eq(disk_write(disk.buf, 3, 1), 0);
	ck_assert_int_eq(unlink(path), 0);
	snprintf(told, sizeof(told), "f: '%s' has been deleted or replaced", path);
	for (unsigned i = 0; i < 2000 && log_count(told) == 0; i++) {
		stage_advance_ms(20);
		usleep(1000);
	}
	ck_assert_uint_eq(log_count(told), 1);
	memset(disk.buf, 0, BLOCK);
	ck_assert_int_eq(disk_read(disk.buf, 3, 1), 0);
	ck_assert_int_eq(disk.buf[0], 2);
	ck_assert_int_eq(disk_write(disk.buf, 4, 1), 0);
	ck_assert_int_eq(disk_flush(), 0);
	call_is("bdev_uring_rescan", "{'name': 'f'}", "true");
	ck_assert_uint_eq(log_count(told), 1);
	disk_close();
}
END_TEST

START_TEST(a_device_that_grows_is_noticed)
{
	const char *device = filesystem_loop(path);
	char command[100];

	disk_open(device, "");
	ck_assert_uint_eq(blocks_of("f"), BLOCKS);
	set_length(100ull * BLOCK);
	snprintf(command, sizeof(command), "losetup --set-capacity %s", device);
	ck_assert_int_eq(system(command), 0);
	if (_i == 0) {
		until_blocks("f", 100);
	} else {
		call_is("bdev_uring_rescan", "{'name': 'f'}", "true");
		ck_assert_uint_eq(blocks_of("f"), 100);
	}
	ck_assert_int_eq(disk_write(disk.buf, 99, 1), 0);
	disk_close();
}
END_TEST

/* What a device has lost is an error too, whatever the kernel says of its end. */
START_TEST(a_device_that_shrinks_loses_nothing_else)
{
	const char *device = filesystem_loop(path);
	char command[100];

	disk_open(device, ", 'direct': false");
	set_length(10ull * BLOCK);
	snprintf(command, sizeof(command), "losetup --set-capacity %s", device);
	ck_assert_int_eq(system(command), 0);
	/* Before the news are heard. */
	ck_assert_int_eq(disk_write(disk.buf, 20, 1), -EIO);
	ck_assert_int_eq(disk_read(disk.buf, 9, 2), -EIO);
	ck_assert_int_eq(disk_zeroes(20, 1, 0), -EIO);
	ck_assert_uint_eq(log_count("has become shorter: it has 40960 bytes"), 1);
	ck_assert_int_eq(disk_write(disk.buf, 2, 8), 0);
	until_blocks("f", 10);
	disk_close();
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, disk_end),
		UNIT_TEST(what_has_grown_is_served),
		UNIT_TEST(what_has_shrunk_is_shorter),
		UNIT_TEST(a_request_from_before_does_not_make_it_longer),
		UNIT_TEST(what_has_nothing_left_keeps_its_size),
		UNIT_TEST(an_odd_length_is_rounded),
		UNIT_TEST(mistakes_are_named),
		UNIT_TEST(a_bdev_that_goes_is_not_resized),
		UNIT_LOOP(a_file_that_grows_is_noticed, 0, 2),
		UNIT_TEST(what_grew_while_it_was_made_is_noticed),
		UNIT_TEST(all_who_read_a_file_notice),
		UNIT_TEST(its_own_io_wakes_nobody),
		UNIT_TEST(a_deleted_file_is_served_and_named),
		UNIT_FIXTURE(setup_mounts, teardown),
		UNIT_LOOP(a_device_that_grows_is_noticed, 0, 2),
		UNIT_TEST(a_device_that_shrinks_loses_nothing_else),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
