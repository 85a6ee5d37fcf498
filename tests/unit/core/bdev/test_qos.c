/* SPDX-License-Identifier: Apache-2.0 */
/* Rate limits: what waits, for how long, and that no request is ever lost for them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/thread.h>

#include "core/bdev/channel.h"
#include "core/bdev/table.h"
#include "core/event/channel.h"
#include "core/method/wanted.h"
#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

static struct fake *fake;
static struct ebb_bdev_desc *desc;
static struct ebb_io_channel *ch;
static char buf[1024 * FAKE_BLOCK] __attribute__((aligned(4096)));

static void setup(void)
{
	stage_begin();
	fake = fake_create("disk");
	fake_open(fake, &desc, &ch);
}

static void teardown(void)
{
	fake_close(fake, desc, ch);
	method_wanted_clear();
	stage_end();
}

static void limit(const char *more)
{
	char params[128];

	snprintf(params, sizeof(params), "{'name': 'disk', %s}", more);
	call_is("bdev_set_qos_limit", params, "true");
}

/* So many milliseconds pass, in steps of @step_us. */
static void pass(unsigned ms, unsigned step_us)
{
	uint64_t us;

	for (us = 0; us < ms * 1000ull; us += step_us) {
		stage_clock_advance(step_us * 1000ull);
		stage_turns(2);
	}
}

START_TEST(without_a_limit_the_short_way_is_open)
{
	struct bdev_channel *bdev_ch = ebb_io_channel_ctx(ch);

	ck_assert_uint_eq(bdev_ch->whole_blocks[EBB_BDEV_READ], UINT32_MAX);
	ck_assert_ptr_null(bdev_ch->qos.poller);
	limit("'r_mbytes_per_sec': 1");
	ck_assert_uint_eq(bdev_ch->whole_blocks[EBB_BDEV_READ], 0);
	limit("'r_mbytes_per_sec': 0");
	ck_assert_uint_eq(bdev_ch->whole_blocks[EBB_BDEV_READ], UINT32_MAX);
	ck_assert_ptr_null(bdev_ch->qos.poller);
}
END_TEST

START_TEST(what_waits_goes_when_its_time_has_come)
{
	struct fake_result first = {0}, second = {0}, write = {0};

	/* 1 MiB is 1 s. */
	limit("'r_mbytes_per_sec': 1");
	ebb_bdev_read(desc, ch, buf, 0, 512, fake_done, &first);
	ebb_bdev_read(desc, ch, buf, 0, 1, fake_done, &second);
	ebb_bdev_write(desc, ch, buf, 0, 1, 0, fake_done, &write);
	stage_turns(2);
	ck_assert_uint_eq(first.calls, 1);
	ck_assert_uint_eq(second.calls, 0);
	ck_assert_uint_eq(write.calls, 1);
	pass(249, 1000);
	ck_assert_uint_eq(second.calls, 0);
	pass(2, 1000);
	ck_assert_uint_eq(second.calls, 1);
	ck_assert_int_eq(second.status, 0);
}
END_TEST

START_TEST(what_is_not_read_or_written_is_never_limited)
{
	struct fake_result results[5] = {{0}};

	limit("'rw_ios_per_sec': 1000");
	ebb_bdev_write(desc, ch, buf, 0, 1, 0, fake_done, &results[0]);
	ebb_bdev_write(desc, ch, buf, 0, 1, 0, fake_done, &results[0]);
	ebb_bdev_flush(desc, ch, fake_done, &results[1]);
	ebb_bdev_unmap(desc, ch, 0, 1, fake_done, &results[2]);
	ebb_bdev_write_zeroes(desc, ch, 0, 1, 0, fake_done, &results[3]);
	ebb_bdev_compare(desc, ch, buf, 0, 1, fake_done, &results[4]);
	stage_turns(2);
	ck_assert_uint_eq(results[0].calls, 1);
	for (unsigned i = 1; i < 5; i++) {
		ck_assert_uint_eq(results[i].calls, 1);
	}
	pass(2, 1000);
	ck_assert_uint_eq(results[0].calls, 2);
}
END_TEST

