/* SPDX-License-Identifier: Apache-2.0 */
/* The controller's beginning and end. */
#include "tests/unit/drivers/nvme/vfio/layer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "drivers/nvme/vfio/regs.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

static struct layer_queue queue;

static void attach_fails(int rc, const char *text)
{
	layer.transport->attach(&layer.path);
	layer_until(&layer.attached);
	ck_assert_int_eq(layer.attach_rc, rc);
	ck_assert_msg(strstr(layer.fault, text) != NULL, "%s", layer.fault);
	ck_assert_uint_eq(layer.attach_calls, 1);
	ck_assert_uint_eq(layer.fake->closes, layer.fake->opens);
}

START_TEST(a_controller_is_attached_and_shut_down)
{
	layer_attach();
	ck_assert_uint_eq(layer.fake->starts, 1);
	ck_assert_uint_eq(layer.fake->function_resets, 0);
	ck_assert_uint_eq(layer.path.limits.max_io_bytes, 128 * 4096); /* MDTS 7 */
	ck_assert_uint_eq(layer.path.limits.min_page_bytes, 4096);
	ck_assert(layer.path.limits.owns_controller && layer.path.limits.polled);
	layer_detach();
	ck_assert_uint_eq(layer.fake->shutdowns, 1);
}
END_TEST

START_TEST(a_device_that_cannot_be_had)
{
	layer.fake->open_rc = -EBUSY;
	attach_fails(-EBUSY, "0000:01:00.0 cannot be had");
}
END_TEST

START_TEST(a_slow_start_is_waited_for)
{
	layer.fake->ready_steps = 2000; /* of 2.5 s */
	layer_attach();
	layer_detach();
}
END_TEST

/* After three tries, a function level reset before the last. */
START_TEST(a_controller_that_is_never_ready)
{
	layer.fake->never_ready = true;
	attach_fails(-EIO, "it is not ready after 2500 ms");
	ck_assert_uint_eq(layer.fake->function_resets, 1);
	ck_assert_uint_eq(log_count("it does not start"), 2);
}
END_TEST

START_TEST(a_controller_that_is_broken)
{
	layer.fake->fatal_starts = 3;
	attach_fails(-EIO, "CSTS.CFS");
	ck_assert_uint_eq(layer.fake->starts, 3);
}
END_TEST

/* A start takes its time; who does not want it any more does not wait. */
START_TEST(a_start_that_is_given_up)
{
	layer.fake->never_ready = true;
	layer.transport->attach(&layer.path);
	while (layer.fake->opens == 0 || vfio_ctrlr_of(&layer.path)->state != VFIO_ENABLING) {
		layer_pump();
	}
	layer.drive.state = NVME_DRIVE_LEAVING;
	layer_until(&layer.attached);
	ck_assert_int_eq(layer.attach_rc, -ECANCELED);
	ck_assert_uint_eq(layer.fake->closes, 1);
	ck_assert_uint_eq(log_count("it does not start"), 0);
}
END_TEST

/* All tries have failed, it is being disabled, and then pulled out. */
START_TEST(a_broken_controller_that_vanishes)
{
	layer.fake->fatal_starts = 3;
	layer.transport->attach(&layer.path);
	while (layer.fake->starts < 3) {
		layer_pump();
	}
	layer.fake->never_disabled = true;
	layer_pumps(10);
	fake_ctrlr_vanish(layer.fake);
	layer_until(&layer.attached);
	ck_assert_int_eq(layer.attach_rc, -EIO);
	ck_assert_uint_eq(layer.fake->closes, 1);
}
END_TEST

START_TEST(a_controller_that_is_broken_at_first)
{
	layer.fake->fatal_starts = 2;
	layer_attach();
	ck_assert_uint_eq(layer.fake->starts, 3);
	ck_assert_uint_eq(layer.fake->function_resets, 1);
	layer_detach();
}
END_TEST

