/* SPDX-License-Identifier: Apache-2.0 */
/* The file bdev at work, on real files: what it writes is in the file. */
#include "drivers/file/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ebb/memory.h>

#include "core/bdev/channel.h"
#include "core/event/channel.h"
#include "core/event/reactor.h"
#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/core/base/scratch.h"
#include "tests/unit/unit.h"

#define FILE_SIZE (8u << 20)
#define BLOCK     4096u

static const char *path;
static struct ebb_bdev_desc *desc;
static struct ebb_io_channel *ch;
static char *buf; /* of the pool */

static void file_open(const char *options)
{
	char params[512];

	snprintf(params, sizeof(params), "{'name': 'f', 'filename': '%s', 'block_size': 4096%s}",
		 path, options);
	call_is("bdev_uring_create", params, "\"f\"");
	ck_assert_int_eq(ebb_bdev_open("f", strstr(options, "readonly") == NULL, NULL, NULL, &desc),
			 0);
	ch = ebb_bdev_channel_get(desc);
	ck_assert_ptr_nonnull(ch);
	/* Its first look at its file, which it does not wait for. */
	while (ebb_container_of(ebb_bdev_find("f"), struct file_bdev, bdev)->rescan.runs) {
		stage_turn();
	}
}

static void file_end(void)
{
	ebb_io_channel_put(ch);
	ebb_bdev_close(desc);
	call_is("bdev_uring_delete", "{'name': 'f'}", "true");
}

static void setup(void)
{
	stage_begin();
	scratch_begin();
	path = scratch_sparse("disk", FILE_SIZE);
	buf = ebb_mem_alloc(EBB_MEM_ALLOC_MAX);
}

static void teardown(void)
{
	ebb_mem_free(buf, EBB_MEM_ALLOC_MAX);
	scratch_end();
	stage_end();
}

static void fill(void *memory, size_t len, unsigned seed)
{
	unsigned char *bytes = memory;
	size_t i;

	for (i = 0; i < len; i++) {
		bytes[i] = (unsigned char)(i * 31 + (i >> 8) + seed);
	}
}

/* Is that in the file? */
static void check_file(const void *expected, size_t len, uint64_t offset)
{
	char *got = malloc(len);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, got, len, (off_t)offset), (ssize_t)len);
	ck_assert_mem_eq(got, expected, len);
	close(fd);
	free(got);
}

struct wait {
	bool done;
	int status;
};

static void waited(void *arg, int status)
{
	struct wait *wait = arg;

	ck_assert(!wait->done);
	wait->done = true;
	wait->status = status;
}

static int wait_for(struct wait *wait, int rc)
{
	ck_assert_int_eq(rc, 0);
	ck_assert(!wait->done);
	stage_until(&wait->done);
	return wait->status;
}

static int write_wait(const void *memory, uint64_t block, uint64_t num, uint32_t flags)
{
	struct wait wait = {.done = false};

	return wait_for(&wait, ebb_bdev_write(desc, ch, memory, block, num, flags, waited, &wait));
}

static int read_wait(void *memory, uint64_t block, uint64_t num)
{
	struct wait wait = {.done = false};

	return wait_for(&wait, ebb_bdev_read(desc, ch, memory, block, num, waited, &wait));
}

/* Workers that io_uring has started for what it could not do at once. */
static unsigned kernel_workers(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	unsigned count = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL) {
		char name[300], comm[32] = "";
		FILE *file;

		snprintf(name, sizeof(name), "/proc/self/task/%s/comm", entry->d_name);
		file = entry->d_name[0] == '.' ? NULL : fopen(name, "re");
		if (file != NULL) {
			count += fgets(comm, sizeof(comm), file) != NULL &&
				 strncmp(comm, "iou-wrk", 7) == 0;
			fclose(file);
		}
	}
	closedir(dir);
	return count;
}

