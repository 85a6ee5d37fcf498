/* SPDX-License-Identifier: Apache-2.0 */
/* Locks of ranges: who is waited for, who waits, and what comes and goes meanwhile. */
#include <errno.h>
#include <string.h>

#include <ebb/thread.h>

#include "core/bdev/channel.h"
#include "core/bdev/pool.h"
#include "core/bdev/range_channel.h"
#include "core/bdev/range_lock.h"
#include "core/bdev/table.h"
#include "core/event/channel.h"
#include "core/method/wanted.h"
#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/fake.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

/* A thread with a channel. The first is the app thread. */
struct actor {
	struct ebb_thread *thread;
	struct ebb_io_channel *ch;
	struct bdev_channel *bdev_ch;
};

struct test_lock {
	struct bdev_range_lock lock;
	unsigned granted;
};

#define ACTORS 3

static struct fake *fake;
static struct ebb_bdev_desc *desc;
static struct actor actors[ACTORS];
static struct test_lock locks[BDEV_RANGE_SLOTS + 8];
static struct fake_result results[16];
static char buf[64 * FAKE_BLOCK] __attribute__((aligned(4096)));

static void actor_get(unsigned index)
{
	stage_enter(actors[index].thread);
	actors[index].ch = ebb_bdev_channel_get(desc);
	ck_assert_ptr_nonnull(actors[index].ch);
	actors[index].bdev_ch = ebb_io_channel_ctx(actors[index].ch);
}

static void actor_put(unsigned index)
{
	stage_enter(actors[index].thread);
	ebb_io_channel_put(actors[index].ch);
	actors[index].ch = NULL;
	stage_turns(2);
}

static void open_all(void)
{
	unsigned i;

	ck_assert_int_eq(ebb_bdev_register(&fake->bdev), 0);
	ck_assert_int_eq(ebb_bdev_open("disk", true, NULL, NULL, &desc), 0);
	for (i = 0; i < ACTORS; i++) {
		actor_get(i);
	}
}

static void setup_closed(void)
{
	stage_begin();
	fake = fake_create("disk");
	fake->mode = FAKE_HOLD;
	memset(locks, 0, sizeof(locks));
	memset(results, 0, sizeof(results));
	actors[0].thread = ebb_thread_current();
	actors[1].thread = stage_thread("one");
	actors[2].thread = stage_thread("two");
}

static void setup(void)
{
	setup_closed();
	open_all();
}

static void teardown(void)
{
	unsigned i;

	for (i = 0; i < ACTORS; i++) {
		if (actors[i].ch != NULL) {
			actor_put(i);
		}
	}
	stage_enter(actors[0].thread);
	fake_close(fake, desc, NULL);
	stage_thread_exit(actors[1].thread);
	stage_thread_exit(actors[2].thread);
	method_wanted_clear();
	stage_end();
}

static void granted(struct bdev_range_lock *lock)
{
	struct test_lock *test = ebb_container_of(lock, struct test_lock, lock);

	ck_assert_ptr_eq(ebb_thread_current(), lock->ch->thread);
	ck_assert_uint_eq(test->granted, 0);
	test->granted = 1;
}

/* Actor @by asks for blocks @first to @last; @index: of the lock. */
static void lock(unsigned index, unsigned by, uint64_t first, uint64_t last)
{
	struct test_lock *test = &locks[index];

	test->lock = (struct bdev_range_lock){.first = first,
					      .last = last,
					      .ch = actors[by].bdev_ch,
					      .granted = granted};
	test->granted = 0;
	stage_enter(actors[by].thread);
	test->granted = bdev_range_lock(&test->lock);
}

static bool held(unsigned index)
{
	stage_turns(3);
	return locks[index].granted != 0;
}

static void unlock(unsigned index)
{
	ck_assert(locks[index].granted);
	stage_enter(locks[index].lock.ch->thread);
	bdev_range_unlock(&locks[index].lock);
}

