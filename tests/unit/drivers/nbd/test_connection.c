/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ebb/app.h>
#include <ebb/memory.h>
#include <ebb/method.h>

#include "drivers/nbd/connection.h"
#include "drivers/nbd/rpc.h"
#include "core/exporter/export.h"
#include "core/exporter/poll_group.h"
#include "core/exporter/threads.h"
#include "tests/unit/drivers/nbd/served.h"
#include "tests/unit/fixtures/log.h"
#include "tests/unit/unit.h"

static uint8_t data[4 << 20];

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
	disk_wait_held(100);
	ck_assert(client_hears_nothing(fd, 0));
	disk_release(0, true);
	for (i = 100; i-- > 0;) {
		client_expect_reply(fd, i, 0);
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
		client_expect_reply(fd, i, cases[i].error);
		client_request(fd, 0, NBD_CMD_READ, i, 0, 512);
		client_expect_reply(fd, i, cases[i].error);
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
	client_expect_reply(fd, 1, 0);
	ck_assert_uint_eq(disk_fua_writes(), 1);
	/* The bdev's unmap knows no FUA: a flush follows. */
	flushes = disk_flushes();
	client_request(fd, NBD_CMD_FLAG_FUA, NBD_CMD_TRIM, 2, 4096, 4096);
	client_expect_reply(fd, 2, 0);
	client_request(fd, 0, NBD_CMD_READ, 3, 4096, 512);
	client_expect_reply(fd, 3, 0);
	ck_assert(client_receive(fd, data, 512));
	ck_assert_uint_eq(data[0], DISK_UNMAPPED);
	ck_assert_uint_eq(disk_flushes(), flushes + 1);
	client_request(fd, 0, NBD_CMD_TRIM, 3, 4096, 4096);
	client_expect_reply(fd, 3, 0);
	ck_assert_uint_eq(disk_flushes(), flushes + 1);
	close(fd);
}

START_TEST(test_fua_reaches_the_bdev)
{
	served_run(NULL, fua_reaches_the_bdev);
}
END_TEST

/* NBD_FLAG_CAN_MULTI_CONN: a flush is the bdev's, not the connection's, and none is left out. */
static void a_flush_is_of_all_connections(void)
{
	int writer = served_connect(), flusher = served_connect();
	unsigned i;

	for (i = 0; i < 3; i++) {
		unsigned flushes = disk_flushes();

		client_request(writer, 0, NBD_CMD_WRITE, 1, 0, 512);
		client_send(writer, data, 512);
		client_expect_reply(writer, 1, 0);
		client_request(flusher, 0, NBD_CMD_FLUSH, 2, 0, 0);
		client_expect_reply(flusher, 2, 0);
		ck_assert_uint_eq(disk_flushes(), flushes + 1);
	}
	disk_fail(-EIO);
	client_request(flusher, 0, NBD_CMD_FLUSH, 2, 0, 0);
	client_expect_reply(flusher, 2, NBD_EIO);
	close(flusher);
	close(writer);
}

START_TEST(test_a_flush_is_of_all_connections)
{
	served_run(NULL, a_flush_is_of_all_connections);
}
END_TEST

static void a_removed_bdev_leaves_what_is_new_and_ends_what_is_not(void)
{
	uint8_t block[512];
	int fd = served_connect();
	int half = served_connect();

	disk_fill(0, 0x77, 512);
	client_request(half, 0, NBD_CMD_WRITE, 9, 0, 4096);
	client_send(half, data, 100);
	disk_hold(true);
	client_request(fd, 0, NBD_CMD_READ, 1, 0, 512);
	disk_wait_held(1);
	disk_remove();
	client_expect_end(half);
	client_request(fd, 0, NBD_CMD_READ, 2, 0, 512);
	client_request(fd, 0, NBD_CMD_WRITE, 3, 0, 512);
	client_send(fd, data, 512);
	ck_assert(!disk_gone());
	disk_release(0, false);
	client_expect_reply(fd, 1, 0);
	ck_assert(client_receive(fd, block, sizeof(block)));
	ck_assert_uint_eq(block[0], 0x77);
	client_expect_end(fd);
	client_wait(disk_gone, "the bdev is closed");
	ck_assert_int_eq(served_clients(), -1);
}

