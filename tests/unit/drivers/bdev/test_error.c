/* SPDX-License-Identifier: Apache-2.0 */
/* What the error bdev does to requests, on a base of memory. */
#include "drivers/bdev/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/event/channel.h"
#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

static struct fake *fake;
static struct ebb_bdev_desc *desc;
static struct ebb_io_channel *ch;
static struct fake_result result;
static uint8_t buf[8 * FAKE_BLOCK];

static void setup(void)
{
	stage_begin();
	fake = fake_create("base");
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	call_is("bdev_error_create", "{'base_name': 'base'}", "true");
	ck_assert_int_eq(ebb_bdev_open("EE_base", true, NULL, NULL, &desc), 0);
	ch = ebb_bdev_channel_get(desc);
	result = (struct fake_result){0};
}

static void close_all(void)
{
	ebb_io_channel_put(ch);
	ebb_bdev_close(desc);
}

static void teardown(void)
{
	close_all();
	call_is("bdev_error_delete", "{'name': 'EE_base'}", "true");
	fake_close(fake, NULL, NULL);
	stage_end();
}

/* @rest: parameters after the name, each after a comma. */
static void inject(const char *io_type, const char *error_type, const char *rest)
{
	char text[512];

	snprintf(text, sizeof(text), "{'name': 'EE_base', 'io_type': '%s', 'error_type': '%s'%s}",
		 io_type, error_type, rest);
	call_is("bdev_error_inject_error", text, "true");
}

static void begin(enum ebb_bdev_io_type type)
{
	static struct ebb_bdev_extent extent;
	static struct ebb_bdev_extents extents = {.max = 1, .extent = &extent};
	int rc = -1;

	switch (type) {
	case EBB_BDEV_READ:
		rc = ebb_bdev_read(desc, ch, buf, 1, 2, fake_done, &result);
		break;
	case EBB_BDEV_WRITE:
		rc = ebb_bdev_write(desc, ch, buf, 1, 2, 0, fake_done, &result);
		break;
	case EBB_BDEV_FLUSH:
		rc = ebb_bdev_flush(desc, ch, fake_done, &result);
		break;
	case EBB_BDEV_UNMAP:
		rc = ebb_bdev_unmap(desc, ch, 1, 2, fake_done, &result);
		break;
	case EBB_BDEV_WRITE_ZEROES:
		rc = ebb_bdev_write_zeroes(desc, ch, 1, 2, 0, fake_done, &result);
		break;
	case EBB_BDEV_COMPARE:
		rc = ebb_bdev_compare(desc, ch, buf, 1, 2, fake_done, &result);
		break;
	case EBB_BDEV_BLOCK_STATUS:
		rc = ebb_bdev_block_status(desc, ch, 1, 2, &extents, fake_done, &result);
		break;
	case EBB_BDEV_IO_TYPE_COUNT:
		break;
	}
	ck_assert_int_eq(rc, 0);
}

static int status_of(enum ebb_bdev_io_type type)
{
	unsigned calls = result.calls;

	begin(type);
	stage_turns(4);
	ck_assert_uint_eq(result.calls, calls + 1);
	return result.status;
}

/* Of each type by its name: only it, and so often. */
START_TEST(failures_by_type_and_count)
{
	enum ebb_bdev_io_type type = (enum ebb_bdev_io_type)_i;
	unsigned other;

	inject(ebb_bdev_io_type_name(type), "failure", ", 'num': 2");
	memset(buf, 0, sizeof(buf));
	for (other = 0; other < EBB_BDEV_IO_TYPE_COUNT; other++) {
		if (other != type) {
			ck_assert_int_eq(status_of(other), 0);
		}
	}
	fake->num_records = 0;
	ck_assert_int_eq(status_of(type), -EIO);
	ck_assert_int_eq(status_of(type), -EIO);
	ck_assert_uint_eq(fake->num_records, 0);
	ck_assert_int_eq(status_of(type), 0);
	ck_assert_uint_eq(fake->num_records, 1);
}
END_TEST

