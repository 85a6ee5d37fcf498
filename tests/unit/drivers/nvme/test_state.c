/* SPDX-License-Identifier: Apache-2.0 */
/* Which state may follow which, of drives, paths, namespaces and workers; all else is refused. */
#include <signal.h>
#include <stdlib.h>

#include "drivers/nvme/path.h"
#include "tests/unit/unit.h"

struct change {
	unsigned from, to;
};

/* Of all pairs of @count states, those of @legal are allowed and no others. */
#define CHECK_CHANGES(count, may_follow, legal)                                                \
	for (unsigned from = 0; from < (unsigned)(count); from++) {                            \
		for (unsigned to = 0; to < (unsigned)(count); to++) {                          \
			bool wanted = is_legal((legal), EBB_ARRAY_SIZE(legal), from, to);      \
                                                                                               \
			ck_assert_msg((may_follow)(from, to) == wanted, "from %u to %u is %s", \
				      from, to, wanted ? "refused" : "allowed");               \
		}                                                                              \
	}

static bool is_legal(const struct change *legal, size_t count, unsigned from, unsigned to)
{
	for (size_t i = 0; i < count; i++) {
		if (legal[i].from == from && legal[i].to == to) {
			return true;
		}
	}
	return false;
}

START_TEST(a_drive_only_goes_downhill)
{
	static const struct change legal[] = {
		{NVME_DRIVE_ATTACHING, NVME_DRIVE_ONLINE},
		{NVME_DRIVE_ATTACHING, NVME_DRIVE_LEAVING}, /* a detach, or a start that fails */
		{NVME_DRIVE_ATTACHING, NVME_DRIVE_CLOSING}, /* the transport has refused it */
		{NVME_DRIVE_ONLINE, NVME_DRIVE_LEAVING},
		{NVME_DRIVE_LEAVING, NVME_DRIVE_DELETING},
		{NVME_DRIVE_LEAVING, NVME_DRIVE_CLOSING}, /* it was never more than attaching */
		{NVME_DRIVE_DELETING, NVME_DRIVE_CLOSING},
	};

	CHECK_CHANGES(NVME_DRIVE_STATE_COUNT, nvme_drive_state_may_follow, legal);
	for (unsigned i = 0; i < (unsigned)NVME_DRIVE_STATE_COUNT; i++) {
		ck_assert_ptr_nonnull(nvme_drive_state_name(i));
	}
}
END_TEST

START_TEST(a_path_comes_back_from_a_reset_only)
{
	static const struct change legal[] = {
		{NVME_PATH_ATTACHING, NVME_PATH_STARTING},
		{NVME_PATH_ATTACHING, NVME_PATH_DELETING},
		{NVME_PATH_STARTING, NVME_PATH_ENABLED},
		{NVME_PATH_STARTING, NVME_PATH_GONE},
		{NVME_PATH_STARTING, NVME_PATH_DELETING},
		{NVME_PATH_ENABLED, NVME_PATH_RESETTING},
		{NVME_PATH_ENABLED, NVME_PATH_FAILED},
		{NVME_PATH_ENABLED, NVME_PATH_GONE},
		{NVME_PATH_ENABLED, NVME_PATH_DELETING},
		{NVME_PATH_RESETTING, NVME_PATH_ENABLED},
		{NVME_PATH_RESETTING, NVME_PATH_FAILED},
		{NVME_PATH_RESETTING, NVME_PATH_GONE},
		{NVME_PATH_RESETTING, NVME_PATH_DELETING},
		{NVME_PATH_FAILED, NVME_PATH_RESETTING},
		{NVME_PATH_FAILED, NVME_PATH_GONE},
		{NVME_PATH_FAILED, NVME_PATH_DELETING},
		{NVME_PATH_GONE, NVME_PATH_DELETING},
	};

	CHECK_CHANGES(NVME_PATH_STATE_COUNT, nvme_path_state_may_follow, legal);
	for (unsigned i = 0; i < (unsigned)NVME_PATH_STATE_COUNT; i++) {
		ck_assert_ptr_nonnull(nvme_path_state_name(i));
	}
}
END_TEST

START_TEST(a_namespace_is_closed_once)
{
	static const struct change legal[] = {
		{NVME_NS_OPENING, NVME_NS_ONLINE},
		{NVME_NS_OPENING, NVME_NS_CLOSING}, /* nobody wants it any more */
		{NVME_NS_ONLINE, NVME_NS_LEAVING},
		{NVME_NS_ONLINE, NVME_NS_CLOSING},
		{NVME_NS_LEAVING, NVME_NS_CLOSING},
	};

	CHECK_CHANGES(NVME_NS_STATE_COUNT, nvme_ns_state_may_follow, legal);
}
END_TEST

START_TEST(a_worker_does_one_step_at_a_time)
{
	static const struct change legal[] = {
		{NVME_WORKER_IDLE, NVME_WORKER_STEP},
		{NVME_WORKER_STEP, NVME_WORKER_IDLE},
		{NVME_WORKER_STEP, NVME_WORKER_WAITING},
		{NVME_WORKER_WAITING, NVME_WORKER_ANSWERED},
		{NVME_WORKER_ANSWERED, NVME_WORKER_STEP},
	};

	CHECK_CHANGES(NVME_WORKER_STATE_COUNT, nvme_worker_state_may_follow, legal);
}
END_TEST

/* What the setters do about what is refused: each of these ends the process. */

START_TEST(a_drive_that_leaves_does_not_come_back)
{
	struct nvme_drive drive = {.name = (char *)"n", .state = NVME_DRIVE_LEAVING};

	nvme_drive_state_set(&drive, NVME_DRIVE_ONLINE);
}
END_TEST

START_TEST(a_path_that_has_gone_does_not_come_back)
{
	struct nvme_drive drive = {.name = (char *)"n"};
	struct nvme_path path = {.drive = &drive, .state = NVME_PATH_GONE};

	nvme_path_state_set(&path, NVME_PATH_ENABLED);
}
END_TEST

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
		UNIT_TEST(a_drive_only_goes_downhill),
		UNIT_TEST(a_path_comes_back_from_a_reset_only),
		UNIT_TEST(a_namespace_is_closed_once),
		UNIT_TEST(a_worker_does_one_step_at_a_time),
		UNIT_SIGNAL(a_drive_that_leaves_does_not_come_back, SIGABRT),
		UNIT_SIGNAL(a_path_that_has_gone_does_not_come_back, SIGABRT),
		UNIT_SIGNAL(a_worker_is_not_woken_twice, SIGABRT),
		UNIT_SIGNAL(a_worker_that_is_busy_begins_nothing_else, SIGABRT),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
