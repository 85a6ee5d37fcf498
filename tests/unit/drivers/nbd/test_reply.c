/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "drivers/nbd/reply.h"
#include "tests/unit/unit.h"

static const uint8_t cookie_bytes[] = {1, 2, 3, 4, 5, 6, 7, 8};
static uint64_t cookie;
static struct nbd_reply reply;

static void setup(void)
{
	memcpy(&cookie, cookie_bytes, sizeof(cookie));
	memset(&reply, 0xff, sizeof(reply));
}

static void assert_reply(const void *head, size_t head_len, uint32_t data_len)
{
	ck_assert_uint_eq(reply.head_len, head_len);
	ck_assert_mem_eq(&reply.head, head, head_len);
	ck_assert_uint_eq(reply.data_len, data_len);
	ck_assert_uint_eq(nbd_reply_len(&reply), head_len + data_len);
}

START_TEST(encodes_a_simple_reply)
{
	static const uint8_t expected[] = {0x67, 0x44, 0x66, 0x98, 0, 0, 0, 28,
					   1,    2,    3,    4,    5, 6, 7, 8};

	setup();
	nbd_reply_simple(&reply, cookie, NBD_ENOSPC, 0);
	assert_reply(expected, sizeof(expected), 0);
}
END_TEST

START_TEST(encodes_the_end)
{
	static const uint8_t expected[] = {0x66, 0x8e, 0x33, 0xef, 0, 1, 0, 0, 1, 2,
					   3,    4,    5,    6,    7, 8, 0, 0, 0, 0};

	setup();
	nbd_reply_none(&reply, cookie);
	assert_reply(expected, sizeof(expected), 0);
}
END_TEST

START_TEST(encodes_data)
{
	static const uint8_t expected[] = {0x66, 0x8e, 0x33, 0xef, 0, 1, 0, 1, 1, 2, 3, 4, 5, 6,
					   7,    8,    0,    0,    2, 8, 9, 0, 0, 0, 0, 0, 0, 3};

	setup();
	nbd_reply_data(&reply, cookie, 0x0900000000000003ull, 512, true);
	assert_reply(expected, sizeof(expected), 512);
	nbd_reply_data(&reply, cookie, 0, 512, false);
	ck_assert_uint_eq(reply.head.chunk.flags, 0);
}
END_TEST

START_TEST(encodes_a_status)
{
	static const uint8_t expected[] = {0x66, 0x8e, 0x33, 0xef, 0, 1, 0, 5,  1, 2, 3, 4,
					   5,    6,    7,    8,    0, 0, 0, 20, 0, 0, 0, 1};

	setup();
	nbd_reply_status(&reply, cookie, 16);
	assert_reply(expected, sizeof(expected), 16);
}
END_TEST

START_TEST(encodes_an_error)
{
	static const uint8_t expected[] = {0x66, 0x8e, 0x33, 0xef, 0, 1, 0x80, 1, 1, 2, 3, 4, 5,
					   6,    7,    8,    0,    0, 0, 6,    0, 0, 0, 5, 0, 0};

	setup();
	nbd_reply_error(&reply, cookie, NBD_EIO);
	assert_reply(expected, sizeof(expected), 0);
}
END_TEST

START_TEST(encodes_an_error_at_an_offset)
{
	static const uint8_t expected[] = {0x66, 0x8e, 0x33, 0xef, 0, 0, 0x80, 2,  1, 2, 3, 4,
					   5,    6,    7,    8,    0, 0, 0,    14, 0, 0, 0, 5,
					   0,    0,    9,    0,    0, 0, 0,    0,  0, 3};

	setup();
	nbd_reply_error_at(&reply, cookie, NBD_EIO, 0x0900000000000003ull);
	assert_reply(expected, sizeof(expected), 0);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(encodes_a_simple_reply),
		UNIT_TEST(encodes_the_end),
		UNIT_TEST(encodes_data),
		UNIT_TEST(encodes_a_status),
		UNIT_TEST(encodes_an_error),
		UNIT_TEST(encodes_an_error_at_an_offset),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