START_TEST(all_is_each_and_clear_is_none)
{
	unsigned type;

	inject("all", "failure", "");
	for (type = 0; type < EBB_BDEV_IO_TYPE_COUNT; type++) {
		ck_assert_int_eq(status_of(type), -EIO);
	}
	for (type = 0; type < EBB_BDEV_IO_TYPE_COUNT; type++) {
		ck_assert_int_eq(status_of(type), 0);
	}
	inject("all", "failure", ", 'num': 100");
	ck_assert_int_eq(status_of(EBB_BDEV_READ), -EIO);
	inject("clear", "failure", "");
	ck_assert_int_eq(status_of(EBB_BDEV_READ), 0);
	inject("read", "failure", ", 'num': 100");
	inject("read", "failure", ", 'num': 0");
	ck_assert_int_eq(status_of(EBB_BDEV_READ), 0);
	/* The last injection into a type counts. */
	inject("all", "failure", ", 'num': 4294967295");
	inject("write", "nvme_failure", ", 'nvme_sct': 0, 'nvme_sc': 32");
	ck_assert_int_eq(status_of(EBB_BDEV_WRITE), -EROFS);
	ck_assert_int_eq(status_of(EBB_BDEV_WRITE), 0);
	ck_assert_int_eq(status_of(EBB_BDEV_READ), -EIO);
	inject("clear", "pending", "");
}
END_TEST

/* A channel that has not been told yet does neither what was nor takes from what is. */
START_TEST(an_injection_is_one_for_all_or_not_yet)
{
	struct call call;

	inject("read", "failure", ", 'num': 5");
	call_begin(&call, "bdev_error_inject_error",
		   "{'name': 'EE_base', 'io_type': 'read', 'error_type': 'nvme_failure', "
		   "'nvme_sc': 32}");
	begin(EBB_BDEV_READ);
	ck_assert(!call.done);
	stage_until(&call.done);
	call_end(&call);
	stage_turns(2);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, 0);
	ck_assert_int_eq(status_of(EBB_BDEV_READ), -EROFS);
	ck_assert_int_eq(status_of(EBB_BDEV_READ), 0);
}
END_TEST

START_TEST(nvme_statuses_are_as_a_drives)
{
	inject("read", "nvme_failure", ", 'nvme_sct': 2, 'nvme_sc': 129");
	ck_assert_int_eq(status_of(EBB_BDEV_READ), -EIO);
	inject("read", "nvme_failure", ", 'nvme_sct': 2, 'nvme_sc': 134");
	ck_assert_int_eq(status_of(EBB_BDEV_READ), -EACCES);
	inject("write", "nvme_failure", ", 'nvme_sc': 129");
	ck_assert_int_eq(status_of(EBB_BDEV_WRITE), -ENOSPC);
}
END_TEST

/* As SPDK refuses them, and so that it is said what is missing. */
START_TEST(what_cannot_be_injected)
{
#define REFUSED(rest, text)                                                                     \
	call_has("bdev_error_inject_error", "{'name': 'EE_base', 'io_type': 'read', " rest "}", \
		 text)
	REFUSED("'error_type': 'nvme_failure'", "error -22: bdev 'EE_base': nvme_failure needs");
	REFUSED("'error_type': 'failure', 'nvme_sc': 1", "error -22: bdev 'EE_base': nvme_sct and");
	REFUSED("'error_type': 'corrupt_data'", "error -22: bdev 'EE_base': corrupt_data needs a");
	REFUSED("'error_type': 'corrupt_data', 'corrupt_value': 256", "error -32602: ");
	REFUSED("'error_type': 'nothing'", "error -32602: ");
	REFUSED("'error_type': 'failure', 'num': -1", "error -32602: ");
	REFUSED("'error_type': 'failure', 'more': 1", "error -32602: ");
	call_has("bdev_error_inject_error",
		 "{'name': 'base', 'io_type': 'read', 'error_type': 'failure'}",
		 "error -19: bdev 'base' is no error bdev");
	call_has("bdev_error_inject_error",
		 "{'name': 'nobody', 'io_type': 'read', 'error_type': 'failure'}",
		 "error -19: bdev 'nobody' not found");
	call_is("bdev_error_create", "{'base_name': 'later'}", "true");
	call_has("bdev_error_inject_error",
		 "{'name': 'EE_later', 'io_type': 'read', 'error_type': 'failure'}",
		 "error -19: bdev 'EE_later' is not there yet");
	call_is("bdev_error_delete", "{'name': 'EE_later'}", "true");
	ck_assert_int_eq(status_of(EBB_BDEV_READ), 0);
}
END_TEST

/* Only while so many are in the base. */
START_TEST(failures_at_a_queue_depth)
{
	inject("read", "failure", ", 'queue_depth': 2, 'num': 10");
	fake->mode = FAKE_HOLD;
	begin(EBB_BDEV_READ);
	begin(EBB_BDEV_WRITE);
	stage_turns(2);
	ck_assert_uint_eq(result.calls, 0);
	ck_assert_int_eq(status_of(EBB_BDEV_READ), -EIO);
	ck_assert_uint_eq(fake->num_held, 2);
	fake_complete_all(fake, 0);
	ck_assert_uint_eq(result.calls, 3);
	fake->mode = FAKE_AT_ONCE;
	ck_assert_int_eq(status_of(EBB_BDEV_READ), 0);
}
END_TEST

