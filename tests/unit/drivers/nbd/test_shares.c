/* SPDX-License-Identifier: Apache-2.0 */

/* Long reads in parts, and clients that take nothing: what they keep, give back, and lose. */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ebb/memory.h>

#include "core/memory/pool.h"
#include "drivers/nbd/connection.h"
#include "tests/unit/drivers/nbd/served.h"
#include "tests/unit/drivers/nbd/stalled.h"
#include "tests/unit/fixtures/log.h"
#include "tests/unit/unit.h"

static uint8_t data[8 * MIB];

static void a_part_at_a_time_is_read(void)
{
	int fd = served_connect();

	stalled_fill_disk();
	disk_hold(true);
	client_request(fd, 0, NBD_CMD_READ, 1, 0, 3 * MIB + 512);
	client_request(fd, 0, NBD_CMD_FLUSH, 2, 0, 0);
	disk_wait_held(1);
	ck_assert(client_hears_nothing(fd, 50));
	ck_assert_uint_eq(disk_held(), 1);
	disk_release(0, false);
	client_expect_reply(fd, 1, 0);
	stalled_expect_data(fd, 0, 3 * MIB + 512);
	client_expect_reply(fd, 2, 0);
	close(fd);
}

START_TEST(test_a_part_at_a_time_is_read)
{
	served_run(NULL, a_part_at_a_time_is_read);
}
END_TEST

/* The first part's error is the reply; a later one's cannot be told. */
static void errors_of_parts(void)
{
	int fd = served_connect();
	uint32_t got = 0;

	disk_fail(-EIO);
	client_request(fd, 0, NBD_CMD_READ, 1, 0, 4 * MIB);
	client_expect_reply(fd, 1, NBD_EIO);
	disk_fail(0);
	client_request(fd, 0, NBD_CMD_FLUSH, 2, 0, 0);
	client_expect_reply(fd, 2, 0);
	/* Its socket is full before all of it has been read. */
	client_request(fd, 0, NBD_CMD_READ, 3, 0, NBD_REQUEST_MAX);
	client_expect_reply(fd, 3, 0);
	disk_fail(-EIO);
	while (client_receive(fd, data, MIB)) {
		got += MIB;
	}
	ck_assert_uint_lt(got, NBD_REQUEST_MAX);
	close(fd);
	client_wait(served_nobody, "it has been hung up on");
	ck_assert(logged("a part of its read failed after its reply had begun"));
}

START_TEST(test_errors_of_parts)
{
	log_capture();
	served_run(NULL, errors_of_parts);
}
END_TEST

/*
 * Replies that are ready amid a long one wait for its end, and have all of the client's memory; the
 * long one goes on with what it has.
 */
static void a_reply_is_never_cut(void)
{
	int fd = served_connect();
	unsigned i, early = SHARE_MAX / MIB - 1;

	stalled_fill_disk();
	disk_hold(true);
	for (i = 0; i < early; i++) {
		client_request(fd, 0, NBD_CMD_READ, 100 + i, i * MIB, MIB);
	}
	disk_wait_held(early);
	client_request(fd, 0, NBD_CMD_READ, 1, 16 * MIB, 5 * MIB);
	disk_wait_held(early + 1);
	/* Backwards: the long one's first part is the first. */
	disk_release(0, true);
	client_expect_reply(fd, 1, 0);
	stalled_expect_data(fd, 16 * MIB, 5 * MIB);
	for (i = early; i > 0; i--) {
		client_expect_reply(fd, 100 + i - 1, 0);
		stalled_expect_data(fd, (i - 1) * MIB, MIB);
	}
	close(fd);
}

START_TEST(test_a_reply_is_never_cut)
{
	served_run(NULL, a_reply_is_never_cut);
}
END_TEST

/* The disk would answer the second one's first part before the first one's last. */
static void long_replies_do_not_mix(void)
{
	int fd = served_connect();

	stalled_fill_disk();
	disk_hold(true);
	client_request(fd, 0, NBD_CMD_READ, 1, 0, 2 * MIB);
	client_request(fd, 0, NBD_CMD_READ, 2, 16 * MIB, 2 * MIB);
	disk_wait_held(1);
	disk_release_some(0, 1);
	client_expect_reply(fd, 1, 0);
	stalled_expect_data(fd, 0, MIB);
	ck_assert(client_hears_nothing(fd, 50));
	disk_release(0, true);
	stalled_expect_data(fd, MIB, MIB);
	client_expect_reply(fd, 2, 0);
	stalled_expect_data(fd, 16 * MIB, 2 * MIB);
	close(fd);
}

START_TEST(test_long_replies_do_not_mix)
{
	served_run(NULL, long_replies_do_not_mix);
}
END_TEST

