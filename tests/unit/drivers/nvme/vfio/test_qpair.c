/* SPDX-License-Identifier: Apache-2.0 */
/* A queue pair whose completions the test writes; and what the age of its commands leads to. */
#include "tests/unit/drivers/nvme/vfio/layer.h"

#include <errno.h>

#include "drivers/nvme/vfio/timeout.h"
#include "tests/unit/unit.h"

#define DEPTH      4u
#define TIMEOUT_NS 1000u

static struct vfio_data_lists lists;
static struct vfio_qpair qpair;
static volatile uint32_t registers[2];
static struct nvme_request requests[DEPTH - 1];
static unsigned answered;
static uint16_t answered_use;

static void count_answered(struct nvme_request *request, uint16_t use)
{
	answered_use = use;
	ck_assert_int_eq(request->rc, 0);
	answered++;
}

static void begin(void)
{
	struct vfio_qpair_opts opts = {
		.device = &layer.fake->device,
		.lists = &lists,
		.qid = 3,
		.depth = DEPTH,
		.cq_depth = DEPTH,
	};

	answered = 0;
	ck_assert_int_eq(vfio_qpair_init(&qpair, &opts), 0);
	qpair.sq_doorbell.reg = &registers[0];
	qpair.cq_doorbell.reg = &registers[1];
}

static void end(void)
{
	struct ebb_list left = EBB_LIST_INIT(left);

	vfio_qpair_reclaim(&qpair, &left);
	vfio_qpair_fini(&qpair);
}

static void submit(unsigned index, uint64_t now_ns)
{
	requests[index] = (struct nvme_request){.done = count_answered};
	ck_assert_int_eq(vfio_qpair_submit(&qpair, &requests[index], now_ns), 0);
}

/* The tracker that @index has. */
static struct vfio_tracker *tracker_of(unsigned index)
{
	for (unsigned i = 0; i < DEPTH - 1; i++) {
		if (qpair.trackers[i].request == &requests[index]) {
			return &qpair.trackers[i];
		}
	}
	ck_abort_msg("request %u has none", index);
	return NULL;
}

/* As a controller that is on its @round-th way round the queue does it. */
static void answer(unsigned index, unsigned entry, unsigned round)
{
	struct vfio_cqe *cqe = &qpair.cq[entry];

	cqe->sq = (uint32_t)qpair.qid << 16;
	atomic_store(&cqe->tail, tracker_of(index)->cid | ((round + 1) & 1) << 16);
}

/* An entry is new by its phase, and only by that: all others have been seen, round after round. */
START_TEST(an_answer_waits_until_it_is_taken)
{
	begin();
	for (unsigned i = 0; i < 5 * DEPTH; i++) {
		submit(0, 0);
		ck_assert(!vfio_qpair_waiting(&qpair));
		ck_assert_uint_eq(vfio_qpair_poll(&qpair), 0);
		answer(0, i % DEPTH, i / DEPTH);
		ck_assert(vfio_qpair_waiting(&qpair));
		ck_assert_uint_eq(vfio_qpair_poll(&qpair), 1);
		ck_assert_uint_eq(answered, i + 1);
		ck_assert(!vfio_qpair_waiting(&qpair));
	}
	end();
}
END_TEST

/* The use that the command was submitted for, though its memory may be another's by now. */
START_TEST(an_answer_is_for_the_use_that_asked)
{
	begin();
	submit(0, 0);
	requests[1] = (struct nvme_request){.done = count_answered, .use = 0xffff};
	ck_assert_int_eq(vfio_qpair_submit(&qpair, &requests[1], 0), 0);
	requests[1].use = 7;
	answer(1, 0, 0);
	ck_assert_uint_eq(vfio_qpair_poll(&qpair), 1);
	ck_assert_uint_eq(answered_use, 0xffff);
	answer(0, 1, 0);
	ck_assert_uint_eq(vfio_qpair_poll(&qpair), 1);
	ck_assert_uint_eq(answered_use, 0);
	end();
}
END_TEST

