/* SPDX-License-Identifier: Apache-2.0 */
/* The end of the process, with controllers in every state of their lives. */
#include <errno.h>

#include <ebb/memory.h>
#include <ebb/sequence.h>

#include "core/app/sequence.h"
#include "core/app/subsystem.h"
#include "drivers/nvme/path.h"
#include "tests/unit/drivers/nvme/nvme_stage.h"
#include "tests/unit/unit.h"

#define ATTACH        "bdev_nvme_attach_controller"
#define ATTACH_PARAMS "{'name': 'n', 'trtype': 'mock', 'traddr': 'here'}"
#define PATIENCE_S    8u

static struct ebb_sequence *sequence;
static bool started, ended;
static struct nvme_client client;

static void no_failure(const char *subsystem, int rc)
{
	ck_abort_msg("%s: %d", subsystem, rc);
}

static void subsystems_start(struct ebb_step step, void *arg)
{
	(void)arg;
	app_subsystem_init(step, 0, no_failure);
}

static void subsystems_undo(struct ebb_step step, void *arg)
{
	(void)arg;
	app_subsystem_fini(step);
}

static void note(void *arg, int rc)
{
	ck_assert_int_eq(rc, 0);
	*(bool *)arg = true;
}

static void setup(void)
{
	const struct app_sequence_opts opts = {.name = "test"};
	const struct app_sequence_step step = {
		.name = "subsystems",
		.start = subsystems_start,
		.undo = subsystems_undo,
	};
	char error[APP_SUBSYSTEM_ERROR_MAX];

	nvme_setup();
	started = false;
	ended = false;
	ck_assert_msg(app_subsystem_sort(error, sizeof(error)) == 0, "%s", error);
	ck_assert_int_eq(app_sequence_create(&opts, &sequence), 0);
	ck_assert_int_eq(app_sequence_add(sequence, &step), 0);
	app_sequence_run(sequence, APP_STEP_NONE, note, &started);
	stage_until(&started);
}

static void teardown(void)
{
	ck_assert(ended);
	app_sequence_destroy(sequence);
	app_subsystem_unsort();
	nvme_teardown();
}

static void shut_down(void)
{
	app_sequence_undo(sequence, APP_STEP_NONE, note, &ended);
}

START_TEST(without_controllers_it_is_at_once)
{
	shut_down();
	stage_until(&ended);
}
END_TEST

START_TEST(an_idle_controller_is_detached)
{
	nvme_attach();
	shut_down();
	stage_until(&ended);
	ck_assert_uint_eq(mock.detaches, 1);
	ck_assert_uint_eq(log_count("could not be detached"), 0);
}
END_TEST

/* What is under way ends, holders are told and let go, then the device is. */
START_TEST(a_busy_controller_is_detached_after_its_io)
{
	struct nvme_result result = {0};
	void *buf = ebb_mem_alloc(4096);

	nvme_attach();
	nvme_open(&client, "nn1");
	mock.hold = true;
	ck_assert_int_eq(ebb_bdev_read(client.desc, client.ch, buf, 0, 8, nvme_done, &result), 0);
	shut_down();
	stage_turns(10);
	ck_assert_uint_eq(client.removes, 1);
	ck_assert(!ended && !result.done);
	ck_assert_uint_eq(mock.detaches, 0);
	mock.hold = false;
	stage_until(&result.done);
	ck_assert_int_eq(result.status, 0);
	nvme_close(&client);
	stage_until(&ended);
	ck_assert_uint_eq(mock.detaches, 1);
	ebb_mem_free(buf, 4096);
}
END_TEST