/* Aligned and not, of the pool and foreign, in one piece and in many, into holes and over data. */
static void everything(void)
{
	char *foreign = malloc(64 * BLOCK + 1);
	struct iovec iov[3];
	unsigned round;

	for (round = 0; round < 2; round++) {
		fill(buf, EBB_MEM_ALLOC_MAX, round);
		ck_assert_int_eq(write_wait(buf, 1, 1, 0), 0);
		check_file(buf, BLOCK, BLOCK);
		ck_assert_int_eq(write_wait(buf, 100, 256, 0), 0);
		check_file(buf, 256 * BLOCK, 100 * BLOCK);
		fill(foreign, 64 * BLOCK + 1, round + 7);
		ck_assert_int_eq(write_wait(foreign + 1, 10, 64, EBB_BDEV_FUA), 0);
		check_file(foreign + 1, 64 * BLOCK, 10 * BLOCK);
		memset(buf, 0, EBB_MEM_ALLOC_MAX);
		ck_assert_int_eq(read_wait(buf, 10, 64), 0);
		ck_assert_mem_eq(buf, foreign + 1, 64 * BLOCK);
		memset(foreign, 0, 64 * BLOCK + 1);
		ck_assert_int_eq(read_wait(foreign + 1, 10, 64), 0);
		ck_assert_mem_eq(buf, foreign + 1, 64 * BLOCK);
	}
	for (round = 0; round < 3; round++) {
		iov[round].iov_base = buf + round * 2 * BLOCK;
		iov[round].iov_len = BLOCK;
	}
	fill(buf, 8 * BLOCK, 99);
	for (round = 0; round < 2; round++) {
		struct wait wait = {.done = false};
		int rc;

		if (round == 1) {
			memset(buf, 0, 8 * BLOCK);
		}
		rc = round == 0 ? ebb_bdev_writev(desc, ch, iov, 3, 1000, 3, 0, waited, &wait)
				: ebb_bdev_readv(desc, ch, iov, 3, 1000, 3, waited, &wait);
		ck_assert_int_eq(wait_for(&wait, rc), 0);
		check_file(iov[2].iov_base, BLOCK, 1002 * BLOCK);
	}
	free(foreign);
}

static struct file_channel *driver_channel(void)
{
	return ((struct bdev_channel *)ebb_io_channel_ctx(ch))->driver_ctx;
}

START_TEST(direct_io_arrives)
{
	file_open("");
	everything();
	ck_assert_uint_eq(kernel_workers(), 0);
	file_end();
}
END_TEST

START_TEST(buffered_io_arrives)
{
	file_open(", 'direct': false");
	everything();
	ck_assert_uint_eq(kernel_workers(), 0);
	file_end();
}
END_TEST

START_TEST(a_large_request_is_split)
{
	char *large = aligned_alloc(BLOCK, FILE_SIZE);

	fill(large, FILE_SIZE, 3);
	file_open("");
	ck_assert_int_eq(write_wait(large, 0, FILE_SIZE / BLOCK, 0), 0);
	check_file(large, FILE_SIZE, 0);
	memset(large, 0, FILE_SIZE);
	ck_assert_int_eq(read_wait(large, 0, FILE_SIZE / BLOCK), 0);
	check_file(large, FILE_SIZE, 0);
	file_end();
	free(large);
}
END_TEST

START_TEST(many_at_once)
{
	static struct fake_result results[200];
	bool all = false;
	unsigned i;

	memset(results, 0, sizeof(results));
	file_open("");
	fill(buf, EBB_MEM_ALLOC_MAX, 5);
	ck_assert_int_eq(write_wait(buf, 0, 200, 0), 0);
	memset(buf, 0, EBB_MEM_ALLOC_MAX);
	for (i = 0; i < 200; i++) {
		ck_assert_int_eq(ebb_bdev_read(desc, ch, buf + i * BLOCK, i, 1, fake_done,
					       &results[i]),
				 0);
	}
	while (!all) {
		stage_turn();
		all = true;
		for (i = 0; i < 200; i++) {
			all = all && results[i].calls == 1;
		}
	}
	for (i = 0; i < 200; i++) {
		ck_assert_int_eq(results[i].status, 0);
	}
	check_file(buf, 200 * BLOCK, 0);
	file_end();
}
END_TEST

