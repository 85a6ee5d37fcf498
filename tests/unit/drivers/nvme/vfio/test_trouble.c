/* SPDX-License-Identifier: Apache-2.0 */
/* Controllers that misbehave, commands that are not answered, and resets. */
#include "tests/unit/drivers/nvme/vfio/layer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/nvme/vfio/regs.h"
#include "tests/unit/core/bdev/stage.h"

#define MANY 40u

static struct layer_queue queue;
static struct layer_io ios[MANY];

static void begin(void)
{
	layer_attach();
	layer_queue_open_live(&queue);
	for (unsigned i = 0; i < MANY; i++) {
		layer_io_init(&ios[i], nvme_cmd_write, i, 1);
		memset(ios[i].buf, (int)i + 1, FAKE_BLOCK);
	}
}

static void submit_all(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		layer_submit(&queue, &ios[i]);
	}
}

/* Each was answered once, and well, and what it wrote is there. */
static void check_all(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		layer_expect(&ios[i], 0, 0);
		ck_assert_mem_eq(ios[i].buf, layer.fake->disk + i * FAKE_BLOCK, FAKE_BLOCK);
	}
}

static void check_failed(unsigned count, int rc)
{
	for (unsigned i = 0; i < count; i++) {
		layer_expect(&ios[i], rc, 0);
	}
}

static void end(void)
{
	layer_queue_close(&queue);
	layer_detach();
	for (unsigned i = 0; i < MANY; i++) {
		layer_io_fini(&ios[i]);
	}
}

/* Milliseconds of the test's clock go by until all are answered. */
static unsigned until_done(unsigned count)
{
	unsigned ms = 0;

	for (unsigned i = 0; i < count; i++) {
		while (ios[i].done == 0) {
			layer_pump();
			ck_assert_uint_lt(++ms, 1000000);
		}
	}
	return ms;
}

