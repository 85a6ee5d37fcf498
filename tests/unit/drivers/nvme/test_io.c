/* SPDX-License-Identifier: Apache-2.0 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/memory.h>
#include <ebb/thread.h>

#include "core/memory/pool.h"

#include "tests/unit/drivers/nvme/nvme_stage.h"
#include "tests/unit/unit.h"

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

static int do_unmap(uint64_t offset, uint64_t blocks)
{
	struct nvme_result result = {0};

	ck_assert_int_eq(ebb_bdev_unmap(client.desc, client.ch, offset, blocks, nvme_done, &result),
			 0);
	return wait_for(&result);
}

static int do_zeroes(uint64_t offset, uint64_t blocks, uint32_t flags)
{
	struct nvme_result result = {0};

	ck_assert_int_eq(ebb_bdev_write_zeroes(client.desc, client.ch, offset, blocks, flags,
					       nvme_done, &result),
			 0);
	return wait_for(&result);
}

static int do_compare(const void *with, uint64_t offset, uint64_t blocks)
{
	struct nvme_result result = {0};

	ck_assert_int_eq(ebb_bdev_compare(client.desc, client.ch, with, offset, blocks, nvme_done,
					  &result),
			 0);
	return wait_for(&result);
}

START_TEST(an_unmap_is_ranges_within_their_limits)
{
	begin();
	ck_assert_int_eq(do_unmap(5, 8000), 0);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_dsm), 1);
	ck_assert_uint_eq(mock_last(false, nvme_cmd_dsm)->cdw10, 0);
	ck_assert_uint_eq(mock.ns[0].memory[5 << 9], 0xdd);
	ck_assert_uint_eq(mock.ns[0].memory[(8005 << 9) - 1], 0xdd);
	ck_assert_uint_eq(mock.ns[0].memory[8005 << 9], 0);
	end();
	mock.id_nvm.dmrl = 3;
	mock.id_nvm.dmrsl = htole32(100);
	mock.id_nvm.dmsl = htole64(250);
	begin();
	ck_assert_int_eq(do_unmap(0, 1000), 0);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_dsm), 1 + 4);
	ck_assert_uint_eq(mock_last(false, nvme_cmd_dsm)->cdw10, 2); /* 100, 100, 50 */
	end();
	mock.id_nvm.dmrl = 255;
	mock.id_nvm.dmrsl = htole32(1);
	mock.id_nvm.dmsl = 0;
	begin();
	ck_assert_int_eq(do_unmap(0, 600), 0);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_dsm), 5 + 3);
	end();
}
END_TEST

START_TEST(zeroes_are_one_command_within_their_limit)
{
	begin();
	memset(mock.ns[0].memory, 0xff, MOCK_BYTES);
	ck_assert_int_eq(do_zeroes(3, 2000, EBB_BDEV_FUA), 0);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_write_zeroes), 2); /* MDTS is 512 KiB */
	ck_assert_uint_eq(mock_last(false, nvme_cmd_write_zeroes)->cdw12 >> 30, 1);
	ck_assert_uint_eq(mock.ns[0].memory[(3 << 9) - 1], 0xff);
	ck_assert_uint_eq(mock.ns[0].memory[3 << 9], 0);
	ck_assert_uint_eq(mock.ns[0].memory[2003 << 9], 0xff);
	end();
	mock.id_nvm.wzsl = 1; /* 8 KiB */
	begin();
	ck_assert_int_eq(do_zeroes(0, 64, 0), 0);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_write_zeroes), 2 + 4);
	end();
	mock.id.oncs = 0;
	begin();
	ck_assert_int_eq(do_zeroes(0, 64, 0), 0);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_write_zeroes), 6);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_write), 1);
	end();
}
END_TEST

