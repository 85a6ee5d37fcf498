/* SPDX-License-Identifier: Apache-2.0 */

/* What goes on, or ends, while reads that have given their buffers back wait to be read again. */

#include "drivers/nbd/yield.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/nbd/part.h"
#include "tests/unit/drivers/nbd/served.h"
#include "tests/unit/drivers/nbd/stalled.h"
#include "tests/unit/unit.h"

/* Another client wants what is above the floors of those that take nothing, and gets it. */
static void want_it_back(int other)
{
	stalled_settle();
	disk_hold(true);
	client_request(other, 0, NBD_CMD_READ, 1, 0, MIB);
	client_request(other, 0, NBD_CMD_READ, 2, 0, MIB);
	stalled_pass_time(2);
	for (unsigned i = 1; i <= 2; i++) {
		client_expect_reply(other, i, 0);
		stalled_expect_data(other, 0, MIB);
	}
}

static bool two_clients(void)
{
	return served_clients() == 2;
}

/* The request is in no list then, but its parts are. */
static void who_has_parts_to_read_again_hangs_up(void)
{
	int fd = served_connect_structured(), busy = served_connect(), other = served_connect();

	stalled_fill_disk();
	stalled_begin();
	(void)stalled_stall(fd, MIB);
	client_request(fd, 0, NBD_CMD_READ, 99, 0, 4 * MIB);
	stalled_wait(5 * MIB);
	(void)stalled_stall(busy, EXPORTER_FLOOR + SHARE_MAX);
	want_it_back(other);
	close(fd);
	client_wait(two_clients, "it is gone");
	close(busy);
	close(other);
	client_wait(served_nobody, "the clients are gone");
	ck_assert_uint_eq(stalled_used(), 0);
}

START_TEST(test_who_has_parts_to_read_again_hangs_up)
{
	served_move_clock();
	served_run(NULL, who_has_parts_to_read_again_hangs_up);
}
END_TEST

/* The replies that are held for its end are read again after that. */
static void a_long_reply_that_has_begun_goes_on(void)
{
	int fd = served_connect(), other = served_connect();
	unsigned i, early = SHARE_MAX / MIB - 1;
	uint32_t error;

	stalled_fill_disk();
	stalled_begin();
	disk_hold(true);
	for (i = 0; i < early; i++) {
		client_request(fd, 0, NBD_CMD_READ, 100 + i, i * MIB, MIB);
	}
	disk_wait_held(early);
	client_request(fd, 0, NBD_CMD_READ, 1, 16 * MIB, 32 * MIB);
	disk_wait_held(early + 1);
	/* Backwards: the long one's first part is the first. Its socket takes not all of it. */
	disk_release(0, true);
	want_it_back(other);
	client_expect_reply(fd, 1, 0);
	for (i = 16; i < 48; i += 8) {
		stalled_expect_data(fd, i * MIB, 8 * MIB);
	}
	for (i = 0; i < early; i++) {
		uint64_t cookie = client_reply(fd, &error);

		ck_assert_uint_eq(error, 0);
		stalled_expect_data(fd, (cookie - 100) * MIB, MIB);
	}
	close(other);
	close(fd);
}

START_TEST(test_a_long_reply_that_has_begun_goes_on)
{
	served_move_clock();
	served_run(NULL, a_long_reply_that_has_begun_goes_on);
}
END_TEST

/* A client may send before it takes: what it sends does not wait for what it is to take. */
static void writes_go_on(void)
{
	static uint8_t sent[65536], come[sizeof(sent)];
	int fd = served_connect(), other = served_connect();
	unsigned i, reads, writes = 0;
	uint32_t error;

	stalled_fill_disk();
	stalled_begin();
	reads = stalled_stall(fd, SHARE_MAX);
	want_it_back(other);
	memset(sent, 0x77, sizeof(sent));
	client_request(fd, 0, NBD_CMD_WRITE, 200, 50 * MIB, sizeof(sent));
	client_send(fd, sent, sizeof(sent));
	for (i = 0; i < 1000 && memcmp(sent, come, sizeof(sent)) != 0; i++) {
		usleep(1000);
		client_request(other, 0, NBD_CMD_READ, i, 50 * MIB, sizeof(come));
		client_expect_reply(other, i, 0);
		ck_assert(client_receive(other, come, sizeof(come)));
	}
	ck_assert_uint_lt(i, 1000);
	for (i = 0; i <= reads; i++) {
		uint64_t cookie = client_reply(fd, &error);

		ck_assert_uint_eq(error, 0);
		if (cookie == 200) {
			writes++;
		} else {
			stalled_expect_data(fd, (cookie % 48) * MIB, MIB);
		}
	}
	ck_assert_uint_eq(writes, 1);
	close(other);
	close(fd);
}

START_TEST(test_writes_go_on)
{
	served_move_clock();
	served_run(NULL, writes_go_on);
}
END_TEST

static const struct exporter_share_ops no_ops;

/* The bdev has read the next part of it: that is to be sent. */
static struct nbd_req *speak(struct nbd_req *whole)
{
	struct nbd_req *part;
	int rc;

	part = nbd_part_get(whole, &rc);
	ck_assert_ptr_nonnull(part);
	ck_assert(nbd_part_end(part, 0));
	return part;
}

/* Others of the client's may hold all that it may have then, and are sent after it. */
START_TEST(a_reply_that_has_begun_keeps_what_it_goes_on_with)
{
	const struct nbd_request wire = {.type = NBD_CMD_READ, .len_bytes = 4 * MIB};
	struct nbd_requests requests = {.structured = false, .geometry.block_size = 512};
	struct exporter_pot pot;
	struct nbd_req *whole, *other, *part;

	exporter_pot_init(&pot, EXPORTER_POT_MAX);
	nbd_requests_init(&requests, NULL, &no_ops);
	exporter_share_open(&requests.share, &pot, &no_ops);
	requests.reqs = malloc((NBD_REQUESTS_MAX + NBD_PARTS_MAX) * sizeof(*requests.reqs));
	whole = nbd_req_get(&requests, &wire, NULL);
	whole->parts = 1;
	other = nbd_req_get(&requests, &wire, NULL);
	ck_assert_int_eq(exporter_buffers_alloc(&other->buffers, &requests.share, MIB), 0);

	/* Before anything has been sent all may go. */
	(void)speak(whole);
	nbd_requests_yield(&requests, false);
	ck_assert(ebb_list_empty(&requests.replies));
	ck_assert_ptr_null(requests.speaking);
	ck_assert_uint_eq(requests.share.used_bytes, MIB);

	part = speak(whole);
	ebb_list_remove(&part->link);
	nbd_req_put(part);
	part = speak(whole);
	nbd_requests_yield(&requests, false);
	ck_assert_ptr_eq(requests.replies.next, &part->link);
	ck_assert_uint_eq(part->buffers.used_bytes, MIB);
	/* What is more than that goes. */
	(void)speak(whole);
	nbd_requests_yield(&requests, false);
	ck_assert_ptr_eq(requests.replies.prev, &part->link);
	ck_assert_uint_eq(requests.share.used_bytes, 2 * MIB);

	nbd_req_put(other);
	whole->parts = 0;
	ebb_list_push_back(&requests.held, &whole->link);
	nbd_requests_close(&requests);
	ck_assert_uint_eq(pot.used_bytes, 0);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_who_has_parts_to_read_again_hangs_up),
		UNIT_TEST(test_a_long_reply_that_has_begun_goes_on),
		UNIT_TEST(test_writes_go_on),
		UNIT_TEST(a_reply_that_has_begun_keeps_what_it_goes_on_with),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
