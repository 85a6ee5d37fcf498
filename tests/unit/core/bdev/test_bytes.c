/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of bytes: what is refused, what the driver gets, what the bytes are afterwards. */
#include <errno.h>
#include <string.h>

#include "core/bdev/channel.h"
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
	struct iovec iov[40] = {{.iov_base = NULL}};
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

static void record_is(unsigned index, enum ebb_bdev_io_type type, uint64_t offset_blocks,
		      uint64_t num_blocks, uint32_t flags)
{
	const struct fake_record *record = &fake->records[index];

	ck_assert_uint_lt(index, fake->num_records);
	ck_assert_int_eq(record->type, type);
	ck_assert_uint_eq(record->offset_blocks, offset_blocks);
	ck_assert_uint_eq(record->num_blocks, num_blocks);
	ck_assert_uint_eq(record->flags, flags);
}

/* What the driver gets: edges are read, one read for two side by side, and all is written at once. */
START_TEST(a_write_is_a_few_requests)
{
	write_ends(5, 100, 0);
	record_is(0, EBB_BDEV_READ, 0, 1, 0);
	record_is(1, EBB_BDEV_WRITE, 0, 1, 0);
	ck_assert_uint_eq(fake->num_records, 2);
	fake->num_records = 0;
	write_ends(FAKE_BLOCK + 5, FAKE_BLOCK, 0);
	record_is(0, EBB_BDEV_READ, 1, 2, 0);
	record_is(1, EBB_BDEV_WRITE, 1, 2, 0);
	ck_assert_uint_eq(fake->num_records, 2);
	fake->num_records = 0;
	write_ends(FAKE_BLOCK + 5, 5 * FAKE_BLOCK, 0);
	record_is(0, EBB_BDEV_READ, 1, 1, 0);
	record_is(1, EBB_BDEV_READ, 6, 1, 0);
	record_is(2, EBB_BDEV_WRITE, 1, 6, 0);
	ck_assert_uint_eq(fake->num_records, 3);
	fake->num_records = 0;
	write_ends(FAKE_BLOCK, 5 * FAKE_BLOCK + 1, 0);
	record_is(0, EBB_BDEV_READ, 6, 1, 0);
	record_is(1, EBB_BDEV_WRITE, 1, 6, 0);
	ck_assert_uint_eq(fake->num_records, 2);
}
END_TEST

START_TEST(whole_blocks_are_requests_of_blocks)
{
	struct iovec iov = all_of(2 * FAKE_BLOCK);

	write_ends(3 * FAKE_BLOCK, 2 * FAKE_BLOCK, 0);
	record_is(0, EBB_BDEV_WRITE, 3, 2, 0);
	zeroes_end(4 * FAKE_BLOCK, 2 * FAKE_BLOCK, 0);
	record_is(1, EBB_BDEV_WRITE_ZEROES, 4, 2, 0);
	ck_assert_int_eq(ebb_bdev_readv_bytes(desc, ch, &iov, 1, 3 * FAKE_BLOCK, 2 * FAKE_BLOCK,
					      fake_done, &result),
			 0);
	ends_with(0);
	record_is(2, EBB_BDEV_READ, 3, 2, 0);
	ck_assert_uint_eq(fake->num_records, 3);
}
END_TEST

/* Whole blocks first, and with what was asked of them; the edges are written. */
START_TEST(zeroes_are_made_where_blocks_are_whole)
{
	zeroes_end(FAKE_BLOCK + 5, 5 * FAKE_BLOCK, 0);
	record_is(0, EBB_BDEV_READ, 1, 1, 0);
	record_is(1, EBB_BDEV_READ, 6, 1, 0);
	record_is(2, EBB_BDEV_WRITE_ZEROES, 2, 4, 0);
	record_is(3, EBB_BDEV_WRITE, 1, 1, 0);
	record_is(4, EBB_BDEV_WRITE, 6, 1, 0);
	ck_assert_uint_eq(fake->num_records, 5);
	fake->num_records = 0;
	fake->bdev.zero_flags = EBB_BDEV_NO_HOLE | EBB_BDEV_FAST_ZERO;
	fake->bdev.fua = true;
	zeroes_end(FAKE_BLOCK + 5, 3 * FAKE_BLOCK - 5,
		   EBB_BDEV_NO_HOLE | EBB_BDEV_FAST_ZERO | EBB_BDEV_FUA);
	record_is(1, EBB_BDEV_WRITE_ZEROES, 2, 2,
		  EBB_BDEV_NO_HOLE | EBB_BDEV_FAST_ZERO | EBB_BDEV_FUA);
	record_is(2, EBB_BDEV_WRITE, 1, 1, EBB_BDEV_FUA);
	ck_assert_uint_eq(fake->num_records, 3);
	fake->num_records = 0;
	/* The layer writes zeroes that the driver would make a hole of. */
	fake->bdev.zero_flags = 0;
	zeroes_end(FAKE_BLOCK + 5, 3 * FAKE_BLOCK - 5, EBB_BDEV_NO_HOLE);
	record_is(1, EBB_BDEV_WRITE, 2, 2, 0);
	fake->num_records = 0;
	zeroes_end(5, 3, EBB_BDEV_NO_HOLE);
	record_is(1, EBB_BDEV_WRITE, 0, 1, 0);
}
END_TEST

static int zeroes(uint64_t offset, uint64_t len, uint32_t flags)
{
	return ebb_bdev_write_zeroes_bytes(desc, ch, offset, len, flags, fake_done, &result);
}

