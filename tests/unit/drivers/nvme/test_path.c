/* SPDX-License-Identifier: Apache-2.0 */
/* Paths that fail, and how they go: resets, failures, devices that leave, detaching. */
#include <errno.h>
#include <string.h>

#include <ebb/memory.h>
#include <ebb/thread.h>
#include <ebb/wanted.h>

#include "drivers/nvme/path.h"
#include "tests/unit/drivers/nvme/nvme_stage.h"
#include "tests/unit/unit.h"

#define ATTACH        "bdev_nvme_attach_controller"
#define ATTACH_PARAMS "{'name': 'n', 'trtype': 'mock', 'traddr': 'here'}"

static struct nvme_client client;
static uint8_t *buf;

static void setup(void)
{
	nvme_setup();
	buf = ebb_mem_alloc(4096);
	ck_assert_ptr_nonnull(buf);
}

static void teardown(void)
{
	ebb_mem_free(buf, 4096);
	nvme_teardown();
}

static int do_read(void)
{
	struct nvme_result result = {0};

	ck_assert_int_eq(ebb_bdev_read(client.desc, client.ch, buf, 0, 8, nvme_done, &result), 0);
	stage_until(&result.done);
	return result.status;
}

/* A question that is under way keeps the controller until it is answered. */
START_TEST(a_detach_waits_for_the_health)
{
	struct call health, detach;
	unsigned identifies;

	nvme_attach();
	identifies = mock_count(true, nvme_admin_identify);
	mock.hold_admin = true;
	call_begin(&health, "bdev_nvme_get_controller_health_info", "{'name': 'n'}");
	call_begin(&detach, "bdev_nvme_detach_controller", "{'name': 'n'}");
	stage_turns(8);
	ck_assert(!health.done && !detach.done);
	nvme_path_event(mock.path, NVME_EVENT_NS_CHANGED, 0);
	ck_assert_uint_eq(mock_count(true, nvme_admin_identify), identifies); /* nothing new */
	mock_release_admin();
	stage_until(&detach.done);
	ck_assert(health.done && !health.failed && !detach.failed);
	call_end(&health);
	call_end(&detach);
}
END_TEST

/* One that has left while somebody asks it is on its way out, whatever it was before. */
START_TEST(a_device_that_has_left_is_shown_as_deleting)
{
	struct call health;

	nvme_attach();
	mock.hold_admin = true;
	call_begin(&health, "bdev_nvme_get_controller_health_info", "{'name': 'n'}");
	nvme_path_event(mock.path, NVME_EVENT_GONE, 0);
	ck_assert_int_eq(mock.path->state, NVME_PATH_GONE);
	call_has("bdev_nvme_get_controllers", "{}", "\"state\":\"deleting\"");
	call_has("bdev_nvme_reset_controller", "{'name': 'n'}", "is being detached");
	nvme_path_event(mock.path, NVME_EVENT_RESET, 0);
	nvme_path_event(mock.path, NVME_EVENT_FAILED, 0);
	nvme_path_event(mock.path, NVME_EVENT_READY, 0);
	ck_assert_int_eq(mock.path->state, NVME_PATH_GONE);
	mock_leave();
	stage_until(&health.done);
	ck_assert(health.failed);
	call_end(&health);
	stage_turns(8);
	ck_assert_uint_eq(mock.detaches, 1);
}
END_TEST

START_TEST(a_reset_sets_the_features_again)
{
	unsigned before;

	mock.id.apsta = 1;
	nvme_attach();
	before = mock_count(true, nvme_admin_identify);
	mock.reset_later = true;
	mock_forget_events();
	{
		struct call reset;

		call_begin(&reset, "bdev_nvme_reset_controller", "{'name': 'n'}");
		call_has("bdev_nvme_get_controllers", "{}", "\"state\":\"resetting\"");
		call_has("bdev_nvme_reset_controller", "{'name': 'n'}",
			 "error -16: NVMe controller 'n' is resetting");
		call_has("bdev_nvme_get_controller_health_info", "{'name': 'n'}", "error -11: ");
		mock_reset_done();
		stage_until(&reset.done);
		ck_assert(!reset.failed);
		call_end(&reset);
	}
	ck_assert_uint_eq(mock.resets, 1);
	ck_assert_uint_eq(mock.apst_set, 2);
	ck_assert_ptr_nonnull(mock.event_request);
	ck_assert_uint_gt(mock_count(true, nvme_admin_identify), before);
	call_has("bdev_nvme_get_controllers", "{}", "\"state\":\"enabled\"");
	nvme_detach();
}
END_TEST