START_TEST(the_order_of_each_kind_is_kept)
{
	struct fake_result results[8] = {{0}};
	unsigned i;

	limit("'rw_ios_per_sec': 1000");
	for (i = 0; i < 8; i++) {
		if (i < 4) {
			ebb_bdev_read(desc, ch, buf, 0, 1, fake_done, &results[i]);
		} else {
			ebb_bdev_write(desc, ch, buf, 0, 1, 0, fake_done, &results[i]);
		}
	}
	pass(10, 1000);
	for (i = 0; i < 8; i++) {
		ck_assert_uint_eq(results[i].calls, 1);
	}
	for (i = 0; i < 3; i++) {
		ck_assert_uint_lt(results[i].order, results[i + 1].order);
		ck_assert_uint_lt(results[4 + i].order, results[5 + i].order);
	}
	/* The two kinds take turns. */
	ck_assert_uint_lt(results[4].order, results[2].order);
	ck_assert_uint_lt(results[2].order, results[6].order);
}
END_TEST

START_TEST(a_long_request_goes_and_is_paid_for)
{
	struct fake_result result = {0};

	limit("'rw_mbytes_per_sec': 1");
	/* 512 KiB: half a second, where a slice is 1 KiB. */
	ebb_bdev_write(desc, ch, buf, 0, 1024, 0, fake_done, &result);
	ebb_bdev_write(desc, ch, buf, 0, 1024, 0, fake_done, &result);
	ebb_bdev_write(desc, ch, buf, 0, 1024, 0, fake_done, &result);
	stage_turns(2);
	ck_assert_uint_eq(result.calls, 1);
	pass(499, 1000);
	ck_assert_uint_eq(result.calls, 1);
	pass(2, 1000);
	ck_assert_uint_eq(result.calls, 2);
	pass(500, 1000);
	ck_assert_uint_eq(result.calls, 3);
}
END_TEST

START_TEST(parts_count_as_the_whole)
{
	struct fake *small = fake_create("small");
	struct fake_result result = {0};
	struct ebb_bdev_desc *small_desc;
	struct ebb_io_channel *small_ch;

	small->bdev.max_io_blocks = 4;
	fake_open(small, &small_desc, &small_ch);
	call_is("bdev_set_qos_limit", "{'name': 'small', 'rw_ios_per_sec': 1000}", "true");
	/* Each in 16 parts, and a flush for the first. */
	ebb_bdev_write(small_desc, small_ch, buf, 0, 64, EBB_BDEV_FUA, fake_done, &result);
	ebb_bdev_write(small_desc, small_ch, buf, 0, 64, 0, fake_done, &result);
	stage_turns(6);
	ck_assert_uint_eq(result.calls, 1);
	pass(1, 1000);
	stage_turns(4);
	ck_assert_uint_eq(result.calls, 2);
	ck_assert_int_eq(result.status, 0);
	ck_assert_uint_eq(small->num_records, 33);
	fake_close(small, small_desc, small_ch);
}
END_TEST

START_TEST(other_limits_count_for_what_waits)
{
	struct fake_result result = {0};
	unsigned i;

	limit("'rw_mbytes_per_sec': 1");
	for (i = 0; i < 9; i++) {
		ebb_bdev_write(desc, ch, buf, 0, 1024, 0, fake_done, &result);
	}
	stage_turns(2);
	ck_assert_uint_eq(result.calls, 1);
	/* A hundred times as many: 5 ms each, and what the first took is forgotten. */
	limit("'rw_mbytes_per_sec': 100");
	stage_turns(2);
	ck_assert_uint_eq(result.calls, 2);
	pass(21, 1000);
	ck_assert_uint_eq(result.calls, 6);
	/* A second limit beside the first holds alone, when that is taken away. */
	limit("'w_mbytes_per_sec': 1, 'rw_mbytes_per_sec': 0");
	stage_turns(2);
	ck_assert_uint_eq(result.calls, 7);
	pass(400, 1000);
	ck_assert_uint_eq(result.calls, 7);
	limit("'w_mbytes_per_sec': 0");
	stage_turns(2);
	ck_assert_uint_eq(result.calls, 9);
	ck_assert_int_eq(result.status, 0);
}
END_TEST

static uint32_t waiting(void)
{
	return atomic_load(&fake->bdev.internal->qos.waiting);
}

/* Timers of the calling thread that run. */
static unsigned timers(void)
{
	struct ebb_thread_stats stats;

	ebb_thread_get_stats(ebb_thread_app(), &stats);
	return stats.timed_pollers;
}

