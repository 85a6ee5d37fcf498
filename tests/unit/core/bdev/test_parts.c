/* SPDX-License-Identifier: Apache-2.0 */
/* Requests done in parts: each part is one the driver can take, and together they are the whole. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/memory.h>

#include "core/bdev/channel.h"
#include "core/memory/pool.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

#define BUF_BLOCKS 64u

static struct fake *fake;
static struct ebb_bdev_desc *desc;
static struct ebb_io_channel *ch;
static struct fake_result result;
static uint8_t buf[BUF_BLOCKS * FAKE_BLOCK + 4096] __attribute__((aligned(4096)));

static void setup(void)
{
	stage_begin();
	fake = fake_create("disk");
	memset(&result, 0, sizeof(result));
}

static void teardown(void)
{
	struct ebb_mem_stats stats;

	fake_close(fake, desc, ch);
	ebb_mem_trim();
	ebb_mem_get_stats(&stats);
	ck_assert_uint_eq(stats.used_bytes, 0);
	stage_end();
}

/* Every part by itself, and that they follow on each other without a gap. */
static void check_parts(uint64_t offset, uint64_t num, uint64_t longest, uint64_t boundary)
{
	uint64_t next = offset;
	unsigned i;

	for (i = 0; i < fake->num_records; i++) {
		const struct fake_record *record = &fake->records[i];

		ck_assert_uint_eq(record->offset_blocks, next);
		ck_assert_uint_ge(record->num_blocks, 1);
		ck_assert_uint_le(record->num_blocks, longest);
		ck_assert(record->aligned);
		if (fake->bdev.max_segments != 0) {
			ck_assert_int_le(record->iovcnt, (int)fake->bdev.max_segments);
		}
		if (boundary != 0) {
			ck_assert_uint_eq(next / boundary,
					  (next + record->num_blocks - 1) / boundary);
		}
		next += record->num_blocks;
	}
	ck_assert_uint_eq(next, offset + num);
}

START_TEST(too_long_is_split)
{
	fake->bdev.max_io_blocks = 7;
	fake_open(fake, &desc, &ch);
	ck_assert_int_eq(ebb_bdev_write(desc, ch, buf, 10, 7, 0, fake_done, &result), 0);
	ck_assert_uint_eq(fake->num_records, 1);
	fake->num_records = 0;
	ck_assert_int_eq(ebb_bdev_write(desc, ch, buf, 10, 22, 0, fake_done, &result), 0);
	ck_assert_uint_eq(result.calls, 0);
	stage_turns(3);
	ck_assert_uint_eq(fake->num_records, 4);
	check_parts(10, 22, 7, 0);
	ck_assert_uint_eq(result.calls, 2);
}
END_TEST

START_TEST(boundaries_are_not_crossed)
{
	fake->bdev.optimal_io_boundary = 8;
	fake_open(fake, &desc, &ch);
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 8, 8, fake_done, &result), 0);
	ck_assert_uint_eq(fake->num_records, 1);
	fake->num_records = 0;
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 13, 20, fake_done, &result), 0);
	stage_turns(3);
	ck_assert_uint_eq(fake->num_records, 4); /* 3, 8, 8, 1 */
	check_parts(13, 20, 8, 8);
	ck_assert_uint_eq(result.calls, 2);
}
END_TEST

/* The driver wants memory aligned to more than a block, and requests of no multiple of that. */
START_TEST(parts_end_where_memory_is_aligned)
{
	fake->bdev.buf_align = 4096;
	fake->bdev.max_io_blocks = 9;
	fake_open(fake, &desc, &ch);
	ck_assert_int_eq(ebb_bdev_write(desc, ch, buf, 0, 40, 0, fake_done, &result), 0);
	stage_turns(3);
	ck_assert_uint_eq(fake->num_records, 5);
	check_parts(0, 40, 9, 0);
	ck_assert_uint_eq(result.calls, 1);
}
END_TEST

