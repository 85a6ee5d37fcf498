/* SPDX-License-Identifier: Apache-2.0 */
/* Locks of ranges: which writes are waited for, which wait, and which lock comes when. */
#include "tests/unit/core/bdev/range_stage.h"
#include "tests/unit/unit.h"

static bool short_way_is_open(unsigned index)
{
	return range_actors[index].bdev_ch->whole_blocks[EBB_BDEV_WRITE] != 0;
}

static const enum ebb_bdev_io_type writing[] = {EBB_BDEV_WRITE, EBB_BDEV_UNMAP,
						EBB_BDEV_WRITE_ZEROES};
static const enum ebb_bdev_io_type reading[] = {EBB_BDEV_READ, EBB_BDEV_FLUSH, EBB_BDEV_COMPARE};

START_TEST(nothing_under_way_is_locked_at_once)
{
	range_lock(0, 1, 8, 15);
	ck_assert(range_locks[0].granted);
	range_unlock(0);
	range_lock(0, 1, 0, FAKE_BLOCKS - 1);
	ck_assert(range_locks[0].granted);
	range_unlock(0);
}
END_TEST

/* The three types by which blocks change, by the own channel and by another thread's. */
START_TEST(what_was_begun_before_is_waited_for)
{
	unsigned by = (unsigned)_i / 3;

	range_request(0, by, writing[_i % 3], 14, 4);
	range_request(1, by, writing[_i % 3], 4, 4); /* its neighbour */
	ck_assert_uint_eq(range_fake->num_held, 2);
	range_lock(0, 0, 8, 14);
	ck_assert(!range_held(0));
	range_complete_one();
	ck_assert_uint_eq(range_results[0].calls, 1);
	ck_assert(range_held(0));
	ck_assert_uint_eq(range_results[1].calls, 0);
	range_unlock(0);
	range_complete_all();
}
END_TEST

START_TEST(each_thread_has_to_answer)
{
	range_request(0, 1, EBB_BDEV_WRITE, 8, 1);
	range_request(1, 2, EBB_BDEV_WRITE, 9, 1);
	range_request(2, 2, EBB_BDEV_WRITE, 15, 1);
	range_request(3, 0, EBB_BDEV_WRITE, 10, 1);
	range_lock(0, 0, 8, 15);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert(!range_held(0));
		range_complete_one();
	}
	ck_assert(range_held(0));
	range_unlock(0);
}
END_TEST

START_TEST(what_changes_nothing_is_not_waited_for)
{
	range_request(0, 1, reading[_i], 8, 4);
	range_lock(0, 0, 8, 14);
	ck_assert(range_held(0));
	range_request(1, 1, reading[_i], 8, 4);
	ck_assert_uint_eq(range_fake->num_held, 2);
	range_complete_all();
	range_unlock(0);
}
END_TEST

START_TEST(what_comes_later_waits_for_the_unlock)
{
	unsigned by = (unsigned)_i / 3;

	/* One that writes knows of the lock, and one that does not looks before it begins to. */
	range_request(0, 1, EBB_BDEV_WRITE, 100, 1);
	range_lock(0, 0, 8, 14);
	ck_assert(range_held(0));
	ck_assert(!short_way_is_open(1));
	range_request(1, by, writing[_i % 3], 14, 4);
	range_request(2, by, writing[_i % 3], 4, 4);
	ck_assert_uint_eq(range_fake->num_held, 2);
	range_complete_all();
	ck_assert_uint_eq(range_results[1].calls, 0);
	ck_assert_uint_eq(range_results[2].calls, 1);
	range_unlock(0);
	ck_assert_uint_eq(range_results[1].calls, 0);
	stage_turns(3);
	ck_assert_uint_eq(range_fake->num_held, 1);
	range_complete_all();
	ck_assert_uint_eq(range_results[1].calls, 1);
	/* The next write may go the short way, without another message. */
	range_request(3, 1, EBB_BDEV_WRITE, 8, 1);
	ck_assert(short_way_is_open(1));
	range_request(4, 1, EBB_BDEV_WRITE, 8, 1);
	range_complete_all();
}
END_TEST