START_TEST(a_timer_runs_only_while_somebody_waits)
{
	struct fake_result result = {0};
	unsigned before = timers();

	limit("'rw_ios_per_sec': 1000");
	ck_assert_uint_eq(timers(), before);
	ebb_bdev_read(desc, ch, buf, 0, 1, fake_done, &result);
	ck_assert_uint_eq(timers(), before);
	ck_assert_uint_eq(waiting(), 0);
	ebb_bdev_read(desc, ch, buf, 0, 1, fake_done, &result);
	ebb_bdev_read(desc, ch, buf, 0, 1, fake_done, &result);
	ck_assert_uint_eq(timers(), before + 1);
	ck_assert_uint_eq(waiting(), 1);
	pass(2, 1000);
	ck_assert_uint_eq(result.calls, 3);
	ck_assert_uint_eq(timers(), before);
	ck_assert_uint_eq(waiting(), 0);
	/* Without limits there is not even one that is paused. */
	ebb_bdev_read(desc, ch, buf, 0, 1, fake_done, &result);
	ebb_bdev_read(desc, ch, buf, 0, 1, fake_done, &result);
	limit("'rw_ios_per_sec': 0");
	stage_turns(2);
	ck_assert_uint_eq(result.calls, 5);
	ck_assert_uint_eq(timers(), before);
	ck_assert_uint_eq(waiting(), 0);
}
END_TEST

START_TEST(a_channel_that_is_to_be_quiet_lets_nothing_go)
{
	struct fake_result old = {0}, new = {0};

	limit("'rw_ios_per_sec': 1000");
	ebb_bdev_read(desc, ch, buf, 0, 1, fake_done, &old);
	ebb_bdev_read(desc, ch, buf, 0, 1, fake_done, &old);
	event_channels_quiesce(ebb_thread_app());
	stage_turns(2);
	/* What waits for its time keeps no channel from being quiet. */
	ck_assert(event_channels_quiet(ebb_thread_app()));
	ck_assert_uint_eq(old.calls, 1);
	ebb_bdev_read(desc, ch, buf, 0, 1, fake_done, &new);
	pass(10, 1000);
	ck_assert_uint_eq(old.calls, 1);
	ck_assert_uint_eq(new.calls, 0);
	event_channels_resume(ebb_thread_app());
	pass(1, 1000);
	pass(1, 1000);
	ck_assert_uint_eq(old.calls, 2);
	ck_assert_uint_eq(new.calls, 1);
	ck_assert_uint_lt(old.order, new.order);
}
END_TEST

START_TEST(limits_that_go_while_a_channel_is_quiet_lose_nothing)
{
	struct fake_result old = {0}, new = {0};

	limit("'rw_ios_per_sec': 1000");
	ebb_bdev_read(desc, ch, buf, 0, 1, fake_done, &old);
	ebb_bdev_read(desc, ch, buf, 0, 1, fake_done, &old);
	event_channels_quiesce(ebb_thread_app());
	ebb_bdev_read(desc, ch, buf, 0, 1, fake_done, &new);
	limit("'rw_ios_per_sec': 0");
	stage_turns(4);
	ck_assert_uint_eq(old.calls, 1);
	event_channels_resume(ebb_thread_app());
	stage_turns(2);
	ck_assert_uint_eq(old.calls, 2);
	ck_assert_uint_eq(new.calls, 1);
	ck_assert_uint_lt(old.order, new.order);
}
END_TEST

START_TEST(a_bdev_that_goes_lets_all_go)
{
	struct fake *leaving = fake_create("leaving");
	struct fake_result result = {0};
	struct ebb_bdev_desc *its_desc;
	struct ebb_io_channel *its_ch;
	bool gone = false;
	unsigned i;

	fake_open(leaving, &its_desc, &its_ch);
	call_is("bdev_set_qos_limit", "{'name': 'leaving', 'rw_mbytes_per_sec': 1}", "true");
	for (i = 0; i < 100; i++) {
		ebb_bdev_read(its_desc, its_ch, buf, 0, 1024, fake_done, &result);
	}
	stage_turns(2);
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_int_eq(ebb_bdev_unregister(&leaving->bdev, NULL, &gone), 0);
	stage_turns(4);
	ck_assert_uint_eq(result.calls, 100);
	ck_assert_int_eq(result.status, 0);
	call_has("bdev_set_qos_limit", "{'name': 'leaving', 'rw_mbytes_per_sec': 1}",
		 "error -19: ");
	ebb_io_channel_put(its_ch);
	ebb_bdev_close(its_desc);
	stage_turns(8);
	ck_assert_uint_eq(leaving->destructed, 1);
	free(leaving);
}
END_TEST

struct user {
	struct ebb_thread *thread;
	struct ebb_io_channel *ch;
	unsigned calls;
};

static void user_done(void *arg, int status)
{
	struct user *user = arg;

	ck_assert_int_eq(status, 0);
	ck_assert_ptr_eq(ebb_thread_current(), user->thread);
	user->calls++;
}