/* A boundary comes before memory is aligned again: what does not fit is bounced. */
START_TEST(parts_that_cannot_be_aligned_are_bounced)
{
	unsigned i;

	fake->bdev.buf_align = 4096;
	fake->bdev.optimal_io_boundary = 16;
	fake_open(fake, &desc, &ch);
	for (i = 0; i < 32 * FAKE_BLOCK; i++) {
		buf[i] = (uint8_t)(i * 7 + (i >> 9));
	}
	fake->misaligned = 0;
	ck_assert_int_eq(ebb_bdev_write(desc, ch, buf, 13, 32, 0, fake_done, &result), 0);
	stage_turns(3);
	ck_assert_uint_eq(fake->misaligned, 0);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, 0);
	ck_assert_mem_eq(&fake->memory[13 * FAKE_BLOCK], buf, 32 * FAKE_BLOCK);
}
END_TEST

START_TEST(unmap_is_not_split)
{
	fake->bdev.max_io_blocks = 7;
	fake->bdev.optimal_io_boundary = 8;
	fake_open(fake, &desc, &ch);
	ebb_bdev_unmap(desc, ch, 1, 1000, fake_done, &result);
	ebb_bdev_write_zeroes(desc, ch, 1, 1000, 0, fake_done, &result);
	stage_turn();
	ck_assert_uint_eq(fake->num_records, 2);
	ck_assert_uint_eq(result.calls, 2);
}
END_TEST

START_TEST(unmap_and_zeroes_are_split_by_limits_of_their_own)
{
	fake->bdev.max_io_blocks = 7;
	fake->bdev.max_unmap_blocks = 100;
	fake->bdev.max_write_zeroes_blocks = 300;
	fake_open(fake, &desc, &ch);
	memset(fake->memory, 0xff, sizeof(fake->memory));
	ck_assert_int_eq(ebb_bdev_unmap(desc, ch, 1, 100, fake_done, &result), 0);
	stage_turn();
	ck_assert_uint_eq(fake->num_records, 1);
	fake->num_records = 0;
	ck_assert_int_eq(ebb_bdev_unmap(desc, ch, 1, 1050, fake_done, &result), 0);
	stage_turns(4);
	ck_assert_uint_eq(fake->num_records, 11);
	ck_assert_int_eq(fake->records[10].type, EBB_BDEV_UNMAP);
	ck_assert_int_eq(fake->records[10].iovcnt, 0);
	check_parts(1, 1050, 100, 0);
	fake->num_records = 0;
	ck_assert_int_eq(ebb_bdev_write_zeroes(desc, ch, 2000, 1000, EBB_BDEV_FUA, fake_done,
					       &result),
			 0);
	stage_turns(6);
	ck_assert_int_eq(fake->records[0].type, EBB_BDEV_WRITE_ZEROES);
	ck_assert_int_eq(fake->records[4].type, EBB_BDEV_FLUSH);
	fake->num_records = 4;
	check_parts(2000, 1000, 300, 0);
	ck_assert_uint_eq(result.calls, 3);
	ck_assert_int_eq(result.status, 0);
	ck_assert_uint_eq(fake->memory[3000 * FAKE_BLOCK - 1], 0);
	ck_assert_uint_eq(fake->memory[3000 * FAKE_BLOCK], 0xff);
}
END_TEST

START_TEST(the_first_error_of_an_unmap_ends_it)
{
	fake->bdev.max_unmap_blocks = 10;
	fake->mode = FAKE_HOLD;
	fake_open(fake, &desc, &ch);
	ck_assert_int_eq(ebb_bdev_unmap(desc, ch, 0, 1000, fake_done, &result), 0);
	ck_assert_uint_eq(fake->num_held, BDEV_CHILDREN_MAX);
	fake_complete_one(fake, -EIO);
	fake_complete_all(fake, 0);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, -EIO);
	ck_assert_uint_eq(fake->num_records, BDEV_CHILDREN_MAX);
}
END_TEST

static void compare_is(const uint8_t *memory, uint64_t offset, uint64_t num, int status)
{
	memset(&result, 0, sizeof(result));
	ck_assert_int_eq(ebb_bdev_compare(desc, ch, memory, offset, num, fake_done, &result), 0);
	ck_assert_uint_eq(result.calls, 0);
	stage_turns(6);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, status);
}

/*
 * A compare has memory like a write: it is split and bounced, and the first difference is the end.
 */