START_TEST(a_compare_tells_what_differs)
{
	begin();
	fill(buf, 8192, 9);
	ck_assert_int_eq(do_write(buf, 0, 16, 0), 0);
	ck_assert_int_eq(do_compare(buf, 0, 16), 0);
	buf[8191] ^= 1;
	ck_assert_int_eq(do_compare(buf, 0, 16), -EILSEQ);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_compare), 2);
	ck_assert_uint_eq(log_count("failed"), 0);
	end();
	mock.id.oncs = 0;
	begin();
	ck_assert(!ebb_bdev_io_type_supported(ebb_bdev_desc_bdev(client.desc), EBB_BDEV_COMPARE));
	ck_assert(!ebb_bdev_io_type_supported(ebb_bdev_desc_bdev(client.desc), EBB_BDEV_UNMAP));
	end();
}
END_TEST

/* Foreign memory, and pieces that do not meet at pages: the mock would not take them. */
START_TEST(memory_that_a_device_cannot_reach_is_bounced)
{
	static uint8_t foreign[4 * 512 + 2];
	struct nvme_result result = {0};
	struct iovec iov[2] = {
		{.iov_base = buf + 512, .iov_len = 1024},
		{.iov_base = buf + 4096, .iov_len = 1024},
	};

	begin();
	fill(foreign, sizeof(foreign), 4);
	ck_assert_int_eq(do_write(foreign + 1, 8, 4, 0), 0);
	ck_assert(memcmp(mock.ns[0].memory + (8 << 9), foreign + 1, 2048) == 0);
	memset(foreign, 0, sizeof(foreign));
	ck_assert_int_eq(do_read(foreign + 2, 8, 4), 0);
	ck_assert(memcmp(mock.ns[0].memory + (8 << 9), foreign + 2, 2048) == 0);
	fill(buf, 8192, 5);
	ck_assert_int_eq(ebb_bdev_writev(client.desc, client.ch, iov, 2, 100, 4, 0, nvme_done,
					 &result),
			 0);
	ck_assert_int_eq(wait_for(&result), 0);
	ck_assert(memcmp(mock.ns[0].memory + (102 << 9), buf + 4096, 1024) == 0);
	end();
}
END_TEST

START_TEST(what_may_help_is_tried_again)
{
	begin();
	mock_fail(false, nvme_cmd_read, 4, 0, NVME_SC_INTERNAL);
	ck_assert_int_eq(do_read(buf, 0, 8), 0);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_read), 5);
	mock_fail(false, nvme_cmd_write, 2, -EINTR, 0);
	ck_assert_int_eq(do_write(buf, 0, 8, 0), 0);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_write), 3);
	ck_assert_uint_eq(mock_last(false, nvme_cmd_write)->tries, 2);
	ck_assert_uint_eq(log_count("failed"), 0);
	end();
}
END_TEST

START_TEST(it_is_tried_so_often_and_no_more)
{
	begin();
	mock_fail(false, nvme_cmd_read, 5, 0,
		  NVME_SCT_MEDIA << NVME_SCT_SHIFT | NVME_SC_READ_ERROR);
	ck_assert_int_eq(do_read(buf, 0, 8), -EIO);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_read), 5);
	ck_assert_uint_eq(log_count("unrecovered read error"), 1);
	ck_assert_int_eq(do_read(buf, 0, 8), 0);
	mock_fail(false, nvme_cmd_write, 99, -EINTR, 0);
	ck_assert_int_eq(do_write(buf, 0, 8, 0), -EINTR);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_write), 5);
	end();
}
END_TEST

START_TEST(what_cannot_help_is_not)
{
	begin();
	mock_fail(false, nvme_cmd_read, 1, 0, NVME_SC_INTERNAL | 0x4000); /* DNR */
	ck_assert_int_eq(do_read(buf, 0, 8), -EIO);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_read), 1);
	mock_fail(false, nvme_cmd_read, 1, 0, NVME_SC_INVALID_FIELD);
	ck_assert_int_eq(do_read(buf, 0, 8), -EOPNOTSUPP);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_read), 2);
	mock_fail(false, nvme_cmd_dsm, 1, 0, NVME_SC_INVALID_FIELD); /* its ranges are freed */
	ck_assert_int_eq(do_unmap(0, 8), -EOPNOTSUPP);
	mock_fail(false, nvme_cmd_dsm, 1, 0, NVME_SC_INTERNAL); /* and kept for another try */
	ck_assert_int_eq(do_unmap(0, 8), 0);
	end();
}
END_TEST

