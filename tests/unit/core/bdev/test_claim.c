/* SPDX-License-Identifier: Apache-2.0 */
/* Claims: who stands on a bdev writes to it alone. */
#include <errno.h>
#include <string.h>

#include <ebb/io_channel.h>

#include "core/bdev/pool.h"
#include "core/event/channel.h"
#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

static struct fake *fake;
static struct ebb_bdev_desc *desc;

static void setup(void)
{
	stage_begin();
	fake = fake_create("base");
	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	ck_assert_int_eq(ebb_bdev_open("base", false, NULL, NULL, &desc), 0);
}

static void teardown(void)
{
	fake_close(fake, desc, NULL);
	stage_end();
}

static int open_now(bool write, struct ebb_bdev_desc **ret_desc)
{
	return ebb_bdev_open("base", write, NULL, NULL, ret_desc);
}

/* Who opened for reading only writes from his claim on. */
START_TEST(a_claim_lets_its_descriptor_write)
{
	struct fake_result result = {0};
	struct ebb_io_channel *ch;
	char buf[FAKE_BLOCK] = "written";

	ck_assert_int_eq(ebb_bdev_claim(desc, "upper"), 0);
	ck_assert_str_eq(ebb_bdev_claim_holder(&fake->bdev), "upper");
	ch = ebb_bdev_channel_get(desc);
	ck_assert_int_eq(ebb_bdev_write(desc, ch, buf, 0, 1, 0, fake_done, &result), 0);
	stage_turns(2);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_str_eq((char *)fake->memory, "written");
	ebb_io_channel_put(ch);
}
END_TEST

START_TEST(others_read_but_neither_write_nor_claim)
{
	struct ebb_bdev_desc *other;

	ck_assert_int_eq(ebb_bdev_claim(desc, "upper"), 0);
	ck_assert_int_eq(open_now(true, &other), -EPERM);
	ck_assert(logged("bdev 'base' cannot be opened for writing: 'upper' has claimed it"));
	ck_assert_int_eq(open_now(false, &other), 0);
	ck_assert_int_eq(ebb_bdev_claim(other, "rival"), -EPERM);
	ck_assert(logged("bdev 'base' cannot be claimed by 'rival': 'upper' has claimed it"));
	ck_assert_str_eq(ebb_bdev_claim_holder(&fake->bdev), "upper");
	/* One that is refused has gained nothing by it. */
	ck_assert_int_eq(ebb_bdev_claim(desc, "again"), -EPERM);
	ebb_bdev_close(other);
	ck_assert_str_eq(ebb_bdev_claim_holder(&fake->bdev), "upper");
}
END_TEST

START_TEST(who_writes_already_is_in_the_way)
{
	struct ebb_bdev_desc *writer;

	ck_assert_int_eq(open_now(true, &writer), 0);
	ck_assert_int_eq(ebb_bdev_claim(desc, "upper"), -EPERM);
	ck_assert(logged("bdev 'base' cannot be claimed by 'upper': thread 'app"));
	ck_assert_ptr_null(ebb_bdev_claim_holder(&fake->bdev));
	ebb_bdev_close(writer);
	ck_assert_int_eq(ebb_bdev_claim(desc, "upper"), 0);
}
END_TEST

START_TEST(closing_and_releasing_end_a_claim)
{
	struct ebb_bdev_desc *other;

	ck_assert_int_eq(ebb_bdev_claim(desc, "upper"), 0);
	ebb_bdev_release(desc);
	ck_assert_ptr_null(ebb_bdev_claim_holder(&fake->bdev));
	ck_assert_int_eq(open_now(true, &other), 0);
	ebb_bdev_release(desc); /* once is enough */
	ebb_bdev_close(other);
	ck_assert_int_eq(ebb_bdev_claim(desc, "upper"), 0);
	ebb_bdev_close(desc);
	ck_assert_ptr_null(ebb_bdev_claim_holder(&fake->bdev));
	ck_assert_int_eq(open_now(true, &desc), 0);
}
END_TEST

START_TEST(a_release_does_not_end_anothers_claim)
{
	struct ebb_bdev_desc *other;

	ck_assert_int_eq(ebb_bdev_claim(desc, "upper"), 0);
	ck_assert_int_eq(open_now(false, &other), 0);
	ebb_bdev_release(other);
	ck_assert_str_eq(ebb_bdev_claim_holder(&fake->bdev), "upper");
	ebb_bdev_close(other);
}
END_TEST