/* What the controller has written cannot be: one reset, and everything is answered all the same. */
static void misbehaves(enum fake_mischief mischief, const char *text)
{
	begin();
	layer.fake->mischief = mischief;
	submit_all(MANY);
	until_done(MANY);
	check_all(MANY);
	ck_assert_uint_eq(layer.events[EBB_NVME_EVENT_RESET], 1);
	ck_assert_uint_eq(layer.events[EBB_NVME_EVENT_READY], 1);
	ck_assert_uint_eq(layer.fake->starts, 2);
	ck_assert_msg(stage_log_count(text) == 1, "%s", text);
	end();
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

START_TEST(a_cid_that_no_slot_has)
{
	misbehaves(FAKE_NO_SLOT_CID, "a command that is not under way (CID ffff");
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

/* An entry with the wrong phase is none: the ladder finds out. */
START_TEST(a_wrong_phase)
{
	misbehaves(FAKE_WRONG_PHASE, "was not answered within 1000 ms: asking to abort it");
}
END_TEST

/* The abort works: the command is submitted again, and nobody notices. */
START_TEST(an_aborted_command_is_submitted_again)
{
	unsigned ms;

	begin();
	layer.fake->abort_works = true;
	layer.fake->holds_few = 1;
	submit_all(MANY);
	ms = until_done(MANY);
	check_all(MANY);
	ck_assert_uint_ge(ms, LAYER_TIMEOUT_MS);
	ck_assert_uint_le(ms, LAYER_TIMEOUT_MS * 5 / 4 + 20);
	ck_assert_uint_eq(layer.fake->aborts, 1);
	ck_assert_uint_eq(layer.fake->starts, 1);
	ck_assert_uint_eq(layer.events[EBB_NVME_EVENT_RESET], 0);
	end();
}
END_TEST

START_TEST(a_command_that_is_always_aborted_times_out)
{
	begin();
	layer.fake->abort_works = true;
	layer.fake->holds_io = true;
	submit_all(1);
	until_done(1);
	check_failed(1, -ETIMEDOUT);
	ck_assert_uint_eq(layer.fake->aborts, VFIO_RESETS_MAX + 1);
	ck_assert_uint_eq(layer.fake->starts, 1);
	end();
}
END_TEST

/* The abort does not work: the controller is reset after twice the time. */
START_TEST(a_command_that_cannot_be_aborted)
{
	unsigned ms;

	begin();
	layer.fake->holds_few = 1;
	submit_all(MANY);
	ms = until_done(MANY);
	check_all(MANY);
	ck_assert_uint_ge(ms, 2 * LAYER_TIMEOUT_MS);
	ck_assert_uint_le(ms, LAYER_TIMEOUT_MS * 5 / 2 + 50);
	ck_assert_uint_eq(layer.fake->aborts, 1);
	ck_assert_uint_eq(layer.fake->starts, 2);
	ck_assert_uint_eq(layer.events[EBB_NVME_EVENT_RESET], 1);
	ck_assert_uint_eq(layer.events[EBB_NVME_EVENT_READY], 1);
	ck_assert_uint_eq(layer.reset_calls, 0);
	end();
}
END_TEST

/* Abort is refused with an error: as if it had not helped. */
START_TEST(an_abort_that_fails)
{
	begin();
	layer.fake->refuses = true;
	layer.fake->refuse_opcode = nvme_admin_abort_cmd;
	layer.fake->holds_few = 1;
	submit_all(1);
	until_done(1);
	check_all(1);
	ck_assert_uint_eq(layer.fake->starts, 2);
	end();
}
END_TEST

/* A late answer is an answer. */
START_TEST(a_late_answer)
{
	begin();
	layer.fake->holds_few = 1;
	submit_all(1);
	layer_pumps(LAYER_TIMEOUT_MS * 3 / 2);
	ck_assert_uint_eq(layer.fake->aborts, 1);
	ck_assert_uint_eq(ios[0].done, 0);
	fake_ctrlr_release(layer.fake, 1);
	layer_pumps(3);
	check_all(1);
	layer_pumps(5 * LAYER_TIMEOUT_MS);
	ck_assert_uint_eq(layer.fake->starts, 1);
	end();
}
END_TEST

/* It hangs each time: given up after a bounded number of resets; others go on. */
START_TEST(a_command_that_never_ends)
{
	begin();
	layer.fake->holds_io = true;
	submit_all(1);
	until_done(1);
	check_failed(1, -ETIMEDOUT);
	ck_assert_uint_eq(layer.fake->starts, 1 + VFIO_RESETS_MAX + 1);
	layer.fake->holds_io = false;
	submit_all(MANY);
	until_done(MANY);
	check_all(MANY);
	end();
}
END_TEST

/* Nothing is armed for a lane that has nothing to do. */
START_TEST(the_timer_runs_only_for_commands)
{
	struct vfio_lane *lane;

	begin();
	lane = queue.queue->lane;
	ck_assert(!lane->timed);
	submit_all(1);
	ck_assert(lane->timed);
	until_done(1);
	layer_pumps(LAYER_TIMEOUT_MS / 4 + 2);
	ck_assert(!lane->timed);
	end();
}
END_TEST

/* It is seen before the commands' time is up. */
START_TEST(a_fatal_status)
{
	unsigned ms;

	begin();
	layer.fake->holds_few = 1;
	submit_all(MANY);
	layer_pumps(2);
	fake_ctrlr_set_csts(layer.fake, 3);
	ms = until_done(MANY);
	check_all(MANY);
	ck_assert_uint_le(ms, LAYER_TIMEOUT_MS / 2 + 50);
	ck_assert_uint_eq(layer.fake->aborts, 0);
	ck_assert_uint_eq(layer.fake->starts, 2);
	ck_assert_uint_eq(stage_log_count("CSTS.CFS"), 1);
	end();
}
END_TEST

/* An admin command that is not answered leads to a reset, which gives it back. */
static void note_cancelled(struct ebb_nvme_request *request)
{
	ck_assert_int_eq(request->rc, -ECANCELED);
	request->done = NULL;
}

START_TEST(an_admin_command_that_is_not_answered)
{
	struct ebb_nvme_request request = {.opcode = nvme_admin_get_features,
					   .done = note_cancelled};

	begin();
	layer.fake->holds_admin = true;
	layer.transport->admin(&layer.ctrlr, &request);
	layer_pumps(3);
	layer.fake->holds_admin = false;
	layer_pumps(6400);
	ck_assert_ptr_null(request.done);
	ck_assert_uint_eq(layer.events[EBB_NVME_EVENT_READY], 1);
	submit_all(MANY);
	until_done(MANY);
	check_all(MANY);
	end();
}
END_TEST

START_TEST(a_fatal_status_before_an_admin_command_is_answered)
{
	struct ebb_nvme_request request = {.opcode = nvme_admin_get_features,
					   .done = note_cancelled};

	begin();
	layer.fake->holds_admin = true;
	layer.transport->admin(&layer.ctrlr, &request);
	layer_pumps(3);
	fake_ctrlr_set_csts(layer.fake, 3);
	layer.fake->holds_admin = false;
	layer_pumps(1300); /* of 5000 */
	ck_assert_ptr_null(request.done);
	ck_assert_uint_eq(stage_log_count("CSTS.CFS"), 1);
	layer_queue_live(&queue);
	end();
}
END_TEST

/* Ten resets in a row, under load: each request is answered once, and none is given up. */
START_TEST(resets_under_load)
{
	begin();
	layer.fake->holds_io = true;
	submit_all(MANY);
	for (unsigned i = 0; i < 10; i++) {
		layer.was_reset = false;
		layer.transport->reset(&layer.ctrlr);
		layer_until(&layer.was_reset);
		ck_assert_int_eq(layer.reset_rc, 0);
		layer_pumps(i);
	}
	ck_assert_uint_eq(layer.reset_calls, 10);
	layer.fake->holds_io = false;
	layer_queue_live(&queue);
	layer_pumps(2);
	fake_ctrlr_release(layer.fake, MANY);
	until_done(MANY);
	check_all(MANY);
	ck_assert_uint_eq(layer.events[EBB_NVME_EVENT_RESET], 0);
	ck_assert_uint_eq(layer.fake->starts, 11);
	end();
}
END_TEST

/* As the kernel's driver does it, and so as controllers know it. */
START_TEST(a_reset_that_is_wanted_deletes_the_queues_first)
{
	begin();
	layer.fake->holds_io = true;
	submit_all(MANY);
	layer_pumps(2);
	layer.transport->reset(&layer.ctrlr);
	layer_until(&layer.was_reset);
	ck_assert_uint_eq(layer.fake->disabled_busy, 0);
	ck_assert_uint_gt(layer.fake->aborted_by_deletion, 0);
	layer.fake->holds_io = false;
	layer_queue_live(&queue);
	until_done(MANY);
	check_all(MANY);
	end();
}
END_TEST

/* But nothing is asked of one that does not do its work. */
START_TEST(a_reset_out_of_need_asks_for_nothing)
{
	begin();
	layer.fake->holds_few = MANY;
	submit_all(15);
	layer_pumps(2);
	layer.fake->holds_few = 0;
	fake_ctrlr_set_csts(layer.fake, 1 | NVME_CSTS_CFS_MASK << NVME_CSTS_CFS_SHIFT);
	until_done(15);
	check_all(15);
	ck_assert_uint_eq(layer.fake->disabled_busy, 1);
	ck_assert_uint_eq(layer.fake->aborted_by_deletion, 0);
	end();
}
END_TEST

static void is_reset_all_the_same(void)
{
	layer_until(&layer.was_reset);
	ck_assert_int_eq(layer.reset_rc, 0);
	ck_assert_uint_eq(layer.fake->starts, 2);
	layer.fake->holds_io = false;
	layer_queue_live(&queue);
	until_done(MANY);
	check_all(MANY);
	end();
}

START_TEST(a_reset_of_one_that_deletes_no_queues)
{
	begin();
	layer.fake->holds_io = true;
	submit_all(MANY);
	layer.fake->refuse_opcode = nvme_admin_delete_sq;
	layer.fake->refuses = true;
	layer.transport->reset(&layer.ctrlr);
	layer_until(&layer.was_reset);
	layer.fake->refuses = false;
	is_reset_all_the_same();
	ck_assert_uint_eq(stage_log_count("cannot be deleted"), 0);
}
END_TEST

/* For as long as it may take to become ready, it is waited for. */
START_TEST(a_reset_of_one_that_answers_no_deletion)
{
	begin();
	layer.fake->holds_io = true;
	submit_all(MANY);
	layer_pumps(2);
	layer.fake->holds_admin = true;
	layer.transport->reset(&layer.ctrlr);
	layer_pumps(2490);
	ck_assert_uint_eq(layer.fake->disabled_busy, 0);
	for (unsigned i = 0; i < 20 && layer.fake->disabled_busy == 0; i++) {
		layer_pump();
	}
	ck_assert_uint_eq(layer.fake->disabled_busy, 1);
	layer.fake->holds_admin = false;
	is_reset_all_the_same();
}
END_TEST

START_TEST(a_fatal_status_while_queues_are_deleted)
{
	begin();
	layer.fake->holds_io = true;
	submit_all(MANY);
	layer_pumps(2);
	layer.fake->holds_admin = true;
	layer.transport->reset(&layer.ctrlr);
	layer_pumps(10);
	ck_assert_uint_eq(layer.fake->disabled_busy, 0);
	fake_ctrlr_set_csts(layer.fake, 1 | NVME_CSTS_CFS_MASK << NVME_CSTS_CFS_SHIFT);
	layer_pumps(3);
	ck_assert_uint_eq(layer.fake->disabled_busy, 1);
	layer.fake->holds_admin = false;
	is_reset_all_the_same();
}
END_TEST

START_TEST(one_that_vanishes_while_queues_are_deleted)
{
	begin();
	layer.fake->holds_io = true;
	submit_all(MANY);
	layer_pumps(2);
	layer.fake->holds_admin = true;
	layer.transport->reset(&layer.ctrlr);
	layer_pumps(10);
	fake_ctrlr_vanish(layer.fake);
	layer_until(&layer.was_reset);
	ck_assert_int_eq(layer.reset_rc, -ENODEV);
	layer_pumps(2);
	check_failed(MANY, -ENODEV);
	end();
}
END_TEST

/* Requests that were under way go before those that came during the reset. */
START_TEST(a_reset_keeps_the_order)
{
	begin();
	layer.fake->holds_io = true;
	for (unsigned i = 0; i < MANY; i++) {
		ios[i].request.cdw10 = 0;
	}
	submit_all(MANY / 2);
	layer_pumps(1);
	layer.transport->reset(&layer.ctrlr);
	for (unsigned i = MANY / 2; i < MANY; i++) {
		layer_submit(&queue, &ios[i]);
	}
	layer_until(&layer.was_reset);
	layer.fake->holds_io = false;
	fake_ctrlr_release(layer.fake, MANY);
	until_done(MANY);
	ck_assert_mem_eq(ios[MANY - 1].buf, layer.fake->disk, FAKE_BLOCK);
	end();
}
END_TEST

/* The reset fails: everything fails; another one, later, brings it back. */
START_TEST(a_reset_that_fails_and_one_that_helps)
{
	begin();
	layer.fake->holds_io = true;
	submit_all(MANY);
	layer_pumps(2);
	layer.fake->never_ready = true;
	layer.transport->reset(&layer.ctrlr);
	layer_until(&layer.was_reset);
	ck_assert_int_eq(layer.reset_rc, -ETIMEDOUT);
	layer_pumps(2);
	check_failed(MANY, -ETIMEDOUT);
	ck_assert_uint_eq(layer.events[EBB_NVME_EVENT_FAILED], 1);
	submit_all(1);
	check_failed(1, -ETIMEDOUT);
	layer.fake->never_ready = false;
	layer.fake->holds_io = false;
	layer.was_reset = false;
	layer.transport->reset(&layer.ctrlr);
	layer_until(&layer.was_reset);
	ck_assert_int_eq(layer.reset_rc, 0);
	layer_queue_live(&queue);
	submit_all(MANY);
	until_done(MANY);
	check_all(MANY);
	end();
}
END_TEST

/* It can neither be disabled nor reset: only closing it gives the requests' memory back. */
START_TEST(a_reset_of_one_that_cannot_be_disabled)
{
	begin();
	layer.fake->holds_io = true;
	submit_all(MANY);
	layer_pumps(2);
	layer.fake->never_disabled = true;
	layer.fake->reset_rc = -ENOTTY;
	layer.transport->reset(&layer.ctrlr);
	while (layer.fake->closes == 0) {
		ck_assert_uint_eq(ios[0].done, 0);
		layer_pump();
	}
	layer_until(&layer.was_reset);
	ck_assert_int_eq(layer.reset_rc, -ETIMEDOUT);
	layer_pumps(2);
	check_failed(MANY, -ETIMEDOUT);
	ck_assert_uint_eq(layer.events[EBB_NVME_EVENT_FAILED], 1);
	end();
}
END_TEST

static void notify(int fd)
{
	static const uint64_t one = 1;

	ck_assert_int_eq(write(fd, &one, sizeof(one)), sizeof(one));
}

START_TEST(an_error_of_the_link_is_a_reset)
{
	begin();
	layer.fake->holds_few = MANY;
	submit_all(15);
	layer_pumps(2);
	layer.fake->holds_few = 0;
	notify(layer.fake->device.error_fd);
	until_done(15);
	check_all(15);
	ck_assert_uint_eq(layer.events[EBB_NVME_EVENT_RESET], 1);
	ck_assert_uint_eq(layer.fake->starts, 2);
	end();
}
END_TEST

/* The channel goes while the controller is being reset. */
START_TEST(a_queue_leaves_in_a_reset)
{
	for (unsigned i = 0; i < 40; i++) {
		if (i == 0) {
			begin();
		} else {
			layer_queue_open_live(&queue);
		}
		layer.was_reset = false;
		layer.transport->reset(&layer.ctrlr);
		layer_pumps(i % 13);
		layer_queue_close(&queue);
		layer_until(&layer.was_reset);
	}
	layer_queue_open_live(&queue);
	end();
}
END_TEST

/* And comes. */
START_TEST(a_queue_comes_in_a_reset)
{
	begin();
	layer_queue_close(&queue);
	layer.transport->reset(&layer.ctrlr);
	layer_pumps(1);
	layer_queue_open(&queue);
	submit_all(MANY);
	until_done(MANY);
	check_all(MANY);
	end();
}
END_TEST

/* What the controller was asked for when it was reset is asked for again. */
START_TEST(a_reset_while_a_queue_is_made)
{
	begin();
	layer_queue_close(&queue);
	layer.fake->holds_admin = true;
	layer_queue_open(&queue);
	submit_all(MANY);
	layer_pumps(50);
	layer.transport->reset(&layer.ctrlr);
	layer_pumps(1);
	layer.fake->holds_admin = false;
	until_done(MANY);
	check_all(MANY);
	end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_wrong_cid,
		a_repeated_cid,
		a_cid_that_no_slot_has,
		a_head_outside_of_the_queue,
		another_queues_identifier,
		a_wrong_phase,
		an_aborted_command_is_submitted_again,
		a_command_that_is_always_aborted_times_out,
		a_command_that_cannot_be_aborted,
		an_abort_that_fails,
		a_late_answer,
		a_command_that_never_ends,
		the_timer_runs_only_for_commands,
		a_fatal_status,
		an_admin_command_that_is_not_answered,
		a_fatal_status_before_an_admin_command_is_answered,
		resets_under_load,
		a_reset_that_is_wanted_deletes_the_queues_first,
		a_reset_out_of_need_asks_for_nothing,
		a_reset_of_one_that_deletes_no_queues,
		a_reset_of_one_that_answers_no_deletion,
		a_fatal_status_while_queues_are_deleted,
		one_that_vanishes_while_queues_are_deleted,
		a_reset_keeps_the_order,
		a_reset_that_fails_and_one_that_helps,
		a_reset_of_one_that_cannot_be_disabled,
		an_error_of_the_link_is_a_reset,
		a_queue_leaves_in_a_reset,
		a_queue_comes_in_a_reset,
		a_reset_while_a_queue_is_made,
		NULL,
	};

	return layer_main("nvme/vfio/trouble", tests);
}
