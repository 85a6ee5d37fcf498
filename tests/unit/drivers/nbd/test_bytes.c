/* SPDX-License-Identifier: Apache-2.0 */

/* Clients that care for no blocks. */

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/nbd/wire.h"
#include "tests/unit/drivers/nbd/served.h"
#include "tests/unit/unit.h"

#define AREA (6u << 20)

static uint8_t model[AREA]; /* what the disk has */
static uint8_t found[AREA];
static uint8_t data[AREA];

static void fill(uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		at[i] = (uint8_t)rand();
	}
}

static void write_bytes(int fd, uint16_t flags, uint32_t offset, uint32_t len)
{
	fill(data, len);
	client_request(fd, flags, NBD_CMD_WRITE, 1, offset, len);
	client_send(fd, data, len);
	client_expect_reply(fd, 1, 0);
	memcpy(model + offset, data, len);
}

static void expect_bytes(int fd, uint32_t offset, uint32_t len)
{
	client_request(fd, 0, NBD_CMD_READ, 2, offset, len);
	client_expect_reply(fd, 2, 0);
	ck_assert(client_receive(fd, found, len));
	ck_assert_int_eq(memcmp(found, model + offset, len), 0);
}

/* The same by a structured reply, whose chunks come as they come. */
static void expect_chunks(int fd, uint32_t offset, uint32_t len)
{
	struct client_chunk chunk;
	uint32_t total = 0;

	client_request(fd, 0, NBD_CMD_READ, 3, offset, len);
	do {
		client_chunk(fd, &chunk);
		ck_assert_uint_eq(chunk.error, 0);
		if (chunk.data_len > 0) {
			ck_assert(client_receive(fd, found, chunk.data_len));
			ck_assert_uint_ge(chunk.offset, offset);
			ck_assert_int_eq(memcmp(found, model + chunk.offset, chunk.data_len), 0);
			total += chunk.data_len;
		}
	} while ((chunk.flags & NBD_REPLY_FLAG_DONE) == 0);
	ck_assert_uint_eq(total, len);
}

static const struct {
	uint32_t offset, len;
} ranges[] = {
	{0, 1},
	{511, 2},
	{513, 510},
	{100, 1000},
	{1u << 20, 1},
	{1, 4096},
	{4095, 1u << 20},
	{777, (1u << 20) + 1},
	{(1u << 20) - 1, (2u << 20) + 2},
	{3, (4u << 20) + 511},
};

static void any_byte_is_read_and_written(void)
{
	int fd = served_connect(), structured = served_connect_structured();
	unsigned i;

	write_bytes(fd, 0, 0, AREA);
	for (i = 0; i < EBB_ARRAY_SIZE(ranges); i++) {
		write_bytes(fd, 0, ranges[i].offset, ranges[i].len);
		expect_bytes(fd, 0, AREA);
		expect_bytes(fd, ranges[i].offset, ranges[i].len);
		expect_chunks(structured, ranges[i].offset, ranges[i].len);
	}
	write_bytes(fd, NBD_CMD_FLAG_FUA, 1000, 3);
	expect_bytes(fd, 0, AREA);
	ck_assert_uint_gt(disk_fua_writes(), 0);
	close(structured);
	close(fd);
}

START_TEST(test_any_byte_is_read_and_written)
{
	served_run(NULL, any_byte_is_read_and_written);
}
END_TEST

/* Zeroes are exact; a trim takes what whole blocks there are. */
static void zeroes_and_trims_of_bytes(void)
{
	int fd = served_connect();
	unsigned flushes;

	write_bytes(fd, 0, 0, AREA);
	client_request(fd, 0, NBD_CMD_WRITE_ZEROES, 1, 100, 3000);
	client_expect_reply(fd, 1, 0);
	memset(model + 100, 0, 3000);
	expect_bytes(fd, 0, AREA);
	client_request(fd, 0, NBD_CMD_TRIM, 1, 8292, 3000);
	client_expect_reply(fd, 1, 0);
	memset(model + 8704, DISK_UNMAPPED, 5 * 512);
	expect_bytes(fd, 0, AREA);
	flushes = disk_flushes();
	client_request(fd, NBD_CMD_FLAG_FUA, NBD_CMD_TRIM, 1, 16385, 1024);
	client_expect_reply(fd, 1, 0);
	ck_assert_uint_eq(disk_flushes(), flushes + 1);
	memset(model + 16896, DISK_UNMAPPED, 512);
	expect_bytes(fd, 0, AREA);
	/* Fast zeroes of no block at all would have to be written. */
	client_request(fd, NBD_CMD_FLAG_FAST_ZERO, NBD_CMD_WRITE_ZEROES, 1, 1, 100);
	client_expect_reply(fd, 1, NBD_ENOTSUP);
	expect_bytes(fd, 0, AREA);
	close(fd);
}

START_TEST(test_zeroes_and_trims_of_bytes)
{
	served_run(NULL, zeroes_and_trims_of_bytes);
}
END_TEST

static void a_status_of_bytes(void)
{
	int fd = served_connect_allocation();
	struct nbd_wire_extent extents[3];
	struct client_chunk chunk;

	disk_fill(512, 1, 512);
	client_request(fd, 0, NBD_CMD_BLOCK_STATUS, 1, 500, 600);
	client_chunk(fd, &chunk);
	ck_assert_uint_eq(chunk.data_len, sizeof(extents));
	ck_assert(client_receive(fd, extents, sizeof(extents)));
	ck_assert_uint_eq(be32toh(extents[0].len_bytes), 12);
	ck_assert_uint_eq(be32toh(extents[1].len_bytes), 512);
	ck_assert_uint_eq(be32toh(extents[1].flags), 0);
	ck_assert_uint_eq(be32toh(extents[2].len_bytes), 76);
	client_request(fd, NBD_CMD_FLAG_REQ_ONE, NBD_CMD_BLOCK_STATUS, 1, 1023, 1);
	client_chunk(fd, &chunk);
	ck_assert_uint_eq(chunk.data_len, sizeof(extents[0]));
	ck_assert(client_receive(fd, extents, sizeof(extents[0])));
	ck_assert_uint_eq(be32toh(extents[0].len_bytes), 1);
	ck_assert_uint_eq(be32toh(extents[0].flags), 0);
	close(fd);
}

START_TEST(test_a_status_of_bytes)
{
	served_run(NULL, a_status_of_bytes);
}
END_TEST

/* As many as may be at once, over each other's blocks. */
static void many_at_once(void)
{
	int fd = served_connect();
	unsigned i;

	write_bytes(fd, 0, 0, AREA);
	for (i = 0; i < 200; i++) {
		client_request(fd, 0, NBD_CMD_WRITE, 7, 100 + i * 3, 3);
		memset(data, (int)i, 3);
		client_send(fd, data, 3);
		memset(model + 100 + i * 3, (int)i, 3);
	}
	for (i = 0; i < 200; i++) {
		client_expect_reply(fd, 7, 0);
	}
	expect_bytes(fd, 0, AREA);
	close(fd);
}

START_TEST(test_many_at_once)
{
	served_run(NULL, many_at_once);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_any_byte_is_read_and_written),
		UNIT_TEST(test_zeroes_and_trims_of_bytes),
		UNIT_TEST(test_a_status_of_bytes),
		UNIT_TEST(test_many_at_once),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