/* The end of a reset that somebody has asked for is the transport's answer, and nothing else. */
START_TEST(a_reset_ends_with_its_answer)
{
	struct call reset;

	nvme_attach();
	mock.reset_later = true;
	call_begin(&reset, "bdev_nvme_reset_controller", "{'name': 'n'}");
	stage_turns(2);
	nvme_path_event(mock.path, NVME_EVENT_READY, 0);
	ck_assert_int_eq(mock.path->state, NVME_PATH_RESETTING);
	ck_assert_uint_eq(log_count("works again"), 0);
	mock_forget_events();
	mock_reset_done();
	stage_until(&reset.done);
	ck_assert(!reset.failed);
	ck_assert_int_eq(mock.path->state, NVME_PATH_ENABLED);
	call_end(&reset);
	nvme_detach();
}
END_TEST

/* One that is told to have failed before its reset is answered still owes that answer. */
START_TEST(a_reset_under_way_is_the_only_one)
{
	struct call reset;

	nvme_attach();
	mock.reset_later = true;
	call_begin(&reset, "bdev_nvme_reset_controller", "{'name': 'n'}");
	nvme_path_event(mock.path, NVME_EVENT_FAILED, 0);
	call_has("bdev_nvme_reset_controller", "{'name': 'n'}", "error -16: ");
	ck_assert_uint_eq(mock.resets, 1);
	mock_forget_events();
	mock.reset_rc = -EIO;
	mock_reset_done();
	stage_until(&reset.done);
	ck_assert(reset.failed);
	call_end(&reset);
	nvme_detach();
}
END_TEST

START_TEST(a_reset_nobody_asked_for_is_noticed)
{
	nvme_attach();
	mock_forget_events();
	nvme_path_event(mock.path, NVME_EVENT_RESET, 0);
	call_has("bdev_nvme_get_controllers", "{}", "\"state\":\"resetting\"");
	nvme_path_event(mock.path, NVME_EVENT_NS_CHANGED, 0); /* waits */
	nvme_path_event(mock.path, NVME_EVENT_READY, 0);
	call_has("bdev_nvme_get_controllers", "{}", "\"state\":\"enabled\"");
	ck_assert_ptr_nonnull(mock.event_request);
	ck_assert_uint_eq(log_count("n (here) is being reset"), 1);
	ck_assert_uint_eq(log_count("n (here) works again"), 1);
	nvme_detach();
}
END_TEST

/* Between the features and the namespaces. */
START_TEST(a_reset_while_it_starts_is_followed_by_the_features)
{
	struct call attach;

	mock.id.apsta = 1;
	mock.hold_open = true;
	call_begin(&attach, ATTACH, ATTACH_PARAMS);
	stage_turns(4);
	ck_assert_ptr_nonnull(mock.opening);
	ck_assert_uint_eq(mock.apst_set, 1);
	nvme_path_event(mock.path, NVME_EVENT_RESET, 0);
	mock_forget_events();
	nvme_path_event(mock.path, NVME_EVENT_READY, 0);
	mock_release_open();
	stage_until(&attach.done);
	ck_assert(!attach.failed);
	call_end(&attach);
	ck_assert_uint_eq(mock.apst_set, 2);
	ck_assert_ptr_nonnull(mock.event_request);
	mock.hold_open = false;
	nvme_detach();
}
END_TEST

/* The controller is wanted, as long as nobody detaches it, but is it there? */
static bool wanted_present(void)
{
	const struct ebb_wanted *wanted = ebb_wanted_next(NULL);

	ck_assert_ptr_nonnull(wanted);
	ck_assert_str_eq(wanted->object, "n");
	return wanted->present;
}