START_TEST(fast_zeroes_are_refused_before_anything_changes)
{
	ck_assert_int_eq(zeroes(5, 10 * FAKE_BLOCK, EBB_BDEV_FAST_ZERO), -ENOTSUP);
	fake->bdev.zero_flags = EBB_BDEV_FAST_ZERO;
	ck_assert_int_eq(zeroes(5, 1000, EBB_BDEV_FAST_ZERO), -ENOTSUP);
	ck_assert_uint_eq(fake->num_records, 0);
	fake->mode = FAKE_HOLD;
	ck_assert_int_eq(zeroes(5, 10 * FAKE_BLOCK, EBB_BDEV_FAST_ZERO), 0);
	fake_complete_one(fake, 0);
	fake_complete_one(fake, 0);
	fake_complete_one(fake, -ENOTSUP);
	ends_with(-ENOTSUP);
	holds_model();
}
END_TEST

START_TEST(durable_is_each_write)
{
	fake->bdev.fua = true;
	write_ends(5, 5 * FAKE_BLOCK, EBB_BDEV_FUA);
	record_is(0, EBB_BDEV_READ, 0, 1, 0);
	record_is(1, EBB_BDEV_READ, 5, 1, 0);
	record_is(2, EBB_BDEV_WRITE, 0, 6, EBB_BDEV_FUA);
	fake->num_records = 0;
	zeroes_end(5, 5 * FAKE_BLOCK, EBB_BDEV_FUA);
	record_is(2, EBB_BDEV_WRITE_ZEROES, 1, 4, EBB_BDEV_FUA);
	record_is(3, EBB_BDEV_WRITE, 0, 1, EBB_BDEV_FUA);
	record_is(4, EBB_BDEV_WRITE, 5, 1, EBB_BDEV_FUA);
	ck_assert_uint_eq(fake->num_records, 5);
}
END_TEST

START_TEST(or_a_flush_follows_the_last)
{
	write_ends(5, 5 * FAKE_BLOCK, EBB_BDEV_FUA);
	record_is(2, EBB_BDEV_WRITE, 0, 6, 0);
	ck_assert_int_eq(fake->records[3].type, EBB_BDEV_FLUSH);
	ck_assert_uint_eq(fake->num_records, 4);
	fake->num_records = 0;
	zeroes_end(5, 5 * FAKE_BLOCK, EBB_BDEV_FUA);
	record_is(4, EBB_BDEV_WRITE, 5, 1, 0);
	ck_assert_int_eq(fake->records[5].type, EBB_BDEV_FLUSH);
	ck_assert_uint_eq(fake->num_records, 6);
	fake->num_records = 0;
	/* If it fails, so does the request. */
	fake->mode = FAKE_HOLD;
	ck_assert_int_eq(zeroes(5, 3, EBB_BDEV_FUA), 0);
	fake_complete_one(fake, 0);
	fake_complete_one(fake, 0);
	ck_assert_int_eq(fake->records[2].type, EBB_BDEV_FLUSH);
	ck_assert_uint_eq(result.calls, 0);
	fake_complete_one(fake, -EIO);
	ends_with(-EIO);
}
END_TEST

/* Of each step. Nothing follows it, and the blocks are not locked any more. */
START_TEST(an_error_ends_it)
{
	int i;

	fake->mode = FAKE_HOLD;
	ck_assert_int_eq(zeroes(5, 5 * FAKE_BLOCK, EBB_BDEV_FUA), 0);
	for (i = 0; i < _i; i++) {
		fake_complete_one(fake, 0);
	}
	fake_complete_one(fake, -EIO);
	ends_with(-EIO);
	ck_assert_uint_eq(fake->num_records, (unsigned)_i + 1);
	if (_i < 3) {
		holds_model();
	}
	fake->mode = FAKE_AT_ONCE;
	memcpy(model, fake->memory, sizeof(model));
	write_ends(0, 6 * FAKE_BLOCK, 0);
	write_ends(7, 1000, 0);
}
END_TEST

START_TEST(it_counts_as_one_request)
{
	const struct bdev_channel *bdev_ch = ebb_io_channel_ctx(ch);

	write_ends(5, 5 * FAKE_BLOCK, EBB_BDEV_FUA);
	zeroes_end(5, 5 * FAKE_BLOCK, EBB_BDEV_FUA);
	ck_assert_uint_eq(bdev_ch->stats[EBB_BDEV_WRITE].ops, 1);
	ck_assert_uint_eq(bdev_ch->stats[EBB_BDEV_WRITE].bytes, 6 * FAKE_BLOCK);
	ck_assert_uint_eq(bdev_ch->stats[EBB_BDEV_WRITE_ZEROES].ops, 1);
	ck_assert_uint_eq(bdev_ch->stats[EBB_BDEV_READ].ops, 0);
	ck_assert_uint_eq(bdev_ch->stats[EBB_BDEV_FLUSH].ops, 0);
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
		UNIT_LOOP(vectors_are_followed, 1, 8),
		UNIT_LOOP(vectors_are_followed, 39, 40),
		UNIT_TEST(a_write_is_a_few_requests),
		UNIT_TEST(whole_blocks_are_requests_of_blocks),
		UNIT_TEST(zeroes_are_made_where_blocks_are_whole),
		UNIT_TEST(fast_zeroes_are_refused_before_anything_changes),
		UNIT_TEST(durable_is_each_write),
		UNIT_TEST(or_a_flush_follows_the_last),
		UNIT_LOOP(an_error_ends_it, 0, 6),
		UNIT_TEST(it_counts_as_one_request),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