/* A request of actor @by; @index: of its result. */
static void request(unsigned index, unsigned by, enum ebb_bdev_io_type type, uint64_t first,
		    uint64_t count)
{
	struct ebb_io_channel *ch = actors[by].ch;
	struct fake_result *result = &results[index];
	int rc = -ENOTSUP;

	memset(result, 0, sizeof(*result));
	stage_enter(actors[by].thread);
	switch (type) {
	case EBB_BDEV_READ:
		rc = ebb_bdev_read(desc, ch, buf, first, count, fake_done, result);
		break;
	case EBB_BDEV_WRITE:
		rc = ebb_bdev_write(desc, ch, buf, first, count, 0, fake_done, result);
		break;
	case EBB_BDEV_FLUSH:
		rc = ebb_bdev_flush(desc, ch, fake_done, result);
		break;
	case EBB_BDEV_UNMAP:
		rc = ebb_bdev_unmap(desc, ch, first, count, fake_done, result);
		break;
	case EBB_BDEV_WRITE_ZEROES:
		rc = ebb_bdev_write_zeroes(desc, ch, first, count, 0, fake_done, result);
		break;
	case EBB_BDEV_COMPARE:
		rc = ebb_bdev_compare(desc, ch, buf, first, count, fake_done, result);
		break;
	default:
		break;
	}
	ck_assert_int_eq(rc, 0);
}

/* The driver ends the request that it has had for the longest, on its thread. */
static void complete_one(void)
{
	ck_assert_uint_gt(fake->num_held, 0);
	stage_enter(bdev_req_from_io(fake->held[0].io)->ch->thread);
	fake_complete_one(fake, 0);
}

static void complete_all(void)
{
	while (fake->num_held > 0) {
		complete_one();
	}
	stage_turns(3);
}

static bool short_way_is_open(unsigned index)
{
	return actors[index].bdev_ch->whole_blocks[EBB_BDEV_WRITE] != 0;
}

static const enum ebb_bdev_io_type writing[] = {EBB_BDEV_WRITE, EBB_BDEV_UNMAP,
						EBB_BDEV_WRITE_ZEROES};
static const enum ebb_bdev_io_type reading[] = {EBB_BDEV_READ, EBB_BDEV_FLUSH, EBB_BDEV_COMPARE};

START_TEST(nothing_under_way_is_locked_at_once)
{
	lock(0, 1, 8, 15);
	ck_assert(locks[0].granted);
	unlock(0);
	lock(0, 1, 0, FAKE_BLOCKS - 1);
	ck_assert(locks[0].granted);
	unlock(0);
}
END_TEST

/* The three types by which blocks change, by the own channel and by another thread's. */
START_TEST(what_was_begun_before_is_waited_for)
{
	unsigned by = (unsigned)_i / 3;

	request(0, by, writing[_i % 3], 14, 4);
	request(1, by, writing[_i % 3], 4, 4); /* its neighbour */
	ck_assert_uint_eq(fake->num_held, 2);
	lock(0, 0, 8, 14);
	ck_assert(!held(0));
	complete_one();
	ck_assert_uint_eq(results[0].calls, 1);
	ck_assert(held(0));
	ck_assert_uint_eq(results[1].calls, 0);
	unlock(0);
	complete_all();
}
END_TEST

START_TEST(each_thread_has_to_answer)
{
	request(0, 1, EBB_BDEV_WRITE, 8, 1);
	request(1, 2, EBB_BDEV_WRITE, 9, 1);
	request(2, 2, EBB_BDEV_WRITE, 15, 1);
	request(3, 0, EBB_BDEV_WRITE, 10, 1);
	lock(0, 0, 8, 15);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert(!held(0));
		complete_one();
	}
	ck_assert(held(0));
	unlock(0);
}
END_TEST

START_TEST(what_changes_nothing_is_not_waited_for)
{
	request(0, 1, reading[_i], 8, 4);
	lock(0, 0, 8, 14);
	ck_assert(held(0));
	request(1, 1, reading[_i], 8, 4);
	ck_assert_uint_eq(fake->num_held, 2);
	complete_all();
	unlock(0);
}
END_TEST