START_TEST(a_failed_controller_loses_its_bdevs_and_may_come_back)
{
	nvme_attach();
	nvme_open(&client, "nn1");
	client.closes = true;
	nvme_path_event(mock.path, NVME_EVENT_FAILED, 0);
	nvme_path_event(mock.path, NVME_EVENT_FAILED, 0);
	stage_turns(8);
	ck_assert_uint_eq(client.removes, 1);
	ck_assert_uint_eq(log_count("n (here) has failed"), 1);
	ck_assert(!wanted_present());
	call_has("bdev_nvme_get_controllers", "{}", "\"state\":\"failed\"");
	call_has("bdev_get_bdevs", "{'name': 'nn1'}", "error -19: ");
	mock.reset_rc = -EIO;
	call_has("bdev_nvme_reset_controller", "{'name': 'n'}",
		 "error -5: NVMe controller 'n' (here) has not come back from its reset");
	mock.reset_rc = 0;
	call_is("bdev_nvme_reset_controller", "{'name': 'n'}", "true");
	stage_turns(8);
	call_has("bdev_get_bdevs", "{'name': 'nn1'}", "\"name\":\"nn1\"");
	ck_assert(wanted_present());
	mock_fail(false, nvme_cmd_read, 1, 0, NVME_SC_INTERNAL);
	nvme_open(&client, "nn1");
	ck_assert_int_eq(do_read(), 0); /* and what may help is tried again */
	nvme_close(&client);
	nvme_detach();
}
END_TEST

/* Nobody tells of a format that another has ordered; I/O that no longer fits does. */
START_TEST(an_answer_that_does_not_fit_makes_it_look_again)
{
	unsigned looks;

	nvme_attach();
	nvme_open(&client, "nn1");
	client.closes = true;
	looks = mock_count(true, nvme_admin_identify);
	mock_fail(false, nvme_cmd_read, 1, 0, NVME_SC_READ_ERROR | NVME_DNR);
	ck_assert_int_lt(do_read(), 0);
	stage_turns(8);
	ck_assert_uint_eq(mock_count(true, nvme_admin_identify), looks);
	mock_ns_add(1, 12);
	mock_fail(false, nvme_cmd_read, 3, 0, NVME_SC_LBA_RANGE | NVME_DNR);
	ck_assert_int_lt(do_read(), 0);
	stage_turns(8);
	ck_assert_uint_eq(client.removes, 1);
	ck_assert_uint_eq(log_count("nn1 is removed: it has been formatted anew"), 1);
	call_has("bdev_get_bdevs", "{'name': 'nn1'}", "\"block_size\":4096");

	/* Who answers so all the time is looked at once a second. */
	nvme_open(&client, "nn1");
	looks = mock_count(true, nvme_admin_identify);
	ck_assert_int_lt(do_read(), 0);
	stage_turns(8);
	ck_assert_uint_eq(mock_count(true, nvme_admin_identify), looks);
	stage_clock_advance(EBB_NS_PER_S);
	ck_assert_int_lt(do_read(), 0);
	stage_turns(8);
	ck_assert_uint_gt(mock_count(true, nvme_admin_identify), looks);
	nvme_close(&client);
	nvme_detach();
}
END_TEST

/* The last request asks for a scan; the path may have gone before it is done. */
START_TEST(a_scan_that_is_asked_for_does_not_outlive_the_controller)
{
	struct nvme_result result = {0};
	struct call detach;

	nvme_attach();
	nvme_open(&client, "nn1");
	client.closes = true;
	mock_fail(false, nvme_cmd_read, 1, 0, NVME_SC_INVALID_NS | NVME_DNR);
	mock.hold = true;
	ck_assert_int_eq(ebb_bdev_read(client.desc, client.ch, buf, 0, 8, nvme_done, &result), 0);
	stage_turns(2);
	call_begin(&detach, "bdev_nvme_detach_controller", "{'name': 'n'}");
	mock_release();
	stage_until(&detach.done);
	ck_assert(result.done && result.status < 0 && !detach.failed);
	call_end(&detach);
	call_is("bdev_nvme_get_controllers", "{}", "[]");
}
END_TEST