START_TEST(pending_ones_go_on_when_told)
{
	inject("write", "pending", ", 'num': 2");
	begin(EBB_BDEV_WRITE);
	begin(EBB_BDEV_WRITE);
	begin(EBB_BDEV_WRITE);
	stage_advance_ms(2000);
	ck_assert_uint_eq(result.calls, 1);
	inject("write", "pending", ", 'num': 7");
	begin(EBB_BDEV_WRITE);
	memset(buf, 'p', FAKE_BLOCK);
	call_is("bdev_error_resume_pending", "{'name': 'EE_base'}", "true");
	stage_turns(2);
	ck_assert_uint_eq(result.calls, 4);
	ck_assert_int_eq(result.status, 0);
	ck_assert_uint_eq(fake->memory[FAKE_BLOCK], 'p');
	/* And none of those that were still to come. */
	ck_assert_int_eq(status_of(EBB_BDEV_WRITE), 0);
	call_has("bdev_error_resume_pending", "{'name': 'base'}",
		 "error -19: bdev 'base' is no error bdev");
}
END_TEST

static unsigned removals;

/* What any client does when its bdev goes: end its requests, and close. */
static void close_when_told(struct ebb_bdev *bdev, enum ebb_bdev_event event, void *arg)
{
	(void)bdev;
	(void)arg;
	removals += event == EBB_BDEV_EVENT_REMOVE;
}

/* Nothing hangs: with the bdev, or its base, what is pending ends. */
START_TEST(pending_ones_end_with_the_bdev)
{
	struct call call;

	close_all();
	ck_assert_int_eq(ebb_bdev_open("EE_base", true, close_when_told, NULL, &desc), 0);
	ch = ebb_bdev_channel_get(desc);
	inject("all", "pending", ", 'num': 10");
	begin(EBB_BDEV_READ);
	begin(EBB_BDEV_UNMAP);
	stage_turns(4);
	ck_assert_uint_eq(result.calls, 0);
	if (_i == 0) {
		call_begin(&call, "bdev_error_delete", "{'name': 'EE_base'}");
	} else {
		ck_assert_int_eq(ebb_bdev_unregister(&fake->bdev, NULL, NULL), 0);
	}
	stage_turns(8);
	ck_assert_uint_eq(removals, 1);
	ck_assert_uint_eq(result.calls, 2);
	ck_assert_int_eq(result.status, -ECANCELED);
	/* Who goes on asking is not kept waiting, either. */
	ck_assert_int_eq(status_of(EBB_BDEV_WRITE), 0);
	close_all();
	stage_turns(8);
	if (_i == 0) {
		ck_assert(call.done && !call.failed);
		call_end(&call);
		fake_close(fake, NULL, NULL);
	} else {
		ck_assert_uint_eq(fake->destructed, 1);
		free(fake);
		call_is("bdev_error_delete", "{'name': 'EE_base'}", "true");
	}
	fake = fake_create("base");
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	call_is("bdev_error_create", "{'base_name': 'base'}", "true");
	ck_assert_int_eq(ebb_bdev_open("EE_base", true, NULL, NULL, &desc), 0);
	ch = ebb_bdev_channel_get(desc);
}
END_TEST

/*
 * The thread is about to move: what comes from above until all is quiet, as the flush of a write
 * that has to be durable, would keep it from that for ever.
 */
START_TEST(nothing_is_held_back_while_the_thread_moves)
{
	struct ebb_thread *thread = ebb_thread_current();

	inject("flush", _i == 0 ? "pending" : "nomem", ", 'num': 4294967295");
	fake->mode = FAKE_HOLD;
	ck_assert_int_eq(ebb_bdev_write(desc, ch, buf, 1, 2, EBB_BDEV_FUA, fake_done, &result), 0);
	event_channels_quiesce(thread);
	fake_complete_one(fake, 0);
	ck_assert_uint_eq(fake->num_held, 1);
	ck_assert_int_eq(fake->records[1].type, EBB_BDEV_FLUSH);
	ck_assert(!event_channels_quiet(thread));
	fake_complete_one(fake, 0);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, 0);
	ck_assert(event_channels_quiet(thread));
	/* Where it has arrived, they are again. */
	event_channels_resume(thread);
	begin(EBB_BDEV_FLUSH);
	stage_turns(4);
	ck_assert_uint_eq(fake->num_held, 0);
	inject("clear", "failure", "");
	call_is("bdev_error_resume_pending", "{'name': 'EE_base'}", "true");
	stage_turns(4);
	fake_complete_all(fake, 0);
	ck_assert_uint_eq(result.calls, 2);
}
END_TEST

