/* SPDX-License-Identifier: Apache-2.0 */
/* Resets, wanted and needed, and what comes in between. */
#include "tests/unit/drivers/nvme/vfio/layer.h"

#include <errno.h>

#include "drivers/nvme/vfio/regs.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/drivers/nvme/vfio/writes.h"
#include "tests/unit/unit.h"

/* All of them are under way, and stay so. */
static void begin_held(void)
{
	writes_begin();
	layer.fake->holds_io = true;
	writes_submit(WRITES);
	layer_pumps(2);
}

/* And a reset waits for deletions that are not answered. */
static void reset_unanswered(void)
{
	begin_held();
	layer.fake->holds_admin = true;
	layer.transport->reset(&layer.path);
	layer_pumps(10);
	ck_assert_uint_eq(layer.fake->disabled_busy, 0);
}

/* Ten resets in a row, under load: each request is answered once, and none is given up. */
START_TEST(resets_under_load)
{
	writes_begin();
	layer.fake->holds_io = true;
	writes_submit(WRITES);
	for (unsigned i = 0; i < 10; i++) {
		layer.was_reset = false;
		layer.transport->reset(&layer.path);
		layer_until(&layer.was_reset);
		ck_assert_int_eq(layer.reset_rc, 0);
		layer_pumps(i);
	}
	ck_assert_uint_eq(layer.reset_calls, 10);
	layer.fake->holds_io = false;
	layer_queue_live(&writes_queue);
	layer_pumps(2);
	fake_ctrlr_release(layer.fake, WRITES);
	writes_until_done(WRITES);
	writes_check(WRITES);
	ck_assert_uint_eq(layer.events[NVME_EVENT_RESET], 0);
	ck_assert_uint_eq(layer.fake->starts, 11);
	writes_end();
}
END_TEST

/* As the kernel's driver does it, and so as controllers know it. */
START_TEST(a_reset_that_is_wanted_deletes_the_queues_first)
{
	begin_held();
	layer.transport->reset(&layer.path);
	layer_until(&layer.was_reset);
	ck_assert_uint_eq(layer.fake->disabled_busy, 0);
	ck_assert_uint_gt(layer.fake->aborted_by_deletion, 0);
	layer.fake->holds_io = false;
	layer_queue_live(&writes_queue);
	writes_until_done(WRITES);
	writes_check(WRITES);
	writes_end();
}
END_TEST

/* But nothing is asked of one that does not do its work. */
START_TEST(a_reset_out_of_need_asks_for_nothing)
{
	writes_begin();
	layer.fake->holds_few = WRITES;
	writes_submit(15);
	layer_pumps(2);
	layer.fake->holds_few = 0;
	fake_ctrlr_set_csts(layer.fake, 1 | NVME_CSTS_CFS_MASK << NVME_CSTS_CFS_SHIFT);
	writes_until_done(15);
	writes_check(15);
	ck_assert_uint_eq(layer.fake->disabled_busy, 1);
	ck_assert_uint_eq(layer.fake->aborted_by_deletion, 0);
	writes_end();
}
END_TEST

static void is_reset_all_the_same(void)
{
	layer_until(&layer.was_reset);
	ck_assert_int_eq(layer.reset_rc, 0);
	ck_assert_uint_eq(layer.fake->starts, 2);
	layer.fake->holds_io = false;
	layer_queue_live(&writes_queue);
	writes_until_done(WRITES);
	writes_check(WRITES);
	writes_end();
}

START_TEST(a_reset_of_one_that_deletes_no_queues)
{
	writes_begin();
	layer.fake->holds_io = true;
	writes_submit(WRITES);
	layer.fake->refuse_opcode = nvme_admin_delete_sq;
	layer.fake->refuses = true;
	layer.transport->reset(&layer.path);
	layer_pumps(20);
	ck_assert_uint_eq(layer.fake->refusals, 2); /* of one for each pair */
	ck_assert_uint_eq(layer.fake->disabled_busy, 1);
	layer_until(&layer.was_reset);
	layer.fake->refuses = false;
	is_reset_all_the_same();
	ck_assert_uint_eq(log_count("cannot be deleted"), 0);
}
END_TEST

/* For as long as it may take to become ready, it is waited for. */
START_TEST(a_reset_of_one_that_answers_no_deletion)
{
	reset_unanswered();
	layer_pumps(2480);
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
	reset_unanswered();
	fake_ctrlr_set_csts(layer.fake, 1 | NVME_CSTS_CFS_MASK << NVME_CSTS_CFS_SHIFT);
	layer_pumps(3);
	ck_assert_uint_eq(layer.fake->disabled_busy, 1);
	layer.fake->holds_admin = false;
	is_reset_all_the_same();
}
END_TEST

