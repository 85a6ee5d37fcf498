/* SPDX-License-Identifier: Apache-2.0 */
/* What a namespace's zeroes do with its room, and namespaces that grow and shrink. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include <ebb/memory.h>

#include "tests/unit/drivers/nvme/nvme_stage.h"
#include "tests/unit/unit.h"

#define DEAC (1u << 25)
#define FUA  (1u << 30)

#define NS_CHANGED \
	(NVME_AER_NOTICE | NVME_AER_NOTICE_NS_CHANGED << 8 | NVME_LOG_LID_CHANGED_NS << 16)

static struct nvme_client client;

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

static const struct ebb_bdev *the_bdev(void)
{
	return ebb_bdev_desc_bdev(client.desc);
}

static int zeroes(uint64_t offset, uint64_t blocks, uint32_t flags)
{
	struct nvme_result result = {0};
	int rc = ebb_bdev_write_zeroes(client.desc, client.ch, offset, blocks, flags, nvme_done,
				       &result);

	if (rc < 0) {
		return rc;
	}
	stage_until(&result.done);
	return result.status;
}

/*
 * NVM Command Set 1.0, 4.1.5.1: DLFEAT has what deallocated blocks read as in bits 2:0 (1: zeroes), and
 * in bit 3 whether write zeroes knows DEAC. Only with both it is used.
 */
static const struct {
	uint8_t dlfeat;
	uint32_t zero_flags;
	bool unmap;
} features[] = {
	{0, EBB_BDEV_NO_HOLE, false},  {1, 0, false},
	{2, EBB_BDEV_NO_HOLE, false},  {8, EBB_BDEV_NO_HOLE, false},
	{9, EBB_BDEV_FAST_ZERO, true}, {10, EBB_BDEV_NO_HOLE, false},
};

START_TEST(zeroes_deallocate_where_that_makes_zeroes)
{
	uint32_t deac = features[_i].unmap ? DEAC : 0;

	mock.ns[0].id.dlfeat = features[_i].dlfeat;
	begin();
	ck_assert_int_eq(zeroes(3, 8, 0), 0);
	ck_assert_uint_eq(mock_last(false, nvme_cmd_write_zeroes)->cdw12, 7 | deac);
	ck_assert_int_eq(zeroes(3, 8, EBB_BDEV_FUA), 0);
	ck_assert_uint_eq(mock_last(false, nvme_cmd_write_zeroes)->cdw12, 7 | FUA | deac);
	ck_assert_int_eq(zeroes(3, 8, EBB_BDEV_FAST_ZERO), features[_i].unmap ? 0 : -ENOTSUP);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_write_zeroes), features[_i].unmap ? 3 : 2);
	call_has("bdev_get_bdevs", "{'name': 'nn1'}",
		 features[_i].unmap ? "\"zeroes_unmap\":true" : "\"zeroes_unmap\":false");
	end();
}
END_TEST

/* A controller that may deallocate does not get what must not be: that is written. */
START_TEST(zeroes_with_room_are_never_deallocated)
{
	bool written = (features[_i].zero_flags & EBB_BDEV_NO_HOLE) == 0;
	uint8_t opcode = written ? nvme_cmd_write : nvme_cmd_write_zeroes;

	mock.ns[0].id.dlfeat = features[_i].dlfeat;
	begin();
	memset(mock.ns[0].memory, 0xff, 16 << 9);
	ck_assert_int_eq(zeroes(3, 8, EBB_BDEV_NO_HOLE | EBB_BDEV_FUA), 0);
	ck_assert_uint_eq(mock_last(false, opcode)->cdw12, 7 | FUA);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_write_zeroes), written ? 0 : 1);
	ck_assert_uint_eq(mock.ns[0].memory[3 << 9], 0);
	ck_assert_uint_eq(mock.ns[0].memory[11 << 9], 0xff);
	ck_assert_int_eq(zeroes(3, 8, EBB_BDEV_NO_HOLE | EBB_BDEV_FAST_ZERO), -ENOTSUP);
	end();
}
END_TEST

START_TEST(without_write_zeroes_they_are_written)
{
	mock.id.oncs = 0;
	mock.ns[0].id.dlfeat = 9;
	begin();
	ck_assert_int_eq(zeroes(3, 8, EBB_BDEV_NO_HOLE), 0);
	ck_assert_int_eq(zeroes(3, 8, 0), 0);
	ck_assert_int_eq(zeroes(3, 8, EBB_BDEV_FAST_ZERO), -ENOTSUP);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_write), 2);
	call_has("bdev_get_bdevs", "{'name': 'nn1'}", "\"zero_flags\":[],\"zeroes_unmap\":false");
	end();
}
END_TEST

