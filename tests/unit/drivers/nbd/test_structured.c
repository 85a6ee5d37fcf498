/* SPDX-License-Identifier: Apache-2.0 */

/* Structured replies: their chunks, long reads in parts, and what is left when they cannot end. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/nbd/connection.h"
#include "tests/unit/drivers/nbd/served.h"
#include "tests/unit/unit.h"

#define MIB (1u << 20)

static uint8_t data[16 * MIB];

static void expect_chunk(int fd, uint16_t type, uint16_t flags, uint64_t cookie,
			 struct client_chunk *chunk)
{
	client_chunk(fd, chunk);
	ck_assert_uint_eq(chunk->type, type);
	ck_assert_uint_eq(chunk->flags, flags);
	ck_assert_uint_eq(chunk->cookie, cookie);
}

static void a_read_is_one_chunk(void)
{
	int fd = served_connect_structured();
	struct client_chunk chunk;

	disk_fill(4096, 0x5a, 512);
	client_request(fd, 0, NBD_CMD_READ, 1, 4096, 1024);
	expect_chunk(fd, NBD_REPLY_TYPE_OFFSET_DATA, NBD_REPLY_FLAG_DONE, 1, &chunk);
	ck_assert_uint_eq(chunk.offset, 4096);
	ck_assert_uint_eq(chunk.data_len, 1024);
	ck_assert(client_receive(fd, data, 1024));
	ck_assert_uint_eq(data[511], 0x5a);
	ck_assert_uint_eq(data[512], 0);
	/* What has no data may have a simple reply. */
	client_request(fd, 0, NBD_CMD_WRITE, 2, 0, 512);
	client_send(fd, data, 512);
	client_expect_reply(fd, 2, 0);
	client_request(fd, 0, NBD_CMD_FLUSH, 3, 0, 0);
	client_expect_reply(fd, 3, 0);
	close(fd);
}

START_TEST(test_a_read_is_one_chunk)
{
	served_run(NULL, a_read_is_one_chunk);
}
END_TEST

/* A read's error, an early one too, must be a chunk; the connection goes on after any. */
static void errors_are_chunks(void)
{
	static const struct {
		uint16_t flags, type;
		uint64_t offset;
		uint32_t len, error;
	} cases[] = {
		{0, NBD_CMD_READ, DISK_SIZE, 512, NBD_EINVAL},
		{0x8000, NBD_CMD_READ, 0, 512, NBD_EINVAL},
		{0, NBD_CMD_READ, 0, 0, NBD_EINVAL},
		{NBD_CMD_FLAG_DF, NBD_CMD_READ, 0, NBD_DF_MAX + 512, NBD_EOVERFLOW},
		{0, 99, 0, 512, NBD_EINVAL},
		{0, NBD_CMD_READ, 0, 512, NBD_EIO},
		{0, NBD_CMD_TRIM, 0, 512, NBD_EIO},
	};
	int fd = served_connect_structured();
	struct client_chunk chunk;
	unsigned i;

	disk_fail(-EIO);
	for (i = 0; i < EBB_ARRAY_SIZE(cases); i++) {
		client_request(fd, cases[i].flags, cases[i].type, i, cases[i].offset, cases[i].len);
		expect_chunk(fd, NBD_REPLY_TYPE_ERROR, NBD_REPLY_FLAG_DONE, i, &chunk);
		ck_assert_uint_eq(chunk.error, cases[i].error);
	}
	close(fd);
}

START_TEST(test_errors_are_chunks)
{
	served_run(NULL, errors_are_chunks);
}
END_TEST

/* Takes the whole structured reply to a read of @len bytes at 0: @errors of its parts failed. */
static void expect_parts(int fd, uint64_t cookie, uint32_t len, unsigned errors)
{
	unsigned parts = (len + MIB - 1) / MIB, failed = 0, i;
	uint64_t seen = 0, total = 0;
	struct client_chunk chunk;

	for (i = 0; i < parts; i++) {
		client_chunk(fd, &chunk);
		ck_assert_uint_eq(chunk.flags, 0);
		ck_assert_uint_eq(chunk.cookie, cookie);
		ck_assert_uint_eq(chunk.offset % MIB, 0);
		ck_assert_uint_eq(seen & 1ull << (chunk.offset / MIB), 0);
		seen |= 1ull << (chunk.offset / MIB);
		if (chunk.type == NBD_REPLY_TYPE_ERROR_OFFSET) {
			failed++;
			ck_assert_uint_eq(chunk.error, NBD_EIO);
			continue;
		}
		ck_assert_uint_eq(chunk.type, NBD_REPLY_TYPE_OFFSET_DATA);
		ck_assert(client_receive(fd, data + chunk.offset, chunk.data_len));
		total += chunk.data_len;
		ck_assert_uint_eq(data[chunk.offset], chunk.offset / MIB + 1);
	}
	ck_assert_uint_eq(failed, errors);
	ck_assert(errors > 0 || total == len);
	expect_chunk(fd, NBD_REPLY_TYPE_NONE, NBD_REPLY_FLAG_DONE, cookie, &chunk);
}

