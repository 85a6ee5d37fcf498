/* SPDX-License-Identifier: Apache-2.0 */

/* What clients hear of holes, and what their flags say of zeroes. */

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <ebb/bdev.h>

#include "drivers/nbd/status.h"
#include "drivers/nbd/wire.h"
#include "tests/unit/drivers/nbd/served.h"
#include "tests/unit/unit.h"

#define HOLE (NBD_STATE_HOLE | NBD_STATE_ZERO)

static struct nbd_wire_extent extents[NBD_EXTENTS_MAX];

/* The answer to a block status. Return: its extents, in this machine's byte order. */
static unsigned status(int fd, uint16_t flags, uint64_t offset, uint32_t len)
{
	struct client_chunk chunk;
	unsigned count, i;

	client_request(fd, flags, NBD_CMD_BLOCK_STATUS, 5, offset, len);
	client_chunk(fd, &chunk);
	ck_assert_uint_eq(chunk.type, NBD_REPLY_TYPE_BLOCK_STATUS);
	ck_assert_uint_eq(chunk.flags, NBD_REPLY_FLAG_DONE);
	ck_assert_uint_eq(chunk.cookie, 5);
	ck_assert_uint_le(chunk.data_len, sizeof(extents));
	ck_assert(client_receive(fd, extents, chunk.data_len));
	count = chunk.data_len / sizeof(extents[0]);
	for (i = 0; i < count; i++) {
		extents[i].len_bytes = be32toh(extents[i].len_bytes);
		extents[i].flags = be32toh(extents[i].flags);
	}
	return count;
}

static void assert_extent(unsigned i, uint32_t len, uint32_t flags)
{
	ck_assert_uint_eq(extents[i].len_bytes, len);
	ck_assert_uint_eq(extents[i].flags, flags);
}

static void holes_are_told(void)
{
	int fd = served_connect_allocation();

	disk_fill(8192, 1, 1024);
	ck_assert_uint_eq(status(fd, 0, 0, 1u << 20), 3);
	assert_extent(0, 8192, HOLE);
	assert_extent(1, 1024, 0);
	assert_extent(2, (1u << 20) - 8192 - 1024, HOLE);
	ck_assert_uint_eq(status(fd, 0, 8704, 512), 1);
	assert_extent(0, 512, 0);
	ck_assert_uint_eq(status(fd, NBD_CMD_FLAG_REQ_ONE, 8704, 4096), 1);
	assert_extent(0, 512, 0);
	ck_assert_uint_eq(status(fd, NBD_CMD_FLAG_REQ_ONE, 16384, 4096), 1);
	assert_extent(0, 4096, HOLE);
	/* To the last byte. */
	ck_assert_uint_eq(status(fd, 0, DISK_SIZE - 512, 512), 1);
	assert_extent(0, 512, HOLE);
	close(fd);
}

START_TEST(test_holes_are_told)
{
	served_run(NULL, holes_are_told);
}
END_TEST

static bool no_buffers(void)
{
	return served_buffers() == 0;
}

/* So many, and the client asks for the rest. */
static void extents_are_bounded(void)
{
	int fd = served_connect_allocation();
	unsigned i;

	for (i = 0; i < NBD_EXTENTS_MAX; i++) {
		disk_fill(i * 1024, 1, 512);
	}
	ck_assert_uint_eq(status(fd, 0, 0, 2u << 20), NBD_EXTENTS_MAX);
	for (i = 0; i < NBD_EXTENTS_MAX; i++) {
		assert_extent(i, 512, i % 2 == 0 ? 0 : HOLE);
	}
	ck_assert_uint_eq(status(fd, 0, NBD_EXTENTS_MAX * 512, 1u << 20), NBD_EXTENTS_MAX);
	client_wait(no_buffers, "the buffers are back");
	close(fd);
}

START_TEST(test_extents_are_bounded)
{
	served_run(NULL, extents_are_bounded);
}
END_TEST

static void a_status_may_fail(void)
{
	int fd = served_connect_allocation();
	int structured = served_connect_structured();
	struct client_chunk chunk;

	disk_fail(-EIO);
	client_request(fd, 0, NBD_CMD_BLOCK_STATUS, 1, 0, 4096);
	client_chunk(fd, &chunk);
	ck_assert_uint_eq(chunk.type, NBD_REPLY_TYPE_ERROR);
	ck_assert_uint_eq(chunk.error, NBD_EIO);
	client_request(fd, 0, NBD_CMD_BLOCK_STATUS, 1, DISK_SIZE, 512);
	client_chunk(fd, &chunk);
	ck_assert_uint_eq(chunk.error, NBD_EINVAL);
	disk_fail(0);
	ck_assert_uint_eq(status(fd, 0, 0, 4096), 1);
	/* Who has set no context may not ask. */
	client_request(structured, 0, NBD_CMD_BLOCK_STATUS, 1, 0, 4096);
	client_chunk(structured, &chunk);
	ck_assert_uint_eq(chunk.error, NBD_EINVAL);
	close(structured);
	close(fd);
}

START_TEST(test_a_status_may_fail)
{
	served_run(NULL, a_status_may_fail);
}
END_TEST

#define QUERY(name_len, name) "\0\0\0" name_len name "\0\0\0\1\0\0\0\17base:allocation"