/* It is not told of the unlock, as nothing of it waits; its next write finds out. */
START_TEST(an_old_lock_does_not_keep_the_short_way_closed)
{
	range_request(0, 1, EBB_BDEV_WRITE, 100, 1);
	range_lock(0, 0, 8, 8);
	ck_assert(range_held(0));
	ck_assert(!short_way_is_open(1));
	range_unlock(0);
	stage_turns(3);
	range_request(1, 1, EBB_BDEV_WRITE, 200, 1);
	ck_assert(short_way_is_open(1));
	range_complete_all();
}
END_TEST

/* The lock is asked for, and has not been granted yet: those that come meanwhile wait, too. */
START_TEST(a_stream_of_writes_does_not_keep_a_lock_waiting)
{
	range_request(0, 1, EBB_BDEV_WRITE, 8, 1);
	range_lock(0, 0, 8, 8);
	stage_turns(2);
	range_request(1, 1, EBB_BDEV_WRITE, 8, 1);
	range_request(2, 0, EBB_BDEV_WRITE, 8, 1);
	ck_assert_uint_eq(range_fake->num_held, 1);
	range_complete_one();
	ck_assert(range_held(0));
	ck_assert_uint_eq(range_fake->num_held, 0);
	range_unlock(0);
	stage_turns(3);
	ck_assert_uint_eq(range_fake->num_held, 2);
	range_complete_all();
}
END_TEST

START_TEST(a_stream_of_locks_does_not_keep_a_write_waiting)
{
	unsigned by = (unsigned)_i;

	range_request(0, by, EBB_BDEV_WRITE, 200, 1);
	range_lock(0, 0, 8, 15);
	ck_assert(range_held(0));
	range_lock(1, 0, 15, 16);
	range_lock(2, 1, 8, 8);
	range_request(1, by, EBB_BDEV_WRITE, 15, 1);
	ck_assert_uint_eq(range_fake->num_held, 1);
	range_unlock(0);
	ck_assert(!range_held(1));
	ck_assert_uint_eq(range_fake->num_held, 2);
	ck_assert(range_held(2));
	range_complete_all();
	ck_assert_uint_eq(range_results[1].calls, 1);
	ck_assert(range_held(1));
	range_unlock(1);
	range_unlock(2);
}
END_TEST

START_TEST(locks_that_overlap_come_in_order)
{
	range_lock(0, 0, 8, 15);
	ck_assert(range_held(0));
	range_lock(1, 1, 15, 20);
	range_lock(2, 2, 20, 25); /* waits for the second, which waits */
	range_lock(3, 0, 26, 30); /* for nobody */
	range_lock(4, 1, 0, 7);
	ck_assert(!range_held(1));
	ck_assert(!range_held(2));
	ck_assert(range_held(3));
	ck_assert(range_held(4));
	range_unlock(0);
	ck_assert(range_held(1));
	ck_assert(!range_held(2));
	range_unlock(1);
	ck_assert(range_held(2));
	range_unlock(2);
	range_unlock(3);
	range_unlock(4);
}
END_TEST

START_TEST(more_than_there_are_slots_wait)
{
	unsigned i;

	range_request(0, 2, EBB_BDEV_WRITE, 2, 1);
	for (i = 0; i < BDEV_RANGE_SLOTS + 4; i++) {
		range_lock(i, i % 2, i * 10, i * 10 + 5);
	}
	for (i = 0; i < BDEV_RANGE_SLOTS + 4; i++) {
		ck_assert_int_eq(range_held(i), i > 0 && i < BDEV_RANGE_SLOTS);
	}
	range_unlock(7);
	ck_assert(range_held(BDEV_RANGE_SLOTS));
	ck_assert(!range_held(BDEV_RANGE_SLOTS + 1));
	range_complete_all();
	for (i = 0; i < BDEV_RANGE_SLOTS + 4; i++) {
		if (i != 7) {
			ck_assert(range_held(i));
			range_unlock(i);
		}
	}
}
END_TEST

/* A slot is used again before a channel has looked. */
START_TEST(a_slot_has_another_lock)
{
	range_request(0, 1, EBB_BDEV_WRITE, 100, 1);
	range_lock(0, 0, 8, 8);
	ck_assert(range_held(0));
	range_request(1, 1, EBB_BDEV_WRITE, 8, 1);
	ck_assert_uint_eq(range_fake->num_held, 1);
	range_unlock(0);
	range_lock(1, 0, 50, 50);
	ck_assert_uint_eq(range_locks[1].lock.slot, range_locks[0].lock.slot);
	ck_assert(range_held(1));
	ck_assert_uint_eq(range_fake->num_held, 2);
	range_request(2, 1, EBB_BDEV_WRITE, 50, 1);
	range_request(3, 1, EBB_BDEV_WRITE, 8, 1);
	ck_assert_uint_eq(range_fake->num_held, 3);
	range_unlock(1);
	stage_turns(3);
	ck_assert_uint_eq(range_fake->num_held, 4);
	range_complete_all();
}
END_TEST

