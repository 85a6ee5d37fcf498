/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <ebb/memory.h>

#include "tests/unit/drivers/nvme/nvme_stage.h"

static struct nvme_client client;
static uint8_t *buf;

static void setup(void)
{
	nvme_setup();
	buf = ebb_mem_alloc(EBB_MEM_ALLOC_MAX);
	ck_assert_ptr_nonnull(buf);
}

static void teardown(void)
{
	ebb_mem_free(buf, EBB_MEM_ALLOC_MAX);
	nvme_teardown();
}

static void begin(void)
{
	nvme_attach();
	nvme_open(&client, "nn1");
}

static void end(void)
{
	nvme_close(&client);
	nvme_detach();
}

static void fill(uint8_t *to, size_t len, unsigned seed)
{
	size_t i;

	for (i = 0; i < len; i++) {
		to[i] = (uint8_t)(i * 7 + seed + (i >> 9));
	}
}

static int wait_for(struct nvme_result *result)
{
	stage_until(&result->done);
	return result->status;
}

static int do_write(const void *from, uint64_t offset, uint64_t blocks, uint32_t flags)
{
	struct nvme_result result = {0};

	ck_assert_int_eq(ebb_bdev_write(client.desc, client.ch, from, offset, blocks, flags,
					nvme_done, &result),
			 0);
	return wait_for(&result);
}

static int do_read(void *to, uint64_t offset, uint64_t blocks)
{
	struct nvme_result result = {0};

	ck_assert_int_eq(ebb_bdev_read(client.desc, client.ch, to, offset, blocks, nvme_done,
				       &result),
			 0);
	return wait_for(&result);
}

static int do_flush(void)
{
	struct nvme_result result = {0};

	ck_assert_int_eq(ebb_bdev_flush(client.desc, client.ch, nvme_done, &result), 0);
	return wait_for(&result);
}

START_TEST(what_is_written_is_read)
{
	begin();
	fill(buf, 8192, 1);
	ck_assert_int_eq(do_write(buf, 24, 16, 0), 0);
	ck_assert(memcmp(mock.ns[0].memory + (24 << 9), buf, 8192) == 0);
	memset(buf, 0, 8192);
	ck_assert_int_eq(do_read(buf, 24, 16), 0);
	ck_assert(memcmp(mock.ns[0].memory + (24 << 9), buf, 8192) == 0);
	ck_assert_uint_eq(mock_last(false, nvme_cmd_read)->cdw10, 24);
	ck_assert_uint_eq(mock_last(false, nvme_cmd_read)->cdw12, 15);
	end();
}
END_TEST

START_TEST(large_blocks_too)
{
	mock_ns_add(1, 12);
	begin();
	ck_assert_uint_eq(ebb_bdev_block_size(ebb_bdev_desc_bdev(client.desc)), 4096);
	fill(buf, 8192, 2);
	ck_assert_int_eq(do_write(buf, 1022, 2, 0), 0);
	ck_assert(memcmp(mock.ns[0].memory + (1022 << 12), buf, 8192) == 0);
	end();
}
END_TEST

START_TEST(a_flush_is_one_if_there_is_a_cache)
{
	begin();
	ck_assert_int_eq(do_flush(), 0);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_flush), 1);
	end();
	mock.id.vwc = 0;
	begin();
	ck_assert_int_eq(do_flush(), 0);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_flush), 1);
	end();
}
END_TEST

START_TEST(fua_is_a_bit_if_there_is_a_cache)
{
	begin();
	ck_assert_int_eq(do_write(buf, 0, 8, EBB_BDEV_FUA), 0);
	ck_assert_uint_eq(mock_last(false, nvme_cmd_write)->cdw12, 1u << 30 | 7);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_flush), 0);
	end();
	mock.id.vwc = 0;
	begin();
	ck_assert_int_eq(do_write(buf, 0, 8, EBB_BDEV_FUA), 0);
	ck_assert_uint_eq(mock_last(false, nvme_cmd_write)->cdw12, 7);
	end();
}
END_TEST

START_TEST(what_is_too_long_is_split)
{
	mock.id.mdts = 2; /* 16 KiB */
	mock.limits.max_io_bytes = 16384;
	begin();
	fill(buf, EBB_MEM_ALLOC_MAX, 3);
	ck_assert_int_eq(do_write(buf, 3, 2048, 0), 0);
	ck_assert(memcmp(mock.ns[0].memory + (3 << 9), buf, EBB_MEM_ALLOC_MAX) == 0);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_write), 64);
	end();
	mock.id.mdts = 0;
	mock.limits.max_io_bytes = 8192;
	begin();
	ck_assert_int_eq(do_read(buf, 0, 2048), 0);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_read), 128);
	end();
}
END_TEST

START_TEST(the_optimal_boundary_is_not_crossed)
{
	mock.ns[0].id.noiob = htole16(32);
	begin();
	ck_assert_int_eq(do_read(buf, 30, 4), 0);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_read), 2);
	end();
	mock.ns[0].id.noiob = htole16(33); /* not a power of two: a hint that is passed over */
	begin();
	ck_assert_int_eq(do_read(buf, 30, 4), 0);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_read), 3);
	end();
}
END_TEST

START_TEST(it_may_be_answered_inside_submit)
{
	mock.inside = true;
	begin();
	ck_assert_int_eq(do_write(buf, 0, 8, 0), 0);
	ck_assert_int_eq(do_read(buf, 0, 8), 0);
	end();
}
END_TEST

static Suite *suite(void)
{
	Suite *result = suite_create("nvme_io");
	TCase *tcase = tcase_create("nvme_io");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, what_is_written_is_read);
	tcase_add_test(tcase, large_blocks_too);
	tcase_add_test(tcase, a_flush_is_one_if_there_is_a_cache);
	tcase_add_test(tcase, fua_is_a_bit_if_there_is_a_cache);
	tcase_add_test(tcase, what_is_too_long_is_split);
	tcase_add_test(tcase, the_optimal_boundary_is_not_crossed);
	tcase_add_test(tcase, it_may_be_answered_inside_submit);
	suite_add_tcase(result, tcase);
	return result;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
