/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics: exact, whoever asks and whatever comes and goes meanwhile. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/thread.h>

#include "core/bdev/stats.h"

#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

static struct fake *fake;
static struct ebb_bdev_desc *desc;
static struct ebb_io_channel *ch;
static struct fake_result result;
static char buf[16 * FAKE_BLOCK] __attribute__((aligned(4096)));

struct answer {
	struct ebb_bdev_iostat stat;
	bool got;
	int rc;
};

static void setup(void)
{
	stage_begin();
	fake = fake_create("disk");
	fake_open(fake, &desc, &ch);
	memset(&result, 0, sizeof(result));
}

static void teardown(void)
{
	fake_close(fake, desc, ch);
	stage_end();
}

static void answered(void *arg, const struct ebb_bdev_iostat *stat, int rc)
{
	struct answer *answer = arg;

	ck_assert(!answer->got);
	answer->stat = *stat;
	answer->got = true;
	answer->rc = rc;
}

static struct ebb_bdev_iostat ask(void)
{
	struct answer answer = {.got = false};

	ck_assert_int_eq(ebb_bdev_get_iostat(&fake->bdev, answered, &answer), 0);
	ck_assert(!answer.got);
	stage_until(&answer.got);
	ck_assert_int_eq(answer.rc, 0);
	return answer.stat;
}

/* One request that takes @ns. */
static void read_taking(uint64_t ns, uint64_t blocks)
{
	fake->mode = FAKE_HOLD;
	stage_turn();
	ck_assert_int_eq(ebb_bdev_read(desc, ch, buf, 0, blocks, fake_done, &result), 0);
	stage_clock_advance(ns);
	stage_turn();
	fake_complete_all(fake, 0);
}

START_TEST(nothing_done_is_nothing_counted)
{
	struct ebb_bdev_iostat stat = ask();
	int type;

	for (type = 0; type < EBB_BDEV_IO_TYPE_COUNT; type++) {
		ck_assert_uint_eq(stat.ops[type], 0);
		ck_assert_uint_eq(stat.bytes[type], 0);
		ck_assert_uint_eq(stat.errors[type], 0);
		ck_assert(stat.min_latency_ns[type] == UINT64_MAX);
		ck_assert_uint_eq(stat.max_latency_ns[type], 0);
	}
}
END_TEST

START_TEST(latency_is_from_queueing_to_completion)
{
	struct ebb_bdev_iostat stat;

	read_taking(300, 1);
	read_taking(100, 2);
	read_taking(200, 4);
	stat = ask();
	ck_assert_uint_eq(stat.ops[EBB_BDEV_READ], 3);
	ck_assert_uint_eq(stat.bytes[EBB_BDEV_READ], 7 * FAKE_BLOCK);
	ck_assert_uint_eq(stat.latency_ns[EBB_BDEV_READ], 600);
	ck_assert_uint_eq(stat.min_latency_ns[EBB_BDEV_READ], 100);
	ck_assert_uint_eq(stat.max_latency_ns[EBB_BDEV_READ], 300);
	ck_assert_uint_eq(stat.ops[EBB_BDEV_WRITE], 0);
}
END_TEST

START_TEST(types_are_counted_apart)
{
	struct ebb_bdev_extent extent;
	struct ebb_bdev_extents extents = {.max = 1, .extent = &extent};
	struct ebb_bdev_iostat stat;

	ebb_bdev_write(desc, ch, buf, 0, 3, EBB_BDEV_FUA, fake_done, &result);
	ebb_bdev_block_status(desc, ch, 0, 7, &extents, fake_done, &result);
	ebb_bdev_flush(desc, ch, fake_done, &result);
	ebb_bdev_unmap(desc, ch, 0, 10, fake_done, &result);
	ebb_bdev_write_zeroes(desc, ch, 0, 5, 0, fake_done, &result);
	stage_turns(4);
	ck_assert_uint_eq(result.calls, 5);
	stat = ask();
	ck_assert_uint_eq(stat.ops[EBB_BDEV_BLOCK_STATUS], 1);
	ck_assert_uint_eq(stat.bytes[EBB_BDEV_BLOCK_STATUS], 0);
	/* The flush that makes the write durable is part of the write. */
	ck_assert_uint_eq(stat.ops[EBB_BDEV_WRITE], 1);
	ck_assert_uint_eq(stat.bytes[EBB_BDEV_WRITE], 3 * FAKE_BLOCK);
	ck_assert_uint_eq(stat.ops[EBB_BDEV_FLUSH], 1);
	ck_assert_uint_eq(stat.bytes[EBB_BDEV_FLUSH], 0);
	ck_assert_uint_eq(stat.ops[EBB_BDEV_UNMAP], 1);
	ck_assert_uint_eq(stat.bytes[EBB_BDEV_UNMAP], 10 * FAKE_BLOCK);
	ck_assert_uint_eq(stat.ops[EBB_BDEV_WRITE_ZEROES], 1);
	ck_assert_uint_eq(stat.bytes[EBB_BDEV_WRITE_ZEROES], 5 * FAKE_BLOCK);
}
END_TEST

START_TEST(errors_are_counted_and_nothing_else)
{
	struct ebb_bdev_iostat stat;

	fake->mode = FAKE_HOLD;
	ebb_bdev_read(desc, ch, buf, 0, 3, fake_done, &result);
	fake_complete_all(fake, -EIO);
	stat = ask();
	ck_assert_uint_eq(stat.errors[EBB_BDEV_READ], 1);
	ck_assert_uint_eq(stat.ops[EBB_BDEV_READ], 0);
	ck_assert_uint_eq(stat.bytes[EBB_BDEV_READ], 0);
}
END_TEST