/* Two writes wait for two locks: the first lock that goes lets only one begin. */
START_TEST(each_write_waits_for_its_own_lock)
{
	range_request(0, 1, EBB_BDEV_WRITE, 100, 1);
	range_lock(0, 0, 8, 8);
	range_lock(1, 2, 9, 9);
	ck_assert(range_held(0));
	ck_assert(range_held(1));
	range_request(1, 1, EBB_BDEV_WRITE, 9, 1);
	range_request(2, 1, EBB_BDEV_WRITE, 8, 1);
	range_request(3, 1, EBB_BDEV_WRITE, 8, 2);
	ck_assert_uint_eq(range_fake->num_held, 1);
	range_unlock(0);
	stage_turns(3);
	ck_assert_uint_eq(range_fake->num_held, 2);
	range_unlock(1);
	stage_turns(3);
	ck_assert_uint_eq(range_fake->num_held, 4);
	range_complete_all();
}
END_TEST

START_TEST(who_does_not_write_is_not_asked)
{
	range_request(0, 1, EBB_BDEV_READ, 0, 1);
	ck_assert(!range_actors[1].bdev_ch->range.entered);
	range_request(1, 2, EBB_BDEV_WRITE, 0, 1);
	ck_assert(range_actors[2].bdev_ch->range.entered);
	range_complete_all();
	range_lock(0, 0, 8, 8);
	ck_assert(!range_actors[1].bdev_ch->range.mailbox->under_way);
	ck_assert(range_actors[2].bdev_ch->range.mailbox->under_way);
	/* It has nothing under way any more, and is not asked again before it writes again. */
	ck_assert(range_held(0));
	ck_assert(!range_actors[2].bdev_ch->range.entered);
	range_lock(1, 0, 9, 9);
	ck_assert(range_locks[1].granted);
	range_unlock(0);
	range_unlock(1);
	ck_assert(!range_actors[2].bdev_ch->range.mailbox->under_way);
	range_request(1, 2, EBB_BDEV_WRITE, 8, 1);
	ck_assert_uint_eq(range_fake->num_held, 1);
	range_complete_all();
}
END_TEST

/* Free requests, held ones and parts, in a pool that was all in use: only what is under way counts. */
START_TEST(a_walk_sees_what_is_under_way)
{
	unsigned i;

	for (i = 0; i < 12; i++) {
		range_request(i, 1, EBB_BDEV_WRITE, i, 1);
	}
	for (i = 0; i < 12; i++) {
		unsigned at = i * 7 % range_fake->num_held;

		range_lock(0, 0, range_fake->held[at].io->offset_blocks,
			   range_fake->held[at].io->offset_blocks);
		ck_assert(!range_held(0));
		stage_enter(range_actors[1].thread);
		fake_complete_at(range_fake, at, 0);
		ck_assert(range_held(0));
		range_unlock(0);
	}
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(range_setup, range_teardown),
		UNIT_TEST(nothing_under_way_is_locked_at_once),
		UNIT_LOOP(what_was_begun_before_is_waited_for, 0, 6),
		UNIT_TEST(each_thread_has_to_answer),
		UNIT_LOOP(what_changes_nothing_is_not_waited_for, 0, 3),
		UNIT_LOOP(what_comes_later_waits_for_the_unlock, 0, 9),
		UNIT_TEST(an_old_lock_does_not_keep_the_short_way_closed),
		UNIT_TEST(a_stream_of_writes_does_not_keep_a_lock_waiting),
		UNIT_LOOP(a_stream_of_locks_does_not_keep_a_write_waiting, 0, 3),
		UNIT_TEST(locks_that_overlap_come_in_order),
		UNIT_TEST(more_than_there_are_slots_wait),
		UNIT_TEST(a_slot_has_another_lock),
		UNIT_TEST(each_write_waits_for_its_own_lock),
		UNIT_TEST(who_does_not_write_is_not_asked),
		UNIT_TEST(a_walk_sees_what_is_under_way),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
