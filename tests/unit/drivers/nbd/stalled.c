/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/drivers/nbd/stalled.h"

#include <check.h>

#include <unistd.h>

#include "drivers/nbd/wire.h"
#include "tests/unit/drivers/nbd/served.h"

static size_t before, wanted;

void stalled_fill_disk(void)
{
	for (unsigned i = 0; i < DISK_SIZE / MIB; i++) {
		disk_fill((size_t)i * MIB, (uint8_t)(i + 1), MIB);
	}
}

void stalled_expect_data(int fd, uint64_t offset, uint32_t len)
{
	static uint8_t data[8 * MIB];

	ck_assert_uint_le(len, sizeof(data));
	ck_assert(client_receive(fd, data, len));
	for (uint32_t i = 0; i < len; i += 512) {
		ck_assert_uint_eq(data[i], (offset + i) / MIB + 1);
	}
}

void stalled_begin(void)
{
	before = served_buffers();
}

size_t stalled_used(void)
{
	return served_buffers() - before;
}

static bool used_at_least(void)
{
	return stalled_used() >= wanted;
}

void stalled_wait(size_t used)
{
	wanted = used;
	client_wait(used_at_least, "they have it");
}

/* The thread has done what it had to do. */
static void nothing_to_do(void *arg)
{
	(void)arg;
}

void stalled_settle(void)
{
	size_t used;

	do {
		used = served_buffers();
		usleep(2000);
		for (unsigned i = 0; i < 3; i++) {
			served_on(disk_thread(), nothing_to_do, NULL);
		}
	} while (served_buffers() != used);
}

unsigned stalled_stall(int fd, size_t used)
{
	unsigned reads = 0;

	while (stalled_used() < used) {
		ck_assert_uint_lt(reads, 64);
		client_request(fd, 0, NBD_CMD_READ, reads, (uint64_t)(reads % 48) * MIB, MIB);
		reads++;
		/* No more of them than can begin: what comes behind would wait with them. */
		stalled_settle();
	}
	return reads;
}

void stalled_pass_time(unsigned count)
{
	for (unsigned i = 0; disk_held() < count; i++) {
		ck_assert_uint_lt(i, 500);
		served_add_time(700);
		usleep(20000);
	}
	disk_release(0, false);
}
