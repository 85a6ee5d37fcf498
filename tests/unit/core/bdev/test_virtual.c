/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual bdevs, coming, going and waiting: error and delay bdevs on null bdevs and on fakes. */
#include "core/bdev/virtual.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/wanted.h>

#include "core/event/channel.h"
#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/core/bdev/virtual_stage.h"
#include "tests/unit/unit.h"

/* What holds of a virtual bdev whose base is there. */
START_TEST(one_on_a_base_that_is_there)
{
	call_is("bdev_null_create", NULL_BDEV, "\"N\"");
	call_is("bdev_error_create", "{'base_name': 'N'}", "true");
	call_has("bdev_get_bdevs", "{'name': 'EE_N'}",
		 "\"product_name\":\"Error Injection Disk\",\"block_size\":512,\"num_blocks\":100");
	call_has("bdev_get_bdevs", "{'name': 'EE_N'}",
		 "\"driver_specific\":{\"error_disk\":{\"base_bdev\":\"N\"}}");
	call_has("bdev_get_bdevs", "{'name': 'N'}",
		 "\"claimed\":true,\"claim_type\":\"exclusive_write\",\"claimed_by\":\"EE_N\"");
	call_is("bdev_delay_create", DELAY_ON("EE_N"), "\"D\"");
	call_has("bdev_get_bdevs", "{'name': 'D'}",
		 "\"driver_specific\":{\"delay\":{\"name\":\"D\",\"base_bdev_name\":\"EE_N\","
		 "\"uuid\":\"");
	call_has("bdev_get_bdevs", "{'name': 'D'}",
		 "\"avg_read_latency\":10,\"p99_read_latency\":20,\"avg_write_latency\":30,"
		 "\"p99_write_latency\":40}}");
	ck_assert(virtual_is_present("bdev_delay_create", "D"));
	ck_assert(virtual_is_present("bdev_error_create", "EE_N"));
	/* From the top: each leaves its base, which is free again then. */
	call_is("bdev_delay_delete", "{'name': 'D'}", "true");
	call_has("bdev_get_bdevs", "{'name': 'EE_N'}", "\"claimed\":false");
	call_is("bdev_error_delete", "{'name': 'EE_N'}", "true");
	call_is("bdev_null_delete", "{'name': 'N'}", "true");
}
END_TEST

START_TEST(a_base_bears_one)
{
	struct ebb_bdev_desc *desc;

	call_is("bdev_null_create", NULL_BDEV, "\"N\"");
	call_is("bdev_error_create", "{'base_name': 'N'}", "true");
	call_is("bdev_delay_create", DELAY_ON("N"),
		"error -1: delay bdev 'D' cannot stand on 'N': 'EE_N' stands on it and has claimed "
		"it; delete that, or let this one stand on it");
	ck_assert_ptr_null(ebb_wanted_find("bdev_delay_create", "D"));
	call_has("nbd_start_export", "{'bdev_name': 'N', 'path': '/tmp/ebb-test-virtual'}",
		 "error -1: bdev N cannot be written to: EE_N stands on it and has claimed it; "
		 "export that, or delete it, or give read_only=true");
	ck_assert_int_eq(ebb_bdev_open("N", false, NULL, NULL, &desc), 0);
	ebb_bdev_close(desc);
	call_is("bdev_error_delete", "{'name': 'EE_N'}", "true");
	ck_assert_int_eq(ebb_bdev_open("N", true, NULL, NULL, &desc), 0);
	call_is("bdev_delay_create", DELAY_ON("N"),
		"error -1: delay bdev 'D' cannot stand on 'N', which somebody has open for "
		"writing: "
		"stop its export, or whatever uses it, first");
	ebb_bdev_close(desc);
	call_is("bdev_delay_create", DELAY_ON("N"), "\"D\"");
	call_is("bdev_delay_delete", "{'name': 'D'}", "true");
	call_is("bdev_null_delete", "{'name': 'N'}", "true");
}
END_TEST

