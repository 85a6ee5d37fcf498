/* SPDX-License-Identifier: Apache-2.0 */

/* What goes on, or ends, while reads that have given their buffers back wait to be read again. */

#include <string.h>
#include <unistd.h>

#include "drivers/nbd/connection.h"
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

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_who_has_parts_to_read_again_hangs_up),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