/* Whoever had it before was killed: it is enabled, and at work. */
static void leave_enabled(void)
{
	vfio_write32(&layer.fake->device, NVME_REG_CC, 0x460001);
	fake_ctrlr_set_csts(layer.fake, 1);
}

START_TEST(a_controller_that_was_left_enabled)
{
	leave_enabled();
	layer_attach();
	ck_assert_uint_eq(layer.fake->starts, 1);
	ck_assert_uint_eq(layer.fake->function_resets, 0);
	layer_detach();
}
END_TEST

START_TEST(a_controller_that_has_to_be_reset_to_be_disabled)
{
	leave_enabled();
	layer.fake->never_disabled = true;
	layer_attach();
	ck_assert_uint_eq(layer.fake->starts, 1);
	ck_assert_uint_eq(layer.fake->function_resets, 1);
	layer_detach();
}
END_TEST

START_TEST(a_controller_that_cannot_be_disabled)
{
	leave_enabled();
	layer.fake->never_disabled = true;
	layer.fake->reset_rc = -ENOTTY;
	attach_fails(-ETIMEDOUT, "power it off and on");
}
END_TEST

START_TEST(a_function_that_is_not_there)
{
	fake_ctrlr_vanish(layer.fake);
	attach_fails(-ENODEV, "it does not answer");
}
END_TEST

START_TEST(a_function_that_goes_while_it_starts)
{
	layer.fake->ready_steps = 1000;
	layer.transport->attach(&layer.path);
	while (layer.fake->enable_steps < 3) {
		layer_pump();
	}
	fake_ctrlr_vanish(layer.fake);
	layer_until(&layer.attached);
	ck_assert_int_eq(layer.attach_rc, -ENODEV);
	ck_assert_uint_eq(layer.fake->closes, 1);
}
END_TEST

static void set_cap(unsigned shift, uint64_t mask, uint64_t value)
{
	uint64_t cap = vfio_read64(&layer.fake->device, NVME_REG_CAP);

	cap = (cap & ~(mask << shift)) | value << shift;
	vfio_write64(&layer.fake->device, NVME_REG_CAP, cap);
}

START_TEST(what_it_cannot_do_is_said)
{
	set_cap(NVME_CAP_MPSMIN_SHIFT, NVME_CAP_MPSMIN_MASK, 1);
	attach_fails(-ENOTSUP, "more than 4 KiB");
	layer.attached = false;
	layer.attach_calls = 0;
	set_cap(NVME_CAP_MPSMIN_SHIFT, NVME_CAP_MPSMIN_MASK, 0);
	set_cap(NVME_CAP_CSS_SHIFT, NVME_CAP_CSS_MASK, NVME_CAP_CSS_ADMIN);
	attach_fails(-ENOTSUP, "no I/O commands");
	layer.attached = false;
	layer.attach_calls = 0;
	set_cap(NVME_CAP_CSS_SHIFT, NVME_CAP_CSS_MASK, NVME_CAP_CSS_NVM);
	layer.fake->device.bar0_bytes = 0x1000;
	attach_fails(-ENXIO, "no room for the doorbells");
}
END_TEST

START_TEST(identify_that_is_refused)
{
	layer.fake->refuses = true;
	layer.fake->refuse_opcode = nvme_admin_identify;
	attach_fails(-EIO, "Identify: error 0, status 0002");
	ck_assert_uint_eq(layer.fake->starts, 3);
}
END_TEST

START_TEST(identify_that_is_not_answered)
{
	layer.fake->holds_admin = true;
	attach_fails(-EIO, "the admin command 06h was not answered within 5000 ms");
}
END_TEST

START_TEST(a_shutdown_that_hangs_has_an_end)
{
	layer_attach();
	layer.fake->shutdown_hangs = true;
	layer_detach();
	ck_assert_uint_eq(log_count("it has not shut down within 5000 ms"), 1);
}
END_TEST