/* A chain in reverse order; each comes when its base has come. */
START_TEST(one_waits_for_its_base)
{
	call_is("bdev_delay_create", DELAY_ON("EE_N"), "\"D\"");
	ck_assert(logged("delay bdev 'D' waits for its base 'EE_N', which is not there yet"));
	call_is("bdev_error_create", "{'base_name': 'N'}", "true");
	virtual_is_not_there("D");
	virtual_is_not_there("EE_N");
	ck_assert(!virtual_is_present("bdev_delay_create", "D"));
	ck_assert_str_eq(ebb_bdev_waits_for("D"), "EE_N");
	ck_assert_str_eq(ebb_bdev_waits_for("EE_N"), "N");
	ck_assert_ptr_null(ebb_bdev_waits_for("N"));
	call_is("bdev_get_bdevs", "{}", "[]");
	call_has("bdev_get_bdevs", "{'name': 'D'}",
		 "error -19: bdev 'D' is not there yet: it waits for its base 'EE_N'");
	call_has("nbd_start_export", "{'bdev_name': 'D', 'path': '/tmp/ebb-test-virtual'}",
		 "error -19: bdev D is not there yet: it waits for its base EE_N");
	call_is("bdev_null_create", NULL_BDEV, "\"N\"");
	virtual_is_there("D");
	virtual_is_there("EE_N");
	ck_assert(virtual_is_present("bdev_delay_create", "D"));
	ck_assert(virtual_is_present("bdev_error_create", "EE_N"));
	ck_assert_ptr_null(ebb_bdev_waits_for("D"));
	call_is("bdev_delay_delete", "{'name': 'D'}", "true");
	call_is("bdev_error_delete", "{'name': 'EE_N'}", "true");
	call_is("bdev_null_delete", "{'name': 'N'}", "true");
}
END_TEST

START_TEST(one_that_waits_can_be_deleted)
{
	call_is("bdev_error_create", "{'base_name': 'N'}", "true");
	call_is("bdev_delay_delete", "{'name': 'EE_N'}",
		"error -19: bdev 'EE_N' is not there yet: it waits for its base 'N'; create that");
	call_is("bdev_error_delete", "{'name': 'EE_N'}", "true");
	ck_assert_ptr_null(ebb_wanted_find("bdev_error_create", "EE_N"));
	call_has("bdev_error_delete", "{'name': 'EE_N'}", "error -19: bdev 'EE_N' not found");
	call_is("bdev_null_create", NULL_BDEV, "\"N\"");
	virtual_is_not_there("EE_N");
	call_is("bdev_null_delete", "{'name': 'N'}", "true");
}
END_TEST

/* What is said of one that waits holds when it comes, and goes with it. */
START_TEST(one_that_waits_can_be_changed)
{
	call_is("bdev_delay_create", DELAY_ON("N"), "\"D\"");
	call_is("bdev_delay_update_latency",
		"{'delay_bdev_name': 'D', 'latency_type': 'avg_read', 'latency_us': 8}", "true");
	ck_assert(!virtual_is_present("bdev_delay_update_latency", "D avg_read"));
	call_is("bdev_null_create", NULL_BDEV, "\"N\"");
	ck_assert(virtual_is_present("bdev_delay_update_latency", "D avg_read"));
	call_has("bdev_get_bdevs", "{'name': 'D'}", "\"avg_read_latency\":8,");
	call_is("bdev_null_delete", "{'name': 'N'}", "true");
	ck_assert_ptr_null(ebb_wanted_next(NULL));
	call_is("bdev_delay_create", DELAY_ON("N"), "\"D\"");
	call_is("bdev_delay_update_latency",
		"{'delay_bdev_name': 'D', 'latency_type': 'avg_read', 'latency_us': 8}", "true");
	call_is("bdev_delay_delete", "{'name': 'D'}", "true");
	ck_assert_ptr_null(ebb_wanted_next(NULL));
}
END_TEST

