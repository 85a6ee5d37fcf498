/* SPDX-License-Identifier: Apache-2.0 */

/* How many requests and how much memory are taken, what waits for more, and long writes. */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ebb/memory.h>

#include "core/bdev/channel.h"
#include "core/memory/pool.h"
#include "drivers/nbd/connection.h"
#include "tests/unit/drivers/nbd/served.h"
#include "tests/unit/unit.h"

static uint8_t data[4 << 20];

/*
 * So few that a Unix socket lets their sender go on: it wakes a blocked one when it is 3/4 empty.
 */
#define SURPLUS 16u

/* What one client has if no other wants anything. */
#define SHARE_MAX (EXPORTER_FLOOR + EXPORTER_POT_MAX)

static void no_more_than_the_bound_is_in_flight(void)
{
	int fd = served_connect();
	unsigned i;

	disk_hold(true);
	for (i = 0; i < NBD_REQUESTS_MAX + SURPLUS; i++) {
		client_request(fd, 0, NBD_CMD_WRITE, i, i * 512, 512);
		client_send(fd, data, 512);
	}
	disk_wait_held(NBD_REQUESTS_MAX);
	ck_assert(client_hears_nothing(fd, 50));
	ck_assert_uint_eq(disk_held(), NBD_REQUESTS_MAX);
	disk_release(0, false);
	for (i = 0; i < NBD_REQUESTS_MAX + SURPLUS; i++) {
		client_expect_reply(fd, i, 0);
	}
	/* By bytes: its floor, and the pot. */
	disk_hold(true);
	for (i = 0; i < SURPLUS; i++) {
		client_request(fd, 0, NBD_CMD_READ, i, 0, EXPORTER_CHUNK_SIZE);
	}
	disk_wait_held(SHARE_MAX / EXPORTER_CHUNK_SIZE);
	ck_assert(client_hears_nothing(fd, 50));
	disk_release(0, false);
	for (i = 0; i < SURPLUS; i++) {
		client_expect_reply(fd, i, 0);
		ck_assert(client_receive(fd, data, EXPORTER_CHUNK_SIZE));
	}
	close(fd);
}

START_TEST(test_no_more_than_the_bound_is_in_flight)
{
	served_run(NULL, no_more_than_the_bound_is_in_flight);
}
END_TEST

static void fill_pattern(void)
{
	for (unsigned i = 0; i < sizeof(data) / sizeof(uint32_t); i++) {
		((uint32_t *)data)[i] = i * 2654435761u;
	}
}

/* What the disk has at @offset is data[0, @len), as another client sees it. */
static void expect_on_disk(uint64_t offset, uint32_t len)
{
	uint8_t *found = malloc(len);
	int fd = served_connect();

	ck_assert_ptr_nonnull(found);
	client_request(fd, 0, NBD_CMD_READ, 77, offset, len);
	client_expect_reply(fd, 77, 0);
	ck_assert(client_receive(fd, found, len));
	ck_assert_int_eq(memcmp(found, data, len), 0);
	close(fd);
	free(found);
}

/* The payload goes to the bdev as it comes; one reply follows the last of it. */
static void a_long_write_goes_in_parts(void)
{
	static const uint32_t lens[] = {(1u << 20) + 512, 2u << 20, (4u << 20) - 512, 4u << 20};
	int fd = served_connect();
	unsigned i;

	fill_pattern();
	disk_hold(true);
	client_request(fd, 0, NBD_CMD_WRITE, 1, 1024, 3u << 20);
	client_send(fd, data, 2u << 20);
	disk_wait_held(2);
	client_send(fd, data + (2u << 20), 1u << 20);
	disk_wait_held(3);
	ck_assert(client_hears_nothing(fd, 20));
	disk_release(0, true);
	client_expect_reply(fd, 1, 0);
	expect_on_disk(1024, 3u << 20);
	/* With more behind it; and in pieces that are no parts. */
	for (i = 0; i < EBB_ARRAY_SIZE(lens); i++) {
		client_request(fd, NBD_CMD_FLAG_FUA, NBD_CMD_WRITE, 10 + i, (i + 1) * sizeof(data),
			       lens[i]);
		client_send(fd, data, 100);
		client_send(fd, data + 100, lens[i] - 100);
		client_request(fd, 0, NBD_CMD_WRITE, 20 + i, 0, 512);
		client_send(fd, data, 512);
	}
	for (i = 0; i < 2 * EBB_ARRAY_SIZE(lens); i++) {
		uint32_t error;

		(void)client_reply(fd, &error);
		ck_assert_uint_eq(error, 0);
	}
	ck_assert_uint_eq(disk_fua_writes(), 2 + 2 + 4 + 4);
	for (i = 0; i < EBB_ARRAY_SIZE(lens); i++) {
		expect_on_disk((i + 1) * sizeof(data), lens[i]);
	}
	close(fd);
}

