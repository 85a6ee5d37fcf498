/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ebb/memory.h>

#include "core/memory/pool.h"
#include "drivers/nbd/connection.h"
#include "tests/unit/drivers/nbd/served.h"
#include "tests/unit/unit.h"

static uint8_t data[4 << 20];

static unsigned wanted_held;

static bool held_as_wanted(void)
{
	return disk_held() == wanted_held;
}

static void wait_held(unsigned count)
{
	wanted_held = count;
	client_wait(held_as_wanted, "requests reach the bdev");
}

static bool no_clients(void)
{
	return served_clients() <= 0;
}

/* Bytes of the pool that are in use by requests. */
static size_t buffers_used(void)
{
	struct ebb_mem_stats stats;

	ebb_mem_get_stats(&stats);
	return stats.used_bytes - stats.cached_bytes;
}

static void expect_reply(int fd, uint64_t cookie, uint32_t error)
{
	uint32_t found;

	ck_assert_uint_eq(client_reply(fd, &found), cookie);
	ck_assert_uint_eq(found, error);
}

static void expect_end(int fd)
{
	char byte;

	ck_assert(!client_receive(fd, &byte, 1));
	close(fd);
}

static void replies_go_as_requests_end(void)
{
	uint8_t block[512];
	int fd = served_connect();
	unsigned i;

	disk_hold(true);
	for (i = 0; i < 100; i++) {
		disk_fill(i * 512, (uint8_t)i, 512);
		client_request(fd, 0, NBD_CMD_READ, i, i * 512, 512);
	}
	wait_held(100);
	ck_assert(client_hears_nothing(fd, 0));
	disk_release(0, true);
	for (i = 100; i-- > 0;) {
		expect_reply(fd, i, 0);
		ck_assert(client_receive(fd, block, sizeof(block)));
		ck_assert_uint_eq(block[511], i);
	}
	close(fd);
}

START_TEST(test_replies_go_as_requests_end)
{
	served_run(NULL, replies_go_as_requests_end);
}
END_TEST

/* So few that a Unix socket lets their sender go on: it wakes a blocked one when it is 3/4 empty. */
#define SURPLUS 16u

static void no_more_than_the_bound_is_in_flight(void)
{
	int fd = served_connect();
	unsigned i;

	disk_hold(true);
	for (i = 0; i < NBD_REQUESTS_MAX + SURPLUS; i++) {
		client_request(fd, 0, NBD_CMD_WRITE, i, i * 512, 512);
		client_send(fd, data, 512);
	}
	wait_held(NBD_REQUESTS_MAX);
	ck_assert(client_hears_nothing(fd, 50));
	ck_assert_uint_eq(disk_held(), NBD_REQUESTS_MAX);
	disk_release(0, false);
	for (i = 0; i < NBD_REQUESTS_MAX + SURPLUS; i++) {
		expect_reply(fd, i, 0);
	}
	/* By bytes: 8 MiB are held by two requests. */
	disk_hold(true);
	for (i = 0; i < 10; i++) {
		client_request(fd, 0, NBD_CMD_READ, i, 0, sizeof(data));
	}
	wait_held(NBD_POLL_GROUP_BUFFERS_MAX / sizeof(data));
	ck_assert(client_hears_nothing(fd, 50));
	disk_release(0, false);
	for (i = 0; i < 10; i++) {
		expect_reply(fd, i, 0);
		ck_assert(client_receive(fd, data, sizeof(data)));
	}
	close(fd);
}

START_TEST(test_no_more_than_the_bound_is_in_flight)
{
	served_run(NULL, no_more_than_the_bound_is_in_flight);
}
END_TEST

static void errors_are_told(void)
{
	static const struct {
		int status;
		uint32_t error;
	} cases[] = {{-EIO, NBD_EIO}, {-ENOSPC, NBD_ENOSPC}, {-EILSEQ, NBD_EIO}, {0, 0}};
	int fd = served_connect();
	unsigned i;

	for (i = 0; i < EBB_ARRAY_SIZE(cases); i++) {
		disk_fail(cases[i].status);
		client_request(fd, 0, NBD_CMD_WRITE, i, 0, 512);
		client_send(fd, data, 512);
		expect_reply(fd, i, cases[i].error);
		client_request(fd, 0, NBD_CMD_READ, i, 0, 512);
		expect_reply(fd, i, cases[i].error);
	}
	ck_assert(client_receive(fd, data, 512));
	close(fd);
}

START_TEST(test_errors_are_told)
{
	served_run(NULL, errors_are_told);
}
END_TEST