START_TEST(unmapped_blocks_read_as_zeroes)
{
	struct wait unmap = {.done = false}, zeroes = {.done = false};
	char *zero = calloc(16, BLOCK);

	file_open("");
	fill(buf, 64 * BLOCK, 1);
	ck_assert_int_eq(write_wait(buf, 0, 64, 0), 0);
	ck_assert_int_eq(wait_for(&unmap, ebb_bdev_unmap(desc, ch, 8, 16, waited, &unmap)), 0);
	ck_assert_int_eq(wait_for(&zeroes, ebb_bdev_write_zeroes(desc, ch, 40, 16, EBB_BDEV_FUA,
								 waited, &zeroes)),
			 0);
	check_file(zero, 16 * BLOCK, 8 * BLOCK);
	check_file(zero, 16 * BLOCK, 40 * BLOCK);
	check_file(buf, 8 * BLOCK, 0);
	check_file(buf + 24 * BLOCK, 16 * BLOCK, 24 * BLOCK);
	check_file(buf + 56 * BLOCK, 8 * BLOCK, 56 * BLOCK);
	file_end();
	free(zero);
}
END_TEST

START_TEST(without_fallocate_there_is_no_unmap)
{
	struct wait wait = {.done = false};

	file_open(", 'fallocate': false");
	ck_assert_int_eq(ebb_bdev_unmap(desc, ch, 8, 16, waited, &wait), -ENOTSUP);
	file_end();
}
END_TEST

START_TEST(flushes_that_wait_are_one)
{
	struct wait waits[5] = {0};
	struct file_channel *file_ch;
	unsigned i;

	file_open("");
	file_ch = driver_channel();
	for (i = 0; i < 5; i++) {
		ck_assert_int_eq(ebb_bdev_flush(desc, ch, waited, &waits[i]), 0);
	}
	ck_assert(file_ch->flush_runs);
	ck_assert_ptr_eq(file_ch->flushing.next->next, &file_ch->flushing);
	ck_assert(!ebb_list_empty(&file_ch->flush_next));
	stage_until(&waits[0].done);
	/* All the others are in the second one now, or done with it. */
	ck_assert(ebb_list_empty(&file_ch->flush_next));
	for (i = 1; i < 5; i++) {
		stage_until(&waits[i].done);
		ck_assert_int_eq(waits[i].status, 0);
	}
	ck_assert(!file_ch->flush_runs);
	file_end();
}
END_TEST

/* tmpfs can neither zero a range nor, here, punch holes: zeroes are written, on the one helper. */
START_TEST(long_zeroes_let_others_have_a_turn)
{
	struct wait zeroes = {.done = false}, flush = {.done = false};
	char name[] = "/dev/shm/ebb-test-XXXXXX";
	size_t size = 64u << 20;
	char *data = malloc(size);
	int fd = mkstemp(name);

	ck_assert_int_ge(fd, 0);
	memset(data, 0xff, size);
	ck_assert_int_eq(pwrite(fd, data, size, 0), (ssize_t)size);
	path = name;
	file_open(", 'direct': false, 'fallocate': false");
	ck_assert_int_eq(ebb_bdev_write_zeroes(desc, ch, 1, size / BLOCK - 1, 0, waited, &zeroes),
			 0);
	ck_assert_int_eq(wait_for(&flush, ebb_bdev_flush(desc, ch, waited, &flush)), 0);
	ck_assert(!zeroes.done);
	stage_until(&zeroes.done);
	ck_assert_int_eq(zeroes.status, 0);
	ck_assert_int_eq(pread(fd, data, size, 0), (ssize_t)size);
	ck_assert_int_eq(data[BLOCK - 1], (char)0xff);
	ck_assert_int_eq(data[BLOCK], 0);
	ck_assert_mem_eq(data + BLOCK, data + BLOCK + 1, size - BLOCK - 1);
	file_end();
	unlink(name);
	close(fd);
	free(data);
}
END_TEST

/* A copy of the descriptor, as an io_uring may keep one, does not keep the lock. */
START_TEST(a_closed_file_is_free_at_once)
{
	struct file_target target = {.filename = path, .direct = true, .fallocate = true};
	int copy;

	ck_assert_int_eq(file_target_open(&target), 0);
	copy = dup(target.fd);
	ck_assert_int_ge(copy, 0);
	file_target_close(&target);
	ck_assert_msg(file_target_open(&target) == 0, "%s", target.error);
	file_target_close(&target);
	close(copy);
}
END_TEST