START_TEST(test_a_removed_bdev_leaves_what_is_new_and_ends_what_is_not)
{
	served_run(NULL, a_removed_bdev_leaves_what_is_new_and_ends_what_is_not);
}
END_TEST

static void vanish_with(int how)
{
	size_t before = served_buffers();
	int fd = served_connect();

	disk_hold(true);
	client_request(fd, 0, NBD_CMD_READ, 1, 0, 1 << 20);
	client_request(fd, 0, NBD_CMD_WRITE, 2, 0, 1 << 20);
	client_send(fd, data, 1 << 20);
	client_request(fd, 0, NBD_CMD_WRITE, 3, 0, 2 << 20);
	client_send(fd, data, 1 << 20);
	disk_wait_held(3); /* with the first part of the last one */
	ck_assert_uint_gt(served_buffers(), before);
	if (how == 0) {
		close(fd);
	} else {
		shutdown(fd, SHUT_WR);
	}
	/* The bdev has their memory: nothing may be given back before it says so. */
	ck_assert_int_eq(served_clients(), 1);
	ck_assert_uint_ge(served_buffers(), before + (3u << 20));
	disk_release(0, false);
	client_wait(served_nobody, "the client is gone");
	ck_assert_uint_eq(served_buffers(), before);
	if (how != 0) {
		close(fd);
	}
}

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