START_TEST(one_that_vanishes_while_queues_are_deleted)
{
	reset_unanswered();
	fake_ctrlr_vanish(layer.fake);
	layer_until(&layer.was_reset);
	ck_assert_int_eq(layer.reset_rc, -ENODEV);
	layer_pumps(2);
	writes_check_failed(WRITES, -ENODEV);
	writes_end();
}
END_TEST

/* Its channel goes while its queues are being deleted. */
START_TEST(a_queue_leaves_while_queues_are_deleted)
{
	writes_begin();
	layer.fake->holds_admin = true;
	layer.transport->reset(&layer.path);
	layer_pumps(10);
	layer_queue_close(&writes_queue);
	layer_pumps(10);
	ck_assert_uint_eq(layer.fake->disabled_busy, 0);
	while (layer.fake->disabled_busy == 0) {
		layer_pump();
	}
	layer.fake->holds_admin = false;
	layer_until(&layer.was_reset);
	layer_queue_open_live(&writes_queue);
	writes_submit(WRITES);
	writes_until_done(WRITES);
	writes_check(WRITES);
	writes_end();
}
END_TEST

/* And the system asks for the function; the reset is answered all the same. */
START_TEST(a_function_is_asked_for_while_queues_are_deleted)
{
	reset_unanswered();
	layer_notify(layer.fake->device.request_fd);
	layer_until(&layer.was_reset);
	ck_assert_int_eq(layer.reset_rc, -ENODEV);
	layer_pumps(2);
	writes_check_failed(WRITES, -ENODEV);
	ck_assert_uint_eq(layer.fake->closes, 1);
	writes_end();
}
END_TEST

static unsigned events, cancelled;

static void count_event(struct nvme_request *request, uint16_t use)
{
	(void)use;
	events += request->rc == 0;
	cancelled += request->rc == -ECANCELED;
}

/* No tracker is free for the deletions at first: they go when there is one. */
START_TEST(a_full_admin_queue_while_queues_are_deleted)
{
	static struct nvme_request requests[VFIO_ADMIN_DEPTH - 1];

	events = 0;
	cancelled = 0;
	writes_begin();
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(requests); i++) {
		requests[i] = (struct nvme_request){.opcode = nvme_admin_async_event,
						    .done = count_event};
		layer.transport->admin(&layer.path, &requests[i]);
	}
	layer_pumps(3);
	layer.transport->reset(&layer.path);
	layer_pumps(10);
	ck_assert_uint_eq(layer.fake->starts, 1);
	ck_assert(fake_ctrlr_event(layer.fake, 0));
	layer_pumps(300); /* events are looked for every 100 ms */
	ck_assert_uint_eq(layer.fake->starts, 2);
	ck_assert_uint_eq(layer.fake->disabled_busy, 0);
	layer_until(&layer.was_reset);
	ck_assert_uint_eq(events, 1);
	ck_assert_uint_eq(cancelled, VFIO_ADMIN_DEPTH - 2);
	layer_queue_live(&writes_queue);
	writes_end();
}
END_TEST

/* Requests that were under way go before those that came during the reset. */
START_TEST(a_reset_keeps_the_order)
{
	writes_begin();
	layer.fake->holds_io = true;
	for (unsigned i = 0; i < WRITES; i++) {
		writes[i].request.cdw10 = 0;
	}
	writes_submit(WRITES / 2);
	layer_pumps(1);
	layer.transport->reset(&layer.path);
	for (unsigned i = WRITES / 2; i < WRITES; i++) {
		layer_submit(&writes_queue, &writes[i]);
	}
	layer_until(&layer.was_reset);
	layer.fake->holds_io = false;
	fake_ctrlr_release(layer.fake, WRITES);
	writes_until_done(WRITES);
	ck_assert_mem_eq(writes[WRITES - 1].buf, layer.fake->disk, FAKE_BLOCK);
	writes_end();
}
END_TEST

/* The reset fails: everything fails; another one, later, brings it back. */
START_TEST(a_reset_that_fails_and_one_that_helps)
{
	begin_held();
	layer.fake->never_ready = true;
	layer.transport->reset(&layer.path);
	layer_until(&layer.was_reset);
	ck_assert_int_eq(layer.reset_rc, -ETIMEDOUT);
	layer_pumps(2);
	writes_check_failed(WRITES, -ETIMEDOUT);
	ck_assert_uint_eq(layer.events[NVME_EVENT_FAILED], 1);
	writes_submit(1);
	writes_check_failed(1, -ETIMEDOUT);
	layer.fake->never_ready = false;
	layer.fake->holds_io = false;
	layer.was_reset = false;
	layer.transport->reset(&layer.path);
	layer_until(&layer.was_reset);
	ck_assert_int_eq(layer.reset_rc, 0);
	layer_queue_live(&writes_queue);
	writes_submit(WRITES);
	writes_until_done(WRITES);
	writes_check(WRITES);
	writes_end();
}
END_TEST