static void fua_reaches_the_bdev(void)
{
	int fd = served_connect();
	unsigned flushes;

	client_request(fd, NBD_CMD_FLAG_FUA, NBD_CMD_WRITE, 1, 0, 512);
	client_send(fd, data, 512);
	expect_reply(fd, 1, 0);
	ck_assert_uint_eq(disk_fua_writes(), 1);
	/* The bdev's unmap knows no FUA: a flush follows. */
	flushes = disk_flushes();
	client_request(fd, NBD_CMD_FLAG_FUA, NBD_CMD_TRIM, 2, 4096, 4096);
	expect_reply(fd, 2, 0);
	client_request(fd, 0, NBD_CMD_READ, 3, 4096, 512);
	expect_reply(fd, 3, 0);
	ck_assert(client_receive(fd, data, 512));
	ck_assert_uint_eq(data[0], DISK_UNMAPPED);
	ck_assert_uint_eq(disk_flushes(), flushes + 1);
	client_request(fd, 0, NBD_CMD_TRIM, 3, 4096, 4096);
	expect_reply(fd, 3, 0);
	ck_assert_uint_eq(disk_flushes(), flushes + 1);
	close(fd);
}

START_TEST(test_fua_reaches_the_bdev)
{
	served_run(NULL, fua_reaches_the_bdev);
}
END_TEST

static void a_removed_bdev_refuses_what_is_new_and_ends_what_is_not(void)
{
	uint8_t block[512];
	int fd = served_connect();
	int half = served_connect();

	disk_fill(0, 0x77, 512);
	client_request(half, 0, NBD_CMD_WRITE, 9, 0, 4096);
	client_send(half, data, 100);
	disk_hold(true);
	client_request(fd, 0, NBD_CMD_READ, 1, 0, 512);
	wait_held(1);
	disk_remove();
	expect_end(half);
	client_request(fd, 0, NBD_CMD_READ, 2, 0, 512);
	client_request(fd, 0, NBD_CMD_WRITE, 3, 0, 512);
	client_send(fd, data, 512);
	expect_reply(fd, 2, NBD_ESHUTDOWN);
	expect_reply(fd, 3, NBD_ESHUTDOWN);
	ck_assert(!disk_gone());
	disk_release(0, false);
	expect_reply(fd, 1, 0);
	ck_assert(client_receive(fd, block, sizeof(block)));
	ck_assert_uint_eq(block[0], 0x77);
	expect_end(fd);
	client_wait(disk_gone, "the bdev is closed");
	ck_assert_int_eq(served_clients(), -1);
}

START_TEST(test_a_removed_bdev_refuses_what_is_new_and_ends_what_is_not)
{
	served_run(NULL, a_removed_bdev_refuses_what_is_new_and_ends_what_is_not);
}
END_TEST

static void vanish_with(int how)
{
	size_t before = buffers_used();
	int fd = served_connect();

	disk_hold(true);
	client_request(fd, 0, NBD_CMD_READ, 1, 0, 1 << 20);
	client_request(fd, 0, NBD_CMD_WRITE, 2, 0, 1 << 20);
	client_send(fd, data, 1 << 20);
	client_request(fd, 0, NBD_CMD_WRITE, 3, 0, 2 << 20);
	client_send(fd, data, 1 << 20);
	wait_held(3); /* with the first part of the last one */
	ck_assert_uint_gt(buffers_used(), before);
	if (how == 0) {
		close(fd);
	} else {
		shutdown(fd, SHUT_WR);
	}
	/* The bdev has their memory: nothing may be given back before it says so. */
	ck_assert_int_eq(served_clients(), 1);
	ck_assert_uint_ge(buffers_used(), before + (3u << 20));
	disk_release(0, false);
	client_wait(no_clients, "the client is gone");
	ck_assert_uint_eq(buffers_used(), before);
	if (how != 0) {
		close(fd);
	}
}

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
	expect_reply(fd, 77, 0);
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
	wait_held(2);
	client_send(fd, data + (2u << 20), 1u << 20);
	wait_held(3);
	ck_assert(client_hears_nothing(fd, 20));
	disk_release(0, true);
	expect_reply(fd, 1, 0);
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
	return buffers_used() == wanted_used;
}