START_TEST(test_a_long_write_goes_in_parts)
{
	served_run(NULL, a_long_write_goes_in_parts);
}
END_TEST

static size_t wanted_used;

static bool used_as_wanted(void)
{
	return served_buffers() == wanted_used;
}

/* Who announces much and sends nothing, or some, holds a chunk. */
static void a_stalled_write_holds_a_chunk(void)
{
	size_t before = served_buffers();
	int fds[4];
	unsigned i;

	for (i = 0; i < EBB_ARRAY_SIZE(fds); i++) {
		fds[i] = served_connect();
		client_request(fds[i], 0, NBD_CMD_WRITE, 1, 0, NBD_REQUEST_MAX);
		client_send(fds[i], data, i * 700000);
	}
	wanted_used = before + EBB_ARRAY_SIZE(fds) * EXPORTER_CHUNK_SIZE;
	client_wait(used_as_wanted, "each has a chunk");
	expect_on_disk(sizeof(data), 512);
	client_wait(used_as_wanted, "and nobody has more");
	for (i = 0; i < EBB_ARRAY_SIZE(fds); i++) {
		close(fds[i]);
	}
	client_wait(served_nobody, "the clients are gone");
	ck_assert_uint_eq(served_buffers(), before);
}

START_TEST(test_a_stalled_write_holds_a_chunk)
{
	served_run(NULL, a_stalled_write_holds_a_chunk);
}
END_TEST

/* Its own replies, which nobody reads, use all that the thread may: the parts go one by one. */
static void a_long_write_is_not_stopped_by_the_bound(void)
{
	size_t before = served_buffers();
	int fd = served_connect();
	int other = served_connect();
	unsigned i, reads = 0;

	fill_pattern();
	/* The socket takes some, as much as the system lets it. */
	while (served_buffers() - before < SHARE_MAX) {
		ck_assert_uint_lt(reads, 64);
		client_request(fd, 0, NBD_CMD_READ, reads, 32u << 20, EXPORTER_CHUNK_SIZE);
		reads++;
		for (i = 0; i < 2; i++) {
			client_request(other, 0, NBD_CMD_FLUSH, i, 0, 0);
			client_expect_reply(other, i, 0);
		}
	}
	client_request(fd, 0, NBD_CMD_WRITE, 99, 0, sizeof(data));
	client_send(fd, data, sizeof(data));
	expect_on_disk(0, sizeof(data));
	for (i = 0; i < reads; i++) {
		client_expect_reply(fd, i, 0);
		ck_assert(client_receive(fd, data, EXPORTER_CHUNK_SIZE));
	}
	client_expect_reply(fd, 99, 0);
	close(other);
	close(fd);
}

START_TEST(test_a_long_write_is_not_stopped_by_the_bound)
{
	served_run(NULL, a_long_write_is_not_stopped_by_the_bound);
}
END_TEST

static void parts_are_bounded(void)
{
	int fd = served_connect();
	unsigned i;

	disk_hold(true);
	client_request(fd, 0, NBD_CMD_WRITE, 1, 0, 12u << 20);
	client_send(fd, data, sizeof(data));
	client_send(fd, data, sizeof(data));
	disk_wait_held(NBD_PARTS_MAX);
	client_send(fd, data, 65536);
	ck_assert(client_hears_nothing(fd, 50));
	ck_assert_uint_eq(disk_held(), NBD_PARTS_MAX);
	disk_release(0, false);
	client_send(fd, data + 65536, sizeof(data) - 65536);
	client_expect_reply(fd, 1, 0);
	/* An error ends it, whatever else is still to come: that goes nowhere. */
	disk_fail(-ENOSPC);
	client_request(fd, 0, NBD_CMD_WRITE, 2, 0, 12u << 20);
	for (i = 0; i < 3; i++) {
		client_send(fd, data, sizeof(data));
	}
	client_expect_reply(fd, 2, NBD_ENOSPC);
	disk_fail(0);
	client_request(fd, 0, NBD_CMD_FLUSH, 3, 0, 0);
	client_expect_reply(fd, 3, 0);
	close(fd);
}