START_TEST(what_comes_later_waits_for_the_unlock)
{
	unsigned by = (unsigned)_i / 3;

	/* One that writes knows of the lock, and one that does not looks before it begins to. */
	request(0, 1, EBB_BDEV_WRITE, 100, 1);
	lock(0, 0, 8, 14);
	ck_assert(held(0));
	ck_assert(!short_way_is_open(1));
	request(1, by, writing[_i % 3], 14, 4);
	request(2, by, writing[_i % 3], 4, 4);
	ck_assert_uint_eq(fake->num_held, 2);
	complete_all();
	ck_assert_uint_eq(results[1].calls, 0);
	ck_assert_uint_eq(results[2].calls, 1);
	unlock(0);
	ck_assert_uint_eq(results[1].calls, 0);
	stage_turns(3);
	ck_assert_uint_eq(fake->num_held, 1);
	complete_all();
	ck_assert_uint_eq(results[1].calls, 1);
	/* The next write may go the short way, without another message. */
	request(3, 1, EBB_BDEV_WRITE, 8, 1);
	ck_assert(short_way_is_open(1));
	request(4, 1, EBB_BDEV_WRITE, 8, 1);
	complete_all();
}
END_TEST

/* The lock is asked for, and has not been granted yet: those that come meanwhile wait, too. */
START_TEST(a_stream_of_writes_does_not_keep_a_lock_waiting)
{
	request(0, 1, EBB_BDEV_WRITE, 8, 1);
	lock(0, 0, 8, 8);
	stage_turns(2);
	request(1, 1, EBB_BDEV_WRITE, 8, 1);
	request(2, 0, EBB_BDEV_WRITE, 8, 1);
	ck_assert_uint_eq(fake->num_held, 1);
	complete_one();
	ck_assert(held(0));
	ck_assert_uint_eq(fake->num_held, 0);
	unlock(0);
	stage_turns(3);
	ck_assert_uint_eq(fake->num_held, 2);
	complete_all();
}
END_TEST

START_TEST(a_stream_of_locks_does_not_keep_a_write_waiting)
{
	unsigned by = (unsigned)_i;

	request(0, by, EBB_BDEV_WRITE, 200, 1);
	lock(0, 0, 8, 15);
	ck_assert(held(0));
	lock(1, 0, 15, 16);
	lock(2, 1, 8, 8);
	request(1, by, EBB_BDEV_WRITE, 15, 1);
	ck_assert_uint_eq(fake->num_held, 1);
	unlock(0);
	ck_assert(!held(1));
	ck_assert_uint_eq(fake->num_held, 2);
	ck_assert(held(2));
	complete_all();
	ck_assert_uint_eq(results[1].calls, 1);
	ck_assert(held(1));
	unlock(1);
	unlock(2);
}
END_TEST

START_TEST(locks_that_overlap_come_in_order)
{
	lock(0, 0, 8, 15);
	ck_assert(held(0));
	lock(1, 1, 15, 20);
	lock(2, 2, 20, 25); /* waits for the second, which waits */
	lock(3, 0, 26, 30); /* for nobody */
	lock(4, 1, 0, 7);
	ck_assert(!held(1));
	ck_assert(!held(2));
	ck_assert(held(3));
	ck_assert(held(4));
	unlock(0);
	ck_assert(held(1));
	ck_assert(!held(2));
	unlock(1);
	ck_assert(held(2));
	unlock(2);
	unlock(3);
	unlock(4);
}
END_TEST

START_TEST(more_than_there_are_slots_wait)
{
	unsigned i;

	request(0, 2, EBB_BDEV_WRITE, 2, 1);
	for (i = 0; i < BDEV_RANGE_SLOTS + 4; i++) {
		lock(i, i % 2, i * 10, i * 10 + 5);
	}
	for (i = 0; i < BDEV_RANGE_SLOTS + 4; i++) {
		ck_assert_int_eq(held(i), i > 0 && i < BDEV_RANGE_SLOTS);
	}
	unlock(7);
	ck_assert(held(BDEV_RANGE_SLOTS));
	ck_assert(!held(BDEV_RANGE_SLOTS + 1));
	complete_all();
	for (i = 0; i < BDEV_RANGE_SLOTS + 4; i++) {
		if (i != 7) {
			ck_assert(held(i));
			unlock(i);
		}
	}
}
END_TEST