/* An export that goes amid a simple reply of many parts lets it end. */
static void a_stop_lets_a_long_reply_end(void)
{
	int fd = served_connect();

	stalled_fill_disk();
	disk_hold(true);
	client_request(fd, 0, NBD_CMD_READ, 1, 0, 8 * MIB);
	disk_wait_held(1);
	disk_remove();
	disk_release(0, false);
	client_expect_reply(fd, 1, 0);
	stalled_expect_data(fd, 0, 8 * MIB);
	client_expect_end(fd);
	client_wait(disk_gone, "the bdev is closed");
}

START_TEST(test_a_stop_lets_a_long_reply_end)
{
	served_run(NULL, a_stop_lets_a_long_reply_end);
}
END_TEST

/* The export goes; its client takes what it is to have, and the disk is slow. */
static void a_long_reply_ends_in_the_disks_own_time(void)
{
	int fd = served_connect();
	uint32_t taken;
	unsigned i;

	stalled_fill_disk();
	client_request(fd, 0, NBD_CMD_READ, 1, 0, 32 * MIB);
	/* Its socket is full: the rest waits for it, and a timer runs. */
	stalled_settle();
	disk_remove();
	stalled_settle();
	disk_hold(true);
	client_expect_reply(fd, 1, 0);
	for (taken = 0; disk_held() == 0; taken += MIB) {
		ck_assert_uint_lt(taken, 24 * MIB);
		stalled_expect_data(fd, taken, MIB);
		stalled_settle();
	}
	for (i = 0; i < 5; i++) {
		served_add_time(NBD_DRAIN_MS + 1);
		stalled_settle();
	}
	disk_release(0, false);
	for (; taken < 32 * MIB; taken += MIB) {
		stalled_expect_data(fd, taken, MIB);
	}
	client_expect_end(fd);
}

START_TEST(test_a_long_reply_ends_in_the_disks_own_time)
{
	served_move_clock();
	served_run(NULL, a_long_reply_ends_in_the_disks_own_time);
}
END_TEST

static size_t wanted_most;

static bool used_at_most(void)
{
	return stalled_used() <= wanted_most;
}

static bool had_all(int other, unsigned cookie)
{
	uint32_t error;

	client_request(other, 0, NBD_CMD_READ, cookie, 0, 8 * MIB);
	ck_assert_uint_eq(client_reply(other, &error), cookie);
	ck_assert_uint_eq(error, 0);
	stalled_expect_data(other, 0, 8 * MIB);
	return true;
}

/* What it has of the pot comes back when others want it; and none of its replies is lost. */
static void above_the_floor_it_comes_back(void)
{
	int fd = served_connect(), others[3];
	unsigned i, reads;

	stalled_fill_disk();
	stalled_begin();
	reads = stalled_stall(fd, SHARE_MAX);
	for (i = 0; i < EBB_ARRAY_SIZE(others); i++) {
		others[i] = served_connect();
		/* Nobody waits for long: it has its floor. */
		ck_assert(had_all(others[i], i));
	}
	disk_hold(true);
	for (i = 0; i < EBB_ARRAY_SIZE(others); i++) {
		client_request(others[i], 0, NBD_CMD_READ, 7, 0, MIB);
		client_request(others[i], 0, NBD_CMD_READ, 8, MIB, MIB);
	}
	disk_wait_held(EBB_ARRAY_SIZE(others));
	wanted_most = SHARE_MAX + EBB_ARRAY_SIZE(others) * EXPORTER_FLOOR;
	ck_assert(used_at_most());
	stalled_pass_time(2 * EBB_ARRAY_SIZE(others));
	/* Theirs have had what they waited for, and take it. */
	for (i = 0; i < EBB_ARRAY_SIZE(others); i++) {
		client_expect_reply(others[i], 7, 0);
		stalled_expect_data(others[i], 0, MIB);
		client_expect_reply(others[i], 8, 0);
		stalled_expect_data(others[i], MIB, MIB);
	}
	for (i = 0; i < reads; i++) {
		uint32_t error;
		uint64_t cookie = client_reply(fd, &error);

		ck_assert_uint_eq(error, 0);
		stalled_expect_data(fd, (cookie % 48) * MIB, MIB);
	}
	for (i = 0; i < EBB_ARRAY_SIZE(others); i++) {
		close(others[i]);
	}
	close(fd);
	client_wait(served_nobody, "the clients are gone");
	ck_assert_uint_eq(stalled_used(), 0);
}

START_TEST(test_above_the_floor_it_comes_back)
{
	served_move_clock();
	served_run(NULL, above_the_floor_it_comes_back);
}
END_TEST