START_TEST(a_holder_that_does_not_let_go_is_not_waited_for)
{
	nvme_attach();
	nvme_open(&client, "nn1");
	shut_down();
	stage_turns(10);
	ck_assert(!ended);
	stage_clock_advance((PATIENCE_S - 1) * EBB_NS_PER_S);
	stage_turns(10);
	ck_assert_uint_eq(log_count("could not be detached"), 0);
	stage_clock_advance(2 * EBB_NS_PER_S);
	stage_turns(10);
	ck_assert_uint_eq(log_count("n (here) could not be detached at shutdown: its bdevs "
				    "are still held; left as it is"),
			  1);
	stage_clock_advance(PATIENCE_S * EBB_NS_PER_S); /* the bdevs' own */
	stage_until(&ended);
	ck_assert_uint_eq(mock.detaches, 0);
	nvme_close(&client);
	stage_turns(10);
	ck_assert_uint_eq(mock.detaches, 1);
}
END_TEST

START_TEST(an_attach_under_way_is_waited_for)
{
	struct call attach;

	mock.attach_later = true;
	call_begin(&attach, ATTACH, ATTACH_PARAMS);
	shut_down();
	stage_turns(10);
	ck_assert(!ended && !attach.done);
	ck_assert(nvme_drive_is_leaving(mock.path->drive)); /* which a transport may look at */
	mock_attached();
	stage_until(&ended);
	ck_assert_uint_eq(mock.detaches, 1);
	ck_assert(attach.failed);
	ck_assert_int_eq(attach.error.code, -ECANCELED);
	call_end(&attach);
}
END_TEST

START_TEST(a_start_under_way_is_waited_for)
{
	struct call attach;

	mock.hold_admin = true;
	call_begin(&attach, ATTACH, ATTACH_PARAMS);
	shut_down();
	stage_turns(10);
	ck_assert(!ended && !attach.done);
	mock_release_admin();
	stage_until(&ended);
	ck_assert_uint_eq(mock.detaches, 1);
	ck_assert(attach.failed);
	call_end(&attach);
}
END_TEST

START_TEST(an_attach_that_does_not_end_is_not_waited_for)
{
	struct call attach;

	mock.attach_later = true;
	call_begin(&attach, ATTACH, ATTACH_PARAMS);
	shut_down();
	stage_turns(10);
	stage_clock_advance((PATIENCE_S + 1) * EBB_NS_PER_S);
	stage_until(&ended);
	ck_assert_uint_eq(log_count("n (here) could not be detached at shutdown: it is still "
				    "attaching; left as it is"),
			  1);
	mock_attached();
	stage_turns(10);
	ck_assert_uint_eq(mock.detaches, 1);
	call_end(&attach);
}
END_TEST

START_TEST(a_reset_under_way_is_waited_for)
{
	struct call reset;

	nvme_attach();
	mock.reset_later = true;
	call_begin(&reset, "bdev_nvme_reset_controller", "{'name': 'n'}");
	shut_down();
	stage_turns(10);
	ck_assert(!ended && !reset.done);
	mock_reset_done();
	stage_until(&ended);
	ck_assert(reset.done && !reset.failed);
	ck_assert_uint_eq(mock.detaches, 1);
	call_end(&reset);
}
END_TEST

/* A user's detach has its answer all the same. */
START_TEST(a_detach_under_way_is_answered)
{
	struct call detach;

	nvme_attach();
	mock.hold_close = true;
	call_begin(&detach, "bdev_nvme_detach_controller", "{'name': 'n'}");
	stage_turns(10);
	shut_down();
	stage_turns(10);
	ck_assert(!ended && !detach.done);
	mock_release_closes();
	stage_until(&ended);
	ck_assert(detach.done && !detach.failed);
	call_end(&detach);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(without_controllers_it_is_at_once),
		UNIT_TEST(an_idle_controller_is_detached),
		UNIT_TEST(a_busy_controller_is_detached_after_its_io),
		UNIT_TEST(a_holder_that_does_not_let_go_is_not_waited_for),
		UNIT_TEST(an_attach_under_way_is_waited_for),
		UNIT_TEST(a_start_under_way_is_waited_for),
		UNIT_TEST(an_attach_that_does_not_end_is_not_waited_for),
		UNIT_TEST(a_reset_under_way_is_waited_for),
		UNIT_TEST(a_detach_under_way_is_answered),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