START_TEST(the_name_of_one_that_waits_is_kept)
{
	call_is("bdev_error_create", "{'base_name': 'N'}", "true");
	call_is("bdev_error_create", "{'base_name': 'N'}",
		"error -17: bdev 'EE_N' is wanted already, and waits for its base 'N'; choose "
		"another name, or delete that");
	call_has("bdev_null_create", "{'name': 'EE_N', 'num_blocks': 1, 'block_size': 512}",
		 "error -17: bdev 'EE_N' is wanted already, and waits for its base 'N'");
	call_is("bdev_error_delete", "{'name': 'EE_N'}", "true");
	call_is("bdev_null_create", "{'name': 'EE_N', 'num_blocks': 1, 'block_size': 512}",
		"\"EE_N\"");
	call_has("bdev_error_create", "{'base_name': 'N'}",
		 "error -17: bdev 'EE_N' exists already");
	call_is("bdev_null_delete", "{'name': 'EE_N'}", "true");
}
END_TEST

START_TEST(names_that_cannot_be)
{
	call_has("bdev_error_create", "{'base_name': ''}", "error -32602: ");
	call_has("bdev_error_create", "{'base_name': 'a', 'name': ''}", "error -32602: ");
	call_has("bdev_error_create", "{'base_name': 'a', 'name': 'a'}",
		 "error -32602: bdev 'a' cannot stand on itself");
	call_has("bdev_delay_create", "{'name': 'D', 'base_bdev_name': 'a'}", "error -32602: ");
	call_has("bdev_delay_delete", "{'name': 'nobody'}", "error -19: bdev 'nobody' not found");
	call_is("bdev_null_create", NULL_BDEV, "\"N\"");
	call_has("bdev_delay_delete", "{'name': 'N'}", "error -22: bdev 'N' is no delay bdev");
	call_is("bdev_null_delete", "{'name': 'N'}", "true");
}
END_TEST

/* The user takes the base away: what stood on it is not wanted any more, at any height. */
START_TEST(the_base_is_deleted)
{
	call_is("bdev_null_create", NULL_BDEV, "\"N\"");
	call_is("bdev_error_create", "{'base_name': 'N'}", "true");
	call_is("bdev_delay_create", DELAY_ON("EE_N"), "\"D\"");
	call_is("bdev_delay_update_latency",
		"{'delay_bdev_name': 'D', 'latency_type': 'p99_read', 'latency_us': 7}", "true");
	call_is("bdev_null_delete", "{'name': 'N'}", "true");
	ck_assert(logged("error bdev 'EE_N' goes: its base 'N' is being removed"));
	virtual_is_not_there("D");
	virtual_is_not_there("EE_N");
	ck_assert_ptr_null(ebb_wanted_next(NULL));
	/* The names are free, and a new base is nobody's. */
	call_is("bdev_null_create", "{'name': 'D', 'num_blocks': 1, 'block_size': 512}", "\"D\"");
	call_is("bdev_null_create", NULL_BDEV, "\"N\"");
	virtual_is_not_there("EE_N");
	call_is("bdev_null_delete", "{'name': 'N'}", "true");
	call_is("bdev_null_delete", "{'name': 'D'}", "true");
}
END_TEST