/* Mistakes are reported and refused: another's descriptor, another thread, a closed one. */
START_TEST(a_claim_is_made_by_who_has_opened)
{
	struct ebb_thread *thread = stage_thread("other");
	struct ebb_bdev_desc *others;

	stage_enter(thread);
	ck_assert_int_eq(open_now(false, &others), 0);
	ck_assert_int_eq(ebb_bdev_claim(desc, "upper"), -EPERM);
	ebb_bdev_release(desc);
	ck_assert_ptr_null(ebb_bdev_waits_for("base"));
	ck_assert_uint_eq(stage_violations(2), 3);
	stage_enter(ebb_thread_app());
	ck_assert_int_eq(ebb_bdev_claim(others, "upper"), -EPERM);
	ck_assert_ptr_null(ebb_bdev_claim_holder(&fake->bdev));
	ck_assert_uint_eq(stage_violations(2), 4);
	stage_enter(thread);
	ebb_bdev_close(others);
	stage_enter(ebb_thread_app());
	ck_assert_int_eq(ebb_bdev_claim(others, "upper"), -EPERM);
	ebb_bdev_release(others);
	ck_assert_uint_eq(stage_violations(2), 6);
	stage_thread_exit(thread);
}
END_TEST

struct reader {
	struct ebb_bdev_desc *desc;
	struct ebb_io_channel *ch;
	struct ebb_bdev_io_wait wait;
	struct fake_result result;
	unsigned left;
};

static char read_buf[FAKE_BLOCK];

static void reader_run(void *arg)
{
	struct reader *reader = arg;
	int rc = 0;

	while (rc == 0 && reader->left > 0) {
		rc = ebb_bdev_read(reader->desc, reader->ch, read_buf, 0, 1, fake_done,
				   &reader->result);
		reader->left -= rc == 0;
	}
	if (rc != 0) {
		ck_assert_int_eq(rc, -ENOMEM);
		reader->wait.fn = reader_run;
		reader->wait.arg = reader;
		ebb_bdev_queue_io_wait(reader->ch, &reader->wait);
	}
}

/*
 * The thread is about to move: who has claimed the bdev goes on, and finds requests to do so with,
 * however many others would have. Theirs would not come back before the thread has moved.
 */
START_TEST(others_leave_room_while_the_thread_moves)
{
	struct reader reader = {.left = 20};
	struct fake_result mine = {0};
	unsigned i;

	bdev_pool_set_size(8);
	ck_assert_int_eq(open_now(false, &reader.desc), 0);
	ck_assert_int_eq(ebb_bdev_claim(desc, "upper"), 0);
	reader.ch = ebb_bdev_channel_get(desc);
	bdev_pool_set_size(0);
	fake->mode = FAKE_HOLD;
	ck_assert_int_eq(ebb_bdev_read(desc, reader.ch, read_buf, 0, 1, fake_done, &mine), 0);
	event_channels_quiesce(ebb_thread_app());
	reader_run(&reader);
	for (i = 0; i < 20; i++) {
		ck_assert_int_eq(ebb_bdev_read(desc, reader.ch, read_buf, 0, 1, fake_done, &mine),
				 0);
		stage_turns(2);
		fake_complete_one(fake, 0);
	}
	fake_complete_all(fake, 0);
	ck_assert_uint_eq(mine.calls, 21);
	ck_assert(event_channels_quiet(ebb_thread_app()));
	ck_assert_uint_eq(reader.result.calls, 0);
	fake->mode = FAKE_AT_ONCE;
	event_channels_resume(ebb_thread_app());
	stage_turns(20);
	ck_assert_uint_eq(reader.result.calls, 20);
	ebb_io_channel_put(reader.ch);
	ebb_bdev_close(reader.desc);
}
END_TEST

/* What cannot be written to can be claimed, and still not be written to. */
START_TEST(a_read_only_bdev_stays_so)
{
	struct fake_result result = {0};
	struct ebb_io_channel *ch;
	char buf[FAKE_BLOCK];

	fake->bdev.read_only = true;
	ck_assert_int_eq(ebb_bdev_claim(desc, "upper"), 0);
	ch = ebb_bdev_channel_get(desc);
	ck_assert_int_eq(ebb_bdev_write(desc, ch, buf, 0, 1, 0, fake_done, &result), -EBADF);
	ebb_io_channel_put(ch);
}
END_TEST

START_TEST(bdev_get_bdevs_shows_who_holds_it)
{
	call_has("bdev_get_bdevs", "{'name': 'base'}", "\"claimed\":false,\"zoned\"");
	ck_assert_int_eq(ebb_bdev_claim(desc, "upper"), 0);
	call_has("bdev_get_bdevs", "{'name': 'base'}",
		 "\"claimed\":true,\"claim_type\":\"exclusive_write\",\"claimed_by\":\"upper\","
		 "\"zoned\":false");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(a_claim_lets_its_descriptor_write),
		UNIT_TEST(others_read_but_neither_write_nor_claim),
		UNIT_TEST(who_writes_already_is_in_the_way),
		UNIT_TEST(closing_and_releasing_end_a_claim),
		UNIT_TEST(a_release_does_not_end_anothers_claim),
		UNIT_TEST(a_claim_is_made_by_who_has_opened),
		UNIT_TEST(others_leave_room_while_the_thread_moves),
		UNIT_TEST(a_read_only_bdev_stays_so),
		UNIT_TEST(bdev_get_bdevs_shows_who_holds_it),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
