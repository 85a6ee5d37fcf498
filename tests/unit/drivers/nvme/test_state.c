/* SPDX-License-Identifier: Apache-2.0 */
/* Which state may follow which, of drives, paths, namespaces and workers; all else is refused. */
#include <signal.h>

#include <ebb/assert.h>

#include "drivers/nvme/path.h"
#include "tests/unit/fixtures/state.h"

/* A drive only goes downhill. */
static const struct state_move drive_moves[] = {
	{NVME_DRIVE_ATTACHING, NVME_DRIVE_ONLINE},
	{NVME_DRIVE_ATTACHING, NVME_DRIVE_LEAVING}, /* a detach, or a start that fails */
	{NVME_DRIVE_ATTACHING, NVME_DRIVE_CLOSING}, /* the transport has refused it */
	{NVME_DRIVE_ONLINE, NVME_DRIVE_LEAVING},
	{NVME_DRIVE_LEAVING, NVME_DRIVE_DELETING},
	{NVME_DRIVE_LEAVING, NVME_DRIVE_CLOSING}, /* it was never more than attaching */
	{NVME_DRIVE_DELETING, NVME_DRIVE_CLOSING},
};

/* A path comes back from a reset only. */
static const struct state_move path_moves[] = {
	{NVME_PATH_ATTACHING, NVME_PATH_STARTING}, {NVME_PATH_ATTACHING, NVME_PATH_DELETING},
	{NVME_PATH_STARTING, NVME_PATH_ENABLED},   {NVME_PATH_STARTING, NVME_PATH_GONE},
	{NVME_PATH_STARTING, NVME_PATH_DELETING},  {NVME_PATH_ENABLED, NVME_PATH_RESETTING},
	{NVME_PATH_ENABLED, NVME_PATH_FAILED},     {NVME_PATH_ENABLED, NVME_PATH_GONE},
	{NVME_PATH_ENABLED, NVME_PATH_DELETING},   {NVME_PATH_RESETTING, NVME_PATH_ENABLED},
	{NVME_PATH_RESETTING, NVME_PATH_FAILED},   {NVME_PATH_RESETTING, NVME_PATH_GONE},
	{NVME_PATH_RESETTING, NVME_PATH_DELETING}, {NVME_PATH_FAILED, NVME_PATH_RESETTING},
	{NVME_PATH_FAILED, NVME_PATH_GONE},        {NVME_PATH_FAILED, NVME_PATH_DELETING},
	{NVME_PATH_GONE, NVME_PATH_DELETING},
};

static const struct state_move ns_moves[] = {
	{NVME_NS_OPENING, NVME_NS_ONLINE},
	{NVME_NS_OPENING, NVME_NS_CLOSING}, /* nobody wants it any more */
	{NVME_NS_ONLINE, NVME_NS_LEAVING},
	{NVME_NS_ONLINE, NVME_NS_CLOSING},
	{NVME_NS_LEAVING, NVME_NS_CLOSING},
};

static const struct state_move worker_moves[] = {
	{NVME_WORKER_IDLE, NVME_WORKER_STEP},     {NVME_WORKER_STEP, NVME_WORKER_IDLE},
	{NVME_WORKER_STEP, NVME_WORKER_WAITING},  {NVME_WORKER_WAITING, NVME_WORKER_ANSWERED},
	{NVME_WORKER_ANSWERED, NVME_WORKER_STEP},
};

static unsigned move_drive(unsigned from, unsigned to)
{
	struct nvme_drive drive = {.name = (char *)"n", .state = from};

	ck_assert_ptr_nonnull(nvme_drive_state_name(to));
	nvme_drive_state_set(&drive, to);
	return drive.state;
}

static unsigned move_path(unsigned from, unsigned to)
{
	struct nvme_drive drive = {.name = (char *)"n"};
	struct nvme_path path = {.drive = &drive, .state = from};

	ck_assert_ptr_nonnull(nvme_path_state_name(to));
	nvme_path_state_set(&path, to);
	return path.state;
}

/* Nobody but their files sets these. */

static unsigned move_ns(unsigned from, unsigned to)
{
	ebb_assert(nvme_ns_state_may_follow(from, to));
	return to;
}

static unsigned move_worker(unsigned from, unsigned to)
{
	ebb_assert(nvme_worker_state_may_follow(from, to));
	return to;
}

static const struct state_machine machines[] = {
	STATE_MACHINE(move_drive, NVME_DRIVE_STATE_COUNT, drive_moves),
	STATE_MACHINE(move_path, NVME_PATH_STATE_COUNT, path_moves),
	STATE_MACHINE(move_ns, NVME_NS_STATE_COUNT, ns_moves),
	STATE_MACHINE(move_worker, NVME_WORKER_STATE_COUNT, worker_moves),
	STATE_MACHINE_END,
};

START_TEST(a_worker_is_not_woken_twice)
{
	struct nvme_worker worker = {.state = NVME_WORKER_WAITING};

	nvme_worker_wake(&worker, 0);
	nvme_worker_wake(&worker, 0);
}
END_TEST

START_TEST(a_worker_that_is_busy_begins_nothing_else)
{
	struct nvme_worker worker = {.state = NVME_WORKER_IDLE};

	nvme_worker_begin(&worker, NVME_JOB_SCAN);
	nvme_worker_begin(&worker, NVME_JOB_HEALTH);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		state_legal_moves(machines),
		state_other_moves(machines),
		UNIT_SIGNAL(a_worker_is_not_woken_twice, SIGABRT),
		UNIT_SIGNAL(a_worker_that_is_busy_begins_nothing_else, SIGABRT),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
