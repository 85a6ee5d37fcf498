/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/verify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

#define BLOCK     512u
#define IO_BLOCKS 4u
#define IO_BYTES  (BLOCK * IO_BLOCKS)
#define FIRST     10u
#define SLOTS     8u

static struct bench_verify verify;
static char device[FIRST + SLOTS][IO_BYTES];
static char buf[IO_BYTES];
static char error[BENCH_LOAD_ERROR_MAX];

static void setup(void)
{
	memset(device, 0, sizeof(device));
	ck_assert_int_eq(bench_verify_init(&verify, FIRST, SLOTS, IO_BLOCKS, BLOCK, 5, 77), 0);
}

static void teardown(void)
{
	bench_verify_fini(&verify);
	bench_verify_fini(&verify);
}

/* A whole request on a device that does what it is told. Return: what the verifier says. */
static int request(uint64_t slot, bool wanted, bool expected)
{
	bool write = wanted;

	memset(buf, 0xee, sizeof(buf));
	ck_assert_uint_eq(bench_verify_begin(&verify, slot, &write, buf), slot);
	ck_assert_int_eq(write, expected);
	if (write) {
		memcpy(device[slot], buf, sizeof(buf));
	} else {
		memcpy(buf, device[slot], sizeof(buf));
	}
	return bench_verify_end(&verify, slot, write, buf, 0, error);
}

static void expect_error(uint64_t slot, const char *text)
{
	ck_assert_int_eq(request(slot, false, false), -EILSEQ);
	ck_assert_str_eq(error, text);
}

/* What nobody knows is written first, and reads as what was written last. */
START_TEST(test_right)
{
	ck_assert_int_eq(request(FIRST, false, true), 0);
	ck_assert_int_eq(request(FIRST, false, false), 0);
	ck_assert_int_eq(request(FIRST, true, true), 0);
	ck_assert_int_eq(request(FIRST, false, false), 0);
	ck_assert_int_eq(request(FIRST + SLOTS - 1, true, true), 0);
	ck_assert_int_eq(request(FIRST + SLOTS - 1, false, false), 0);
	ck_assert_int_ne(memcmp(device[FIRST], device[FIRST + SLOTS - 1], IO_BYTES), 0);
}
END_TEST

START_TEST(test_damaged)
{
	char text[BENCH_LOAD_ERROR_MAX];

	request(FIRST, true, true);
	device[FIRST][2 * BLOCK + 300] ^= 1;
	snprintf(text, sizeof(text),
		 "block 42: expected its generation 1 of seed 5; found this with another byte 300, "
		 "0x%02x",
		 (unsigned char)device[FIRST][2 * BLOCK + 300]);
	expect_error(FIRST, text);
	device[FIRST][2 * BLOCK + 300] ^= 1;
	device[FIRST][BLOCK - 1] ^= 1; /* the last byte counts, too */
	ck_assert_int_eq(request(FIRST, false, false), -EILSEQ);
	ck_assert_ptr_nonnull(strstr(error, "block 40: "));
}
END_TEST

/* A write that the device has lost. */
START_TEST(test_stale)
{
	char before[IO_BYTES];

	request(FIRST, true, true);
	memcpy(before, device[FIRST], sizeof(before));
	request(FIRST, true, true);
	memcpy(device[FIRST], before, sizeof(before));
	expect_error(FIRST, "block 40: expected its generation 2 of seed 5; found block 40, "
			    "generation 1");
}
END_TEST

/* A request that went to the wrong place. */
START_TEST(test_misplaced)
{
	request(FIRST, true, true);
	request(FIRST + 1, true, true);
	memcpy(device[FIRST] + BLOCK, device[FIRST + 1], BLOCK);
	expect_error(FIRST, "block 41: expected its generation 1 of seed 5; found block 44, "
			    "generation 1");
}
END_TEST

START_TEST(test_foreign)
{
	struct bench_verify other;
	bool write = true;

	request(FIRST, true, true);
	memset(device[FIRST] + 3 * BLOCK, 0, BLOCK);
	expect_error(FIRST, "block 43: expected its generation 1 of seed 5; found no block that "
			    "ebb-bench writes: it begins with 0x0000000000000000");
	ck_assert_int_eq(bench_verify_init(&other, FIRST, SLOTS, IO_BLOCKS, BLOCK, 5, 78), 0);
	bench_verify_begin(&other, FIRST, &write, device[FIRST]);
	bench_verify_fini(&other);
	expect_error(FIRST, "block 40: expected its generation 1 of seed 5; found block 40, "
			    "generation 1, seed 5, of another run");
}
END_TEST

/* What a failed write has left is not known: it is written anew, as a generation of its own. */
START_TEST(test_failed_write)
{
	bool write = true;

	request(FIRST, true, true);
	bench_verify_begin(&verify, FIRST, &write, buf);
	ck_assert_int_eq(bench_verify_end(&verify, FIRST, true, buf, -EIO, error), 0);
	ck_assert_int_eq(request(FIRST, false, true), 0);
	ck_assert_int_eq(request(FIRST, false, false), 0);
	write = false;
	bench_verify_begin(&verify, FIRST, &write, buf);
	memset(buf, 0, sizeof(buf));
	ck_assert_int_eq(bench_verify_end(&verify, FIRST, false, buf, -EIO, error), 0);
	ck_assert_int_eq(request(FIRST, false, false), 0);
}
END_TEST

/* The buffer may hold the right pattern, of the write before: a device that reads nothing has not. */
START_TEST(test_nothing_read)
{
	bool write = true;

	bench_verify_begin(&verify, FIRST, &write, buf);
	ck_assert_int_eq(bench_verify_end(&verify, FIRST, true, buf, 0, error), 0);
	memcpy(device[FIRST], buf, sizeof(buf));
	write = false;
	bench_verify_begin(&verify, FIRST, &write, buf);
	ck_assert_int_eq(bench_verify_end(&verify, FIRST, false, buf, 0, error), -EILSEQ);
	ck_assert_str_eq(error, "block 40: expected its generation 1 of seed 5; found that nothing "
				"was read into its buffer");
	bench_verify_begin(&verify, FIRST, &write, buf);
	memcpy(buf, device[FIRST], 3 * BLOCK + 100); /* and half a block is half of one */
	ck_assert_int_eq(bench_verify_end(&verify, FIRST, false, buf, 0, error), -EILSEQ);
	ck_assert_ptr_nonnull(strstr(error, "block 43: "));
}
END_TEST

/* No two requests in flight are on one slot. */
START_TEST(test_busy)
{
	bool write = true;
	uint64_t seen = 0;

	for (unsigned i = 0; i < SLOTS; i++) {
		uint64_t slot = bench_verify_begin(&verify, FIRST + 6, &write, buf);

		ck_assert_uint_eq(slot, FIRST + (6 + i) % SLOTS);
		seen |= EBB_BIT(slot - FIRST);
	}
	ck_assert_uint_eq(seen, EBB_BIT(SLOTS) - 1);
	bench_verify_end(&verify, FIRST + 3, true, buf, 0, error);
	ck_assert_uint_eq(bench_verify_begin(&verify, FIRST + 5, &write, buf), FIRST + 3);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown), UNIT_TEST(test_right),
		UNIT_TEST(test_damaged),       UNIT_TEST(test_stale),
		UNIT_TEST(test_misplaced),     UNIT_TEST(test_foreign),
		UNIT_TEST(test_failed_write),  UNIT_TEST(test_busy),
		UNIT_TEST(test_nothing_read),  UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