static void user_reads(struct user *user, unsigned count)
{
	stage_enter(user->thread);
	for (unsigned i = 0; i < count; i++) {
		ck_assert_int_eq(ebb_bdev_read(desc, user->ch, buf, i, 1, user_done, user), 0);
	}
	stage_enter(ebb_thread_app());
}

/* What waits on several threads ends on each of them when the limits go, and when they come again. */
START_TEST(what_waits_goes_on_its_own_thread)
{
	struct user users[3] = {{0}};
	unsigned i;

	limit("'rw_ios_per_sec': 1000");
	for (i = 0; i < 3; i++) {
		users[i].thread = stage_thread("user");
		stage_enter(users[i].thread);
		users[i].ch = ebb_bdev_channel_get(desc);
		ck_assert_ptr_nonnull(users[i].ch);
		user_reads(&users[i], 20);
	}
	stage_turns(2);
	for (i = 0; i < 3; i++) {
		ck_assert_uint_lt(users[i].calls, 20);
	}
	limit("'rw_ios_per_sec': 0");
	stage_turns(4);
	for (i = 0; i < 3; i++) {
		ck_assert_uint_eq(users[i].calls, 20);
		user_reads(&users[i], 20);
	}
	stage_turns(2);
	for (i = 0; i < 3; i++) {
		ck_assert_uint_eq(users[i].calls, 40);
	}
	limit("'rw_ios_per_sec': 1000");
	user_reads(&users[0], 20);
	stage_turns(2);
	ck_assert_uint_lt(users[0].calls, 60);
	pass(40, 1000);
	ck_assert_uint_eq(users[0].calls, 60);
	for (i = 0; i < 3; i++) {
		stage_enter(users[i].thread);
		ebb_io_channel_put(users[i].ch);
		stage_enter(ebb_thread_app());
		stage_thread_exit(users[i].thread);
	}
}
END_TEST

static void set_true(void *arg)
{
	*(bool *)arg = true;
}

/* Opened and closed from other threads while limits change and the bdev goes: it goes, once. */
START_TEST(holders_come_and_go_while_limits_change)
{
	struct ebb_thread *thread = stage_thread("user");
	struct fake *leaving = fake_create("leaving");
	struct ebb_bdev_desc *its_desc;
	struct ebb_io_channel *its_ch;
	bool gone = false;

	ck_assert_int_eq(ebb_bdev_register(&leaving->bdev), 0);
	call_is("bdev_set_qos_limit", "{'name': 'leaving', 'rw_ios_per_sec': 1000}", "true");
	for (unsigned round = 0; round < 4; round++) {
		stage_enter(thread);
		ck_assert_int_eq(ebb_bdev_open("leaving", true, NULL, NULL, &its_desc), 0);
		its_ch = ebb_bdev_channel_get(its_desc);
		ck_assert_ptr_nonnull(its_ch);
		if (round == 2) {
			stage_enter(ebb_thread_app());
			call_is("bdev_set_qos_limit", "{'name': 'leaving', 'rw_ios_per_sec': 2000}",
				"true");
			stage_enter(thread);
		}
		ebb_io_channel_put(its_ch);
		if (round == 3) {
			stage_enter(ebb_thread_app());
			ck_assert_int_eq(ebb_bdev_unregister(&leaving->bdev, set_true, &gone), 0);
			stage_enter(thread);
		}
		ebb_bdev_close(its_desc);
		stage_enter(ebb_thread_app());
	}
	stage_until(&gone);
	ck_assert_uint_eq(leaving->destructed, 1);
	free(leaving);
	stage_thread_exit(thread);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(without_a_limit_the_short_way_is_open),
		UNIT_TEST(what_waits_goes_when_its_time_has_come),
		UNIT_TEST(what_is_not_read_or_written_is_never_limited),
		UNIT_TEST(the_order_of_each_kind_is_kept),
		UNIT_TEST(a_long_request_goes_and_is_paid_for),
		UNIT_TEST(parts_count_as_the_whole),
		UNIT_TEST(other_limits_count_for_what_waits),
		UNIT_TEST(a_timer_runs_only_while_somebody_waits),
		UNIT_TEST(a_channel_that_is_to_be_quiet_lets_nothing_go),
		UNIT_TEST(limits_that_go_while_a_channel_is_quiet_lose_nothing),
		UNIT_TEST(a_bdev_that_goes_lets_all_go),
		UNIT_TEST(what_waits_goes_on_its_own_thread),
		UNIT_TEST(holders_come_and_go_while_limits_change),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