static void fill_parts(void)
{
	for (unsigned i = 0; i < sizeof(data) / MIB; i++) {
		disk_fill(i * MIB, (uint8_t)(i + 1), 512);
	}
}

static void a_long_read_goes_in_parts(void)
{
	static const uint32_t lens[] = {MIB + 512, 2 * MIB, 3 * MIB - 512, 16 * MIB};
	int fd = served_connect_structured();
	unsigned i;

	fill_parts();
	for (i = 0; i < EBB_ARRAY_SIZE(lens); i++) {
		client_request(fd, 0, NBD_CMD_READ, i, 0, lens[i]);
		/* What comes behind it is not lost. */
		client_request(fd, 0, NBD_CMD_READ, 100 + i, 0, 16 * MIB);
		expect_parts(fd, i, lens[i], 0);
		expect_parts(fd, 100 + i, 16 * MIB, 0);
	}
	close(fd);
}

START_TEST(test_a_long_read_goes_in_parts)
{
	served_run(NULL, a_long_read_goes_in_parts);
}
END_TEST

/* Each part's error is told at its offset, and the others' data is good. */
static void a_part_fails_alone(void)
{
	int fd = served_connect_structured();

	fill_parts();
	disk_hold(true);
	client_request(fd, 0, NBD_CMD_READ, 7, 0, 4 * MIB);
	disk_wait_held(4);
	disk_release_some(0, 3);
	disk_release(-EIO, false);
	expect_parts(fd, 7, 4 * MIB, 1);
	client_request(fd, 0, NBD_CMD_READ, 8, 0, 4 * MIB);
	expect_parts(fd, 8, 4 * MIB, 0);
	close(fd);
}

START_TEST(test_a_part_fails_alone)
{
	served_run(NULL, a_part_fails_alone);
}
END_TEST

/* A client that takes nothing has as many parts under way as there may be, and the rest later. */
static void who_takes_nothing_holds_some_parts(void)
{
	int fd = served_connect_structured();

	fill_parts();
	disk_hold(true);
	client_request(fd, 0, NBD_CMD_READ, 1, 0, 16 * MIB);
	disk_wait_held(NBD_PARTS_MAX);
	ck_assert_uint_le(served_buffers(), NBD_PARTS_MAX * MIB);
	disk_release(0, false);
	expect_parts(fd, 1, 16 * MIB, 0);
	client_request(fd, 0, NBD_CMD_READ, 2, 0, 16 * MIB);
	close(fd);
	client_wait(served_nobody, "who left amid a long read has gone");
	ck_assert_uint_eq(served_buffers(), 0);
}

START_TEST(test_who_takes_nothing_holds_some_parts)
{
	served_run(NULL, who_takes_nothing_holds_some_parts);
}
END_TEST

/* With DF there is one chunk, however long, and it is all of it. */
static void unfragmented_is_one_chunk(void)
{
	int fd = served_connect_structured();
	struct client_chunk chunk;

	fill_parts();
	client_request(fd, NBD_CMD_FLAG_DF, NBD_CMD_READ, 1, 0, NBD_DF_MAX);
	expect_chunk(fd, NBD_REPLY_TYPE_OFFSET_DATA, NBD_REPLY_FLAG_DONE, 1, &chunk);
	ck_assert_uint_eq(chunk.data_len, NBD_DF_MAX);
	ck_assert(client_receive(fd, data, NBD_DF_MAX));
	ck_assert_uint_eq(data[NBD_DF_MAX - MIB], NBD_DF_MAX / MIB);
	close(fd);
}

START_TEST(test_unfragmented_is_one_chunk)
{
	served_run(NULL, unfragmented_is_one_chunk);
}
END_TEST

/* A reply that has begun gets to its end; what comes after it has none. */
static void the_export_goes_amid_a_long_read(void)
{
	int fd = served_connect_structured();

	fill_parts();
	disk_hold(true);
	client_request(fd, 0, NBD_CMD_READ, 1, 0, 16 * MIB);
	disk_wait_held(NBD_PARTS_MAX);
	disk_remove();
	client_request(fd, 0, NBD_CMD_READ, 2, 0, 16 * MIB);
	disk_release(0, false);
	disk_hold(false);
	expect_parts(fd, 1, 16 * MIB, 0);
	client_expect_end(fd);
	client_wait(disk_gone, "the bdev has gone");
}

START_TEST(test_the_export_goes_amid_a_long_read)
{
	served_run(NULL, the_export_goes_amid_a_long_read);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_a_read_is_one_chunk),
		UNIT_TEST(test_errors_are_chunks),
		UNIT_TEST(test_a_long_read_goes_in_parts),
		UNIT_TEST(test_a_part_fails_alone),
		UNIT_TEST(test_who_takes_nothing_holds_some_parts),
		UNIT_TEST(test_unfragmented_is_one_chunk),
		UNIT_TEST(test_the_export_goes_amid_a_long_read),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
