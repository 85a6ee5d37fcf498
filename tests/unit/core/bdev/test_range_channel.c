/* SPDX-License-Identifier: Apache-2.0 */
/* Locks of ranges: what becomes of channels, threads and held requests meanwhile. */
#include <errno.h>

#include "core/event/channel.h"
#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/range_stage.h"
#include "tests/unit/unit.h"

/* It is asked for another's lock, and leaves because of its own before it has looked. */
START_TEST(who_leaves_for_his_own_lock_answers_others)
{
	range_request(0, 1, EBB_BDEV_WRITE, 0, 1);
	range_complete_all();
	range_lock(0, 0, 8, 8);
	ck_assert(!range_locks[0].granted);
	range_lock(1, 1, 9, 9);
	ck_assert(range_locks[1].granted);
	ck_assert(range_held(0));
	range_unlock(0);
	range_unlock(1);
}
END_TEST

START_TEST(a_channel_that_is_made_meanwhile_knows_the_lock)
{
	range_actor_put(1);
	range_lock(0, 0, 8, 15);
	ck_assert(range_held(0));
	range_actor_get(1);
	range_request(0, 1, EBB_BDEV_WRITE, 15, 2);
	range_request(1, 1, EBB_BDEV_WRITE, 16, 2);
	ck_assert_uint_eq(range_fake->num_held, 1);
	range_unlock(0);
	stage_turns(3);
	ck_assert_uint_eq(range_fake->num_held, 2);
	range_complete_all();
}
END_TEST

/* Its last request has ended; it is asked, and goes before it has looked. */
START_TEST(a_channel_that_goes_meanwhile_answers)
{
	range_request(0, 1, EBB_BDEV_WRITE, 15, 2);
	range_complete_all();
	ck_assert(range_actors[1].bdev_ch->range.entered);
	stage_enter(range_actors[1].thread);
	ebb_io_channel_put(range_actors[1].ch); /* by a message, which is before the lock's */
	range_actors[1].ch = NULL;
	range_lock(0, 0, 8, 15);
	ck_assert(!range_locks[0].granted);
	ck_assert(range_actors[1].bdev_ch->range.mailbox->under_way);
	ck_assert(range_held(0));
	range_unlock(0);
	stage_turns(3);
}
END_TEST

START_TEST(a_thread_that_exits_answers)
{
	range_request(0, 1, EBB_BDEV_WRITE, 15, 2);
	range_complete_all();
	range_actor_put(1);
	range_actor_get(1);
	range_request(0, 1, EBB_BDEV_WRITE, 15, 2);
	range_complete_all();
	stage_enter(range_actors[1].thread);
	ebb_io_channel_put(range_actors[1].ch);
	range_actors[1].ch = NULL;
	ebb_thread_exit();
	range_lock(0, 0, 8, 15);
	stage_turns(4);
	ck_assert(range_held(0));
	range_unlock(0);
	range_actors[1].thread = stage_thread("another");
}
END_TEST

START_TEST(a_channel_in_which_writes_wait_is_not_put)
{
	range_lock(0, 0, 8, 15);
	range_request(0, 1, EBB_BDEV_WRITE, 15, 2);
	ebb_io_channel_put(range_actors[1].ch);
	ck_assert_uint_eq(stage_violations(2), 1);
	range_unlock(0);
	stage_turns(3);
	range_complete_all();
	ck_assert_uint_eq(range_results[0].calls, 1);
}
END_TEST

/* A thread that moves waits for what is under way, not for what waits for an unlock. */
START_TEST(a_move_leaves_writes_waiting)
{
	range_request(0, 1, EBB_BDEV_WRITE, 100, 1);
	range_lock(0, 0, 8, 15);
	ck_assert(range_held(0));
	range_request(1, 1, EBB_BDEV_WRITE, 15, 2);
	event_channels_quiesce(range_actors[1].thread);
	ck_assert(!event_channels_quiet(range_actors[1].thread));
	range_complete_all();
	stage_enter(range_actors[1].thread);
	ck_assert(event_channels_quiet(range_actors[1].thread));
	if (_i == 0) {
		range_unlock(0);
		stage_turns(3);
		ck_assert_uint_eq(range_fake->num_held, 0);
		stage_enter(range_actors[1].thread);
		event_channels_resume(range_actors[1].thread);
	} else {
		event_channels_resume(range_actors[1].thread);
		stage_turns(3);
		ck_assert_uint_eq(range_fake->num_held, 0);
		range_unlock(0);
		stage_turns(3);
	}
	ck_assert_uint_eq(range_fake->num_held, 1);
	range_complete_all();
	ck_assert_uint_eq(range_results[1].calls, 1);
}
END_TEST

/* It looks at the table by itself then; the message that is under way stays so, and is not sent twice. */
START_TEST(a_move_ends_before_the_message_arrives)
{
	range_request(0, 1, EBB_BDEV_WRITE, 100, 1);
	range_lock(0, 0, 8, 15);
	ck_assert(range_held(0));
	range_request(1, 1, EBB_BDEV_WRITE, 15, 2);
	event_channels_quiesce(range_actors[1].thread);
	range_unlock(0);
	ck_assert(range_actors[1].bdev_ch->range.mailbox->under_way);
	stage_enter(range_actors[1].thread);
	event_channels_resume(range_actors[1].thread);
	ck_assert_uint_eq(range_fake->num_held, 2);
	ck_assert(range_actors[1].bdev_ch->range.mailbox->under_way);
	range_lock(1, 0, 15, 15);
	stage_turns(3);
	ck_assert(!range_actors[1].bdev_ch->range.mailbox->under_way);
	ck_assert(!range_locks[1].granted);
	range_complete_all();
	ck_assert(range_held(1));
	range_unlock(1);
}
END_TEST