static void contexts_are_haggled_over(void)
{
	static const char disk[] = QUERY("\4", "disk"), first[] = QUERY("\0", "");
	static const char nobody[] = QUERY("\6", "nobody");
	static const char none[] = "\0\0\0\4disk\0\0\0\0";
	struct client_chunk chunk;
	int fd = served_haggle();
	unsigned others;

	ck_assert_uint_eq(client_option(fd, NBD_OPT_SET_META_CONTEXT, disk, sizeof(disk) - 1,
					&others),
			  NBD_REP_ERR_INVALID);
	ck_assert_uint_eq(client_option(fd, NBD_OPT_STRUCTURED_REPLY, NULL, 0, &others),
			  NBD_REP_ACK);
	ck_assert_uint_eq(client_option(fd, NBD_OPT_LIST_META_CONTEXT, none, sizeof(none) - 1,
					&others),
			  NBD_REP_ACK);
	ck_assert_uint_eq(others, 1);
	ck_assert_uint_eq(client_option(fd, NBD_OPT_LIST_META_CONTEXT, nobody, sizeof(nobody) - 1,
					&others),
			  NBD_REP_ERR_UNKNOWN);
	ck_assert_uint_eq(client_option(fd, NBD_OPT_SET_META_CONTEXT, disk, sizeof(disk) - 1,
					&others),
			  NBD_REP_ACK);
	ck_assert_uint_eq(others, 1);
	/* The last one counts, whatever comes of it. */
	ck_assert_uint_eq(client_option(fd, NBD_OPT_SET_META_CONTEXT, nobody, sizeof(nobody) - 1,
					&others),
			  NBD_REP_ERR_UNKNOWN);
	served_go(fd);
	client_request(fd, 0, NBD_CMD_BLOCK_STATUS, 1, 0, 4096);
	client_chunk(fd, &chunk);
	ck_assert_uint_eq(chunk.error, NBD_EINVAL);
	close(fd);
	/* The export is the same by whatever name it is called; and a set of nothing is no set. */
	fd = served_haggle();
	(void)client_option(fd, NBD_OPT_STRUCTURED_REPLY, NULL, 0, &others);
	ck_assert_uint_eq(client_option(fd, NBD_OPT_SET_META_CONTEXT, none, sizeof(none) - 1,
					&others),
			  NBD_REP_ACK);
	ck_assert_uint_eq(others, 0);
	ck_assert_uint_eq(client_option(fd, NBD_OPT_SET_META_CONTEXT, first, sizeof(first) - 1,
					&others),
			  NBD_REP_ACK);
	ck_assert_uint_eq(others, 1);
	served_go(fd);
	ck_assert_uint_eq(status(fd, 0, 0, 4096), 1);
	close(fd);
}

START_TEST(test_contexts_are_haggled_over)
{
	served_run(NULL, contexts_are_haggled_over);
}
END_TEST

/* What the client says of zeroes reaches the bdev, and its refusal the client. */
static void zeroes_are_as_asked_for(void)
{
	static const struct {
		uint16_t flags;
		unsigned bdev_flags;
	} cases[] = {
		{0, 0},
		{NBD_CMD_FLAG_NO_HOLE, EBB_BDEV_NO_HOLE},
		{NBD_CMD_FLAG_FAST_ZERO, EBB_BDEV_FAST_ZERO},
		{NBD_CMD_FLAG_FAST_ZERO | NBD_CMD_FLAG_NO_HOLE | NBD_CMD_FLAG_FUA,
		 EBB_BDEV_FAST_ZERO | EBB_BDEV_NO_HOLE | EBB_BDEV_FUA},
	};
	int fd = served_connect();
	unsigned i;

	for (i = 0; i < EBB_ARRAY_SIZE(cases); i++) {
		client_request(fd, cases[i].flags, NBD_CMD_WRITE_ZEROES, i, 0, 4096);
		client_expect_reply(fd, i, 0);
		ck_assert_uint_eq(disk_zero_flags(), cases[i].bdev_flags);
	}
	disk_fail(-ENOTSUP);
	client_request(fd, NBD_CMD_FLAG_FAST_ZERO, NBD_CMD_WRITE_ZEROES, 9, 0, 4096);
	client_expect_reply(fd, 9, NBD_ENOTSUP);
	disk_fail(-ENOSPC);
	client_request(fd, NBD_CMD_FLAG_NO_HOLE, NBD_CMD_WRITE_ZEROES, 9, 0, 4096);
	client_expect_reply(fd, 9, NBD_ENOSPC);
	close(fd);
}

START_TEST(test_zeroes_are_as_asked_for)
{
	served_run(NULL, zeroes_are_as_asked_for);
}
END_TEST

/* It is a hint: taken, checked, and answered without the bdev. */
static void cache_is_a_hint(void)
{
	int fd = served_connect();

	disk_hold(true);
	client_request(fd, 0, NBD_CMD_CACHE, 1, 0, DISK_SIZE);
	client_expect_reply(fd, 1, 0);
	client_request(fd, 0, NBD_CMD_CACHE, 2, 512, DISK_SIZE);
	client_expect_reply(fd, 2, NBD_EINVAL);
	ck_assert_uint_eq(disk_held(), 0);
	close(fd);
}

START_TEST(test_cache_is_a_hint)
{
	served_run(NULL, cache_is_a_hint);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_holes_are_told),
		UNIT_TEST(test_extents_are_bounded),
		UNIT_TEST(test_a_status_may_fail),
		UNIT_TEST(test_contexts_are_haggled_over),
		UNIT_TEST(test_zeroes_are_as_asked_for),
		UNIT_TEST(test_cache_is_a_hint),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