/* CRD 2: CRDT2 is two seconds. */
START_TEST(a_delay_that_the_device_asks_for_is_kept)
{
	struct nvme_result result = {0};

	begin();
	mock_fail(false, nvme_cmd_read, 1, 0, NVME_SC_NS_NOT_READY | 2 << 11);
	ck_assert_int_eq(ebb_bdev_read(client.desc, client.ch, buf, 0, 8, nvme_done, &result), 0);
	stage_turns(10);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_read), 1);
	stage_clock_advance(1900 * EBB_NS_PER_MS);
	stage_turns(10);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_read), 1);
	ck_assert(!result.done);
	stage_clock_advance(110 * EBB_NS_PER_MS);
	ck_assert_int_eq(wait_for(&result), 0);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_read), 2);
	end();
}
END_TEST

START_TEST(a_delay_has_a_bound)
{
	struct nvme_result result = {0};

	mock.id.crdt2 = htole16(UINT16_MAX); /* nearly two hours */
	begin();
	mock_fail(false, nvme_cmd_read, 1, 0, NVME_SC_NS_NOT_READY | 2 << 11);
	ck_assert_int_eq(ebb_bdev_read(client.desc, client.ch, buf, 0, 8, nvme_done, &result), 0);
	stage_turns(10);
	stage_clock_advance(59 * EBB_NS_PER_S);
	stage_turns(10);
	ck_assert(!result.done);
	stage_clock_advance(2 * EBB_NS_PER_S);
	stage_turns(10);
	ck_assert(result.done);
	ck_assert_int_eq(result.status, 0);
	end();
}
END_TEST

START_TEST(other_requests_pass_one_that_waits)
{
	struct nvme_result slow = {0}, soon = {0};

	begin();
	mock_fail(false, nvme_cmd_read, 1, 0, NVME_SC_NS_NOT_READY | 2 << 11);
	mock_fail(false, nvme_cmd_write, 1, 0, NVME_SC_NS_NOT_READY | 1 << 11);
	ck_assert_int_eq(ebb_bdev_read(client.desc, client.ch, buf, 0, 8, nvme_done, &slow), 0);
	stage_turns(3);
	ck_assert_int_eq(ebb_bdev_write(client.desc, client.ch, buf, 0, 8, 0, nvme_done, &soon), 0);
	stage_turns(3);
	ck_assert_int_eq(do_flush(), 0);
	stage_clock_advance(101 * EBB_NS_PER_MS);
	ck_assert_int_eq(wait_for(&soon), 0);
	ck_assert(!slow.done);
	stage_clock_advance(1900 * EBB_NS_PER_MS);
	ck_assert_int_eq(wait_for(&slow), 0);
	end();
}
END_TEST

START_TEST(no_memory_for_ranges_is_an_error_of_that_request)
{
	begin();
	ebb_mem_trim();
	mem_fail_from(1);
	ck_assert_int_eq(do_unmap(0, 8), -ENOMEM);
	mem_fail_from(0);
	ck_assert_int_eq(do_unmap(0, 8), 0);
	end();
}
END_TEST

/* Answers @request, whose memory is another's by now, for the use it had before. */
static void answer_late(struct nvme_request *request, uint16_t use, int rc, uint16_t status)
{
	unsigned violations = stage_violations(3);

	request->rc = rc;
	request->status = status;
	request->done(request, use);
	ck_assert_uint_eq(stage_violations(3), violations + 1);
}