/* A long reply that has not begun to be sent is given back as a whole, and read again. */
static void so_does_a_long_reply(void)
{
	int fd = served_connect(), busy = served_connect(), other = served_connect();
	unsigned i, reads;

	stalled_fill_disk();
	stalled_begin();
	reads = stalled_stall(fd, 3 * MIB);
	client_request(fd, 0, NBD_CMD_READ, 99, 0, 5 * MIB);
	stalled_wait(4 * MIB);
	(void)stalled_stall(busy, EXPORTER_FLOOR + SHARE_MAX);
	disk_hold(true);
	client_request(other, 0, NBD_CMD_READ, 1, 0, MIB);
	client_request(other, 0, NBD_CMD_READ, 2, 0, MIB);
	disk_wait_held(1);
	stalled_pass_time(2);
	for (i = 1; i <= 2; i++) {
		client_expect_reply(other, i, 0);
		stalled_expect_data(other, 0, MIB);
	}
	for (i = 0; i <= reads; i++) {
		uint32_t error;
		uint64_t cookie = client_reply(fd, &error);

		ck_assert_uint_eq(error, 0);
		if (cookie == 99) {
			stalled_expect_data(fd, 0, 5 * MIB);
		} else {
			stalled_expect_data(fd, (cookie % 48) * MIB, MIB);
		}
	}
	close(other);
	close(busy);
	close(fd);
	client_wait(served_nobody, "the clients are gone");
	ck_assert_uint_eq(stalled_used(), 0);
}

START_TEST(test_so_does_a_long_reply)
{
	served_move_clock();
	served_run(NULL, so_does_a_long_reply);
}
END_TEST

/* What a client sends goes on, whatever it does not take. */
static void writes_go_on(void)
{
	static const uint32_t lens[] = {512, 65536,  EXPORTER_RESERVE, EXPORTER_RESERVE + 512,
					MIB, 3 * MIB};
	int fd = served_connect(), other = served_connect();
	unsigned i;
	uint32_t error;

	stalled_begin();
	(void)stalled_stall(fd, SHARE_MAX);
	memset(data, 0x77, sizeof(data));
	for (i = 0; i < EBB_ARRAY_SIZE(lens); i++) {
		client_request(fd, 0, NBD_CMD_WRITE, 200 + i, 48 * MIB + i * 2 * MIB, lens[i]);
		client_send(fd, data, lens[i]);
	}
	/* The last of it is there, as another client sees it. */
	for (i = 0; i < 1000; i++) {
		client_request(other, 0, NBD_CMD_READ, i, 48 * MIB + 10 * MIB + 3 * MIB - 512, 512);
		ck_assert_uint_eq(client_reply(other, &error), i);
		ck_assert(client_receive(other, data, 512));
		if (data[511] == 0x77) {
			break;
		}
		usleep(1000);
	}
	ck_assert_uint_lt(i, 1000);
	close(other);
	close(fd);
}

START_TEST(test_writes_go_on)
{
	served_run(NULL, writes_go_on);
}
END_TEST

/* Only where another lacks its floor, and not before half a minute. */
static void one_that_takes_nothing_is_dropped(void)
{
	int stalled = served_connect(), idle = served_connect(), fd = served_connect();
	unsigned i;

	stalled_fill_disk();
	stalled_begin();
	(void)stalled_stall(stalled, SHARE_MAX);
	for (i = 0; i < 5; i++) {
		served_add_time(EXPORTER_DROP_NS / EBB_NS_PER_MS);
		ck_assert(had_all(fd, i));
	}
	ck_assert_int_eq(served_clients(), 3);
	mem_fail_from(1);
	client_request(fd, 0, NBD_CMD_READ, 9, 0, MIB);
	ck_assert(client_hears_nothing(fd, 200));
	served_add_time(EXPORTER_DROP_NS / EBB_NS_PER_MS - 12000);
	ck_assert(client_hears_nothing(fd, 1200));
	ck_assert_int_eq(served_clients(), 3);
	ck_assert(!logged("has taken nothing for 30 s"));
	served_add_time(12000);
	for (i = 0; i < 5000 && served_clients() == 3; i++) {
		usleep(1000);
	}
	ck_assert_int_eq(served_clients(), 2);
	ck_assert_uint_eq(log_count("has taken nothing for 30 s"), 1);
	mem_fail_from(0);
	client_expect_reply(fd, 9, 0);
	stalled_expect_data(fd, 0, MIB);
	/* It has nothing: it was no use to drop it. */
	client_request(idle, 0, NBD_CMD_FLUSH, 1, 0, 0);
	client_expect_reply(idle, 1, 0);
	close(idle);
	close(fd);
	close(stalled);
}

START_TEST(test_one_that_takes_nothing_is_dropped)
{
	log_capture();
	served_move_clock();
	served_run(NULL, one_that_takes_nothing_is_dropped);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_a_part_at_a_time_is_read),
		UNIT_TEST(test_errors_of_parts),
		UNIT_TEST(test_a_reply_is_never_cut),
		UNIT_TEST(test_long_replies_do_not_mix),
		UNIT_TEST(test_a_stop_lets_a_long_reply_end),
		UNIT_TEST(test_a_long_reply_ends_in_the_disks_own_time),
		UNIT_TEST(test_above_the_floor_it_comes_back),
		UNIT_TEST(test_so_does_a_long_reply),
		UNIT_TEST(test_writes_go_on),
		UNIT_TEST(test_one_that_takes_nothing_is_dropped),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
