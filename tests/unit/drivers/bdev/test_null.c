/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <ebb/bdev_module.h>
#include <ebb/io_channel.h>

#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

static void setup(void)
{
	stage_begin();
}

static void teardown(void)
{
	stage_end();
}

START_TEST(it_comes_and_goes)
{
	call_is("bdev_null_create", "{'name': 'Null0', 'num_blocks': 100, 'block_size': 4096}",
		"\"Null0\"");
	call_has("bdev_get_bdevs", "{'name': 'Null0'}",
		 "\"product_name\":\"Null disk\",\"block_size\":4096,\"num_blocks\":100");
	call_has("bdev_null_create", "{'name': 'Null0', 'num_blocks': 1, 'block_size': 512}",
		 "error -17: bdev 'Null0' exists already");
	call_is("bdev_null_delete", "{'name': 'Null0'}", "true");
	call_has("bdev_null_delete", "{'name': 'Null0'}", "error -19: bdev 'Null0' not found");
	call_is("bdev_null_create", "{'name': 'Null0', 'num_blocks': 1, 'block_size': 512}",
		"\"Null0\"");
	call_is("bdev_null_delete", "{'name': 'Null0'}", "true");
}
END_TEST

START_TEST(its_uuid_can_be_given)
{
	call_is("bdev_null_create",
		"{'name': 'n', 'num_blocks': 1, 'block_size': 512, "
		"'uuid': '01234567-89ab-cdef-0123-456789abcdef'}",
		"\"n\"");
	call_has("bdev_get_bdevs", "{'name': '01234567-89ab-cdef-0123-456789abcdef'}",
		 "\"name\":\"n\"");
	call_has("bdev_null_create",
		 "{'name': 'm', 'num_blocks': 1, 'block_size': 512, "
		 "'uuid': '01234567-89ab-cdef-0123-456789abcdef'}",
		 "error -17: bdev 'm' cannot have the uuid of another bdev");
	call_is("bdev_null_delete", "{'name': 'n'}", "true");
}
END_TEST

START_TEST(what_an_spdk_file_says_is_taken_if_harmless)
{
	call_is("bdev_null_create",
		"{'name': 'n', 'num_blocks': 1, 'block_size': 512, 'physical_block_size': 512, "
		"'md_size': 0, 'dif_type': 0, 'dif_is_head_of_md': false, 'dif_pi_format': 0, "
		"'numa_id': -1}",
		"\"n\"");
	call_is("bdev_null_delete", "{'name': 'n'}", "true");
	call_has("bdev_null_create",
		 "{'name': 'n', 'num_blocks': 1, 'block_size': 512, 'md_size': 8}",
		 "error -32602: parameter \"md_size\" of method \"bdev_null_create\" is 8");
	call_has("bdev_null_create",
		 "{'name': 'n', 'num_blocks': 1, 'block_size': 512, 'dif_type': 1}",
		 "error -32602: parameter \"dif_type\"");
}
END_TEST

START_TEST(impossible_ones_are_refused)
{
	call_is("bdev_null_create",
		"{'name': 'n', 'num_blocks': 9223372036854775807, 'block_size': 512}",
		"error -22: bdev 'n' cannot be: the size must be at least one block and less than "
		"2^63 bytes");
	call_has("bdev_null_create", "{'name': 'n', 'num_blocks': 0, 'block_size': 512}",
		 "error -32602: ");
	call_has("bdev_null_create", "{'name': 'n', 'num_blocks': 1, 'block_size': 511}",
		 "error -32602: ");
	call_has("bdev_null_create", "{'name': 'n', 'num_blocks': 1, 'block_size': 1000}",
		 "error -32602: block_size: 1000 is no power of two");
	call_has("bdev_null_create", "{'name': '', 'num_blocks': 1, 'block_size': 512}",
		 "error -32602: name");
	call_has("bdev_null_create",
		 "{'name': 'n', 'num_blocks': 18446744073709551615, 'block_size': 512}",
		 "error -22: bdev 'n' cannot be: ");
	call_is("bdev_get_bdevs", "{}", "[]");
}
END_TEST

