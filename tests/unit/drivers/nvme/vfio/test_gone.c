/* SPDX-License-Identifier: Apache-2.0 */
/* Controllers that leave, or are asked for, whatever else goes on; and what is told of it. */
#include "tests/unit/drivers/nvme/vfio/layer.h"

#include <errno.h>

#include "drivers/nvme/vfio/regs.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/drivers/nvme/vfio/writes.h"
#include "tests/unit/unit.h"

/* Pulled out: the next time limit finds out. */
START_TEST(a_function_that_vanishes)
{
	writes_begin();
	layer.fake->holds_io = true;
	writes_submit(WRITES);
	layer_pumps(2);
	fake_ctrlr_vanish(layer.fake);
	layer_until_done(writes, WRITES);
	writes_check_failed(WRITES, -ENODEV);
	layer_pumps(2);
	ck_assert_uint_eq(layer.events[NVME_EVENT_GONE], 1);
	ck_assert_uint_eq(layer.fake->closes, 1);
	writes_submit(1);
	writes_check_failed(1, -ENODEV);
	layer.transport->reset(&layer.path);
	ck_assert_int_eq(layer.reset_rc, -ENODEV);
	writes_end();
}
END_TEST

/* The bdevs are still being taken away, and another thread wants a queue. */
START_TEST(a_queue_of_one_that_has_gone)
{
	struct nvme_queue *late = NULL;

	writes_begin();
	fake_ctrlr_vanish(layer.fake);
	writes_submit(1);
	layer_until_done(writes, 1);
	layer_pumps(2);
	ck_assert_uint_eq(layer.fake->closes, 1);
	ck_assert_int_eq(layer.transport->queue_create(&layer.path, &late), -ENODEV);
	ck_assert_ptr_null(late);
	writes_end();
}
END_TEST

/* The system asks for it back: its queues go, it is disabled, then closed, and requests fail. */
START_TEST(a_function_that_is_asked_for)
{
	writes_begin();
	layer.fake->holds_io = true;
	writes_submit(WRITES);
	layer_pumps(2);
	layer_notify(layer.fake->device.request_fd);
	layer_until_done(writes, WRITES);
	writes_check_failed(WRITES, -ENODEV);
	layer_pumps(2);
	ck_assert_uint_eq(layer.events[NVME_EVENT_GONE], 1);
	ck_assert_uint_eq(layer.fake->closes, 1);
	ck_assert_uint_eq(layer.fake->disabled_busy, 0);
	ck_assert_uint_eq(fake_ctrlr_csts(layer.fake), 0);
	writes_end();
}
END_TEST

/* In the middle of a reset. */
START_TEST(a_function_that_is_asked_for_in_a_reset)
{
	writes_begin();
	layer.fake->holds_io = true;
	writes_submit(WRITES);
	layer_pumps(2);
	layer.fake->never_ready = true;
	layer.transport->reset(&layer.path);
	layer_pumps(300);
	layer_notify(layer.fake->device.request_fd);
	layer_until(&layer.was_reset);
	ck_assert_int_eq(layer.reset_rc, -ENODEV);
	layer_pumps(2);
	writes_check_failed(WRITES, -ENODEV);
	ck_assert_uint_eq(layer.events[NVME_EVENT_GONE], 1);
	writes_end();
}
END_TEST

/* First it is asked for, and then, before it has been disabled, it has gone. */
START_TEST(a_function_that_vanishes_while_it_is_let_go)
{
	writes_begin();
	layer.fake->holds_io = true;
	writes_submit(WRITES);
	layer_pumps(2);
	layer.fake->never_disabled = true;
	layer_notify(layer.fake->device.request_fd);
	layer_pumps(300);
	ck_assert_uint_eq(writes[0].done, 0);
	fake_ctrlr_vanish(layer.fake);
	layer_until_done(writes, WRITES);
	writes_check_failed(WRITES, -ENODEV);
	layer_pumps(2);
	ck_assert_uint_eq(layer.events[NVME_EVENT_GONE], 1);
	ck_assert_uint_eq(layer.fake->closes, 1);
	writes_end();
}
END_TEST