/* The base goes by itself, as a drive that is unplugged, and comes back: so does what was on it. */
START_TEST(the_base_comes_back)
{
	struct fake *fake = fake_create("base");
	unsigned round;

	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	call_is("bdev_error_create", "{'base_name': 'base'}", "true");
	call_is("bdev_delay_create", DELAY_ON("EE_base"), "\"D\"");
	call_is("bdev_delay_update_latency",
		"{'delay_bdev_name': 'D', 'latency_type': 'p99_read', 'latency_us': 7}", "true");
	for (round = 0; round < 3; round++) {
		fake_close(fake, NULL, NULL);
		virtual_is_not_there("D");
		virtual_is_not_there("EE_base");
		ck_assert(!virtual_is_present("bdev_delay_create", "D"));
		ck_assert(!virtual_is_present("bdev_delay_update_latency", "D p99_read"));
		fake = fake_create("base");
		ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
		virtual_is_there("D");
		ck_assert(virtual_is_present("bdev_delay_create", "D"));
		ck_assert(virtual_is_present("bdev_delay_update_latency", "D p99_read"));
		call_has("bdev_get_bdevs", "{'name': 'D'}", "\"p99_read_latency\":7,");
	}
	/* Deleted while it waits, it does not. */
	fake_close(fake, NULL, NULL);
	call_is("bdev_delay_delete", "{'name': 'D'}", "true");
	ck_assert_ptr_null(ebb_wanted_find("bdev_delay_update_latency", "D p99_read"));
	fake = fake_create("base");
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	virtual_is_there("EE_base");
	virtual_is_not_there("D");
	call_is("bdev_error_delete", "{'name': 'EE_base'}", "true");
	fake_close(fake, NULL, NULL);
}
END_TEST

static unsigned resizes, removals;

static void count_event(struct ebb_bdev *bdev, enum ebb_bdev_event event, void *arg)
{
	(void)bdev;
	(void)arg;
	*(event == EBB_BDEV_EVENT_RESIZE ? &resizes : &removals) += 1;
}

/* What clients may ask of it is as the base has it, and stays so. */
START_TEST(it_is_as_its_base)
{
	struct fake *fake = fake_create("base");
	struct ebb_bdev_desc *desc;
	struct ebb_bdev *bdev;

	fake->bdev.io_types = EBB_BIT(EBB_BDEV_READ) | EBB_BIT(EBB_BDEV_WRITE);
	fake->bdev.buf_align = 1024;
	fake->bdev.num_blocks = 77;
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	call_is("bdev_error_create", "{'base_name': 'base'}", "true");
	bdev = ebb_bdev_find("EE_base");
	ck_assert_uint_eq(ebb_bdev_block_size(bdev), FAKE_BLOCK);
	ck_assert_uint_eq(ebb_bdev_num_blocks(bdev), 77);
	ck_assert_uint_eq(ebb_bdev_buf_align(bdev), 1024);
	ck_assert(!ebb_bdev_read_only(bdev) && !bdev->fua);
	ck_assert(!ebb_bdev_io_type_supported(bdev, EBB_BDEV_FLUSH));
	ck_assert(!ebb_bdev_io_type_supported(bdev, EBB_BDEV_UNMAP));
	ck_assert_int_eq(ebb_bdev_open("EE_base", true, count_event, NULL, &desc), 0);
	ck_assert_int_eq(ebb_bdev_resize(&fake->bdev, 99), 0);
	stage_turns(8);
	ck_assert_uint_eq(ebb_bdev_num_blocks(bdev), 99);
	ck_assert_uint_eq(resizes, 1);
	ebb_bdev_close(desc);
	call_is("bdev_error_delete", "{'name': 'EE_base'}", "true");
	fake_close(fake, NULL, NULL);

	fake = fake_create("base");
	fake->bdev.read_only = true;
	fake->bdev.fua = true;
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	call_is("bdev_error_create", "{'base_name': 'base'}", "true");
	bdev = ebb_bdev_find("EE_base");
	ck_assert(ebb_bdev_read_only(bdev) && bdev->fua);
	ck_assert_int_eq(ebb_bdev_open("EE_base", true, NULL, NULL, &desc), -EROFS);
	call_is("bdev_error_delete", "{'name': 'EE_base'}", "true");
	fake_close(fake, NULL, NULL);
}
END_TEST