START_TEST(every_request_succeeds_and_reads_leave_memory_alone)
{
	struct fake_result result = {0};
	struct ebb_bdev_desc *desc;
	struct ebb_io_channel *ch;
	char buf[512] = "as it was";

	call_is("bdev_null_create", "{'name': 'n', 'num_blocks': 8, 'block_size': 512}", "\"n\"");
	ck_assert_int_eq(ebb_bdev_open("n", true, NULL, NULL, &desc), 0);
	ch = ebb_bdev_channel_get(desc);
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 7, 1, fake_done, &result), 0);
	ck_assert_int_eq(ebb_bdev_write(desc, ch, buf, 7, 1, EBB_BDEV_FUA, fake_done, &result), 0);
	ck_assert_int_eq(ebb_bdev_flush(desc, ch, fake_done, &result), 0);
	ck_assert_int_eq(ebb_bdev_unmap(desc, ch, 0, 8, fake_done, &result), 0);
	ck_assert_int_eq(ebb_bdev_write_zeroes(desc, ch, 0, 8, 0, fake_done, &result), 0);
	ck_assert_int_eq(ebb_bdev_write_zeroes(desc, ch, 0, 8,
					       EBB_BDEV_NO_HOLE | EBB_BDEV_FAST_ZERO, fake_done,
					       &result),
			 0);
	ck_assert_uint_eq(result.calls, 0);
	stage_turn();
	ck_assert_uint_eq(result.calls, 6);
	ck_assert_int_eq(result.status, 0);
	ck_assert_str_eq(buf, "as it was");
	ebb_io_channel_put(ch);
	ebb_bdev_close(desc);
	call_is("bdev_null_delete", "{'name': 'n'}", "true");
}
END_TEST

/* Reads find what they bring along: that is not zeroes, whatever was asked for before. */
START_TEST(all_of_it_is_data)
{
	struct fake_result result = {0};
	struct ebb_bdev_desc *desc;
	struct ebb_io_channel *ch;
	struct ebb_bdev_extent extent;
	struct ebb_bdev_extents extents = {.max = 1, .extent = &extent};

	call_is("bdev_null_create", "{'name': 'n', 'num_blocks': 8, 'block_size': 512}", "\"n\"");
	ck_assert_int_eq(ebb_bdev_open("n", true, NULL, NULL, &desc), 0);
	ch = ebb_bdev_channel_get(desc);
	ck_assert_int_eq(ebb_bdev_write_zeroes(desc, ch, 0, 8, 0, fake_done, &result), 0);
	ck_assert_int_eq(ebb_bdev_block_status(desc, ch, 0, 8, &extents, fake_done, &result), 0);
	stage_turn();
	ck_assert_uint_eq(result.calls, 2);
	ck_assert_int_eq(result.status, 0);
	ck_assert_uint_eq(extents.count, 1);
	ck_assert(extent.num_blocks == 8 && extent.flags == 0);
	ebb_io_channel_put(ch);
	ebb_bdev_close(desc);
	call_is("bdev_null_delete", "{'name': 'n'}", "true");
}
END_TEST

START_TEST(deleting_waits_for_its_holders)
{
	struct ebb_bdev_desc *desc;
	struct call call, second;

	call_is("bdev_null_create", "{'name': 'n', 'num_blocks': 8, 'block_size': 512}", "\"n\"");
	ck_assert_int_eq(ebb_bdev_open("n", true, NULL, NULL, &desc), 0);
	call_begin(&call, "bdev_null_delete", "{'name': 'n'}");
	stage_turns(10);
	ck_assert(!call.done);
	call_begin(&second, "bdev_null_delete", "{'name': 'n'}");
	ck_assert(second.done && second.failed);
	ck_assert_str_eq(second.error.text, "bdev 'n' is being deleted already");
	ebb_bdev_close(desc);
	stage_until(&call.done);
	ck_assert(!call.failed);
	call_end(&call);
	call_end(&second);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(it_comes_and_goes),
		UNIT_TEST(its_uuid_can_be_given),
		UNIT_TEST(what_an_spdk_file_says_is_taken_if_harmless),
		UNIT_TEST(impossible_ones_are_refused),
		UNIT_TEST(every_request_succeeds_and_reads_leave_memory_alone),
		UNIT_TEST(all_of_it_is_data),
		UNIT_TEST(deleting_waits_for_its_holders),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