START_TEST(compares_are_split_and_bounced)
{
	unsigned i;

	fake->bdev.max_io_blocks = 7;
	fake->bdev.buf_align = 512;
	fake_open(fake, &desc, &ch);
	for (i = 0; i < 30 * FAKE_BLOCK; i++) {
		fake->memory[i] = (uint8_t)(i * 3 + (i >> 9));
	}
	memcpy(buf, fake->memory, 30 * FAKE_BLOCK);
	compare_is(buf, 0, 30, 0);
	check_parts(0, 30, 7, 0);
	ck_assert_int_eq(fake->records[0].type, EBB_BDEV_COMPARE);
	buf[29 * FAKE_BLOCK] ^= 1;
	compare_is(buf, 0, 30, -EILSEQ);
	memmove(buf + 1, fake->memory, 30 * FAKE_BLOCK);
	fake->num_records = 0;
	compare_is(buf + 1, 0, 30, 0);
	check_parts(0, 30, 7, 0);
	buf[1] ^= 1;
	compare_is(buf + 1, 0, 30, -EILSEQ);
}
END_TEST

START_TEST(foreign_memory_is_bounced_if_the_driver_needs_the_pools)
{
	uint8_t *pool = ebb_mem_alloc(2 * BUF_BLOCKS * FAKE_BLOCK);
	struct iovec iov[2];
	unsigned i;

	ck_assert_ptr_nonnull(pool);
	fake->bdev.pool_memory = true;
	fake_open(fake, &desc, &ch);
	for (i = 0; i < BUF_BLOCKS * FAKE_BLOCK; i++) {
		buf[i] = pool[i] = (uint8_t)(i * 11);
	}
	ck_assert_int_eq(ebb_bdev_write(desc, ch, buf, 0, 8, 0, fake_done, &result), 0);
	ck_assert_int_eq(ebb_bdev_write(desc, ch, pool, 100, 8, 0, fake_done, &result), 0);
	iov[0] = (struct iovec){.iov_base = pool, .iov_len = 4 * FAKE_BLOCK};
	iov[1] = (struct iovec){.iov_base = buf, .iov_len = 4 * FAKE_BLOCK};
	ck_assert_int_eq(ebb_bdev_writev(desc, ch, iov, 2, 200, 8, 0, fake_done, &result), 0);
	stage_turns(4);
	ck_assert_uint_eq(result.calls, 3);
	ck_assert_uint_eq(fake->num_records, 3);
	for (i = 0; i < 3; i++) {
		ck_assert(fake->records[i].pool);
	}
	ck_assert_mem_eq(fake->memory, buf, 8 * FAKE_BLOCK);
	ck_assert_mem_eq(&fake->memory[204 * FAKE_BLOCK], buf, 4 * FAKE_BLOCK);
	memset(buf, 0, sizeof(buf));
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 8, fake_done, &result), 0);
	stage_turns(3);
	ck_assert(fake->records[3].pool);
	ck_assert_mem_eq(fake->memory, buf, 8 * FAKE_BLOCK);
	ebb_mem_free(pool, 2 * BUF_BLOCKS * FAKE_BLOCK);
}
END_TEST

/* Pieces that do not meet at pages are bounced; first and last may begin and end anywhere. */
START_TEST(pieces_that_do_not_meet_at_pages_are_bounced)
{
	struct iovec iov[3] = {
		{.iov_base = buf + 3584, .iov_len = 512},
		{.iov_base = buf + 8192, .iov_len = 4096},
		{.iov_base = buf + 4096, .iov_len = 512},
	};

	fake->bdev.segment_align = 4096;
	fake_open(fake, &desc, &ch);
	ck_assert_int_eq(ebb_bdev_writev(desc, ch, iov, 3, 0, 10, 0, fake_done, &result), 0);
	stage_turns(3);
	ck_assert_int_eq(fake->records[0].iovcnt, 3);
	iov[1].iov_base = buf + 8192 + 512;
	ck_assert_int_eq(ebb_bdev_writev(desc, ch, iov, 3, 0, 10, 0, fake_done, &result), 0);
	stage_turns(3);
	ck_assert_int_eq(fake->records[1].iovcnt, 1);
	ck_assert(fake->records[1].pool);
	ck_assert_mem_eq(&fake->memory[FAKE_BLOCK], buf + 8192 + 512, 4096);
	iov[1].iov_base = buf + 8192;
	iov[1].iov_len = 3584;
	ck_assert_int_eq(ebb_bdev_writev(desc, ch, iov, 3, 0, 9, 0, fake_done, &result), 0);
	stage_turns(3);
	ck_assert_int_eq(fake->records[2].iovcnt, 1);
	ck_assert_uint_eq(result.calls, 3);
}
END_TEST