static void stop_comes_while_the_bdev_is_busy(void)
{
	int fd = served_connect();

	disk_hold(true);
	client_request(fd, 0, NBD_CMD_WRITE, 1, 0, 512);
	client_send(fd, data, 512);
	disk_wait_held(1);
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

static bool passed_over(void)
{
	return logged("export 'disk' of bdev 'disk' has not ended at shutdown: 1 of its clients");
}

/* The bdev answers after that, and the export ends while the bdevs are being ended. */
static void shutdown_goes_on_without_an_export(void)
{
	int fd = served_connect();

	disk_hold(true);
	client_request(fd, 0, NBD_CMD_READ, 1, 0, 512);
	disk_wait_held(1);
	ebb_app_stop(0);
	served_add_time(8000);
	ck_assert(client_hears_nothing(fd, 50));
	ck_assert(!passed_over());
	served_add_time(1500);
	client_wait(passed_over, "the export is passed over");
	disk_release(0, false);
	client_expect_reply(fd, 1, 0);
	close(fd);
}

START_TEST(test_shutdown_goes_on_without_an_export)
{
	log_capture();
	served_move_clock();
	served_run(NULL, shutdown_goes_on_without_an_export);
	ck_assert_uint_eq(log_count("refused"), 0);
	ck_assert_uint_eq(log_count(": passed over"), 0);
	ck_assert_uint_eq(log_count("still held open"), 0); /* the bdev */
}
END_TEST

static void method_done(void *arg, struct json_object *result, const struct ebb_method_error *error)
{
	ck_assert_msg(error == NULL, "%s", error != NULL ? error->text : "");
	json_object_put(result);
	json_object_put(arg);
}

static void limit_the_disk(void *arg)
{
	struct json_object *params = json_object_new_object();

	(void)arg;
	json_object_object_add(params, "name", json_object_new_string("disk"));
	json_object_object_add(params, "rw_mbytes_per_sec", json_object_new_int(1));
	ebb_method_dispatch(ebb_method_find("bdev_set_qos_limit"), params, method_done, params);
}

static void stop_the_export(void *arg)
{
	(void)arg;
	ck_assert_int_eq(exporter_export_stop(exporter_export_next(&nbd_exporter, NULL), NULL,
					      NULL),
			 0);
}

static bool export_is_gone(void)
{
	return served_clients() == -1;
}

/* More of them than a minute would be enough for, at the limit's rate. */
static void a_stop_waits_for_no_limit(void)
{
	enum { CLIENTS = 16 };
	int fds[CLIENTS];
	uint64_t cookie;
	unsigned i;

	for (i = 0; i < CLIENTS; i++) {
		fds[i] = served_connect();
	}
	served_on(ebb_thread_app(), limit_the_disk, NULL);
	for (i = 0; i < CLIENTS; i++) {
		for (cookie = 1; cookie <= 8; cookie++) {
			client_request(fds[i], 0, NBD_CMD_READ, cookie, 0, 1 << 20);
		}
	}
	ck_assert(!client_hears_nothing(fds[0], 10000));
	served_on(ebb_thread_app(), stop_the_export, NULL);
	for (i = 0; i < CLIENTS; i++) {
		close(fds[i]);
	}
	client_wait(export_is_gone, "the export has stopped");
}

START_TEST(test_a_stop_waits_for_no_limit)
{
	served_run(NULL, a_stop_waits_for_no_limit);
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
	client_expect_end(silent);
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
	unsigned waited_ms = 0;
	unsigned i;

	for (i = 0; i < EXPORTER_POT_MAX / sizeof(data); i++) {
		client_request(fd, 0, NBD_CMD_READ, i, 0, sizeof(data));
	}
	client_request(fd, 0, NBD_CMD_DISC, 0, 0, 0);
	/* It does not read: its socket fills, and the rest waits. */
	ck_assert(!client_hears_nothing(fd, 10000));
	ck_assert_int_eq(served_clients(), 1);
	while (!served_nobody()) {
		const struct timespec pause = {.tv_nsec = 20000000};

		ck_assert_uint_lt(waited_ms, 3000); /* it may be late to see the clock */
		served_add_time(100);
		waited_ms += 100;
		nanosleep(&pause, NULL);
	}
	ck_assert_uint_ge(waited_ms, 600);
	close(fd);
}

START_TEST(test_last_replies_have_their_time)
{
	served_move_clock();
	served_run(NULL, last_replies_have_their_time);
}
END_TEST

/* As if it had moved to a reactor where nothing can be asked, and a client had not gone yet. */
static void break_group(void *arg)
{
	struct exporter_poll_group *group = exporter_poll_group_get();

	(void)arg;
	exporter_poll_group_set_state(group, EXPORTER_POLL_GROUP_QUIESCING);
	exporter_poll_group_set_state(group, EXPORTER_POLL_GROUP_BROKEN);
	exporter_poll_group_put(group);
}

static void pick_thread(void *arg)
{
	*(struct ebb_thread **)arg = exporter_threads_pick();
}

static void broken_client(void)
{
	struct ebb_thread *thread;
	int before = served_knock();

	served_on(ebb_thread_app(), pick_thread, &thread);
	served_on(thread, break_group, NULL);
	client_expect_end(served_dial());
	close(before);
}

START_TEST(test_a_thread_that_cannot_listen_hangs_up_at_once)
{
	served_move_clock(); /* no handshake runs out of time */
	served_run(NULL, broken_client);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_replies_go_as_requests_end),
		UNIT_TEST(test_errors_are_told),
		UNIT_TEST(test_fua_reaches_the_bdev),
		UNIT_TEST(test_a_flush_is_of_all_connections),
		UNIT_TEST(test_a_removed_bdev_leaves_what_is_new_and_ends_what_is_not),
		UNIT_TEST(test_vanished_clients_leave_nothing),
		UNIT_TEST(test_stop_comes_while_the_bdev_is_busy),
		UNIT_TEST(test_shutdown_goes_on_without_an_export),
		UNIT_TEST(test_a_stop_waits_for_no_limit),
		UNIT_TEST(test_a_handshake_has_its_time),
		UNIT_TEST(test_a_thread_that_cannot_listen_hangs_up_at_once),
		UNIT_TEST(test_last_replies_have_their_time),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