START_TEST(no_room_for_written_zeroes_is_told)
{
	mock.ns[0].id.dlfeat = 9;
	begin();
	mock_fail(false, nvme_cmd_write, 1, 0, NVME_SC_CAP_EXCEEDED | NVME_DNR);
	ck_assert_int_eq(zeroes(3, 8, EBB_BDEV_NO_HOLE), -ENOSPC);
	end();
}
END_TEST

/* The drive may refuse DEAC all the same: nothing has changed then, and the client is told. */
START_TEST(fast_zeroes_that_the_drive_refuses_are_refused)
{
	mock.ns[0].id.dlfeat = 9;
	mock.id_nvm.wzsl = 1; /* parts of 8 KiB */
	begin();
	mock_fail(false, nvme_cmd_write_zeroes, 1, 0, NVME_SC_INVALID_FIELD | NVME_DNR);
	ck_assert_int_eq(zeroes(0, 320, EBB_BDEV_FAST_ZERO), -ENOTSUP);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_write_zeroes), 1);
	ck_assert_int_eq(zeroes(0, 320, EBB_BDEV_FAST_ZERO), 0);
	ck_assert_uint_eq(mock_count(false, nvme_cmd_write_zeroes), 21);
	end();
}
END_TEST

START_TEST(all_blocks_are_data)
{
	struct nvme_result result = {0};
	struct ebb_bdev_extent extent;
	struct ebb_bdev_extents extents = {.max = 1, .extent = &extent};

	mock.ns[0].id.dlfeat = 9;
	begin();
	ck_assert_int_eq(zeroes(0, 64, 0), 0);
	ck_assert_int_eq(ebb_bdev_block_status(client.desc, client.ch, 0, 8192, &extents, nvme_done,
					       &result),
			 0);
	stage_until(&result.done);
	ck_assert_int_eq(result.status, 0);
	ck_assert_uint_eq(extents.count, 1);
	ck_assert_uint_eq(extent.num_blocks, 8192);
	ck_assert_uint_eq(extent.flags, 0);
	end();
}
END_TEST

/* As for blocks of another size: what it promises for its zeroes does not change under its users. */
START_TEST(other_features_are_another_namespace)
{
	mock.ns[0].id.dlfeat = _i == 2 ? 1 : 0;
	begin();
	mock.ns[0].id.dlfeat = _i == 0 ? 1 : 9;
	nvme_path_event(mock.path, NVME_EVENT_NS_CHANGED, 0);
	stage_turns(6);
	ck_assert_uint_eq(client.removes, 1);
	nvme_close(&client);
	stage_turns(8);
	nvme_open(&client, "nn1");
	ck_assert_uint_eq(the_bdev()->zero_flags, _i == 0 ? 0 : EBB_BDEV_FAST_ZERO);
	end();
}
END_TEST

static int read_or_write(bool write, uint64_t offset, uint64_t blocks)
{
	uint8_t *buf = ebb_mem_alloc(4096);
	struct nvme_result result = {0};
	int rc;

	ck_assert_ptr_nonnull(buf);
	memset(buf, 0, 4096);
	if (write) {
		rc = ebb_bdev_write(client.desc, client.ch, buf, offset, blocks, 0, nvme_done,
				    &result);
	} else {
		rc = ebb_bdev_read(client.desc, client.ch, buf, offset, blocks, nvme_done, &result);
	}
	if (rc == 0) {
		stage_until(&result.done);
	}
	ebb_mem_free(buf, 4096);
	return rc < 0 ? rc : result.status;
}