START_TEST(too_many_segments_are_split)
{
	struct iovec iov[6];
	uint8_t back[6 * FAKE_BLOCK];
	int i;

	fake->bdev.max_segments = 2;
	fake_open(fake, &desc, &ch);
	for (i = 0; i < 6; i++) {
		memset(buf + i * (int)FAKE_BLOCK, i + 1, FAKE_BLOCK);
		iov[i].iov_base = buf + (5 - i) * (int)FAKE_BLOCK;
		iov[i].iov_len = FAKE_BLOCK;
	}
	ck_assert_int_eq(ebb_bdev_writev(desc, ch, iov, 6, 5, 6, 0, fake_done, &result), 0);
	stage_turns(3);
	ck_assert_uint_eq(fake->num_records, 3);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(fake->records[i].iovcnt, 2);
	}
	fake->num_records = 0;
	ck_assert_int_eq(ebb_bdev_read(desc, ch, back, 5, 6, fake_done, &result), 0);
	stage_turns(3);
	for (i = 0; i < 6; i++) {
		ck_assert_int_eq(back[i * (int)FAKE_BLOCK], 6 - i);
	}
	ck_assert_uint_eq(result.calls, 2);
}
END_TEST

START_TEST(unaligned_memory_is_bounced)
{
	unsigned i;

	fake->bdev.buf_align = 512;
	fake_open(fake, &desc, &ch);
	for (i = 0; i < 3 * FAKE_BLOCK; i++) {
		buf[i + 13] = (uint8_t)(i * 5);
	}
	ck_assert_int_eq(ebb_bdev_write(desc, ch, buf + 13, 2, 3, 0, fake_done, &result), 0);
	stage_turns(3);
	check_parts(2, 3, 3, 0);
	ck_assert_mem_eq(&fake->memory[2 * FAKE_BLOCK], buf + 13, 3 * FAKE_BLOCK);
	memset(buf, 0xee, sizeof(buf));
	fake->num_records = 0;
	fake->mode = FAKE_HOLD;
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf + 1, 2, 3, fake_done, &result), 0);
	ck_assert_uint_eq(buf[1], 0xee);
	fake_complete_all(fake, 0);
	check_parts(2, 3, 3, 0);
	ck_assert_mem_eq(&fake->memory[2 * FAKE_BLOCK], buf + 1, 3 * FAKE_BLOCK);
	ck_assert_uint_eq(buf[0], 0xee);
	ck_assert_uint_eq(buf[1 + 3 * FAKE_BLOCK], 0xee);
	ck_assert_uint_eq(result.calls, 2);
}
END_TEST

START_TEST(a_failed_read_leaves_memory_alone)
{
	fake->bdev.buf_align = 512;
	fake_open(fake, &desc, &ch);
	memset(buf, 0xee, sizeof(buf));
	fake->mode = FAKE_HOLD;
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf + 1, 2, 3, fake_done, &result), 0);
	fake_complete_all(fake, -EIO);
	ck_assert_int_eq(result.status, -EIO);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_uint_eq(buf[1], 0xee);
}
END_TEST

START_TEST(large_bounces_come_in_pieces)
{
	size_t size = FAKE_BLOCKS * FAKE_BLOCK; /* 4 MiB */
	uint8_t *large = malloc(size + 1);

	ck_assert_ptr_nonnull(large);
	fake->bdev.buf_align = 16;
	fake_open(fake, &desc, &ch);
	memset(large, 0x5a, size + 1);
	ck_assert_int_eq(ebb_bdev_write(desc, ch, large + 1, 0, FAKE_BLOCKS, 0, fake_done, &result),
			 0);
	stage_turns(4);
	ck_assert_uint_eq(fake->num_records, 4);
	check_parts(0, FAKE_BLOCKS, BDEV_BOUNCE_MAX / FAKE_BLOCK, 0);
	ck_assert_mem_eq(fake->memory, large + 1, size);
	ck_assert_uint_eq(result.calls, 1);
	free(large);
}
END_TEST