/* The client does not see it: the request goes again when another has ended, or a turn later. */
START_TEST(nomem_is_tried_again)
{
	inject("write", "nomem", ", 'num': 3");
	ck_assert_int_eq(status_of(EBB_BDEV_WRITE), 0);
	ck_assert_uint_eq(fake->num_records, 1);

	inject("write", "nomem", ", 'num': 1");
	fake->mode = FAKE_HOLD;
	begin(EBB_BDEV_READ);
	begin(EBB_BDEV_WRITE);
	stage_turns(8);
	ck_assert_uint_eq(fake->num_held, 1);
	fake_complete_one(fake, 0);
	ck_assert_uint_eq(fake->num_held, 1);
	fake_complete_one(fake, 0);
	ck_assert_uint_eq(result.calls, 3);
	ck_assert_int_eq(result.status, 0);
	fake->mode = FAKE_AT_ONCE;
}
END_TEST

/* As often as one likes, it ends with the bdev. */
START_TEST(nomem_ends_with_the_bdev)
{
	struct call call;

	inject("write", "nomem", ", 'num': 4294967295");
	begin(EBB_BDEV_WRITE);
	stage_turns(100);
	ck_assert_uint_eq(result.calls, 0);
	call_begin(&call, "bdev_error_delete", "{'name': 'EE_base'}");
	stage_turns(8);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, 0);
	close_all();
	stage_until(&call.done);
	call_end(&call);
	call_is("bdev_error_create", "{'base_name': 'base'}", "true");
	ck_assert_int_eq(ebb_bdev_open("EE_base", true, NULL, NULL, &desc), 0);
	ch = ebb_bdev_channel_get(desc);
}
END_TEST

static void fill(void)
{
	for (unsigned i = 0; i < sizeof(buf); i++) {
		buf[i] = (uint8_t)(i * 7 + i / 251);
		fake->memory[i] = 0;
	}
}

/* Elements of odd lengths that add up to 4 blocks; returns how many. */
static int odd_iov(struct iovec *iov, int want)
{
	size_t done = 0;
	int i;

	for (i = 0; i < want; i++) {
		size_t len = i == want - 1 ? 4 * FAKE_BLOCK - done : (size_t)(100 + 37 * i);

		iov[i] = (struct iovec){.iov_base = buf + done, .iov_len = len};
		done += len;
	}
	return want;
}

#define OFFSETS 9
static const uint64_t offsets[OFFSETS] = {
	0, 1, 99, 100, 101, 236, 511, 4 * FAKE_BLOCK - 1, 4 * FAKE_BLOCK,
};

/* Exactly one byte of what is written is another one, and the client's memory is as it was. */
START_TEST(a_written_byte_is_corrupted)
{
	static const int counts[] = {1, 2, 3, 6};
	uint64_t offset = offsets[_i % OFFSETS];
	uint8_t before[4 * FAKE_BLOCK];
	struct iovec iov[6];
	char rest[128];
	int count = odd_iov(iov, counts[_i / OFFSETS]);

	fill();
	memcpy(before, buf, sizeof(before));
	snprintf(rest, sizeof(rest), ", 'corrupt_offset': %llu, 'corrupt_value': 129",
		 (unsigned long long)offset);
	inject("write", "corrupt_data", rest);
	ck_assert_int_eq(ebb_bdev_writev(desc, ch, iov, count, 3, 4, 0, fake_done, &result), 0);
	ck_assert_mem_eq(buf, before, sizeof(before));
	stage_turns(2);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(result.status, 0);
	ck_assert_mem_eq(buf, before, sizeof(before));
	for (unsigned i = 0; i < sizeof(before); i++) {
		uint8_t wanted = i == offset ? before[i] ^ 129 : before[i];

		ck_assert_msg(fake->memory[3 * FAKE_BLOCK + i] == wanted, "byte %u", i);
	}
	/* It was the only one. */
	ck_assert_int_eq(ebb_bdev_writev(desc, ch, iov, count, 3, 4, 0, fake_done, &result), 0);
	stage_turns(2);
	ck_assert_mem_eq(&fake->memory[3 * FAKE_BLOCK], before, sizeof(before));
}
END_TEST