/* Who announces much and sends nothing, or some, holds a chunk. */
static void a_stalled_write_holds_a_chunk(void)
{
	size_t before = buffers_used();
	int fds[4];
	unsigned i;

	for (i = 0; i < EBB_ARRAY_SIZE(fds); i++) {
		fds[i] = served_connect();
		client_request(fds[i], 0, NBD_CMD_WRITE, 1, 0, NBD_REQUEST_MAX);
		client_send(fds[i], data, i * 700000);
	}
	wanted_used = before + EBB_ARRAY_SIZE(fds) * NBD_CHUNK_SIZE;
	client_wait(used_as_wanted, "each has a chunk");
	expect_on_disk(sizeof(data), 512);
	client_wait(used_as_wanted, "and nobody has more");
	for (i = 0; i < EBB_ARRAY_SIZE(fds); i++) {
		close(fds[i]);
	}
	client_wait(no_clients, "the clients are gone");
	ck_assert_uint_eq(buffers_used(), before);
}

START_TEST(test_a_stalled_write_holds_a_chunk)
{
	served_run(NULL, a_stalled_write_holds_a_chunk);
}
END_TEST

/* Its own replies, which nobody reads, hold all that the thread may: the parts go one by one. */
static void a_long_write_is_not_stopped_by_the_bound(void)
{
	int fd = served_connect();
	unsigned i;

	fill_pattern();
	for (i = 0; i < NBD_POLL_GROUP_BUFFERS_MAX / sizeof(data); i++) {
		client_request(fd, 0, NBD_CMD_READ, i, 32u << 20, sizeof(data));
	}
	client_request(fd, 0, NBD_CMD_WRITE, 9, 0, sizeof(data));
	client_send(fd, data, sizeof(data));
	expect_on_disk(0, sizeof(data));
	for (i = 0; i < NBD_POLL_GROUP_BUFFERS_MAX / sizeof(data); i++) {
		expect_reply(fd, i, 0);
		ck_assert(client_receive(fd, data, sizeof(data)));
	}
	expect_reply(fd, 9, 0);
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
	wait_held(NBD_PARTS_MAX);
	client_send(fd, data, 65536);
	ck_assert(client_hears_nothing(fd, 50));
	ck_assert_uint_eq(disk_held(), NBD_PARTS_MAX);
	disk_release(0, false);
	client_send(fd, data + 65536, sizeof(data) - 65536);
	expect_reply(fd, 1, 0);
	/* An error ends it, whatever else is still to come: that goes nowhere. */
	disk_fail(-ENOSPC);
	client_request(fd, 0, NBD_CMD_WRITE, 2, 0, 12u << 20);
	for (i = 0; i < 3; i++) {
		client_send(fd, data, sizeof(data));
	}
	expect_reply(fd, 2, NBD_ENOSPC);
	disk_fail(0);
	client_request(fd, 0, NBD_CMD_FLUSH, 3, 0, 0);
	expect_reply(fd, 3, 0);
	close(fd);
}

START_TEST(test_parts_are_bounded)
{
	served_run(NULL, parts_are_bounded);
}
END_TEST

/* A client that leaves, or an export that goes, amid a long write of which the bdev has a part. */
static void a_long_write_is_given_up(void)
{
	size_t before = buffers_used();
	int fd = served_connect();

	disk_hold(true);
	client_request(fd, 0, NBD_CMD_WRITE, 1, 0, NBD_REQUEST_MAX);
	client_send(fd, data, (1u << 20) + 5000);
	wait_held(1);
	close(fd);
	disk_release(-EIO, false);
	client_wait(no_clients, "the client is gone");
	ck_assert_uint_eq(buffers_used(), before);
	fd = served_connect();
	disk_hold(true);
	client_request(fd, 0, NBD_CMD_WRITE, 1, 0, NBD_REQUEST_MAX);
	client_send(fd, data, (2u << 20) + 5000);
	wait_held(2);
	disk_remove();
	disk_release(0, false);
	expect_end(fd);
	client_wait(disk_gone, "the bdev is closed");
	ck_assert_uint_eq(buffers_used(), before);
}

START_TEST(test_a_long_write_is_given_up)
{
	served_run(NULL, a_long_write_is_given_up);
}
END_TEST

static void vanished_clients_leave_nothing(void)
{
	vanish_with(0);
	vanish_with(1);
	vanish_with(0);
}

START_TEST(test_vanished_clients_leave_nothing)
{
	served_run(NULL, vanished_clients_leave_nothing);
}
END_TEST

