/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/ring/uring_buffers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ebb/memory.h>

#include "tests/unit/core/event/ring/requests.h"
#include "tests/unit/need.h"
#include "tests/unit/unit.h"

static void setup(void)
{
	need_uring(0);
	requests_start();
	ck_assert_int_eq(ebb_uring_open(EBB_URING_PLAIN), 0);
}

static void teardown(void)
{
	stepper_leave();
	stepper_stop();
}

/* Reads the first bytes of @fd into @buf, by its registered buffer. */
static void read_fixed(struct request *request, int fd, void *buf, unsigned len)
{
	int index = ebb_uring_buf_index(buf, len);
	struct io_uring_sqe *sqe = ebb_uring_sqe(&request->op, EBB_URING_OTHER);

	ck_assert_int_ge(index, 0);
	io_uring_prep_read_fixed(sqe, fd, buf, len, 0, index);
	wait_completed(num_completed + 1);
	ck_assert_int_eq(request->res, (int)len);
}

START_TEST(test_registered_buffers)
{
	char on_stack[16];
	char *buf = ebb_mem_alloc(8192);
	int fd = make_file("fixed text");

	ck_assert_ptr_nonnull(buf);
	turns(1); /* the region that has come is registered by a message */
	ck_assert_int_eq(ebb_uring_buf_index(on_stack, sizeof(on_stack)), -1);
	ck_assert_int_eq(ebb_uring_buf_index(buf, EBB_MEM_REGION_SIZE + 1), -1);
	memset(buf, 0, 8192);
	read_fixed(&requests[0], fd, buf, 10);
	ck_assert_str_eq(buf, "fixed text");
	ebb_mem_free(buf, 8192);
	close(fd);
}
END_TEST

static void alloc_buffers(void **bufs, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		bufs[i] = ebb_mem_alloc(EBB_MEM_ALLOC_MAX);
		ck_assert_ptr_nonnull(bufs[i]);
	}
}

static void free_buffers(void **bufs, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		ebb_mem_free(bufs[i], EBB_MEM_ALLOC_MAX);
	}
}

static unsigned regions_mapped(void)
{
	struct ebb_mem_stats stats;

	ebb_mem_get_stats(&stats);
	return (unsigned)(stats.mapped_bytes / EBB_MEM_REGION_SIZE);
}

/*
 * Regions go and come back at the same address with other memory behind: what the ring has
 * registered must be what the buffer is, or it reads into memory that is nobody's.
 */
START_TEST(test_buffers_after_trim)
{
	void *bufs[8];
	int fd = make_file("fixed text");

	for (unsigned round = 0; round < 3; round++) {
		alloc_buffers(bufs, EBB_ARRAY_SIZE(bufs));
		turns(2);
		for (unsigned i = 0; i < EBB_ARRAY_SIZE(bufs); i++) {
			char *buf = bufs[i];

			memset(buf, 0, 16);
			read_fixed(&requests[round * 8 + i], fd, buf, 10);
			ck_assert_str_eq(buf, "fixed text");
		}
		free_buffers(bufs, EBB_ARRAY_SIZE(bufs));
		ebb_mem_trim();
		ck_assert_uint_eq(regions_mapped(), 4); /* the ring has them */
		turns(2);
		ck_assert_uint_eq(regions_mapped(), 1);
	}
	close(fd);
}
END_TEST

/* Regions that come and go without a turn between: told twice before the ring has looked once. */
START_TEST(test_buffers_trimmed_at_once)
{
	void *bufs[6];
	int fd = make_file("fixed text");

	alloc_buffers(bufs, EBB_ARRAY_SIZE(bufs));
	free_buffers(bufs, EBB_ARRAY_SIZE(bufs));
	ebb_mem_trim();
	/* Those that leave are still there: others come. */
	alloc_buffers(bufs, EBB_ARRAY_SIZE(bufs));
	ck_assert_uint_eq(regions_mapped(), 5);
	turns(3);
	ck_assert_uint_eq(regions_mapped(), 3);
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(bufs); i++) {
		read_fixed(&requests[i], fd, bufs[i], 10);
	}
	free_buffers(bufs, EBB_ARRAY_SIZE(bufs));
	close(fd);
}
END_TEST