/* A slot is used again before a channel has looked. */
START_TEST(a_slot_has_another_lock)
{
	request(0, 1, EBB_BDEV_WRITE, 100, 1);
	lock(0, 0, 8, 8);
	ck_assert(held(0));
	request(1, 1, EBB_BDEV_WRITE, 8, 1);
	ck_assert_uint_eq(fake->num_held, 1);
	unlock(0);
	lock(1, 0, 50, 50);
	ck_assert_uint_eq(locks[1].lock.slot, locks[0].lock.slot);
	ck_assert(held(1));
	ck_assert_uint_eq(fake->num_held, 2);
	request(2, 1, EBB_BDEV_WRITE, 50, 1);
	request(3, 1, EBB_BDEV_WRITE, 8, 1);
	ck_assert_uint_eq(fake->num_held, 3);
	unlock(1);
	stage_turns(3);
	ck_assert_uint_eq(fake->num_held, 4);
	complete_all();
}
END_TEST

/* Two writes wait for two locks: the first lock that goes lets only one begin. */
START_TEST(each_write_waits_for_its_own_lock)
{
	request(0, 1, EBB_BDEV_WRITE, 100, 1);
	lock(0, 0, 8, 8);
	lock(1, 2, 9, 9);
	ck_assert(held(0));
	ck_assert(held(1));
	request(1, 1, EBB_BDEV_WRITE, 9, 1);
	request(2, 1, EBB_BDEV_WRITE, 8, 1);
	request(3, 1, EBB_BDEV_WRITE, 8, 2);
	ck_assert_uint_eq(fake->num_held, 1);
	unlock(0);
	stage_turns(3);
	ck_assert_uint_eq(fake->num_held, 2);
	unlock(1);
	stage_turns(3);
	ck_assert_uint_eq(fake->num_held, 4);
	complete_all();
}
END_TEST

START_TEST(who_does_not_write_is_not_asked)
{
	request(0, 1, EBB_BDEV_READ, 0, 1);
	ck_assert(!actors[1].bdev_ch->range.entered);
	request(1, 2, EBB_BDEV_WRITE, 0, 1);
	ck_assert(actors[2].bdev_ch->range.entered);
	complete_all();
	lock(0, 0, 8, 8);
	ck_assert(!actors[1].bdev_ch->range.mailbox->under_way);
	ck_assert(actors[2].bdev_ch->range.mailbox->under_way);
	/* It has nothing under way any more, and is not asked again before it writes again. */
	ck_assert(held(0));
	ck_assert(!actors[2].bdev_ch->range.entered);
	lock(1, 0, 9, 9);
	ck_assert(locks[1].granted);
	unlock(0);
	unlock(1);
	ck_assert(!actors[2].bdev_ch->range.mailbox->under_way);
	request(1, 2, EBB_BDEV_WRITE, 8, 1);
	ck_assert_uint_eq(fake->num_held, 1);
	complete_all();
}
END_TEST

/* It is asked for another's lock, and leaves because of its own before it has looked. */
START_TEST(who_leaves_for_his_own_lock_answers_others)
{
	request(0, 1, EBB_BDEV_WRITE, 0, 1);
	complete_all();
	lock(0, 0, 8, 8);
	ck_assert(!locks[0].granted);
	lock(1, 1, 9, 9);
	ck_assert(locks[1].granted);
	ck_assert(held(0));
	unlock(0);
	unlock(1);
}
END_TEST

START_TEST(a_channel_that_is_made_meanwhile_knows_the_lock)
{
	actor_put(1);
	lock(0, 0, 8, 15);
	ck_assert(held(0));
	actor_get(1);
	request(0, 1, EBB_BDEV_WRITE, 15, 2);
	request(1, 1, EBB_BDEV_WRITE, 16, 2);
	ck_assert_uint_eq(fake->num_held, 1);
	unlock(0);
	stage_turns(3);
	ck_assert_uint_eq(fake->num_held, 2);
	complete_all();
}
END_TEST

