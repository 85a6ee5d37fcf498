/* SPDX-License-Identifier: Apache-2.0 */
/* Buffered reads: what the page cache has is answered in the turn that asks. */
#include "drivers/file/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <ebb/memory.h>

#include "core/bdev/channel.h"
#include "core/event/thread.h"
#include "tests/unit/core/base/scratch.h"
#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

#define FILE_SIZE (4u << 20)
#define BLOCK     4096u
#define LARGE     (256u << 10)

/* In place of libc's: what the kernel says is the test's, if it wants. */
static unsigned tries;
static ssize_t answer; /* < 0: -errno; > 0: so many bytes, and no more; 0: as it is */

ssize_t preadv2(int fd, const struct iovec *iov, int iovcnt, off_t offset, int flags)
{
	struct iovec part = iov[0];

	tries++;
	if (answer < 0) {
		errno = (int)-answer;
		return -1;
	}
	if (answer > 0) {
		part.iov_len = (size_t)answer;
		iov = &part;
		iovcnt = 1;
	}
	return syscall(SYS_preadv2, fd, iov, iovcnt, offset, 0, flags);
}

static struct ebb_bdev_desc *desc;
static struct ebb_io_channel *ch;
static char *content, *buf;

static struct file_channel *driver_channel(void)
{
	return ((struct bdev_channel *)ebb_io_channel_ctx(ch))->driver_ctx;
}

static bool helper_works(void)
{
	return ebb_thread_current()->work_running > 0;
}

static void setup(void)
{
	char params[512];
	const char *path;
	unsigned i;
	int fd;

	stage_begin();
	scratch_begin();
	path = scratch_sparse("disk", FILE_SIZE);
	content = malloc(FILE_SIZE);
	for (i = 0; i < FILE_SIZE; i++) {
		content[i] = (char)(i * 31 + (i >> 8));
	}
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(write(fd, content, FILE_SIZE), FILE_SIZE); /* the cache has it now */
	close(fd);
	buf = ebb_mem_alloc(EBB_MEM_ALLOC_MAX);
	snprintf(params, sizeof(params),
		 "{'name': 'f', 'filename': '%s', 'block_size': 4096, 'direct': false}", path);
	call_is("bdev_uring_create", params, "\"f\"");
	ck_assert_int_eq(ebb_bdev_open("f", true, NULL, NULL, &desc), 0);
	ch = ebb_bdev_channel_get(desc);
	if (!driver_channel()->file->target.nowait) {
		unit_skip("the filesystem of the test's folder does not know RWF_NOWAIT");
	}
	while (helper_works()) { /* a last look at the file's length */
		stage_turn();
	}
	tries = 0;
}

static void teardown(void)
{
	answer = 0;
	ebb_io_channel_put(ch);
	ebb_bdev_close(desc);
	call_is("bdev_uring_delete", "{'name': 'f'}", "true");
	ebb_mem_free(buf, EBB_MEM_ALLOC_MAX);
	free(content);
	scratch_end();
	stage_end();
}

static bool done;
static int done_status;
static unsigned num_done;

static void ended(void *arg, int status)
{
	(void)arg;
	done = true;
	done_status = status;
	num_done++;
}

static void read_begin(char *into, uint64_t block, uint64_t num)
{
	done = false;
	ck_assert_int_eq(ebb_bdev_read(desc, ch, into, block, num, ended, NULL), 0);
	ck_assert(!done); /* never inside the call */
}

static void check_read(uint64_t block, uint64_t num)
{
	stage_until(&done);
	ck_assert_int_eq(done_status, 0);
	ck_assert_mem_eq(buf, content + block * BLOCK, num * BLOCK);
}

START_TEST(a_hit_is_answered_in_its_turn)
{
	read_begin(buf, 5, 3);
	ck_assert(!helper_works());
	stage_turn();
	ck_assert(done);
	check_read(5, 3);
	ck_assert_uint_eq(tries, 1);
}
END_TEST

START_TEST(a_miss_is_the_helpers)
{
	answer = -EAGAIN;
	read_begin(buf, 5, 3);
	ck_assert(helper_works());
	check_read(5, 3);
	/* Which is no reason not to try the next. */
	answer = 0;
	read_begin(buf, 7, 1);
	ck_assert(!helper_works());
	check_read(7, 1);
	ck_assert_uint_eq(tries, 2);
}
END_TEST

START_TEST(a_part_is_kept_and_the_rest_is_the_helpers)
{
	answer = BLOCK + 100;
	memset(buf, 0, 3 * BLOCK);
	read_begin(buf, 5, 3);
	ck_assert(helper_works());
	answer = 0;
	check_read(5, 3);
	ck_assert_uint_eq(tries, 1);
}
END_TEST

START_TEST(who_cannot_is_asked_once)
{
	answer = -EOPNOTSUPP;
	read_begin(buf, 5, 3);
	check_read(5, 3);
	read_begin(buf, 9, 3);
	ck_assert(helper_works());
	check_read(9, 3);
	ck_assert_uint_eq(tries, 1);
}
END_TEST

START_TEST(an_error_is_asked_for_again)
{
	answer = -EIO;
	read_begin(buf, 5, 3);
	ck_assert(helper_works());
	check_read(5, 3); /* which finds none */
}
END_TEST

/* A turn copies a megabyte; what more is asked for in it is the helper's, the next turn's is not. */
START_TEST(a_turn_copies_so_much_and_no_more)
{
	unsigned round, i;

	for (round = 0; round < 2; round++) {
		num_done = 0;
		tries = 0;
		for (i = 0; i < 4; i++) {
			read_begin(buf + (size_t)(i % 2) * LARGE, i * LARGE / BLOCK, LARGE / BLOCK);
		}
		ck_assert(!helper_works());
		read_begin(buf + (size_t)2 * LARGE, 4 * LARGE / BLOCK, 1);
		ck_assert(helper_works());
		ck_assert_uint_eq(tries, 4);
		while (num_done < 5) {
			stage_turn();
		}
		ck_assert_mem_eq(buf + (size_t)2 * LARGE, content + (size_t)4 * LARGE, BLOCK);
		ck_assert_mem_eq(buf, content + (size_t)2 * LARGE, LARGE);
	}
}
END_TEST

START_TEST(what_was_written_is_read)
{
	memset(buf, 0x5a, BLOCK);
	done = false;
	ck_assert_int_eq(ebb_bdev_write(desc, ch, buf, 5, 1, 0, ended, NULL), 0);
	ck_assert(helper_works());
	stage_until(&done);
	memset(content + (size_t)5 * BLOCK, 0x5a, BLOCK);
	memset(buf, 0, BLOCK);
	read_begin(buf, 4, 3);
	ck_assert(!helper_works());
	check_read(4, 3);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(a_hit_is_answered_in_its_turn),
		UNIT_TEST(a_miss_is_the_helpers),
		UNIT_TEST(a_part_is_kept_and_the_rest_is_the_helpers),
		UNIT_TEST(who_cannot_is_asked_once),
		UNIT_TEST(an_error_is_asked_for_again),
		UNIT_TEST(a_turn_copies_so_much_and_no_more),
		UNIT_TEST(what_was_written_is_read),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