START_TEST(test_parts_are_bounded)
{
	served_run(NULL, parts_are_bounded);
}
END_TEST

/* The first error is the one that is told, whatever comes of the other parts. */
static void a_long_write_tells_its_first_error(void)
{
	static const int later[] = {0, -ENOSPC};
	int fd = served_connect();
	unsigned i;

	for (i = 0; i < EBB_ARRAY_SIZE(later); i++) {
		disk_hold(true);
		client_request(fd, 0, NBD_CMD_WRITE, i, 0, 2u << 20);
		client_send(fd, data, 1u << 20);
		disk_wait_held(1);
		disk_hold(false);
		disk_fail(-EIO);
		client_send(fd, data, 1u << 20);
		ck_assert(client_hears_nothing(fd, 20));
		disk_fail(0);
		disk_release(later[i], false);
		client_expect_reply(fd, i, NBD_EIO);
	}
	close(fd);
}

START_TEST(test_a_long_write_tells_its_first_error)
{
	served_run(NULL, a_long_write_tells_its_first_error);
}
END_TEST

/* Whatever is wrong with a write, its reply comes when all of it has come: none expects it before. */
static void a_failed_write_is_answered_at_its_end(void)
{
	static const struct {
		uint64_t offset;
		int fails;
		uint32_t len, error;
	} cases[] = {
		{DISK_SIZE - 512, 0, 4096, NBD_ENOSPC},     /* beyond the end */
		{DISK_SIZE - 512, 0, 3u << 20, NBD_ENOSPC}, /* and a long one */
		{0, -EIO, 3u << 20, NBD_EIO},               /* its first part fails */
		{0, 0, NBD_REQUEST_MAX + 512, NBD_EINVAL}   /* too long */
	};
	int fd = served_connect();
	unsigned i;

	for (i = 0; i < EBB_ARRAY_SIZE(cases); i++) {
		uint32_t left = cases[i].len - 100;

		disk_fail(cases[i].fails);
		client_request(fd, 0, NBD_CMD_WRITE, i, cases[i].offset, cases[i].len);
		for (; left > 0; left -= left < sizeof(data) ? left : sizeof(data)) {
			client_send(fd, data, left < sizeof(data) ? left : sizeof(data));
		}
		ck_assert_msg(client_hears_nothing(fd, 50), "case %u", i);
		client_send(fd, data, 100);
		client_expect_reply(fd, i, cases[i].error);
		disk_fail(0);
	}
	client_request(fd, 0, NBD_CMD_FLUSH, i, 0, 0);
	client_expect_reply(fd, i, 0);
	close(fd);
}

START_TEST(test_a_failed_write_is_answered_at_its_end)
{
	served_run(NULL, a_failed_write_is_answered_at_its_end);
}
END_TEST

/* A client that leaves, or an export that goes, amid a long write of which the bdev has a part. */
static void a_long_write_is_given_up(void)
{
	size_t before = served_buffers();
	int fd = served_connect();

	disk_hold(true);
	client_request(fd, 0, NBD_CMD_WRITE, 1, 0, NBD_REQUEST_MAX);
	client_send(fd, data, (1u << 20) + 5000);
	disk_wait_held(1);
	close(fd);
	disk_release(-EIO, false);
	client_wait(served_nobody, "the client is gone");
	ck_assert_uint_eq(served_buffers(), before);
	fd = served_connect();
	disk_hold(true);
	client_request(fd, 0, NBD_CMD_WRITE, 1, 0, NBD_REQUEST_MAX);
	client_send(fd, data, (2u << 20) + 5000);
	disk_wait_held(2);
	disk_remove();
	disk_release(0, false);
	client_expect_end(fd);
	client_wait(disk_gone, "the bdev is closed");
	ck_assert_uint_eq(served_buffers(), before);
}