/* By the controller's own event where it is ours, by the kernel's where not. */
START_TEST(a_namespace_that_grew_is_noticed)
{
	mock.limits.owns_controller = _i == 0;
	mock.ns[0].id.nsze = htole64(4096);
	begin();
	ck_assert_int_eq(read_or_write(true, 4096, 1), -EINVAL);
	mock.ns[0].id.nsze = htole64(8192);
	switch (_i) {
	case 0:
		mock_tell(NS_CHANGED);
		break;
	case 1: /* the kernel passes the event on */
		nvme_path_event(mock.path, NVME_EVENT_ASYNC, NS_CHANGED);
		break;
	default: /* or its block device has another size */
		nvme_path_event(mock.path, NVME_EVENT_NS_CHANGED, 0);
		break;
	}
	stage_turns(6);
	ck_assert_uint_eq(client.resizes, 1);
	ck_assert_uint_eq(client.removes, 0);
	ck_assert_uint_eq(ebb_bdev_num_blocks(the_bdev()), 8192);
	ck_assert_uint_eq(log_count("nn1 has 8192 blocks now, it had 4096"), 1);
	ck_assert_int_eq(read_or_write(true, 4096, 1), 0);
	ck_assert_int_eq(read_or_write(false, 8191, 1), 0);
	end();
}
END_TEST

/* It may grow once more after it has been looked at: that makes for another look. */
START_TEST(growing_while_it_is_looked_at)
{
	unsigned looks;

	begin();
	mock.hold_admin = true;
	nvme_path_event(mock.path, NVME_EVENT_NS_CHANGED, 0);
	nvme_path_event(mock.path, NVME_EVENT_NS_CHANGED, 0);
	looks = mock_count(true, nvme_admin_identify);
	mock.hold_admin = false;
	mock_release_admin();
	stage_turns(8);
	/* Two more of the first look, and a second one: the list, the namespace, its names. */
	ck_assert_uint_eq(mock_count(true, nvme_admin_identify), looks + 2 + 3);
	end();
}
END_TEST

/* Before anybody has told of it the drive refuses, and that makes ebb look; afterwards ebb does. */
START_TEST(a_namespace_that_shrank_never_answers_for_what_is_gone)
{
	begin();
	mock.ns[0].shrinks = true;
	mock.ns[0].id.nsze = htole64(4096);
	switch (_i) {
	case 0:
		ck_assert_int_lt(read_or_write(true, 4095, 2), 0);
		break;
	case 1:
		ck_assert_int_lt(read_or_write(false, 8191, 1), 0);
		break;
	default:
		ck_assert_int_lt(zeroes(0, 8192, 0), 0);
		break;
	}
	stage_turns(8);
	ck_assert_uint_eq(client.resizes, 1);
	ck_assert_uint_eq(ebb_bdev_num_blocks(the_bdev()), 4096);
	ck_assert_int_eq(read_or_write(true, 4095, 2), -EINVAL);
	ck_assert_int_eq(read_or_write(false, 4095, 1), 0);
	end();
}
END_TEST

/* What is under way when it shrinks is the drive's to answer, also when it is tried again. */
START_TEST(a_retry_of_what_is_gone_fails)
{
	struct nvme_result result = {0};

	begin();
	mock.ns[0].shrinks = true;
	mock_fail(false, nvme_cmd_write_zeroes, 1, 0, NVME_SC_NS_NOT_READY | 2 << 11);
	ck_assert_int_eq(ebb_bdev_write_zeroes(client.desc, client.ch, 8000, 8, 0, nvme_done,
					       &result),
			 0);
	stage_turns(3);
	mock.ns[0].id.nsze = htole64(4096);
	mock_tell(NS_CHANGED);
	stage_turns(6);
	ck_assert_uint_eq(ebb_bdev_num_blocks(the_bdev()), 4096);
	ck_assert(!result.done);
	stage_clock_advance(2100 * EBB_NS_PER_MS);
	stage_until(&result.done);
	ck_assert_int_lt(result.status, 0);
	end();
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(nvme_setup, nvme_teardown),
		UNIT_LOOP(zeroes_deallocate_where_that_makes_zeroes, 0, 6),
		UNIT_LOOP(zeroes_with_room_are_never_deallocated, 0, 6),
		UNIT_TEST(without_write_zeroes_they_are_written),
		UNIT_TEST(no_room_for_written_zeroes_is_told),
		UNIT_TEST(fast_zeroes_that_the_drive_refuses_are_refused),
		UNIT_TEST(all_blocks_are_data),
		UNIT_LOOP(other_features_are_another_namespace, 0, 3),
		UNIT_LOOP(a_namespace_that_grew_is_noticed, 0, 3),
		UNIT_TEST(growing_while_it_is_looked_at),
		UNIT_LOOP(a_namespace_that_shrank_never_answers_for_what_is_gone, 0, 3),
		UNIT_TEST(a_retry_of_what_is_gone_fails),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