START_TEST(a_function_that_vanishes_while_it_shuts_down)
{
	layer_attach();
	layer.fake->shutdown_hangs = true;
	layer.transport->detach(&layer.path);
	layer_pumps(10);
	fake_ctrlr_vanish(layer.fake);
	layer_until(&layer.detached);
	ck_assert_uint_eq(layer.fake->closes, 1);
	ck_assert_uint_eq(log_count("it has not shut down"), 0);
}
END_TEST

/* Answers Identify, by an error, when the poller of the admin queue has looked, and vanishes. */
static int answer_and_vanish(void *arg)
{
	struct vfio_cqe cqe = {.sq = 0};
	bool *now = arg;

	if (*now) {
		*now = false;
		atomic_store(&cqe.tail,
			     layer.fake->pending[0].sqe.cid | (uint32_t)NVME_SC_INTERNAL << 17);
		fake_ctrlr_post_raw(layer.fake, 0, &cqe);
		fake_ctrlr_vanish(layer.fake);
	}
	return 0;
}

/* It is the timer of admin commands that finds the answer, and nothing behind it. */
START_TEST(a_function_that_vanishes_with_its_answer)
{
	struct ebb_poller *poller;
	bool now = false;

	layer.fake->holds_admin = true;
	layer.transport->attach(&layer.path);
	while (layer.fake->starts == 0) {
		layer_pump();
	}
	layer_pumps(3);
	poller = ebb_poller_register(answer_and_vanish, &now, 0);
	stage_turn();
	now = true;
	stage_clock_advance(1300 * EBB_NS_PER_MS);
	stage_turn();
	layer_until(&layer.attached);
	ck_assert_int_eq(layer.attach_rc, -ENODEV);
	ck_assert_uint_eq(layer.fake->closes, 1);
	ebb_poller_unregister(&poller);
}
END_TEST

static void hasty_end(void)
{
	layer_until(&layer.detached);
	ck_assert_uint_eq(layer.detach_calls, 1);
	ck_assert_uint_eq(layer.fake->closes, 1);
}

/* The layer detaches from within what it is told. */
START_TEST(detached_when_it_hears_that_it_has_gone)
{
	layer_attach();
	layer.hasty = true;
	layer_notify(layer.fake->device.request_fd);
	hasty_end();
	ck_assert_uint_eq(layer.events[NVME_EVENT_GONE], 1);
}
END_TEST

START_TEST(detached_when_it_hears_that_the_reset_has_failed)
{
	layer_attach();
	layer.hasty = true;
	layer.fake->never_ready = true;
	layer.transport->reset(&layer.path);
	hasty_end();
	ck_assert_uint_eq(layer.events[NVME_EVENT_FAILED], 1);
}
END_TEST

START_TEST(detached_when_it_hears_of_both)
{
	layer_attach();
	layer.hasty = true;
	layer.fake->never_disabled = true;
	layer.fake->reset_rc = -ENOTTY;
	layer.transport->reset(&layer.path);
	hasty_end();
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(layer_begin, layer_end),
		UNIT_TEST(a_queue_of_one_that_has_gone),
		UNIT_TEST(a_function_that_vanishes_with_its_answer),
		UNIT_TEST(a_function_that_vanishes),
		UNIT_TEST(a_function_that_is_asked_for),
		UNIT_TEST(a_function_that_is_asked_for_in_a_reset),
		UNIT_TEST(a_function_that_vanishes_while_it_is_let_go),
		UNIT_TEST(a_function_that_vanishes_while_it_shuts_down),
		UNIT_TEST(detached_when_it_hears_that_it_has_gone),
		UNIT_TEST(detached_when_it_hears_that_the_reset_has_failed),
		UNIT_TEST(detached_when_it_hears_of_both),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