START_TEST(test_a_long_write_is_given_up)
{
	served_run(NULL, a_long_write_is_given_up);
}
END_TEST

static void an_empty_pool_is_waited_for(void)
{
	int fd = served_connect();
	int other = served_connect();

	mem_fail_from(1);
	client_request(fd, 0, NBD_CMD_READ, 1, 0, 1 << 20);
	client_request(other, 0, NBD_CMD_READ, 1, 0, 1 << 20);
	client_request(other, 0, NBD_CMD_FLUSH, 2, 0, 0);
	ck_assert(client_hears_nothing(fd, 50));
	ck_assert(client_hears_nothing(other, 0));
	/* Some, but not all of what a request needs: none of it is kept. */
	mem_fail_from(3);
	client_request(fd, 0, NBD_CMD_READ, 2, 0, 4 << 20);
	client_expect_reply(fd, 1, 0);
	ck_assert(client_receive(fd, data, 1 << 20));
	ck_assert(client_hears_nothing(fd, 50));
	mem_fail_from(0);
	client_expect_reply(fd, 2, 0);
	ck_assert(client_receive(fd, data, 4 << 20));
	client_expect_reply(other, 1, 0);
	ck_assert(client_receive(other, data, 1 << 20));
	client_expect_reply(other, 2, 0);
	/* Gone while it waits. */
	mem_fail_from(1);
	client_request(fd, 0, NBD_CMD_READ, 1, 0, 1 << 20);
	client_request(other, 0, NBD_CMD_WRITE, 1, 0, 1 << 20);
	ck_assert(client_hears_nothing(fd, 20));
	close(fd);
	close(other);
	mem_fail_from(0);
	client_wait(served_nobody, "the clients are gone");
}

START_TEST(test_an_empty_pool_is_waited_for)
{
	served_run(NULL, an_empty_pool_is_waited_for);
}
END_TEST

/*
 * The bdev has no request left: what waits for one goes on, but not for a client that has hung up.
 */
static void a_full_bdev_is_waited_for(void)
{
	int fds[BDEV_POOL_SIZE_DEFAULT / NBD_REQUESTS_MAX + 1];
	int flusher = served_connect();
	unsigned i, j;

	disk_hold(true);
	for (i = 0; i < EBB_ARRAY_SIZE(fds); i++) {
		fds[i] = served_connect();
		for (j = 0; j < NBD_REQUESTS_MAX; j++) {
			client_request(fds[i], 0, NBD_CMD_READ, j, 0, 512);
		}
	}
	disk_wait_held(BDEV_POOL_SIZE_DEFAULT);
	client_request(flusher, 0, NBD_CMD_FLUSH, 1, 0, 0);
	/* Left in the middle of a request: it is hung up on at once. */
	client_send(flusher, data, 10);
	shutdown(flusher, SHUT_WR);
	client_expect_end(flusher);
	disk_release(0, false);
	for (i = 0; i < EBB_ARRAY_SIZE(fds); i++) {
		for (j = 0; j < NBD_REQUESTS_MAX; j++) {
			client_expect_reply(fds[i], j, 0);
			ck_assert(client_receive(fds[i], data, 512));
		}
		close(fds[i]);
	}
	client_wait(served_nobody, "the clients are gone");
	ck_assert_uint_eq(disk_flushes(), 0);
}

START_TEST(test_a_full_bdev_is_waited_for)
{
	served_run(NULL, a_full_bdev_is_waited_for);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_no_more_than_the_bound_is_in_flight),
		UNIT_TEST(test_a_long_write_goes_in_parts),
		UNIT_TEST(test_a_stalled_write_holds_a_chunk),
		UNIT_TEST(test_a_long_write_is_not_stopped_by_the_bound),
		UNIT_TEST(test_parts_are_bounded),
		UNIT_TEST(test_a_long_write_tells_its_first_error),
		UNIT_TEST(test_a_failed_write_is_answered_at_its_end),
		UNIT_TEST(test_a_long_write_is_given_up),
		UNIT_TEST(test_an_empty_pool_is_waited_for),
		UNIT_TEST(test_a_full_bdev_is_waited_for),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