/* What a command leads to, tick by tick. */
START_TEST(a_command_goes_from_stage_to_stage)
{
	static const struct {
		uint64_t now_ns;
		enum vfio_fault_kind fault;
		enum vfio_stage stage;
	} ticks[] = {
		{0, VFIO_FAULT_NONE, VFIO_STAGE_SEEN},
		{TIMEOUT_NS - 1, VFIO_FAULT_NONE, VFIO_STAGE_SEEN},
		{TIMEOUT_NS, VFIO_FAULT_LATE, VFIO_STAGE_ABORT},
		{2 * TIMEOUT_NS - 1, VFIO_FAULT_NONE, VFIO_STAGE_ABORT},
		{2 * TIMEOUT_NS, VFIO_FAULT_LOST, VFIO_STAGE_RESET},
		{9 * TIMEOUT_NS, VFIO_FAULT_NONE, VFIO_STAGE_RESET},
	};

	begin();
	submit(1, 0);
	for (unsigned i = 0; i < EBB_ARRAY_SIZE(ticks); i++) {
		struct vfio_fault fault = {.kind = VFIO_FAULT_NONE};

		vfio_timeout_tick(&qpair, ticks[i].now_ns, TIMEOUT_NS, &fault);
		ck_assert_int_eq(fault.kind, ticks[i].fault);
		ck_assert_uint_eq(tracker_of(1)->stage, ticks[i].stage);
		if (fault.kind != VFIO_FAULT_NONE) {
			ck_assert_uint_eq(fault.qid, 3);
			ck_assert_uint_eq(fault.cid, tracker_of(1)->cid);
		}
	}
	end();
}
END_TEST

/* However late it is when a tick first meets it. */
START_TEST(a_command_is_late_when_two_ticks_have_met_it)
{
	struct vfio_fault fault = {.kind = VFIO_FAULT_NONE};

	begin();
	submit(0, 0);
	vfio_timeout_tick(&qpair, 5 * TIMEOUT_NS, TIMEOUT_NS, &fault);
	ck_assert_int_eq(fault.kind, VFIO_FAULT_NONE);
	ck_assert_uint_eq(vfio_timeout_oldest(&qpair, 5 * TIMEOUT_NS), 5 * TIMEOUT_NS);
	end();
}
END_TEST

/* The others stay where they are until the next tick. */
START_TEST(one_thing_is_told_at_a_time)
{
	struct vfio_fault fault = {.kind = VFIO_FAULT_NONE};

	begin();
	submit(0, 0);
	submit(1, 0);
	vfio_timeout_tick(&qpair, 0, TIMEOUT_NS, &fault);
	vfio_timeout_tick(&qpair, TIMEOUT_NS, TIMEOUT_NS, &fault);
	ck_assert_int_eq(fault.kind, VFIO_FAULT_LATE);
	ck_assert_uint_eq(fault.cid, tracker_of(0)->cid);
	ck_assert_uint_eq(tracker_of(0)->stage, VFIO_STAGE_ABORT);
	ck_assert_uint_eq(tracker_of(1)->stage, VFIO_STAGE_SEEN);
	fault.kind = VFIO_FAULT_NONE;
	vfio_timeout_tick(&qpair, TIMEOUT_NS, TIMEOUT_NS, &fault);
	ck_assert_uint_eq(fault.cid, tracker_of(1)->cid);
	end();
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(layer_begin, layer_end),
		UNIT_TEST(an_answer_waits_until_it_is_taken),
		UNIT_TEST(an_answer_is_for_the_use_that_asked),
		UNIT_TEST(a_command_goes_from_stage_to_stage),
		UNIT_TEST(a_command_is_late_when_two_ticks_have_met_it),
		UNIT_TEST(one_thing_is_told_at_a_time),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