START_TEST(asking_twice_counts_once)
{
	read_taking(10, 1);
	ask();
	read_taking(20, 1);
	ask();
	ck_assert_uint_eq(ask().ops[EBB_BDEV_READ], 2);
	ck_assert_uint_eq(ask().latency_ns[EBB_BDEV_READ], 30);
}
END_TEST

START_TEST(channels_are_summed_and_what_went_stays)
{
	struct ebb_thread *thread = stage_thread("other");
	struct ebb_bdev_desc *other_desc;
	struct ebb_io_channel *other_ch;

	read_taking(50, 1);
	stage_enter(thread);
	fake->mode = FAKE_AT_ONCE;
	ck_assert_int_eq(ebb_bdev_open("disk", true, NULL, NULL, &other_desc), 0);
	other_ch = ebb_bdev_channel_get(other_desc);
	ck_assert_ptr_ne(other_ch, ch);
	ebb_bdev_read(other_desc, other_ch, buf, 0, 2, fake_done, &result);
	stage_turn();
	stage_enter(ebb_thread_app());
	ck_assert_uint_eq(ask().ops[EBB_BDEV_READ], 2);
	stage_enter(thread);
	ebb_bdev_read(other_desc, other_ch, buf, 0, 2, fake_done, &result);
	stage_turn();
	ebb_io_channel_put(other_ch);
	ebb_bdev_close(other_desc);
	stage_turns(3);
	stage_enter(ebb_thread_app());
	ck_assert_uint_eq(ask().ops[EBB_BDEV_READ], 3);
	ck_assert_uint_eq(ask().bytes[EBB_BDEV_READ], 5 * FAKE_BLOCK);
	ck_assert_uint_eq(ask().max_latency_ns[EBB_BDEV_READ], 50);
	stage_thread_exit(thread);
}
END_TEST

START_TEST(two_may_ask_at_once)
{
	struct answer one = {.got = false}, two = {.got = false};

	read_taking(50, 1);
	ck_assert_int_eq(ebb_bdev_get_iostat(&fake->bdev, answered, &one), 0);
	ck_assert_int_eq(ebb_bdev_get_iostat(&fake->bdev, answered, &two), 0);
	stage_turns(8);
	ck_assert(one.got && two.got);
	ck_assert_uint_eq(one.stat.ops[EBB_BDEV_READ], 1);
	ck_assert_uint_eq(two.stat.ops[EBB_BDEV_READ], 1);
}
END_TEST

/*
 * Two that reset, and one that only asks, all at once, while requests go on: together the two were
 * told every request, once.
 */
START_TEST(what_resets_loses_nothing)
{
	struct answer answers[3];
	uint64_t told = 0, done = 0;
	unsigned round, i;

	fake->mode = FAKE_AT_ONCE;
	for (round = 0; round < 20; round++) {
		memset(answers, 0, sizeof(answers));
		for (i = 0; i < 3; i++) {
			ck_assert_int_eq(bdev_stats_query(&fake->bdev,
							  i < 2 ? BDEV_STATS_RESET_ALL
								: BDEV_STATS_RESET_NONE,
							  answered, &answers[i]),
					 0);
			ebb_bdev_read(desc, ch, buf, 0, 1, fake_done, &result);
			stage_turns(round % 4);
			ebb_bdev_read(desc, ch, buf, 0, 1, fake_done, &result);
		}
		done += 6;
		stage_turns(12);
		ck_assert(answers[0].got && answers[1].got && answers[2].got);
		told += answers[0].stat.ops[EBB_BDEV_READ] + answers[1].stat.ops[EBB_BDEV_READ];
	}
	ck_assert_uint_eq(told + ask().ops[EBB_BDEV_READ], done);
}
END_TEST

static void set_true(void *arg)
{
	*(bool *)arg = true;
}

START_TEST(asking_one_that_goes_is_answered)
{
	struct fake *leaving = fake_create("leaving");
	struct answer answer = {.got = false};
	bool gone = false;

	ck_assert_int_eq(ebb_bdev_register(&leaving->bdev), 0);
	ck_assert_int_eq(ebb_bdev_get_iostat(&leaving->bdev, answered, &answer), 0);
	ck_assert_int_eq(ebb_bdev_unregister(&leaving->bdev, set_true, &gone), 0);
	stage_until(&gone);
	ck_assert(answer.got);
	stage_turns(2);
	free(leaving);
}
END_TEST

static void ask_foreign(void *arg)
{
	ck_assert_int_eq(ebb_bdev_get_iostat(&fake->bdev, answered, arg), -EPERM);
}

START_TEST(who_is_no_ebb_thread_is_refused)
{
	struct answer answer = {.got = false};

	stage_foreign(ask_foreign, &answer);
	ck_assert_uint_eq(stage_violations(4), 1);
	stage_turns(2);
	ck_assert(!answer.got);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(nothing_done_is_nothing_counted),
		UNIT_TEST(latency_is_from_queueing_to_completion),
		UNIT_TEST(types_are_counted_apart),
		UNIT_TEST(errors_are_counted_and_nothing_else),
		UNIT_TEST(asking_twice_counts_once),
		UNIT_TEST(channels_are_summed_and_what_went_stays),
		UNIT_TEST(two_may_ask_at_once),
		UNIT_TEST(what_resets_loses_nothing),
		UNIT_TEST(asking_one_that_goes_is_answered),
		UNIT_TEST(who_is_no_ebb_thread_is_refused),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
