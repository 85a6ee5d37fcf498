/* SPDX-License-Identifier: Apache-2.0 */
/* Controllers that misbehave, and commands that are not answered. */
#include "tests/unit/drivers/nvme/vfio/layer.h"

#include <errno.h>

#include "drivers/nvme/vfio/regs.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/drivers/nvme/vfio/writes.h"
#include "tests/unit/unit.h"

/* What the controller has written cannot be: one reset, and everything is answered all the same. */
static void misbehaves(enum fake_mischief mischief, const char *text)
{
	writes_begin();
	layer.fake->mischief = mischief;
	writes_submit(WRITES);
	writes_until_done(WRITES);
	writes_check(WRITES);
	ck_assert_uint_eq(layer.events[NVME_EVENT_RESET], 1);
	ck_assert_uint_eq(layer.events[NVME_EVENT_READY], 1);
	ck_assert_uint_eq(layer.fake->starts, 2);
	ck_assert_msg(log_count(text) == 1, "%s", text);
	writes_end();
}

START_TEST(a_wrong_cid)
{
	misbehaves(FAKE_WRONG_CID, "a command that is not under way");
}
END_TEST

START_TEST(a_repeated_cid)
{
	misbehaves(FAKE_REPEATED_CID, "a command that is not under way");
}
END_TEST

START_TEST(a_cid_that_no_tracker_has)
{
	misbehaves(FAKE_NO_TRACKER_CID, "a command that is not under way (CID ffff");
}
END_TEST

START_TEST(a_head_outside_of_the_queue)
{
	misbehaves(FAKE_BAD_SQHD, "a place outside of the queue");
}
END_TEST

START_TEST(another_queues_identifier)
{
	misbehaves(FAKE_BAD_SQID, "another queue");
}
END_TEST

/* An entry with the wrong phase is none: the timeout finds out. */
START_TEST(a_wrong_phase)
{
	misbehaves(FAKE_WRONG_PHASE, "was not answered within 1000 ms: asking to abort it");
}
END_TEST

/* The abort works: the command is submitted again, and nobody notices. */
START_TEST(an_aborted_command_is_submitted_again)
{
	unsigned ms;

	writes_begin();
	layer.fake->abort_works = true;
	layer.fake->holds_few = 1;
	writes_submit(WRITES);
	ms = writes_until_done(WRITES);
	writes_check(WRITES);
	ck_assert_uint_ge(ms, LAYER_TIMEOUT_MS);
	ck_assert_uint_le(ms, LAYER_TIMEOUT_MS * 5 / 4 + 20);
	ck_assert_uint_eq(layer.fake->aborts, 1);
	ck_assert_uint_eq(layer.fake->starts, 1);
	ck_assert_uint_eq(layer.events[NVME_EVENT_RESET], 0);
	writes_end();
}
END_TEST

START_TEST(a_command_that_is_always_aborted_times_out)
{
	writes_begin();
	layer.fake->abort_works = true;
	layer.fake->holds_io = true;
	writes_submit(1);
	writes_until_done(1);
	writes_check_failed(1, -ETIMEDOUT);
	ck_assert_uint_eq(layer.fake->aborts, VFIO_RESETS_MAX + 1);
	ck_assert_uint_eq(layer.fake->starts, 1);
	writes_end();
}
END_TEST

/* The abort does not work: the controller is reset after twice the time. */
START_TEST(a_command_that_cannot_be_aborted)
{
	unsigned ms;

	writes_begin();
	layer.fake->holds_few = 1;
	writes_submit(WRITES);
	ms = writes_until_done(WRITES);
	writes_check(WRITES);
	ck_assert_uint_ge(ms, 2 * LAYER_TIMEOUT_MS);
	ck_assert_uint_le(ms, LAYER_TIMEOUT_MS * 5 / 2 + 50);
	ck_assert_uint_eq(layer.fake->aborts, 1);
	ck_assert_uint_eq(layer.fake->starts, 2);
	ck_assert_uint_eq(layer.events[NVME_EVENT_RESET], 1);
	ck_assert_uint_eq(layer.events[NVME_EVENT_READY], 1);
	ck_assert_uint_eq(layer.reset_calls, 0);
	writes_end();
}
END_TEST

/* Abort is refused with an error: as if it had not helped. */
START_TEST(an_abort_that_fails)
{
	writes_begin();
	layer.fake->refuses = true;
	layer.fake->refuse_opcode = nvme_admin_abort_cmd;
	layer.fake->holds_few = 1;
	writes_submit(1);
	writes_until_done(1);
	writes_check(1);
	ck_assert_uint_eq(layer.fake->starts, 2);
	writes_end();
}
END_TEST

/* Time in which we did not run is not the controller's: it has not even been told. */
START_TEST(a_stop_of_ours_makes_no_command_late)
{
	writes_begin();
	writes_submit(1);
	stage_clock_advance(3 * LAYER_TIMEOUT_MS * EBB_NS_PER_MS);
	writes_until_done(1);
	writes_check(1);
	layer_pumps(LAYER_TIMEOUT_MS);
	ck_assert_uint_eq(layer.fake->aborts, 0);
	ck_assert_uint_eq(layer.fake->starts, 1);
	writes_end();
}
END_TEST

