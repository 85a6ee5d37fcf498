/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can happen to a controller and its queues, in orders that nobody has thought of: resets,
 * faults, queues that come and go on two threads, commands that are late, lost or refused. Whatever
 * the order, no assert of the driver's fails, the controller sees nothing that is wrong, and at the
 * end each request and each call has been answered once.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/nvme/vfio/regs.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/drivers/nvme/vfio/layer.h"
#include "tests/unit/unit.h"

#define STEPS  250
#define QUEUES 4u
#define IOS    12u /* of a queue: less than its depth, and more than is under way at a time */
#define WALKS  100

struct place {
	struct ebb_thread *thread;
	struct layer_queue queue; /* .queue NULL: none */
	struct layer_io io[IOS];
	bool sent[IOS];
};

static struct place places[QUEUES];
static struct ebb_thread *other;
static unsigned resets_asked;
static struct nvme_request admin;
static bool admin_sent;
static unsigned admin_answers, admin_requests;

static bool one_in(unsigned count)
{
	return rand() % (int)count == 0;
}

/*
 * As pumps(1); but a deletion that was asked for before a disabling may be carried out late, so
 * only in READY it must find no commands.
 */
static void pumps(unsigned count)
{
	const struct vfio_ctrlr *c = vfio_ctrlr_of(&layer.path);

	while (count-- > 0) {
		unsigned aborted = layer.fake->aborted_by_deletion;

		fake_ctrlr_step(layer.fake);
		ck_assert(layer.fake->aborted_by_deletion == aborted || c->state != VFIO_READY);
		stage_turn();
		stage_clock_advance(EBB_NS_PER_MS);
	}
}

static struct place *any_place(void)
{
	return &places[(unsigned)rand() % QUEUES];
}

static bool is_quiet(const struct place *place)
{
	for (unsigned i = 0; i < IOS; i++) {
		if (place->sent[i] && place->io[i].done == 0) {
			return false;
		}
	}
	return true;
}

static void place_close(struct place *place)
{
	stage_enter(place->thread);
	layer_queue_close(&place->queue);
	stage_enter(ebb_thread_app());
}

static void walk_queue(void)
{
	struct place *place = any_place();

	if (place->queue.queue != NULL) {
		if (is_quiet(place)) {
			place_close(place);
		}
	} else if (!vfio_ctrlr_of(&layer.path)->numbers.closed) {
		stage_enter(place->thread);
		layer_queue_open(&place->queue);
		stage_enter(ebb_thread_app());
	}
}

static void walk_submit(void)
{
	struct place *place = any_place();
	unsigned count = 1 + (unsigned)rand() % IOS;

	if (place->queue.queue == NULL) {
		return;
	}
	stage_enter(place->thread);
	for (unsigned i = 0; i < IOS && count > 0; i++) {
		if (!place->sent[i] || place->io[i].done != 0) {
			ck_assert_uint_le(place->io[i].done, 1);
			place->sent[i] = true;
			layer_submit(&place->queue, &place->io[i]);
			count--;
		}
	}
	stage_enter(ebb_thread_app());
}

static void walk_reset(void)
{
	if (layer.reset_calls == resets_asked) {
		resets_asked++;
		layer.transport->reset(&layer.path);
	}
}

static void admin_done(struct nvme_request *request, uint16_t use)
{
	(void)use;
	ck_assert_ptr_eq(request, &admin);
	ck_assert(admin_sent);
	admin_sent = false;
	admin_answers++;
}

static void walk_admin(void)
{
	if (!admin_sent) {
		admin = (struct nvme_request){
			.opcode = nvme_admin_get_features,
			.cdw10 = NVME_FEAT_FID_TEMP_THRESH,
			.done = admin_done,
		};
		admin_sent = true;
		admin_requests++;
		layer.transport->admin(&layer.path, &admin);
	}
}

static void walk_hold(void)
{
	layer.fake->holds_io = one_in(2);
	layer.fake->holds_admin = one_in(4);
	layer.fake->abort_works = one_in(2);
}

static void walk_release(void)
{
	fake_ctrlr_release(layer.fake, 1 + (unsigned)rand() % IOS);
}

static void walk_mischief(void)
{
	if (one_in(3)) {
		layer.fake->mischief = (enum fake_mischief)(rand() % (FAKE_BAD_SQID + 1));
	}
	layer.fake->loses_interrupts = one_in(3);
}

static void walk_refuse(void)
{
	static const uint8_t opcodes[] = {
		nvme_admin_create_cq, nvme_admin_create_sq, nvme_admin_delete_cq,
		nvme_admin_delete_sq, nvme_admin_identify,  nvme_admin_set_features,
	};

	layer.fake->refuses = one_in(3);
	layer.fake->refuse_opcode = opcodes[(unsigned)rand() % EBB_ARRAY_SIZE(opcodes)];
	layer.fake->vector_rc = one_in(5) ? -EINVAL : 0;
}