/* A request that a move holds back has not begun: it is not waited for, and waits when it comes. */
START_TEST(what_a_move_holds_back_waits_afterwards)
{
	range_request(0, 1, EBB_BDEV_WRITE, 8, 1);
	range_complete_all();
	stage_enter(range_actors[1].thread);
	event_channels_quiesce(range_actors[1].thread);
	range_request(1, 1, EBB_BDEV_WRITE, 8, 1);
	range_lock(0, 0, 8, 15);
	ck_assert(range_held(0));
	stage_enter(range_actors[1].thread);
	event_channels_resume(range_actors[1].thread);
	stage_turns(3);
	ck_assert_uint_eq(range_fake->num_held, 0);
	range_unlock(0);
	stage_turns(3);
	ck_assert_uint_eq(range_fake->num_held, 1);
	range_complete_all();
}
END_TEST

START_TEST(what_a_rate_limit_holds_back_waits_afterwards)
{
	stage_enter(range_actors[0].thread);
	call_is("bdev_set_qos_limit", "{'name': 'disk', 'rw_ios_per_sec': 1000}", "true");
	range_request(0, 1, EBB_BDEV_WRITE, 100, 1);
	range_request(1, 1, EBB_BDEV_WRITE, 8, 1);
	ck_assert_uint_eq(range_fake->num_held, 1);
	range_lock(0, 0, 8, 15);
	ck_assert(range_held(0));
	stage_advance_ms(200);
	ck_assert(!range_actors[1].bdev_ch->qos.waiting);
	ck_assert_uint_eq(range_fake->num_held, 1);
	range_unlock(0);
	stage_turns(3);
	ck_assert_uint_eq(range_fake->num_held, 2);
	range_complete_all();
	stage_enter(range_actors[0].thread);
	call_is("bdev_set_qos_limit", "{'name': 'disk', 'rw_ios_per_sec': 0}", "true");
}
END_TEST

/* From the first part to the last, also while none of the parts under way is in the range. */
START_TEST(a_request_in_parts_is_waited_for_whole)
{
	unsigned parts = 20, i;

	range_fake->bdev.max_io_blocks = 2;
	range_open_all();
	range_request(0, 1, EBB_BDEV_WRITE, 0, parts * 2);
	range_lock(0, 0, 2, 3);
	for (i = 0; i < parts; i++) {
		ck_assert(!range_held(0));
		ck_assert_uint_eq(range_fake->num_held > 0, 1);
		range_complete_one();
	}
	ck_assert_uint_eq(range_results[0].calls, 1);
	ck_assert(range_held(0));
	range_unlock(0);
}
END_TEST

START_TEST(a_write_whose_flush_follows_is_waited_for)
{
	range_open_all();
	stage_enter(range_actors[1].thread);
	ck_assert_int_eq(ebb_bdev_write(range_desc, range_actors[1].ch, range_buf, 8, 1,
					EBB_BDEV_FUA, fake_done, &range_results[0]),
			 0);
	range_lock(0, 0, 8, 8);
	ck_assert(!range_held(0));
	range_complete_one();
	ck_assert_uint_eq(range_fake->num_held, 1);
	ck_assert(!range_held(0));
	range_complete_one();
	ck_assert(range_held(0));
	range_unlock(0);
}
END_TEST

/* What waits is part of what has to end for who has claimed the bdev to become quiet. */
START_TEST(a_move_lets_writes_of_a_claimed_bdev_go_on)
{
	ck_assert_int_eq(ebb_bdev_register(&range_fake->bdev), 0);
	ck_assert_int_eq(ebb_bdev_open("disk", false, NULL, NULL, &range_desc), 0);
	ck_assert_int_eq(ebb_bdev_claim(range_desc, "above"), 0);
	range_actor_get(0);
	range_actor_get(1);
	range_lock(0, 0, 8, 15);
	ck_assert(range_held(0));
	range_request(1, 1, EBB_BDEV_WRITE, 15, 2);
	event_channels_quiesce(range_actors[1].thread);
	range_unlock(0);
	stage_turns(3);
	ck_assert_uint_eq(range_fake->num_held, 1);
	range_complete_all();
	ck_assert_uint_eq(range_results[1].calls, 1);
	stage_enter(range_actors[1].thread);
	event_channels_resume(range_actors[1].thread);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(range_setup, range_teardown),
		UNIT_TEST(who_leaves_for_his_own_lock_answers_others),
		UNIT_TEST(a_channel_that_is_made_meanwhile_knows_the_lock),
		UNIT_TEST(a_channel_that_goes_meanwhile_answers),
		UNIT_TEST(a_thread_that_exits_answers),
		UNIT_TEST(a_channel_in_which_writes_wait_is_not_put),
		UNIT_LOOP(a_move_leaves_writes_waiting, 0, 2),
		UNIT_TEST(a_move_ends_before_the_message_arrives),
		UNIT_TEST(what_a_move_holds_back_waits_afterwards),
		UNIT_TEST(what_a_rate_limit_holds_back_waits_afterwards),
		UNIT_FIXTURE(range_setup_closed, range_teardown),
		UNIT_TEST(a_move_lets_writes_of_a_claimed_bdev_go_on),
		UNIT_TEST(a_request_in_parts_is_waited_for_whole),
		UNIT_TEST(a_write_whose_flush_follows_is_waited_for),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