/* It fails while it is looked through: what was just being opened is no bdev of a failed one. */
START_TEST(a_failed_controller_gets_no_bdevs)
{
	nvme_attach();
	mock_ns_add(2, 9);
	mock_ns_add(3, 9);
	mock.hold_open = true;
	nvme_path_event(mock.path, NVME_EVENT_NS_CHANGED, 0);
	ck_assert_ptr_nonnull(mock.opening);
	nvme_path_event(mock.path, NVME_EVENT_FAILED, 0);
	mock_release_open();
	mock.hold_open = false;
	stage_turns(8);
	call_is("bdev_get_bdevs", "{}", "[]");
	ck_assert(!mock.ns[1].open);
	ck_assert_uint_eq(mock.ns[2].opens, 0);
	call_is("bdev_nvme_reset_controller", "{'name': 'n'}", "true");
	stage_turns(8);
	call_has("bdev_get_bdevs", "{'name': 'nn3'}", "\"name\":\"nn3\"");
	nvme_detach();
}
END_TEST

START_TEST(a_detach_ends_a_look_at_the_namespaces)
{
	struct call attach, detach;

	mock_ns_add(2, 9);
	mock.hold_open = true;
	call_begin(&attach, ATTACH, ATTACH_PARAMS);
	stage_turns(4);
	ck_assert_ptr_nonnull(mock.opening);
	call_begin(&detach, "bdev_nvme_detach_controller", "{'name': 'n'}");
	mock_release_open();
	stage_until(&detach.done);
	ck_assert(attach.failed && !detach.failed);
	ck_assert_int_eq(attach.error.code, -ECANCELED);
	ck_assert_uint_eq(mock.ns[0].opens, 1);
	ck_assert_uint_eq(mock.ns[1].opens, 0);
	call_end(&attach);
	call_end(&detach);
}
END_TEST

START_TEST(a_device_that_leaves_ends_in_errors_and_a_line)
{
	struct nvme_result results[8] = {{0}};
	unsigned i;

	nvme_attach();
	nvme_open(&client, "nn1");
	client.closes = false;
	mock_fail(false, nvme_cmd_read, 1, 0, NVME_SC_NS_NOT_READY | 2 << 11);
	for (i = 0; i < 8; i++) {
		ck_assert_int_eq(ebb_bdev_read(client.desc, client.ch, buf, i, 1, nvme_done,
					       &results[i]),
				 0);
		if (i == 0) {
			stage_turns(2); /* waits two seconds to be tried again */
			mock.hold = true;
		}
	}
	stage_turns(2);
	mock_leave();
	nvme_path_event(mock.path, NVME_EVENT_GONE, 0);
	nvme_path_event(mock.path, NVME_EVENT_GONE, 0);
	mock.hold = false;
	stage_turns(8);
	for (i = 0; i < 8; i++) {
		ck_assert(results[i].done);
		ck_assert_int_eq(results[i].status, -ENODEV);
	}
	ck_assert_uint_eq(client.removes, 1);
	ck_assert_uint_eq(mock.detaches, 0);
	call_has("bdev_nvme_detach_controller", "{'name': 'nope'}", "error -19: ");
	nvme_close(&client);
	stage_turns(12);
	ck_assert_uint_eq(mock.detaches, 1);
	ck_assert_uint_eq(log_count("has left"), 1);
	call_is("bdev_nvme_get_controllers", "{}", "[]");
	ck_assert(!wanted_present());
	mock.gone = false; /* plugged in again */
	nvme_attach();
	ck_assert(wanted_present());
	nvme_detach();
	ck_assert_ptr_null(ebb_wanted_next(NULL));
}
END_TEST