START_TEST(a_read_byte_is_corrupted)
{
	uint64_t offset = offsets[_i];
	struct iovec iov[6];
	char rest[128];
	int count = odd_iov(iov, 6);

	fill();
	memset(buf, 0, sizeof(buf));
	for (unsigned i = 0; i < 4 * FAKE_BLOCK; i++) {
		fake->memory[3 * FAKE_BLOCK + i] = (uint8_t)(i * 3);
	}
	snprintf(rest, sizeof(rest), ", 'corrupt_offset': %llu, 'corrupt_value': 1",
		 (unsigned long long)offset);
	inject("read", "corrupt_data", rest);
	ck_assert_int_eq(ebb_bdev_readv(desc, ch, iov, count, 3, 4, fake_done, &result), 0);
	stage_turns(2);
	ck_assert_int_eq(result.status, 0);
	for (unsigned i = 0; i < 4 * FAKE_BLOCK; i++) {
		uint8_t wanted = (uint8_t)(i * 3) ^ (i == offset);

		ck_assert_msg(buf[i] == wanted, "byte %u", i);
	}
	ck_assert_uint_eq(fake->memory[3 * FAKE_BLOCK + 5], 15); /* the base's is as it was */
}
END_TEST

/* A read that fails brings nothing that could be corrupted; what has no memory goes on. */
START_TEST(what_is_not_corrupted)
{
	inject("all", "corrupt_data", ", 'corrupt_offset': 0, 'corrupt_value': 255");
	memset(buf, 'r', sizeof(buf));
	fake->mode = FAKE_HOLD;
	begin(EBB_BDEV_READ);
	fake_complete_all(fake, -ENXIO);
	ck_assert_int_eq(result.status, -ENXIO);
	ck_assert_uint_eq(buf[0], 'r');
	fake->mode = FAKE_AT_ONCE;
	ck_assert_int_eq(status_of(EBB_BDEV_FLUSH), 0);
	ck_assert_int_eq(status_of(EBB_BDEV_UNMAP), 0);
	ck_assert_int_eq(status_of(EBB_BDEV_WRITE_ZEROES), 0);
	memset(buf, 0, sizeof(buf));
	ck_assert_int_eq(status_of(EBB_BDEV_COMPARE), -EILSEQ);
	ck_assert_int_eq(status_of(EBB_BDEV_COMPARE), 0);
}
END_TEST

/* The count is one for all channels, old and new. */
START_TEST(the_count_is_for_all_threads)
{
	struct ebb_thread *app = ebb_thread_current();
	struct ebb_thread *other = stage_thread("other");
	struct ebb_io_channel *mine = ch;
	struct ebb_io_channel *others;

	stage_enter(other);
	others = ebb_bdev_channel_get(desc);
	stage_enter(app);
	inject("read", "failure", ", 'num': 3");
	ck_assert_int_eq(status_of(EBB_BDEV_READ), -EIO);
	stage_enter(other);
	ch = others;
	ck_assert_int_eq(status_of(EBB_BDEV_READ), -EIO);
	ck_assert_int_eq(status_of(EBB_BDEV_READ), -EIO);
	ck_assert_int_eq(status_of(EBB_BDEV_READ), 0);
	ebb_io_channel_put(others);
	stage_turns(4);
	stage_enter(app);
	ch = mine;
	ck_assert_int_eq(status_of(EBB_BDEV_READ), 0);
	inject("read", "failure", ", 'num': 1");
	stage_enter(other);
	others = ebb_bdev_channel_get(desc);
	ch = others;
	ck_assert_int_eq(status_of(EBB_BDEV_READ), -EIO);
	ebb_io_channel_put(others);
	stage_turns(4);
	stage_enter(app);
	ch = mine;
	stage_thread_exit(other);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_LOOP(failures_by_type_and_count, 0, EBB_BDEV_IO_TYPE_COUNT),
		UNIT_TEST(all_is_each_and_clear_is_none),
		UNIT_TEST(an_injection_is_one_for_all_or_not_yet),
		UNIT_TEST(nvme_statuses_are_as_a_drives),
		UNIT_TEST(what_cannot_be_injected),
		UNIT_TEST(failures_at_a_queue_depth),
		UNIT_TEST(pending_ones_go_on_when_told),
		UNIT_LOOP(pending_ones_end_with_the_bdev, 0, 2),
		UNIT_LOOP(nothing_is_held_back_while_the_thread_moves, 0, 2),
		UNIT_TEST(nomem_is_tried_again),
		UNIT_TEST(nomem_ends_with_the_bdev),
		UNIT_LOOP(a_written_byte_is_corrupted, 0, 4 * OFFSETS),
		UNIT_LOOP(a_read_byte_is_corrupted, 0, OFFSETS),
		UNIT_TEST(what_is_not_corrupted),
		UNIT_TEST(the_count_is_for_all_threads),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