static unsigned cancelled;

static void count_cancelled(struct nvme_request *request, uint16_t use)
{
	(void)use;
	ck_assert_int_eq(request->rc, layer.detached ? -ENODEV : -ECANCELED);
	cancelled++;
}

/* Event requests stay for ever, and come back when the controller lets go of them. */
START_TEST(event_requests_never_time_out)
{
	struct nvme_request aer[2] = {
		{.opcode = nvme_admin_async_event, .done = count_cancelled},
		{.opcode = nvme_admin_async_event, .done = count_cancelled},
	};

	cancelled = 0;
	layer_attach();
	layer.transport->admin(&layer.path, &aer[0]);
	layer.transport->admin(&layer.path, &aer[1]);
	for (unsigned i = 0; i < 100; i++) {
		layer_pump();
		stage_clock_advance(10 * EBB_NS_PER_S);
	}
	ck_assert_uint_eq(layer.fake->aers, 2);
	ck_assert_uint_eq(cancelled, 0);
	layer_detach();
	ck_assert_uint_eq(cancelled, 2);
}
END_TEST

static void note_result(struct nvme_request *request, uint16_t use)
{
	(void)use;
	request->done = NULL;
}

START_TEST(events_arrive)
{
	struct nvme_request aer = {.opcode = nvme_admin_async_event, .done = note_result};

	layer_attach();
	layer.transport->admin(&layer.path, &aer);
	layer_pumps(3);
	ck_assert(fake_ctrlr_event(layer.fake, 0x10002));
	layer_pumps(200); /* a polling reactor looks every 100 ms */
	ck_assert_ptr_null(aer.done);
	ck_assert_uint_eq(aer.result, 0x10002);
	layer_detach();
}
END_TEST

static unsigned answered;

static void count_answered(struct nvme_request *request, uint16_t use)
{
	(void)use;
	ck_assert_int_eq(request->rc, 0);
	answered++;
}

/* More than the queue holds: they wait, and all are answered. */
START_TEST(any_number_of_admin_commands)
{
	static struct nvme_request requests[200];

	answered = 0;
	layer_attach();
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(requests); i++) {
		requests[i] = (struct nvme_request){
			.opcode = nvme_admin_get_features,
			.done = count_answered,
		};
		layer.transport->admin(&layer.path, &requests[i]);
	}
	layer_pumps(20);
	ck_assert_uint_eq(answered, EBB_ARRAY_SIZE(requests));
	layer_detach();
}
END_TEST

/* Queues are deleted, submission queues first, before the shutdown; detach waits for that. */
START_TEST(detach_waits_for_the_queues)
{
	layer_attach();
	layer_queue_open_live(&queue);
	ck_assert(layer.fake->sq[1].exists && layer.fake->cq[1].exists);
	ck_assert(layer.fake->sq[2].exists && layer.fake->cq[2].exists);
	ck_assert(layer.fake->cq[1].interrupts && !layer.fake->cq[2].interrupts);
	ck_assert_int_ge(layer.fake->vectors[1], 0);
	layer_queue_close(&queue);
	layer_detach();
	ck_assert_uint_eq(layer.fake->shutdowns, 1);
	ck_assert_uint_eq(log_count("warn"), 0);
}
END_TEST

static void wait_for_no_queue(void)
{
	while (!ebb_list_empty(&vfio_ctrlr_of(&layer.path)->queues)) {
		layer_pump();
	}
}

/* A queue that leaves before it has been created; and one while it is. */
START_TEST(queues_come_and_go)
{
	layer_attach();
	for (unsigned i = 0; i < 60; i++) {
		layer_queue_open(&queue);
		layer_pumps(i % 12);
		layer_queue_close(&queue);
		layer_pumps(i % 5);
		if (i % 8 == 7) {
			wait_for_no_queue(); /* their numbers are free again then */
		}
	}
	layer_detach();
	ck_assert_uint_eq(log_count("error"), 0);
}
END_TEST