START_TEST(zeroes_are_written_where_there_is_no_other_way)
{
	uint64_t i;

	fake->bdev.io_types = EBB_BIT(EBB_BDEV_READ) | EBB_BIT(EBB_BDEV_WRITE);
	fake->bdev.max_io_blocks = 100;
	fake_open(fake, &desc, &ch);
	ck_assert(ebb_bdev_io_type_supported(&fake->bdev, EBB_BDEV_WRITE_ZEROES));
	memset(fake->memory, 0xff, sizeof(fake->memory));
	ck_assert_int_eq(ebb_bdev_write_zeroes(desc, ch, 3, 950, 0, fake_done, &result), 0);
	stage_turns(8);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, 0);
	ck_assert_int_eq(fake->records[0].type, EBB_BDEV_WRITE);
	check_parts(3, 950, 100, 0);
	for (i = 0; i < 960 * FAKE_BLOCK; i++) {
		bool zero = i >= 3 * FAKE_BLOCK && i < 953 * FAKE_BLOCK;

		ck_assert_uint_eq(fake->memory[i], zero ? 0 : 0xff);
	}
}
END_TEST

START_TEST(parts_in_flight_are_bounded)
{
	fake->bdev.max_io_blocks = 1;
	fake_open(fake, &desc, &ch);
	fake->mode = FAKE_HOLD;
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, BUF_BLOCKS, fake_done, &result), 0);
	ck_assert_uint_eq(fake->num_held, BDEV_CHILDREN_MAX);
	fake_complete_all(fake, 0);
	ck_assert_uint_eq(fake->most_held, BDEV_CHILDREN_MAX);
	ck_assert_uint_eq(fake->num_records, BUF_BLOCKS);
	ck_assert_uint_eq(result.calls, 1);
}
END_TEST

START_TEST(the_first_error_ends_it_when_nothing_is_in_flight)
{
	fake->bdev.max_io_blocks = 1;
	fake_open(fake, &desc, &ch);
	fake->mode = FAKE_HOLD;
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, BUF_BLOCKS, fake_done, &result), 0);
	fake_complete_one(fake, 0);
	fake_complete_one(fake, -EILSEQ);
	fake_complete_one(fake, -EIO);
	while (fake->num_held > 1) {
		fake_complete_one(fake, 0);
		ck_assert_uint_eq(result.calls, 0);
	}
	fake_complete_one(fake, 0);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, -EILSEQ);
	ck_assert_uint_eq(fake->num_records, BDEV_CHILDREN_MAX + 1);
}
END_TEST

START_TEST(fua_of_parts_is_one_flush_at_the_end)
{
	fake->bdev.max_io_blocks = 2;
	fake_open(fake, &desc, &ch);
	ck_assert_int_eq(ebb_bdev_write(desc, ch, buf, 0, 6, EBB_BDEV_FUA, fake_done, &result), 0);
	stage_turns(6);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_uint_eq(fake->num_records, 4);
	ck_assert_int_eq(fake->records[3].type, EBB_BDEV_FLUSH);
}
END_TEST

START_TEST(no_memory_for_a_bounce_fails_after_the_call)
{
	fake->bdev.buf_align = 512;
	fake_open(fake, &desc, &ch);
	mem_fail_from(1);
	ck_assert_int_eq(ebb_bdev_write(desc, ch, buf + 1, 0, 4, 0, fake_done, &result), 0);
	ck_assert_uint_eq(result.calls, 0);
	stage_turns(2);
	mem_fail_from(0);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, -ENOMEM);
}
END_TEST

START_TEST(scarce_memory_for_bounces_only_slows_down)
{
	fake->bdev.buf_align = 512;
	fake->bdev.max_io_blocks = 4;
	fake_open(fake, &desc, &ch);
	fake->mode = FAKE_HOLD;
	mem_fail_from(3);
	ck_assert_int_eq(ebb_bdev_write(desc, ch, buf + 1, 0, 40, 0, fake_done, &result), 0);
	ck_assert_uint_eq(fake->num_held, 2);
	mem_fail_from(0);
	fake_complete_all(fake, 0);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, 0);
	check_parts(0, 40, 4, 0);
	ck_assert_mem_eq(fake->memory, buf + 1, 40 * FAKE_BLOCK);
}
END_TEST