START_TEST(a_device_that_leaves_while_it_starts_ends_the_attach)
{
	struct call attach;

	mock.hold_admin = true;
	call_begin(&attach, ATTACH, ATTACH_PARAMS);
	stage_turns(2);
	nvme_path_event(mock.path, NVME_EVENT_GONE, 0);
	mock_leave();
	stage_until(&attach.done);
	ck_assert(attach.failed);
	ck_assert_int_eq(attach.error.code, -ENODEV);
	call_end(&attach);
	stage_turns(8);
	ck_assert_uint_eq(mock.detaches, 1);
}
END_TEST

START_TEST(a_detach_waits_for_its_holders)
{
	struct call detach;
	struct nvme_result result = {0};

	nvme_attach();
	nvme_open(&client, "nn1");
	mock.hold = true;
	mock.hold_close = true;
	ck_assert_int_eq(ebb_bdev_read(client.desc, client.ch, buf, 0, 8, nvme_done, &result), 0);
	call_begin(&detach, "bdev_nvme_detach_controller", "{'name': 'n'}");
	call_has("bdev_nvme_detach_controller", "{'name': 'n'}",
		 "error -114: NVMe controller 'n' is being detached already");
	call_has("bdev_nvme_reset_controller", "{'name': 'n'}",
		 "error -19: NVMe controller 'n' is being detached");
	stage_turns(8);
	ck_assert_uint_eq(client.removes, 1);
	ck_assert(!detach.done);
	mock_release();
	ck_assert_int_eq(result.status, 0);
	nvme_close(&client);
	stage_turns(8);
	ck_assert(!detach.done);
	ck_assert_uint_eq(mock.num_closing, 1);
	mock_release_closes();
	stage_until(&detach.done);
	ck_assert(!detach.failed);
	call_end(&detach);
}
END_TEST

START_TEST(a_detach_may_come_before_the_attach_has_ended)
{
	struct call attach, detach;

	mock.attach_later = true;
	call_begin(&attach, ATTACH, ATTACH_PARAMS);
	call_begin(&detach, "bdev_nvme_detach_controller", "{'name': 'n'}");
	stage_turns(4);
	ck_assert(!attach.done && !detach.done);
	mock_attached();
	stage_until(&detach.done);
	ck_assert(attach.failed && !detach.failed);
	ck_assert_int_eq(attach.error.code, -ECANCELED);
	call_end(&attach);
	call_end(&detach);
	ck_assert_uint_eq(mock.detaches, 1);
	mock.attach_later = false;
	mock.hold_admin = true;
	call_begin(&attach, ATTACH, ATTACH_PARAMS);
	call_begin(&detach, "bdev_nvme_detach_controller", "{'name': 'n'}");
	stage_turns(4);
	ck_assert(!attach.done && !detach.done);
	mock_release_admin();
	stage_until(&detach.done);
	ck_assert(attach.done && attach.failed && !detach.failed);
	call_end(&attach);
	call_end(&detach);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(a_detach_waits_for_the_health),
		UNIT_TEST(a_device_that_has_left_is_shown_as_deleting),
		UNIT_TEST(a_reset_sets_the_features_again),
		UNIT_TEST(a_reset_ends_with_its_answer),
		UNIT_TEST(a_reset_under_way_is_the_only_one),
		UNIT_TEST(a_reset_nobody_asked_for_is_noticed),
		UNIT_TEST(a_reset_while_it_starts_is_followed_by_the_features),
		UNIT_TEST(a_failed_controller_loses_its_bdevs_and_may_come_back),
		UNIT_TEST(an_answer_that_does_not_fit_makes_it_look_again),
		UNIT_TEST(a_scan_that_is_asked_for_does_not_outlive_the_controller),
		UNIT_TEST(a_failed_controller_gets_no_bdevs),
		UNIT_TEST(a_detach_ends_a_look_at_the_namespaces),
		UNIT_TEST(a_device_that_leaves_ends_in_errors_and_a_line),
		UNIT_TEST(a_device_that_leaves_while_it_starts_ends_the_attach),
		UNIT_TEST(a_detach_waits_for_its_holders),
		UNIT_TEST(a_detach_may_come_before_the_attach_has_ended),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