/* Its last request has ended; it is asked, and goes before it has looked. */
START_TEST(a_channel_that_goes_meanwhile_answers)
{
	request(0, 1, EBB_BDEV_WRITE, 15, 2);
	complete_all();
	ck_assert(actors[1].bdev_ch->range.entered);
	stage_enter(actors[1].thread);
	ebb_io_channel_put(actors[1].ch); /* by a message, which is before the lock's */
	actors[1].ch = NULL;
	lock(0, 0, 8, 15);
	ck_assert(!locks[0].granted);
	ck_assert(actors[1].bdev_ch->range.mailbox->under_way);
	ck_assert(held(0));
	unlock(0);
	stage_turns(3);
}
END_TEST

START_TEST(a_thread_that_exits_answers)
{
	request(0, 1, EBB_BDEV_WRITE, 15, 2);
	complete_all();
	actor_put(1);
	actor_get(1);
	request(0, 1, EBB_BDEV_WRITE, 15, 2);
	complete_all();
	stage_enter(actors[1].thread);
	ebb_io_channel_put(actors[1].ch);
	actors[1].ch = NULL;
	ebb_thread_exit();
	lock(0, 0, 8, 15);
	stage_turns(4);
	ck_assert(held(0));
	unlock(0);
	actors[1].thread = stage_thread("another");
}
END_TEST

START_TEST(a_channel_in_which_writes_wait_is_not_put)
{
	lock(0, 0, 8, 15);
	request(0, 1, EBB_BDEV_WRITE, 15, 2);
	ebb_io_channel_put(actors[1].ch);
	ck_assert_uint_eq(stage_violations(2), 1);
	unlock(0);
	stage_turns(3);
	complete_all();
	ck_assert_uint_eq(results[0].calls, 1);
}
END_TEST

/* A thread that moves waits for what is under way, not for what waits for an unlock. */
START_TEST(a_move_leaves_writes_waiting)
{
	request(0, 1, EBB_BDEV_WRITE, 100, 1);
	lock(0, 0, 8, 15);
	ck_assert(held(0));
	request(1, 1, EBB_BDEV_WRITE, 15, 2);
	event_channels_quiesce(actors[1].thread);
	ck_assert(!event_channels_quiet(actors[1].thread));
	complete_all();
	stage_enter(actors[1].thread);
	ck_assert(event_channels_quiet(actors[1].thread));
	if (_i == 0) {
		unlock(0);
		stage_turns(3);
		ck_assert_uint_eq(fake->num_held, 0);
		stage_enter(actors[1].thread);
		event_channels_resume(actors[1].thread);
	} else {
		event_channels_resume(actors[1].thread);
		stage_turns(3);
		ck_assert_uint_eq(fake->num_held, 0);
		unlock(0);
		stage_turns(3);
	}
	ck_assert_uint_eq(fake->num_held, 1);
	complete_all();
	ck_assert_uint_eq(results[1].calls, 1);
}
END_TEST

/* A request that a move holds back has not begun: it is not waited for, and waits when it comes. */
START_TEST(what_a_move_holds_back_waits_afterwards)
{
	request(0, 1, EBB_BDEV_WRITE, 8, 1);
	complete_all();
	stage_enter(actors[1].thread);
	event_channels_quiesce(actors[1].thread);
	request(1, 1, EBB_BDEV_WRITE, 8, 1);
	lock(0, 0, 8, 15);
	ck_assert(held(0));
	stage_enter(actors[1].thread);
	event_channels_resume(actors[1].thread);
	stage_turns(3);
	ck_assert_uint_eq(fake->num_held, 0);
	unlock(0);
	stage_turns(3);
	ck_assert_uint_eq(fake->num_held, 1);
	complete_all();
}
END_TEST

START_TEST(what_a_rate_limit_holds_back_waits_afterwards)
{
	stage_enter(actors[0].thread);
	call_is("bdev_set_qos_limit", "{'name': 'disk', 'rw_ios_per_sec': 1000}", "true");
	request(0, 1, EBB_BDEV_WRITE, 100, 1);
	request(1, 1, EBB_BDEV_WRITE, 8, 1);
	ck_assert_uint_eq(fake->num_held, 1);
	lock(0, 0, 8, 15);
	ck_assert(held(0));
	stage_advance_ms(200);
	ck_assert(!actors[1].bdev_ch->qos.waiting);
	ck_assert_uint_eq(fake->num_held, 1);
	unlock(0);
	stage_turns(3);
	ck_assert_uint_eq(fake->num_held, 2);
	complete_all();
	stage_enter(actors[0].thread);
	call_is("bdev_set_qos_limit", "{'name': 'disk', 'rw_ios_per_sec': 0}", "true");
}
END_TEST