/* An answer too many, after the request's memory has been used again: that one goes on. */
START_TEST(an_answer_too_many_does_not_end_the_next_request)
{
	struct nvme_result next = {0};
	struct nvme_request *request;
	unsigned records;
	uint16_t use;

	begin();
	ck_assert_int_eq(_i == 0 ? do_read(buf, 0, 8) : do_unmap(0, 8), 0);
	request = mock.last;
	use = mock.last_use;
	mock.hold = true;
	ck_assert_int_eq(_i == 0 ? ebb_bdev_read(client.desc, client.ch, buf, 8, 8, nvme_done,
						 &next)
				 : ebb_bdev_unmap(client.desc, client.ch, 8, 8, nvme_done, &next),
			 0);
	ck_assert_ptr_eq(mock.last, request);
	ck_assert_uint_ne(mock.last_use, use);
	records = mock.num_records;
	answer_late(request, use, 0, 0);
	answer_late(request, use, -EINTR, 0);
	answer_late(request, use, 0, NVME_SC_INTERNAL);
	stage_turns(3);
	ck_assert_uint_eq(mock.num_records, records); /* nothing is tried again for it */
	ck_assert(!next.done);
	mock_release();
	ck_assert_int_eq(wait_for(&next), 0);
	ck_assert_uint_eq(log_count("refused"), 1); /* not freed twice, either */
	mock.hold = false;
	end();
}
END_TEST

START_TEST(each_thread_has_its_queue)
{
	struct ebb_thread *thread = stage_thread("other");
	struct nvme_client other;
	struct nvme_result result = {0};

	begin();
	ck_assert_uint_eq(mock.num_queues, 1);
	stage_enter(thread);
	nvme_open(&other, "nn1");
	ck_assert_uint_eq(mock.num_queues, 2);
	ck_assert_int_eq(ebb_bdev_read(other.desc, other.ch, buf, 0, 8, nvme_done, &result), 0);
	ck_assert_int_eq(wait_for(&result), 0);
	ck_assert_int_eq(mock.records[mock.num_records - 1].opcode, nvme_cmd_read);
	nvme_close(&other);
	stage_enter(ebb_thread_app());
	stage_turns(4);
	ck_assert_uint_eq(mock.num_queues, 1);
	end();
	stage_thread_exit(thread);
}
END_TEST

START_TEST(without_a_queue_there_is_no_channel)
{
	struct ebb_bdev_desc *desc;

	nvme_attach();
	mock.queue_rc = -ENOSPC;
	ck_assert_int_eq(ebb_bdev_open("nn1", true, NULL, NULL, &desc), 0);
	ck_assert_ptr_null(ebb_bdev_channel_get(desc));
	ck_assert_uint_eq(log_count("No space left"), 1);
	ebb_bdev_close(desc);
	nvme_detach();
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(what_is_written_is_read),
		UNIT_TEST(large_blocks_too),
		UNIT_TEST(a_flush_is_one_if_there_is_a_cache),
		UNIT_TEST(fua_is_a_bit_if_there_is_a_cache),
		UNIT_TEST(what_is_too_long_is_split),
		UNIT_TEST(the_optimal_boundary_is_not_crossed),
		UNIT_TEST(it_may_be_answered_inside_submit),
		UNIT_TEST(an_unmap_is_ranges_within_their_limits),
		UNIT_TEST(zeroes_are_one_command_within_their_limit),
		UNIT_TEST(a_compare_tells_what_differs),
		UNIT_TEST(memory_that_a_device_cannot_reach_is_bounced),
		UNIT_TEST(what_may_help_is_tried_again),
		UNIT_TEST(it_is_tried_so_often_and_no_more),
		UNIT_TEST(what_cannot_help_is_not),
		UNIT_TEST(a_delay_that_the_device_asks_for_is_kept),
		UNIT_TEST(a_delay_has_a_bound),
		UNIT_TEST(other_requests_pass_one_that_waits),
		UNIT_TEST(no_memory_for_ranges_is_an_error_of_that_request),
		UNIT_LOOP(an_answer_too_many_does_not_end_the_next_request, 0, 2),
		UNIT_TEST(each_thread_has_its_queue),
		UNIT_TEST(without_a_queue_there_is_no_channel),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