START_TEST(a_file_that_became_shorter_is_an_error)
{
	file_open("");
	ck_assert_int_eq(truncate(path, 10 * BLOCK), 0);
	ck_assert_int_eq(read_wait(buf, 10, 1), -EIO);
	ck_assert_int_eq(read_wait(buf, 8, 4), -EIO);
	ck_assert_int_eq(read_wait(buf, 8, 2), 0);
	ck_assert_uint_eq(log_count("f: read of 1 blocks at 10 has failed: "), 1);
	ck_assert_uint_eq(log_count("has become shorter: it has 40960 bytes"), 1);
	file_end();
}
END_TEST

static int flush_wait(void)
{
	struct wait wait = {.done = false};

	return wait_for(&wait, ebb_bdev_flush(desc, ch, waited, &wait));
}

/* A pipe cannot be flushed, and stands in for the file that could not. */
static void fail_a_flush(void)
{
	int fd = driver_channel()->file->target.fd;
	int saved = dup(fd), pipes[2];

	ck_assert_int_ge(saved, 0);
	ck_assert_int_eq(pipe(pipes), 0);
	ck_assert_int_eq(dup2(pipes[1], fd), fd);
	ck_assert_int_eq(flush_wait(), -EINVAL);
	ck_assert_uint_eq(log_count("f: flush has failed: "), 1);
	ck_assert_int_eq(dup2(saved, fd), fd);
	close(saved);
	close(pipes[0]);
	close(pipes[1]);
}

/*
 * The kernel tells of what its cache has lost once: no flush may say afterwards that all is well.
 */
START_TEST(a_failed_flush_of_the_page_cache_is_not_forgotten)
{
	file_open(", 'direct': false");
	ck_assert_int_eq(flush_wait(), 0);
	fail_a_flush();
	ck_assert_int_eq(flush_wait(), -EINVAL);
	ck_assert_int_eq(read_wait(buf, 0, 1), 0);
	file_end();
	file_open(", 'direct': false");
	ck_assert_int_eq(flush_wait(), 0);
	file_end();
}
END_TEST

START_TEST(a_failed_flush_of_the_disk_can_be_tried_again)
{
	file_open("");
	fail_a_flush();
	ck_assert_int_eq(flush_wait(), 0);
	file_end();
}
END_TEST

/*
 * A file that is not opened for direct I/O answers -EAGAIN to what is not in the page cache: a way
 * to have the ring refuse, at will.
 */