/* A late answer is an answer. */
START_TEST(a_late_answer)
{
	writes_begin();
	layer.fake->holds_few = 1;
	writes_submit(1);
	layer_pumps(LAYER_TIMEOUT_MS * 3 / 2);
	ck_assert_uint_eq(layer.fake->aborts, 1);
	ck_assert_uint_eq(writes[0].done, 0);
	fake_ctrlr_release(layer.fake, 1);
	layer_pumps(3);
	writes_check(1);
	layer_pumps(5 * LAYER_TIMEOUT_MS);
	ck_assert_uint_eq(layer.fake->starts, 1);
	writes_end();
}
END_TEST

/* It hangs each time: given up after a bounded number of resets; others go on. */
START_TEST(a_command_that_never_ends)
{
	writes_begin();
	layer.fake->holds_io = true;
	writes_submit(1);
	writes_until_done(1);
	writes_check_failed(1, -ETIMEDOUT);
	ck_assert_uint_eq(layer.fake->starts, 1 + VFIO_RESETS_MAX + 1);
	layer.fake->holds_io = false;
	writes_submit(WRITES);
	writes_until_done(WRITES);
	writes_check(WRITES);
	writes_end();
}
END_TEST

/* Nothing is armed for a queue that has nothing to do. */
START_TEST(the_timer_runs_only_for_commands)
{
	struct vfio_io_queue *queue;

	writes_begin();
	queue = writes_queue.queue;
	ck_assert(!queue->timer_runs);
	writes_submit(1);
	ck_assert(queue->timer_runs);
	writes_until_done(1);
	layer_pumps(LAYER_TIMEOUT_MS / 4 + 2);
	ck_assert(!queue->timer_runs);
	writes_end();
}
END_TEST

/* It is seen before the commands' time is up. */
START_TEST(a_fatal_status)
{
	unsigned ms;

	writes_begin();
	layer.fake->holds_few = 1;
	writes_submit(WRITES);
	layer_pumps(2);
	fake_ctrlr_set_csts(layer.fake, 3);
	ms = writes_until_done(WRITES);
	writes_check(WRITES);
	ck_assert_uint_le(ms, LAYER_TIMEOUT_MS / 2 + 50);
	ck_assert_uint_eq(layer.fake->aborts, 0);
	ck_assert_uint_eq(layer.fake->starts, 2);
	ck_assert_uint_eq(log_count("CSTS.CFS"), 1);
	writes_end();
}
END_TEST

/* An admin command that is not answered leads to a reset, which gives it back. */
static void note_cancelled(struct nvme_request *request, uint16_t use)
{
	(void)use;
	ck_assert_int_eq(request->rc, -ECANCELED);
	request->done = NULL;
}

START_TEST(an_admin_command_that_is_not_answered)
{
	struct nvme_request request = {.opcode = nvme_admin_get_features, .done = note_cancelled};

	writes_begin();
	layer.fake->holds_admin = true;
	layer.transport->admin(&layer.path, &request);
	layer_pumps(3);
	layer.fake->holds_admin = false;
	layer_pumps(6400);
	ck_assert_ptr_null(request.done);
	ck_assert_uint_eq(layer.events[NVME_EVENT_READY], 1);
	writes_submit(WRITES);
	writes_until_done(WRITES);
	writes_check(WRITES);
	writes_end();
}
END_TEST

START_TEST(a_fatal_status_before_an_admin_command_is_answered)
{
	struct nvme_request request = {.opcode = nvme_admin_get_features, .done = note_cancelled};

	writes_begin();
	layer.fake->holds_admin = true;
	layer.transport->admin(&layer.path, &request);
	layer_pumps(3);
	fake_ctrlr_set_csts(layer.fake, 3);
	layer.fake->holds_admin = false;
	layer_pumps(1300); /* of 5000 */
	ck_assert_ptr_null(request.done);
	ck_assert_uint_eq(log_count("CSTS.CFS"), 1);
	layer_queue_live(&writes_queue);
	writes_end();
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(layer_begin, layer_end),
		UNIT_TEST(a_wrong_cid),
		UNIT_TEST(a_repeated_cid),
		UNIT_TEST(a_cid_that_no_tracker_has),
		UNIT_TEST(a_head_outside_of_the_queue),
		UNIT_TEST(another_queues_identifier),
		UNIT_TEST(a_wrong_phase),
		UNIT_TEST(an_aborted_command_is_submitted_again),
		UNIT_TEST(a_command_that_is_always_aborted_times_out),
		UNIT_TEST(a_command_that_cannot_be_aborted),
		UNIT_TEST(an_abort_that_fails),
		UNIT_TEST(a_stop_of_ours_makes_no_command_late),
		UNIT_TEST(a_late_answer),
		UNIT_TEST(a_command_that_never_ends),
		UNIT_TEST(the_timer_runs_only_for_commands),
		UNIT_TEST(a_fatal_status),
		UNIT_TEST(an_admin_command_that_is_not_answered),
		UNIT_TEST(a_fatal_status_before_an_admin_command_is_answered),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