static void an_empty_pool_is_waited_for(void)
{
	int fd = served_connect();
	int other = served_connect();

	ebb_mem_fail_from(1);
	client_request(fd, 0, NBD_CMD_READ, 1, 0, 1 << 20);
	client_request(other, 0, NBD_CMD_READ, 1, 0, 1 << 20);
	client_request(other, 0, NBD_CMD_FLUSH, 2, 0, 0);
	ck_assert(client_hears_nothing(fd, 50));
	ck_assert(client_hears_nothing(other, 0));
	/* Some, but not all of what a request needs: none of it is kept. */
	ebb_mem_fail_from(3);
	client_request(fd, 0, NBD_CMD_READ, 2, 0, 4 << 20);
	expect_reply(fd, 1, 0);
	ck_assert(client_receive(fd, data, 1 << 20));
	ck_assert(client_hears_nothing(fd, 50));
	ebb_mem_fail_from(0);
	expect_reply(fd, 2, 0);
	ck_assert(client_receive(fd, data, 4 << 20));
	expect_reply(other, 1, 0);
	ck_assert(client_receive(other, data, 1 << 20));
	expect_reply(other, 2, 0);
	/* Gone while it waits. */
	ebb_mem_fail_from(1);
	client_request(fd, 0, NBD_CMD_READ, 1, 0, 1 << 20);
	client_request(other, 0, NBD_CMD_WRITE, 1, 0, 1 << 20);
	ck_assert(client_hears_nothing(fd, 20));
	close(fd);
	close(other);
	ebb_mem_fail_from(0);
	client_wait(no_clients, "the clients are gone");
}

START_TEST(test_an_empty_pool_is_waited_for)
{
	served_run(NULL, an_empty_pool_is_waited_for);
}
END_TEST

static void stop_comes_while_the_bdev_is_busy(void)
{
	int fd = served_connect();

	disk_hold(true);
	client_request(fd, 0, NBD_CMD_WRITE, 1, 0, 512);
	client_send(fd, data, 512);
	wait_held(1);
	disk_remove();
	close(fd);
	disk_release(-EIO, false);
	client_wait(disk_gone, "the bdev is closed");
}

START_TEST(test_stop_comes_while_the_bdev_is_busy)
{
	served_run(NULL, stop_comes_while_the_bdev_is_busy);
}
END_TEST

static void a_handshake_has_its_time(void)
{
	int silent = served_knock();
	int served = served_connect();
	uint32_t error;

	served_add_time(NBD_HANDSHAKE_MS - 1000);
	ck_assert(client_hears_nothing(silent, 50));
	served_add_time(2000);
	expect_end(silent);
	/* Whoever is through with it may be silent for ever. */
	served_add_time(NBD_HANDSHAKE_MS * 10);
	ck_assert(client_hears_nothing(served, 50));
	client_request(served, 0, NBD_CMD_FLUSH, 1, 0, 0);
	ck_assert_uint_eq(client_reply(served, &error), 1);
	close(served);
}

START_TEST(test_a_handshake_has_its_time)
{
	served_move_clock();
	served_run(NULL, a_handshake_has_its_time);
}
END_TEST

static void last_replies_have_their_time(void)
{
	int fd = served_connect();
	unsigned i;

	for (i = 0; i < NBD_POLL_GROUP_BUFFERS_MAX / sizeof(data); i++) {
		client_request(fd, 0, NBD_CMD_READ, i, 0, sizeof(data));
	}
	client_request(fd, 0, NBD_CMD_DISC, 0, 0, 0);
	/* It does not read: its socket fills, and the rest waits. */
	ck_assert(!client_hears_nothing(fd, 10000));
	ck_assert_int_eq(served_clients(), 1);
	served_add_time(NBD_DRAIN_MS + 500);
	client_wait(no_clients, "the deaf client is gone");
	close(fd);
}

START_TEST(test_last_replies_have_their_time)
{
	served_move_clock();
	served_run(NULL, last_replies_have_their_time);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_replies_go_as_requests_end),
		UNIT_TEST(test_no_more_than_the_bound_is_in_flight),
		UNIT_TEST(test_errors_are_told),
		UNIT_TEST(test_fua_reaches_the_bdev),
		UNIT_TEST(test_a_removed_bdev_refuses_what_is_new_and_ends_what_is_not),
		UNIT_TEST(test_a_long_write_goes_in_parts),
		UNIT_TEST(test_a_stalled_write_holds_a_chunk),
		UNIT_TEST(test_a_long_write_is_not_stopped_by_the_bound),
		UNIT_TEST(test_parts_are_bounded),
		UNIT_TEST(test_a_long_write_is_given_up),
		UNIT_TEST(test_vanished_clients_leave_nothing),
		UNIT_TEST(test_an_empty_pool_is_waited_for),
		UNIT_TEST(test_stop_comes_while_the_bdev_is_busy),
		UNIT_TEST(test_a_handshake_has_its_time),
		UNIT_TEST(test_last_replies_have_their_time),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