/* Each type of request comes down as it is, with its memory and its flags, and goes up again. */
START_TEST(requests_are_passed_on)
{
	struct fake *fake = fake_create("base");
	struct fake_result result = {0};
	struct iovec iov[6];
	struct ebb_bdev_desc *desc;
	struct ebb_io_channel *ch;
	char buf[6 * FAKE_BLOCK];

	fake->bdev.fua = true;
	fake->mode = FAKE_HOLD;
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	call_is("bdev_error_create", "{'base_name': 'base'}", "true");
	ck_assert_int_eq(ebb_bdev_open("EE_base", true, NULL, NULL, &desc), 0);
	ch = ebb_bdev_channel_get(desc);
	for (int i = 0; i < 6; i++) {
		iov[i] = (struct iovec){.iov_base = buf + (unsigned)i * FAKE_BLOCK,
					.iov_len = FAKE_BLOCK};
	}
	memset(buf, 'w', sizeof(buf));
	ck_assert_int_eq(ebb_bdev_writev(desc, ch, iov, 6, 8, 6, EBB_BDEV_FUA, fake_done, &result),
			 0);
	ck_assert_int_eq(ebb_bdev_comparev(desc, ch, iov, 6, 8, 6, fake_done, &result), 0);
	ck_assert_int_eq(ebb_bdev_flush(desc, ch, fake_done, &result), 0);
	ck_assert_int_eq(ebb_bdev_unmap(desc, ch, 3, 4, fake_done, &result), 0);
	ck_assert_int_eq(ebb_bdev_write_zeroes(desc, ch, 1, 2, EBB_BDEV_FUA, fake_done, &result),
			 0);
	ck_assert_int_eq(ebb_bdev_readv(desc, ch, iov, 6, 8, 6, fake_done, &result), 0);
	ck_assert_uint_eq(fake->num_records, 6);
	ck_assert(fake->records[0].type == EBB_BDEV_WRITE && fake->records[0].iovcnt == 6 &&
		  fake->records[0].flags == EBB_BDEV_FUA && fake->records[0].offset_blocks == 8);
	ck_assert(fake->records[1].type == EBB_BDEV_COMPARE);
	ck_assert(fake->records[2].type == EBB_BDEV_FLUSH);
	ck_assert(fake->records[3].type == EBB_BDEV_UNMAP && fake->records[3].num_blocks == 4);
	ck_assert(fake->records[4].type == EBB_BDEV_WRITE_ZEROES &&
		  fake->records[4].flags == EBB_BDEV_FUA);
	ck_assert(fake->records[5].type == EBB_BDEV_READ);
	fake_complete_all(fake, 0);
	ck_assert_uint_eq(result.calls, 6);
	ck_assert_int_eq(result.status, 0);
	/* A status of the base's is the client's. */
	ck_assert_int_eq(ebb_bdev_flush(desc, ch, fake_done, &result), 0);
	fake_complete_all(fake, -ENOSPC);
	ck_assert_int_eq(result.status, -ENOSPC);
	memset(buf, 'x', sizeof(buf));
	ck_assert_int_eq(ebb_bdev_comparev(desc, ch, iov, 6, 8, 6, fake_done, &result), 0);
	fake_complete_all(fake, 0);
	ck_assert_int_eq(result.status, -EILSEQ);
	ebb_io_channel_put(ch);
	ebb_bdev_close(desc);
	call_is("bdev_error_delete", "{'name': 'EE_base'}", "true");
	fake_close(fake, NULL, NULL);
}
END_TEST