static unsigned buffers_registered(void **bufs, unsigned count)
{
	unsigned registered = 0;

	for (unsigned i = 0; i < count; i++) {
		registered += ebb_uring_buf_index(bufs[i], 16) >= 0;
	}
	return registered;
}

/* A big ring has each page as a buffer: requests that cross into the next one go without. */
START_TEST(test_pages_of_a_big_ring)
{
	const size_t piece = 4096;
	char *buf = ebb_mem_alloc(4 * piece);
	int first;

	ck_assert_ptr_nonnull(buf);
	ck_assert_int_eq(ebb_uring_open(EBB_URING_BIG), 0);
	turns(1);
	first = ebb_uring_buf_index(buf, piece);
	ck_assert_int_ge(first, 0);
	ck_assert_int_eq(ebb_uring_buf_index(buf, 1), first);
	ck_assert_int_eq(ebb_uring_buf_index(buf + piece - 512, 512), first);
	ck_assert_int_eq(ebb_uring_buf_index(buf + piece, 512), first + 1);
	ck_assert_int_eq(ebb_uring_buf_index(buf + 3 * piece, piece), first + 3);
	ck_assert_int_eq(ebb_uring_buf_index(buf, piece + 1), -1);
	ck_assert_int_eq(ebb_uring_buf_index(buf + piece - 512, 513), -1);
	ck_assert_int_eq(ebb_uring_buf_index(buf + 2 * piece - 1, 2), -1);
	for (unsigned i = 0; i < 4; i++) {
		int fd = make_file("piece");
		char *at = buf + i * piece + 16 * i;

		memset(at, 0, 16);
		io_uring_prep_read_fixed(ebb_uring_sqe(&requests[i].op, EBB_URING_OTHER), fd, at, 5,
					 0, ebb_uring_buf_index(at, 5));
		wait_completed(i + 1);
		ck_assert_int_eq(requests[i].res, 5);
		ck_assert_str_eq(at, "piece");
		close(fd);
	}
	ebb_mem_free(buf, 4 * piece);
}
END_TEST

/* What leaves is released though the ring never had it; and then there may be room again. */
START_TEST(test_buffers_without_room)
{
	struct rlimit limit;
	void *bufs[4];

	need_root_to_lock(4 * EBB_MEM_REGION_SIZE);
	/* The limit is for others than root. */
	ck_assert_int_eq(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
	ck_assert_int_eq(setresuid(65534, 65534, 0), 0);
	event_uring_set_close(&event_reactors[0].urings);
	ck_assert_int_eq(ebb_uring_open(EBB_URING_PLAIN), 0);
	limit.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	alloc_buffers(bufs, EBB_ARRAY_SIZE(bufs));
	turns(3);
	ck_assert_uint_eq(buffers_registered(bufs, EBB_ARRAY_SIZE(bufs)), 0);
	ck_assert_uint_eq(log_count("I/O memory stays unregistered"), 1);
	free_buffers(bufs, EBB_ARRAY_SIZE(bufs));
	ebb_mem_trim();
	turns(2);
	ck_assert_uint_eq(regions_mapped(), 1);
	limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	alloc_buffers(bufs, EBB_ARRAY_SIZE(bufs));
	turns(3);
	ck_assert_uint_eq(buffers_registered(bufs, EBB_ARRAY_SIZE(bufs)), 4);
	ck_assert_uint_eq(log_count("I/O memory stays unregistered"), 1);
	free_buffers(bufs, EBB_ARRAY_SIZE(bufs));
	/* Or the leak checker may not look at its own process. */
	ck_assert_int_eq(setresuid(0, 0, 0), 0);
	prctl(PR_SET_DUMPABLE, 1);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(test_registered_buffers),
		UNIT_TEST(test_buffers_after_trim),
		UNIT_TEST(test_buffers_trimmed_at_once),
		UNIT_TEST(test_pages_of_a_big_ring),
		UNIT_TEST(test_buffers_without_room),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