static void walk_registers(void)
{
	layer.fake->never_ready = one_in(6);
	layer.fake->never_disabled = one_in(6);
	layer.fake->reset_rc = one_in(6) ? -EIO : 0;
	layer.fake->fatal_starts = one_in(4) ? 1 + (unsigned)rand() % 3 : 0;
	if (one_in(6) && !layer.fake->gone) {
		fake_ctrlr_set_csts(layer.fake, fake_ctrlr_csts(layer.fake) | 2u);
	}
}

static void walk_leave(void)
{
	struct vfio_ctrlr *c = vfio_ctrlr_of(&layer.path);

	if (one_in(80)) {
		fake_ctrlr_vanish(layer.fake);
	} else if (one_in(80) && c->device != NULL && c->pollers.admin != NULL) {
		layer_notify(c->device->request_fd);
	} else if (one_in(4) && c->device != NULL && c->pollers.admin != NULL) {
		layer_notify(c->device->error_fd);
	}
}

static void walk_time(void)
{
	stage_clock_advance((unsigned)(rand() % 700) * EBB_NS_PER_MS);
	pumps(2);
}

static void walk_pump(void)
{
	pumps((unsigned)rand() % 16);
}

static void (*const steps[])(void) = {
	walk_queue, walk_queue, walk_submit,  walk_submit,   walk_submit, walk_reset,
	walk_admin, walk_hold,  walk_release, walk_mischief, walk_refuse, walk_registers,
	walk_leave, walk_time,  walk_time,    walk_pump,     walk_pump,   walk_pump,
};

static void setup(void)
{
	layer_begin();
	layer_attach();
	other = stage_thread("other");
	memset(places, 0, sizeof(places));
	for (unsigned i = 0; i < QUEUES; i++) {
		places[i].thread = i % 2 == 0 ? ebb_thread_app() : other;
		for (unsigned j = 0; j < IOS; j++) {
			layer_io_init(&places[i].io[j], one_in(2) ? nvme_cmd_write : nvme_cmd_read,
				      i * IOS + j, 1);
		}
	}
	stage_enter(ebb_thread_app());
	resets_asked = 0;
	admin_sent = false;
	admin_answers = 0;
	admin_requests = 0;
}

static void heal(void)
{
	struct fake_ctrlr *fake = layer.fake;

	fake->holds_io = false;
	fake->holds_few = 0;
	fake->holds_admin = false;
	fake->mischief = FAKE_GOOD;
	fake->refuses = false;
	fake->vector_rc = 0;
	fake->never_ready = false;
	fake->never_disabled = false;
	fake->reset_rc = 0;
	fake->fatal_starts = 0;
	fake->abort_works = true;
}

static bool is_over(void)
{
	bool over = layer.reset_calls == resets_asked && !admin_sent;

	for (unsigned i = 0; i < QUEUES; i++) {
		over = over && is_quiet(&places[i]);
	}
	return over;
}

static void walk_end(void)
{
	bool over = false;

	heal();
	for (unsigned i = 0; i < 200000 && !over; i++) {
		fake_ctrlr_release(layer.fake, IOS);
		pumps(1);
		if (i % 100 == 99) {
			stage_clock_advance(EBB_NS_PER_S);
			sched_yield();
		}
		over = is_over();
	}
	ck_assert_msg(over, "resets %u of %u, admin %d, state %d, %d", layer.reset_calls,
		      resets_asked, admin_sent, vfio_ctrlr_of(&layer.path)->state,
		      vfio_ctrlr_of(&layer.path)->owed);
	for (unsigned i = 0; i < QUEUES; i++) {
		if (places[i].queue.queue != NULL) {
			place_close(&places[i]);
		}
	}
	layer_detach();
	stage_thread_exit(other);
	for (unsigned i = 0; i < QUEUES; i++) {
		for (unsigned j = 0; j < IOS; j++) {
			ck_assert_uint_eq(places[i].io[j].done, places[i].sent[j]);
			layer_io_fini(&places[i].io[j]);
		}
	}
	ck_assert_uint_eq(admin_answers, admin_requests);
}

START_TEST(any_order_ends)
{
	srand((unsigned)_i);
	for (unsigned i = 0; i < STEPS; i++) {
		steps[(unsigned)rand() % EBB_ARRAY_SIZE(steps)]();
		if (!one_in(3)) {
			pumps(1);
		}
	}
	walk_end();
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, layer_end),
		UNIT_LOOP(any_order_ends, 0, WALKS),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