/* The base has no free request: what is passed on waits for one. */
START_TEST(requests_wait_for_the_bases)
{
	struct fake *fake = fake_create("base");
	struct fake_result result = {0};
	struct ebb_bdev_desc *desc, *reader;
	struct ebb_io_channel *ch, *reader_ch;
	unsigned held = 0;
	char buf[FAKE_BLOCK];

	fake->mode = FAKE_HOLD;
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	call_is("bdev_error_create", "{'base_name': 'base'}", "true");
	ck_assert_int_eq(ebb_bdev_open("base", false, NULL, NULL, &reader), 0);
	reader_ch = ebb_bdev_channel_get(reader);
	while (ebb_bdev_read(reader, reader_ch, buf, 0, 1, fake_done, &result) == 0) {
		held++;
	}
	ck_assert_int_eq(ebb_bdev_open("EE_base", true, NULL, NULL, &desc), 0);
	ch = ebb_bdev_channel_get(desc);
	result.calls = 0;
	ck_assert_int_eq(ebb_bdev_write(desc, ch, buf, 1, 1, 0, fake_done, &result), 0);
	ck_assert_uint_eq(fake->num_records, held);
	fake_complete_one(fake, 0);
	stage_turns(2);
	ck_assert_uint_eq(fake->num_records, held + 1);
	fake_complete_all(fake, 0);
	ck_assert_uint_eq(result.calls, held + 1);
	ebb_io_channel_put(reader_ch);
	ebb_bdev_close(reader);
	ebb_io_channel_put(ch);
	ebb_bdev_close(desc);
	call_is("bdev_error_delete", "{'name': 'EE_base'}", "true");
	fake_close(fake, NULL, NULL);
}
END_TEST

/* Deleting, and the base's going, wait for who holds it; both at once end both. */
START_TEST(it_waits_for_its_holders)
{
	struct fake *fake = fake_create("base");
	struct fake_result result = {0};
	struct ebb_bdev_desc *desc;
	struct ebb_io_channel *ch;
	struct call call;
	char buf[FAKE_BLOCK];

	fake->mode = FAKE_HOLD;
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	call_is("bdev_error_create", "{'base_name': 'base'}", "true");
	ck_assert_int_eq(ebb_bdev_open("EE_base", true, count_event, NULL, &desc), 0);
	ch = ebb_bdev_channel_get(desc);
	ck_assert_int_eq(ebb_bdev_write(desc, ch, buf, 1, 1, 0, fake_done, &result), 0);
	ck_assert_int_eq(ebb_bdev_unregister(&fake->bdev, NULL, NULL), 0);
	stage_turns(8);
	ck_assert_uint_eq(removals, 1);
	call_begin(&call, "bdev_error_delete", "{'name': 'EE_base'}");
	call_has("bdev_error_delete", "{'name': 'EE_base'}",
		 "error -16: bdev 'EE_base' is being deleted already");
	stage_turns(8);
	ck_assert(!call.done && fake->destructed == 0);
	fake_complete_all(fake, 0);
	ck_assert_uint_eq(result.calls, 1);
	ebb_io_channel_put(ch);
	stage_turns(8);
	ck_assert(!call.done && fake->destructed == 0);
	ebb_bdev_close(desc);
	stage_until(&call.done);
	ck_assert(!call.failed);
	call_end(&call);
	stage_turns(8);
	ck_assert_uint_eq(fake->destructed, 1);
	free(fake);
	ck_assert_ptr_null(ebb_wanted_find("bdev_error_create", "EE_base"));
}
END_TEST

/*
 * The thread moves: all its channels become quiet, the base's first. What is under way above has to
 * come through it still, with the flush that follows, and what does not end by itself is ended.
 */