START_TEST(what_the_ring_refuses_is_done_all_the_same)
{
	static struct fake_result results[64];
	struct file_bdev *file;
	char *data = malloc(64 * BLOCK);
	bool all = false;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	unsigned i;

	ck_assert_int_ge(fd, 0);
	fill(data, 64 * BLOCK, 11);
	ck_assert_int_eq(pwrite(fd, data, 64 * BLOCK, 0), 64 * BLOCK);
	ck_assert_int_eq(fsync(fd), 0);
	ck_assert_int_eq(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	file_open(", 'direct': false");
	ck_assert(!driver_channel()->use_ring);
	ebb_io_channel_put(ch);
	stage_turns(4);
	file = ebb_container_of(ebb_bdev_find("f"), struct file_bdev, bdev);
	file->target.direct = true; /* as the driver sees it; the kernel does not */
	file->target.nowait = true;
	ch = ebb_bdev_channel_get(desc);
	ck_assert(driver_channel()->use_ring);
	memset(results, 0, sizeof(results));
	for (i = 0; i < 64; i++) {
		ck_assert_int_eq(ebb_bdev_read(desc, ch, buf + i * BLOCK, i, 1, fake_done,
					       &results[i]),
				 0);
	}
	while (!all) {
		stage_turn();
		all = true;
		for (i = 0; i < 64; i++) {
			all = all && results[i].calls == 1;
		}
	}
	ck_assert_mem_eq(buf, data, 64 * BLOCK);
	ck_assert(ebb_list_empty(&driver_channel()->retry));
	/* Writes into holes and elsewhere. */
	everything();
	ck_assert_uint_eq(kernel_workers(), 0);
	file_end();
	close(fd);
	free(data);
}
END_TEST

START_TEST(a_moved_thread_goes_on)
{
	struct ebb_thread *thread = ebb_thread_current();
	bool in_ring;

	file_open("");
	fill(buf, BLOCK, 1);
	ck_assert_int_eq(write_wait(buf, 3, 1, 0), 0);
	in_ring = driver_channel()->use_ring; /* not on overlayfs, where all goes to the helper */
	ck_assert_int_eq(driver_channel()->file_index >= 0, in_ring);
	event_channels_quiesce(thread);
	ck_assert(event_channels_quiet(thread));
	ck_assert_int_eq(driver_channel()->file_index, -1);
	event_channels_resume(thread);
	ck_assert_int_eq(driver_channel()->file_index >= 0, in_ring);
	memset(buf, 0, BLOCK);
	ck_assert_int_eq(read_wait(buf, 3, 1), 0);
	check_file(buf, BLOCK, 3 * BLOCK);
	file_end();
}
END_TEST

/* The kernel's answer to what had @fio before. */
static void answer_late(struct file_io *fio, uint16_t tag, int32_t res)
{
	unsigned violations = stage_violations(3);

	driver_channel()->ring_ops++;
	event_turn.reactor->urings.tag = tag;
	fio->op.complete(&fio->op, res, 0);
	ck_assert_uint_eq(stage_violations(3), violations + 1);
}

/* An answer too many, after the request's memory has been used again: that one goes on. */
START_TEST(an_answer_too_many_does_not_end_the_next_request)
{
	struct bdev_channel *bdev_ch;
	struct wait next = {.done = false};
	struct file_io *fio;
	uint16_t tag;

	file_open("");
	ck_assert(driver_channel()->use_ring);
	bdev_ch = ebb_io_channel_ctx(ch);
	fill(buf, BLOCK, 5);
	ck_assert_int_eq(write_wait(buf, 0, 1, 0), 0);
	ck_assert_int_eq(read_wait(buf, 0, 1), 0);
	fio = ebb_bdev_io_ctx(&bdev_ch->free->io);
	tag = fio->handle.generation;
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1, waited, &next), 0);
	ck_assert_uint_eq(fio->handle.generation, (uint16_t)(tag + 1));
	answer_late(fio, tag, BLOCK);
	answer_late(fio, tag, -EAGAIN);
	answer_late(fio, tag, -EINTR);
	answer_late(fio, tag, -EIO);
	answer_late(fio, tag, 512);
	ck_assert(ebb_list_empty(&driver_channel()->retry));
	ck_assert_uint_eq(driver_channel()->ring_ops, 1);
	ck_assert(!next.done);
	stage_until(&next.done);
	ck_assert_int_eq(next.status, 0);
	ck_assert_uint_eq(log_count("has failed"), 0);
	file_end();
}
END_TEST

START_TEST(read_only_is_read_only)
{
	struct ebb_bdev_desc *writer;

	file_open(", 'readonly': true");
	ck_assert_int_eq(ebb_bdev_open("f", true, NULL, NULL, &writer), -EROFS);
	ck_assert_int_eq(read_wait(buf, 0, 1), 0);
	call_has("bdev_get_bdevs", "{'name': 'f'}", "\"write\":false,\"unmap\":false");
	file_end();
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(direct_io_arrives),
		UNIT_TEST(buffered_io_arrives),
		UNIT_TEST(a_large_request_is_split),
		UNIT_TEST(many_at_once),
		UNIT_TEST(unmapped_blocks_read_as_zeroes),
		UNIT_TEST(without_fallocate_there_is_no_unmap),
		UNIT_TEST(flushes_that_wait_are_one),
		UNIT_TEST(long_zeroes_let_others_have_a_turn),
		UNIT_TEST(a_closed_file_is_free_at_once),
		UNIT_TEST(a_file_that_became_shorter_is_an_error),
		UNIT_TEST(a_failed_flush_of_the_page_cache_is_not_forgotten),
		UNIT_TEST(a_failed_flush_of_the_disk_can_be_tried_again),
		UNIT_TEST(what_the_ring_refuses_is_done_all_the_same),
		UNIT_TEST(a_moved_thread_goes_on),
		UNIT_TEST(an_answer_too_many_does_not_end_the_next_request),
		UNIT_TEST(read_only_is_read_only),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