/* Cuts @len bytes into a vector of odd pieces, all over @memory. */
static int cut(struct iovec *iov, int max, uint8_t *memory, size_t len, size_t grain)
{
	int count = 0;

	while (len > 0) {
		size_t piece = grain * (1 + (size_t)rand() % 3);

		if (piece > len || count == max - 1) {
			piece = len;
		}
		iov[count].iov_base = memory;
		iov[count].iov_len = piece;
		memory += piece;
		len -= piece;
		count++;
	}
	return count;
}

START_TEST(any_limits_any_vector)
{
	static const size_t grains[] = {1, 100, 256, 512, 513};
	static const uint32_t segments[] = {0, 1, 2, 3, 5};
	struct iovec iov[64];
	unsigned round;

	srand((unsigned)_i + 1);
	fake->bdev.max_io_blocks = (uint32_t)rand() % 9;
	fake->bdev.optimal_io_boundary = rand() % 2 ? 0 : 1u << (rand() % 5);
	fake->bdev.max_segments = segments[rand() % 5];
	fake->bdev.buf_align = rand() % 2 ? 0 : 1u << (rand() % 10);
	fake_open(fake, &desc, &ch);
	for (round = 0; round < 50; round++) {
		uint64_t num = 1 + (uint64_t)rand() % BUF_BLOCKS;
		uint64_t offset = (uint64_t)rand() % (FAKE_BLOCKS - num);
		size_t len = num * FAKE_BLOCK, i;
		uint8_t *memory = buf + rand() % 600;
		int count = cut(iov, 64, memory, len, grains[rand() % 5]);
		uint64_t longest = fake->bdev.max_io_blocks ? fake->bdev.max_io_blocks : num;

		for (i = 0; i < len; i++) {
			memory[i] = (uint8_t)rand();
		}
		memset(&result, 0, sizeof(result));
		fake->num_records = 0;
		fake->mode = round % 2 ? FAKE_AT_ONCE : FAKE_HOLD;
		ck_assert_int_eq(ebb_bdev_writev(desc, ch, iov, count, offset, num, 0, fake_done,
						 &result),
				 0);
		fake_complete_all(fake, 0);
		stage_turns(BUF_BLOCKS + 1);
		ck_assert_uint_eq(result.calls, 1);
		check_parts(offset, num, longest, fake->bdev.optimal_io_boundary);
		ck_assert_mem_eq(&fake->memory[offset * FAKE_BLOCK], memory, len);
		memset(memory, 0, len);
		ebb_bdev_readv(desc, ch, iov, count, offset, num, fake_done, &result);
		fake_complete_all(fake, 0);
		stage_turns(BUF_BLOCKS + 1);
		ck_assert_uint_eq(result.calls, 2);
		ck_assert_mem_eq(&fake->memory[offset * FAKE_BLOCK], memory, len);
	}
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(too_long_is_split),
		UNIT_TEST(boundaries_are_not_crossed),
		UNIT_TEST(parts_end_where_memory_is_aligned),
		UNIT_TEST(parts_that_cannot_be_aligned_are_bounced),
		UNIT_TEST(unmap_is_not_split),
		UNIT_TEST(unmap_and_zeroes_are_split_by_limits_of_their_own),
		UNIT_TEST(the_first_error_of_an_unmap_ends_it),
		UNIT_TEST(compares_are_split_and_bounced),
		UNIT_TEST(foreign_memory_is_bounced_if_the_driver_needs_the_pools),
		UNIT_TEST(pieces_that_do_not_meet_at_pages_are_bounced),
		UNIT_TEST(too_many_segments_are_split),
		UNIT_TEST(unaligned_memory_is_bounced),
		UNIT_TEST(a_failed_read_leaves_memory_alone),
		UNIT_TEST(large_bounces_come_in_pieces),
		UNIT_TEST(zeroes_are_written_where_there_is_no_other_way),
		UNIT_TEST(parts_in_flight_are_bounded),
		UNIT_TEST(the_first_error_ends_it_when_nothing_is_in_flight),
		UNIT_TEST(fua_of_parts_is_one_flush_at_the_end),
		UNIT_TEST(no_memory_for_a_bounce_fails_after_the_call),
		UNIT_TEST(scarce_memory_for_bounces_only_slows_down),
		UNIT_LOOP(any_limits_any_vector, 0, 40),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