START_TEST(channels_become_quiet)
{
	struct ebb_thread *thread = ebb_thread_current();
	struct fake *fake = fake_create("base");
	struct fake_result fua = {0}, pending = {0}, later = {0};
	struct ebb_bdev_desc *desc;
	struct ebb_io_channel *ch;
	char buf[FAKE_BLOCK];

	fake->mode = FAKE_HOLD;
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	call_is("bdev_error_create", "{'base_name': 'base'}", "true");
	ck_assert_int_eq(ebb_bdev_open("EE_base", true, NULL, NULL, &desc), 0);
	ch = ebb_bdev_channel_get(desc);
	call_is("bdev_error_inject_error",
		"{'name': 'EE_base', 'io_type': 'read', 'error_type': 'pending'}", "true");
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1, fake_done, &pending), 0);
	ck_assert_int_eq(ebb_bdev_write(desc, ch, buf, 0, 1, EBB_BDEV_FUA, fake_done, &fua), 0);
	event_channels_quiesce(thread);
	ck_assert_int_eq(ebb_bdev_write(desc, ch, buf, 0, 1, 0, fake_done, &later), 0);
	stage_turns(2);
	ck_assert_uint_eq(pending.calls, 1);
	ck_assert_int_eq(pending.status, -ECANCELED);
	ck_assert(!event_channels_quiet(thread));
	fake_complete_one(fake, 0);
	ck_assert_uint_eq(fake->num_held, 1);
	ck_assert(fake->records[1].type == EBB_BDEV_FLUSH);
	ck_assert_uint_eq(fua.calls, 0);
	fake_complete_one(fake, 0);
	ck_assert_uint_eq(fua.calls, 1);
	ck_assert(event_channels_quiet(thread));
	ck_assert_uint_eq(fake->num_held, 0);
	event_channels_resume(thread);
	ck_assert_uint_eq(fake->num_held, 1);
	fake_complete_one(fake, 0);
	ck_assert_uint_eq(later.calls, 1);
	ebb_io_channel_put(ch);
	ebb_bdev_close(desc);
	call_is("bdev_error_delete", "{'name': 'EE_base'}", "true");
	fake_close(fake, NULL, NULL);
}
END_TEST

/* The base's rate is limited, and the thread moves: what waits there goes, or nothing would end. */
START_TEST(channels_become_quiet_on_a_limited_base)
{
	struct ebb_thread *thread = ebb_thread_current();
	struct fake *fake = fake_create("base");
	struct fake_result first = {0}, waits = {0};
	struct ebb_bdev_desc *desc;
	struct ebb_io_channel *ch;
	char buf[FAKE_BLOCK];

	fake->mode = FAKE_HOLD;
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	call_is("bdev_set_qos_limit", "{'name': 'base', 'rw_ios_per_sec': 1000}", "true");
	call_is("bdev_error_create", "{'base_name': 'base'}", "true");
	ck_assert_int_eq(ebb_bdev_open("EE_base", true, NULL, NULL, &desc), 0);
	ch = ebb_bdev_channel_get(desc);
	stage_clock_advance(EBB_NS_PER_S);
	for (unsigned i = 0; i < 8; i++) { /* a slice's worth, and more */
		ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1, fake_done, &first), 0);
	}
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, 1, fake_done, &waits), 0);
	ck_assert_uint_lt(fake->num_held, 9);
	event_channels_quiesce(thread);
	ck_assert_uint_eq(fake->num_held, 9);
	ck_assert(!event_channels_quiet(thread));
	while (fake->num_held > 0) {
		fake_complete_one(fake, 0);
	}
	ck_assert_uint_eq(waits.calls, 1);
	ck_assert(event_channels_quiet(thread));
	event_channels_resume(thread);
	ebb_io_channel_put(ch);
	ebb_bdev_close(desc);
	call_is("bdev_error_delete", "{'name': 'EE_base'}", "true");
	fake_close(fake, NULL, NULL);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(virtual_stage_begin, virtual_stage_end),
		UNIT_TEST(one_on_a_base_that_is_there),
		UNIT_TEST(a_base_bears_one),
		UNIT_TEST(one_waits_for_its_base),
		UNIT_TEST(one_that_waits_can_be_deleted),
		UNIT_TEST(one_that_waits_can_be_changed),
		UNIT_TEST(the_name_of_one_that_waits_is_kept),
		UNIT_TEST(names_that_cannot_be),
		UNIT_TEST(the_base_is_deleted),
		UNIT_TEST(the_base_comes_back),
		UNIT_TEST(it_is_as_its_base),
		UNIT_TEST(requests_are_passed_on),
		UNIT_TEST(requests_wait_for_the_bases),
		UNIT_TEST(it_waits_for_its_holders),
		UNIT_TEST(channels_become_quiet),
		UNIT_TEST(channels_become_quiet_on_a_limited_base),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
