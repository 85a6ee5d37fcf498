/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of bytes: what is refused, what the driver gets, what the bytes are afterwards. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/bdev/bytes.h"
#include "core/bdev/pool.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

#define SIZE ((uint64_t)FAKE_BLOCK * FAKE_BLOCKS)

static struct fake *fake;
static struct ebb_bdev_desc *desc;
static struct ebb_io_channel *ch;
static struct fake_result result;
static uint8_t buf[64 * FAKE_BLOCK];
static uint8_t model[FAKE_BLOCKS * FAKE_BLOCK];

static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 31 + i / 251 + 1);
}

static void setup(void)
{
	size_t i;

	stage_begin();
	fake = fake_create("disk");
	fake_open(fake, &desc, &ch);
	memset(&result, 0, sizeof(result));
	for (i = 0; i < sizeof(buf); i++) {
		buf[i] = (uint8_t)~pattern(i * 7);
	}
	for (i = 0; i < sizeof(model); i++) {
		model[i] = fake->memory[i] = pattern(i);
	}
}

static void teardown(void)
{
	fake_close(fake, desc, ch);
	stage_end();
}

static void ends_with(int status)
{
	unsigned turns = 0;

	while (result.calls == 0) {
		stage_turn();
		ck_assert_uint_lt(++turns, 100);
	}
	stage_turns(3);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, status);
	ck_assert_uint_eq(fake->num_held, 0);
	result.calls = 0;
}

static void holds_model(void)
{
	ck_assert_mem_eq(fake->memory, model, sizeof(model));
}

static struct iovec all_of(size_t len)
{
	return (struct iovec){.iov_base = buf, .iov_len = len};
}

static void write_ends(uint64_t offset, size_t len, uint32_t flags)
{
	struct iovec iov = all_of(len);

	ck_assert_int_eq(ebb_bdev_writev_bytes(desc, ch, &iov, 1, offset, len, flags, fake_done,
					       &result),
			 0);
	ends_with(0);
	memcpy(&model[offset], buf, len);
	holds_model();
}

static void zeroes_end(uint64_t offset, size_t len, uint32_t flags)
{
	ck_assert_int_eq(ebb_bdev_write_zeroes_bytes(desc, ch, offset, len, flags, fake_done,
						     &result),
			 0);
	ends_with(0);
	memset(&model[offset], 0, len);
	holds_model();
}

/* Each shape: within a block, across an edge, with whole blocks between, ends that are even or not. */
static const struct {
	uint64_t offset;
	size_t len;
} shapes[] = {
	{1, 1},
	{0, 1},
	{511, 1},
	{0, 511},
	{1, 511},
	{511, 2},
	{512 + 5, 900},
	{1000, 1048},
	{3 * 512, 5 * 512 + 1},
	{3 * 512 + 511, 5 * 512 + 1},
	{3 * 512 + 7, 20 * 512},
	{SIZE - 1, 1},
	{SIZE - 1000, 1000},
};
#define SHAPES ((int)(sizeof(shapes) / sizeof(shapes[0])))

START_TEST(bytes_are_read)
{
	uint64_t offset = shapes[_i].offset;
	size_t len = shapes[_i].len;
	struct iovec iov = all_of(len);
	uint8_t after = buf[len];

	ck_assert_int_eq(ebb_bdev_readv_bytes(desc, ch, &iov, 1, offset, len, fake_done, &result),
			 0);
	ck_assert_uint_eq(result.calls, 0);
	ends_with(0);
	ck_assert_mem_eq(buf, &model[offset], len);
	ck_assert_uint_eq(buf[len], after);
	ck_assert_uint_eq(fake->num_records, 1);
	holds_model();
}
END_TEST

START_TEST(bytes_are_written)
{
	write_ends(shapes[_i].offset, shapes[_i].len, 0);
}
END_TEST

START_TEST(bytes_are_zeroed)
{
	zeroes_end(shapes[_i].offset, shapes[_i].len, 0);
}
END_TEST

START_TEST(a_trim_leaves_edges_alone)
{
	uint64_t offset = shapes[_i].offset;
	uint64_t len = shapes[_i].len;
	uint64_t first = (offset + FAKE_BLOCK - 1) / FAKE_BLOCK;
	uint64_t end = (offset + len) / FAKE_BLOCK;

	ck_assert_int_eq(ebb_bdev_unmap_bytes(desc, ch, offset, len, fake_done, &result), 0);
	ck_assert_uint_eq(result.calls, 0);
	ends_with(0);
	if (first < end) {
		memset(&model[first * FAKE_BLOCK], 0, (end - first) * FAKE_BLOCK);
	}
	ck_assert_uint_eq(fake->num_records, first < end);
	holds_model();
}
END_TEST

/* Elements that end and begin anywhere, few and many. */
START_TEST(vectors_are_followed)
{
	struct iovec iov[40];
	uint8_t back[64 * FAKE_BLOCK];
	size_t len = 0, i;

	for (i = 0; i < (size_t)_i; i++) {
		iov[i].iov_base = buf + len;
		iov[i].iov_len = 1 + i * 97 % 700;
		len += iov[i].iov_len;
	}
	ck_assert_int_eq(ebb_bdev_writev_bytes(desc, ch, iov, _i, 777, len, 0, fake_done, &result),
			 0);
	ends_with(0);
	memcpy(&model[777], buf, len);
	holds_model();
	for (i = 0; i < (size_t)_i; i++) {
		iov[i].iov_base = back + ((uint8_t *)iov[i].iov_base - buf);
	}
	ck_assert_int_eq(ebb_bdev_readv_bytes(desc, ch, iov, _i, 777, len, fake_done, &result), 0);
	if (_i <= BDEV_IOV_EMBEDDED) {
		memset(iov, 0, sizeof(iov));
	}
	ends_with(0);
	ck_assert_mem_eq(back, buf, len);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_LOOP(bytes_are_read, 0, SHAPES),
		UNIT_LOOP(bytes_are_written, 0, SHAPES),
		UNIT_LOOP(bytes_are_zeroed, 0, SHAPES),
		UNIT_LOOP(a_trim_leaves_edges_alone, 0, SHAPES),
		UNIT_LOOP(vectors_are_followed, 1, 40),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