/* It can neither be disabled nor reset: only closing it gives the requests' memory back. */
START_TEST(a_reset_of_one_that_cannot_be_disabled)
{
	begin_held();
	layer.fake->never_disabled = true;
	layer.fake->reset_rc = -ENOTTY;
	layer.transport->reset(&layer.path);
	while (layer.fake->closes == 0) {
		ck_assert_uint_eq(writes[0].done, 0);
		layer_pump();
	}
	layer_until(&layer.was_reset);
	ck_assert_int_eq(layer.reset_rc, -ETIMEDOUT);
	layer_pumps(2);
	writes_check_failed(WRITES, -ETIMEDOUT);
	ck_assert_uint_eq(layer.events[NVME_EVENT_FAILED], 1);
	writes_end();
}
END_TEST

START_TEST(an_error_of_the_link_is_a_reset)
{
	writes_begin();
	layer.fake->holds_few = WRITES;
	writes_submit(15);
	layer_pumps(2);
	layer.fake->holds_few = 0;
	layer_notify(layer.fake->device.error_fd);
	writes_until_done(15);
	writes_check(15);
	ck_assert_uint_eq(layer.events[NVME_EVENT_RESET], 1);
	ck_assert_uint_eq(layer.fake->starts, 2);
	writes_end();
}
END_TEST

/* The channel goes while the controller is being reset. */
START_TEST(a_queue_leaves_in_a_reset)
{
	for (unsigned i = 0; i < 40; i++) {
		if (i == 0) {
			writes_begin();
		} else {
			layer_queue_open_live(&writes_queue);
		}
		layer.was_reset = false;
		layer.transport->reset(&layer.path);
		layer_pumps(i % 13);
		layer_queue_close(&writes_queue);
		layer_until(&layer.was_reset);
	}
	layer_queue_open_live(&writes_queue);
	writes_end();
}
END_TEST

/* And comes. */
START_TEST(a_queue_comes_in_a_reset)
{
	writes_begin();
	layer_queue_close(&writes_queue);
	layer.transport->reset(&layer.path);
	layer_pumps(1);
	layer_queue_open(&writes_queue);
	writes_submit(WRITES);
	writes_until_done(WRITES);
	writes_check(WRITES);
	writes_end();
}
END_TEST

/* What the controller was asked for when it was reset is asked for again. */
START_TEST(a_reset_while_a_queue_is_made)
{
	writes_begin();
	layer_queue_close(&writes_queue);
	layer.fake->holds_admin = true;
	layer_queue_open(&writes_queue);
	writes_submit(WRITES);
	layer_pumps(50);
	layer.transport->reset(&layer.path);
	layer_pumps(1);
	layer.fake->holds_admin = false;
	writes_until_done(WRITES);
	writes_check(WRITES);
	writes_end();
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(layer_begin, layer_end),
		UNIT_TEST(resets_under_load),
		UNIT_TEST(a_reset_that_is_wanted_deletes_the_queues_first),
		UNIT_TEST(a_reset_out_of_need_asks_for_nothing),
		UNIT_TEST(a_reset_of_one_that_deletes_no_queues),
		UNIT_TEST(a_reset_of_one_that_answers_no_deletion),
		UNIT_TEST(a_fatal_status_while_queues_are_deleted),
		UNIT_TEST(one_that_vanishes_while_queues_are_deleted),
		UNIT_TEST(a_queue_leaves_while_queues_are_deleted),
		UNIT_TEST(a_function_is_asked_for_while_queues_are_deleted),
		UNIT_TEST(a_full_admin_queue_while_queues_are_deleted),
		UNIT_TEST(a_reset_keeps_the_order),
		UNIT_TEST(a_reset_that_fails_and_one_that_helps),
		UNIT_TEST(a_reset_of_one_that_cannot_be_disabled),
		UNIT_TEST(an_error_of_the_link_is_a_reset),
		UNIT_TEST(a_queue_leaves_in_a_reset),
		UNIT_TEST(a_queue_comes_in_a_reset),
		UNIT_TEST(a_reset_while_a_queue_is_made),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