/* From the first part to the last, also while none of the parts under way is in the range. */
START_TEST(a_request_in_parts_is_waited_for_whole)
{
	unsigned parts = 20, i;

	fake->bdev.max_io_blocks = 2;
	open_all();
	request(0, 1, EBB_BDEV_WRITE, 0, parts * 2);
	lock(0, 0, 2, 3);
	for (i = 0; i < parts; i++) {
		ck_assert(!held(0));
		ck_assert_uint_eq(fake->num_held > 0, 1);
		complete_one();
	}
	ck_assert_uint_eq(results[0].calls, 1);
	ck_assert(held(0));
	unlock(0);
}
END_TEST

START_TEST(a_write_whose_flush_follows_is_waited_for)
{
	open_all();
	stage_enter(actors[1].thread);
	ck_assert_int_eq(ebb_bdev_write(desc, actors[1].ch, buf, 8, 1, EBB_BDEV_FUA, fake_done,
					&results[0]),
			 0);
	lock(0, 0, 8, 8);
	ck_assert(!held(0));
	complete_one();
	ck_assert_uint_eq(fake->num_held, 1);
	ck_assert(!held(0));
	complete_one();
	ck_assert(held(0));
	unlock(0);
}
END_TEST

/* Free requests, held ones and parts, in a pool that was all in use: only what is under way counts. */
START_TEST(a_walk_sees_what_is_under_way)
{
	unsigned i;

	for (i = 0; i < 12; i++) {
		request(i, 1, EBB_BDEV_WRITE, i, 1);
	}
	for (i = 0; i < 12; i++) {
		unsigned at = i * 7 % fake->num_held;

		lock(0, 0, fake->held[at].io->offset_blocks, fake->held[at].io->offset_blocks);
		ck_assert(!held(0));
		stage_enter(actors[1].thread);
		fake_complete_at(fake, at, 0);
		ck_assert(held(0));
		unlock(0);
	}
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(nothing_under_way_is_locked_at_once),
		UNIT_LOOP(what_was_begun_before_is_waited_for, 0, 6),
		UNIT_TEST(each_thread_has_to_answer),
		UNIT_LOOP(what_changes_nothing_is_not_waited_for, 0, 3),
		UNIT_LOOP(what_comes_later_waits_for_the_unlock, 0, 9),
		UNIT_TEST(a_stream_of_writes_does_not_keep_a_lock_waiting),
		UNIT_LOOP(a_stream_of_locks_does_not_keep_a_write_waiting, 0, 3),
		UNIT_TEST(locks_that_overlap_come_in_order),
		UNIT_TEST(more_than_there_are_slots_wait),
		UNIT_TEST(a_slot_has_another_lock),
		UNIT_TEST(each_write_waits_for_its_own_lock),
		UNIT_TEST(who_does_not_write_is_not_asked),
		UNIT_TEST(who_leaves_for_his_own_lock_answers_others),
		UNIT_TEST(a_channel_that_is_made_meanwhile_knows_the_lock),
		UNIT_TEST(a_channel_that_goes_meanwhile_answers),
		UNIT_TEST(a_thread_that_exits_answers),
		UNIT_TEST(a_channel_in_which_writes_wait_is_not_put),
		UNIT_LOOP(a_move_leaves_writes_waiting, 0, 2),
		UNIT_TEST(what_a_move_holds_back_waits_afterwards),
		UNIT_TEST(what_a_rate_limit_holds_back_waits_afterwards),
		UNIT_TEST(a_walk_sees_what_is_under_way),
		UNIT_FIXTURE(setup_closed, teardown),
		UNIT_TEST(a_request_in_parts_is_waited_for_whole),
		UNIT_TEST(a_write_whose_flush_follows_is_waited_for),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