static struct nvme_path_ns *ns_of(bool shared)
{
	static struct nvme_ns drive_ns;
	static struct nvme_path_ns ns;

	drive_ns.info.shared = shared;
	ns = (struct nvme_path_ns){.path = &layer.path, .ns = &drive_ns, .nsid = 7};
	layer.ns_opened = false;
	layer.ns_closed = false;
	layer.transport->ns_open(&ns);
	return &ns;
}

/* What other controllers lead to is kept from those who use them, for as long. */
START_TEST(a_shared_namespace_is_held)
{
	struct nvme_path_ns *ns;

	layer_attach();
	snprintf(layer.path.info.subnqn, sizeof(layer.path.info.subnqn), "nqn.of.this");
	ns = ns_of(true);
	ck_assert(!layer.ns_opened); /* not here: it blocks */
	layer_until(&layer.ns_opened);
	ck_assert_int_eq(layer.ns_rc, 0);
	ck_assert_uint_eq(layer.fake->holds, 1);
	ck_assert_uint_eq(layer.fake->held_nsid, 7);
	ck_assert_str_eq(layer.fake->held_subnqn, "nqn.of.this");
	layer.transport->ns_close(ns);
	layer_until(&layer.ns_closed);
	ck_assert_uint_eq(layer.fake->holds, 0);
	layer_detach();
}
END_TEST

START_TEST(a_shared_namespace_that_is_in_use)
{
	struct nvme_path_ns *ns;

	layer_attach();
	layer.fake->hold_rc = -EBUSY;
	ns = ns_of(true);
	layer_until(&layer.ns_opened);
	ck_assert_int_eq(layer.ns_rc, -EBUSY);
	ck_assert_str_eq(ns->fault, "its alias is in use");
	ck_assert_ptr_null(ns->transport_ns);
	layer_detach();
}
END_TEST

START_TEST(a_namespace_of_its_own)
{
	struct nvme_path_ns *ns;

	layer_attach();
	ns = ns_of(false);
	ck_assert(layer.ns_opened && layer.ns_rc == 0);
	ck_assert_uint_eq(layer.fake->holds, 0);
	layer.transport->ns_close(ns);
	ck_assert(layer.ns_closed);
	layer_detach();
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(layer_begin, layer_end),
		UNIT_TEST(a_controller_is_attached_and_shut_down),
		UNIT_TEST(a_device_that_cannot_be_had),
		UNIT_TEST(a_slow_start_is_waited_for),
		UNIT_TEST(a_controller_that_is_never_ready),
		UNIT_TEST(a_controller_that_is_broken),
		UNIT_TEST(a_broken_controller_that_vanishes),
		UNIT_TEST(a_shared_namespace_is_held),
		UNIT_TEST(a_shared_namespace_that_is_in_use),
		UNIT_TEST(a_namespace_of_its_own),
		UNIT_TEST(a_start_that_is_given_up),
		UNIT_TEST(a_controller_that_is_broken_at_first),
		UNIT_TEST(a_controller_that_was_left_enabled),
		UNIT_TEST(a_controller_that_has_to_be_reset_to_be_disabled),
		UNIT_TEST(a_controller_that_cannot_be_disabled),
		UNIT_TEST(a_function_that_is_not_there),
		UNIT_TEST(a_function_that_goes_while_it_starts),
		UNIT_TEST(what_it_cannot_do_is_said),
		UNIT_TEST(identify_that_is_refused),
		UNIT_TEST(identify_that_is_not_answered),
		UNIT_TEST(a_shutdown_that_hangs_has_an_end),
		UNIT_TEST(event_requests_never_time_out),
		UNIT_TEST(events_arrive),
		UNIT_TEST(any_number_of_admin_commands),
		UNIT_TEST(detach_waits_for_the_queues),
		UNIT_TEST(queues_come_and_go),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
