/* SPDX-License-Identifier: Apache-2.0 */
/* Which queue pairs a queue has, which it uses, and how it sleeps. */
#include "tests/unit/drivers/nvme/vfio/layer.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/event/reactor.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/unit.h"

#define MANY 100u

static struct layer_queue queue;
static struct layer_io ios[MANY];

static void begin_queue(void)
{
	layer_queue_open_live(&queue);
	for (unsigned i = 0; i < MANY; i++) {
		layer_io_init(&ios[i], nvme_cmd_read, i, 1);
	}
}

static void begin(void)
{
	layer_attach();
	begin_queue();
}

static void end(void)
{
	layer_queue_close(&queue);
	layer_detach();
	for (unsigned i = 0; i < MANY; i++) {
		layer_io_fini(&ios[i]);
	}
}

static unsigned outstanding(enum vfio_qpair_kind kind)
{
	return queue.queue->qpairs[kind].outstanding;
}

static bool fired(void)
{
	uint64_t count;

	return read(queue.queue->base.wake_fd, &count, sizeof(count)) == sizeof(count);
}

static int arm(void)
{
	return layer.transport->arm(&queue.queue->base);
}

static void set_interrupt(bool on)
{
	ck_assert_int_eq(layer.transport->set_interrupt(&queue.queue->base, on), 0);
}

/* One request, to its end, by turns that the sleeping reactor's source has not caused. */
static void run_one(struct layer_io *io)
{
	layer_submit(&queue, io);
	layer_pumps(2);
	layer_expect(io, 0, 0);
}

START_TEST(a_polling_reactor_has_no_interrupts)
{
	begin();
	layer_submit(&queue, &ios[0]);
	ck_assert_uint_eq(outstanding(VFIO_QPAIR_POLLED), 1);
	layer_until_done(ios, 1);
	ios[1].request.opcode = nvme_cmd_flush;
	ios[1].request.iovcnt = 0;
	layer_submit(&queue, &ios[1]);
	ck_assert_uint_eq(outstanding(VFIO_QPAIR_POLLED), 1);
	layer_until_done(ios, 2);
	ck_assert(!fired());
	end();
}
END_TEST

START_TEST(one_that_may_sleep_has)
{
	begin();
	set_interrupt(true);
	layer_submit(&queue, &ios[0]);
	ck_assert_uint_eq(outstanding(VFIO_QPAIR_IRQ), 1);
	stage_turn();
	ck_assert_int_eq(arm(), 0);
	ck_assert(!fired());
	fake_ctrlr_step(layer.fake);
	ck_assert(fired());
	ck_assert_int_eq(arm(), -EAGAIN); /* it is there: no sleep */
	layer_until_done(ios, 1);
	ck_assert_int_eq(arm(), 0);
	end();
}
END_TEST

/* After a streak without an occasion to sleep, until there is one. */
START_TEST(a_busy_one_goes_without)
{
	begin();
	set_interrupt(true);
	for (unsigned i = 0; i < 63; i++) {
		run_one(&ios[i]);
	}
	layer_submit(&queue, &ios[63]);
	ck_assert_uint_eq(outstanding(VFIO_QPAIR_IRQ), 1);
	layer_until_done(ios, 64);
	layer_submit(&queue, &ios[64]);
	ck_assert_uint_eq(outstanding(VFIO_QPAIR_POLLED), 1);
	/* What may take long is not waited for awake. */
	ios[65].request.opcode = nvme_cmd_flush;
	ios[65].request.iovcnt = 0;
	layer_submit(&queue, &ios[65]);
	ck_assert_uint_eq(outstanding(VFIO_QPAIR_IRQ), 1);
	layer_until_done(ios, 66);
	ck_assert_int_eq(arm(), 0);
	layer_submit(&queue, &ios[66]);
	ck_assert_uint_eq(outstanding(VFIO_QPAIR_IRQ), 1);
	layer_until_done(ios, 67);
	end();
}
END_TEST

static unsigned readings;

static uint64_t count_readings(void)
{
	return ++readings * 100ull;
}

static struct layer_io *chained;

static void submit_chained(struct nvme_request *request, uint16_t use)
{
	(void)use;
	(void)request;
	layer_submit(&queue, chained);
	chained = NULL;
}

/* Readings of a clock that goes on by 100 ns each, while @io is answered and @next submitted. */
static unsigned readings_of_an_answer(struct layer_io *io, struct layer_io *next)
{
	chained = next;
	io->request.done = submit_chained;
	layer_submit(&queue, io);
	layer_pump();
	fake_ctrlr_step(layer.fake);
	readings = 0;
	ebb_clock_set_source(count_readings);
	layer.transport->poll(&queue.queue->base);
	stage_clock_restore();
	ck_assert_ptr_null(chained);
	layer_until_done(next, 1);
	return readings;
}

/* The doorbell of one that QEMU emulates comes 700 ns after the answer, when polling. */
START_TEST(an_emulated_one_is_not_hurried)
{
	layer.fake->id.vid = htole16(0x1b36);
	memcpy(layer.fake->id.mn, "QEMU NVMe Ctrl ", 15);
	begin();
	ck_assert_uint_eq(readings_of_an_answer(&ios[0], &ios[1]), 8);
	set_interrupt(true);
	ck_assert_uint_eq(readings_of_an_answer(&ios[2], &ios[3]), 0);
	end();
}
END_TEST

START_TEST(any_other_one_is)
{
	begin();
	ck_assert_uint_eq(readings_of_an_answer(&ios[0], &ios[1]), 0);
	end();
}
END_TEST

static unsigned followed;

static void submit_follower(struct nvme_request *request, uint16_t use)
{
	struct layer_io *io = ebb_container_of(request, struct layer_io, request);

	(void)use;
	layer_submit(&queue, io + 3);
	followed++;
}

/*
 * Three answers in one look, each of which has another request submitted. Return: how often the
 * controller is told of these.
 */
static uint64_t doorbells_of_a_look(struct layer_io *io, bool sleeps)
{
	const struct vfio_qpair *irq = &queue.queue->qpairs[VFIO_QPAIR_IRQ];
	uint64_t before, rung;

	for (unsigned i = 0; i < 3; i++) {
		io[i].request.done = submit_follower;
		layer_submit(&queue, &io[i]);
	}
	stage_turn();
	ck_assert_int_eq(sleeps ? arm() : 0, 0);
	fake_ctrlr_step(layer.fake);
	before = irq->sq_doorbells;
	followed = 0;
	layer.transport->poll(&queue.queue->base);
	ck_assert_uint_eq(followed, 3);
	ck_assert_uint_eq(irq->sq_rung, irq->sq_tail);
	rung = irq->sq_doorbells - before;
	layer_until_done(io + 3, 3);
	return rung;
}

/* After a sleep the controller waits for work: the first request is rung for at once. */
START_TEST(the_first_after_a_sleep_does_not_wait)
{
	begin();
	set_interrupt(true);
	ck_assert_uint_eq(doorbells_of_a_look(&ios[0], false), 1);
	ck_assert_uint_eq(doorbells_of_a_look(&ios[6], true), 2);
	ck_assert_uint_eq(doorbells_of_a_look(&ios[12], false), 1);
	end();
}
END_TEST

/* With one under way that raises no interrupt there is no sleep; but that has an end. */
START_TEST(a_late_completion_is_looked_for)
{
	struct vfio_io_queue *io_queue;

	begin();
	io_queue = queue.queue;
	layer.fake->holds_io = true;
	layer_submit(&queue, &ios[0]);
	set_interrupt(true);
	layer_submit(&queue, &ios[1]);
	layer_pump();
	ck_assert_uint_eq(outstanding(VFIO_QPAIR_POLLED), 1);
	ck_assert_uint_eq(outstanding(VFIO_QPAIR_IRQ), 1);
	ck_assert_int_eq(arm(), -EAGAIN);
	ck_assert(!io_queue->late_timer_runs);
	layer_pumps(2);
	ck_assert(io_queue->late_timer_runs);
	ck_assert_int_eq(arm(), 0);
	fake_ctrlr_release(layer.fake, 2);
	fake_ctrlr_step(layer.fake);
	stage_clock_advance(EBB_NS_PER_MS);
	/* Only the timer runs: the reactor has slept, and no source has fired. */
	event_turn.thread = NULL;
	event_reactor_turn(&event_reactors[0], false);
	stage_enter(ebb_thread_app());
	layer_expect(&ios[0], 0, 0);
	ck_assert(!io_queue->late_timer_runs);
	layer.fake->holds_io = false;
	layer_until_done(ios, 2);
	end();
}
END_TEST

/* A turn after a sleep that another source has ended: this queue's poller does not run. */
static void turn_of_another(void)
{
	event_turn.thread = NULL;
	event_reactor_turn(&event_reactors[0], false);
	stage_enter(ebb_thread_app());
}

START_TEST(a_lost_interrupt_is_found_and_counted)
{
	struct vfio_io_queue *io_queue;

	begin();
	io_queue = queue.queue;
	set_interrupt(true);
	layer.fake->loses_interrupts = true;
	layer_submit(&queue, &ios[0]);
	stage_turn();
	ck_assert_int_eq(arm(), 0);
	fake_ctrlr_step(layer.fake);
	ck_assert(!fired());
	for (unsigned ms = 0; ms <= LAYER_TIMEOUT_MS / 4; ms++) {
		ck_assert_uint_eq(ios[0].done, 0);
		stage_clock_advance(EBB_NS_PER_MS);
		if (ms < LAYER_TIMEOUT_MS / 4 - 1) {
			continue;
		}
		turn_of_another();
		break;
	}
	stage_clock_advance(2 * EBB_NS_PER_MS);
	turn_of_another();
	layer_expect(&ios[0], 0, 0);
	ck_assert_uint_eq(io_queue->messages->lost_interrupts, 1);
	ck_assert_uint_eq(log_count("an interrupt was lost"), 1);
	ck_assert_uint_eq(layer.fake->aborts, 0);
	end();
}
END_TEST

/* An answer that comes with its interrupt, however late, is no lost one. */
START_TEST(a_late_interrupt_is_not_lost)
{
	begin();
	set_interrupt(true);
	layer.fake->holds_io = true;
	layer_submit(&queue, &ios[0]);
	layer_pumps(LAYER_TIMEOUT_MS * 7 / 8);
	ck_assert_int_eq(arm(), 0);
	fake_ctrlr_release(layer.fake, 1);
	layer_pumps(1);
	layer_expect(&ios[0], 0, 0);
	layer_pumps(LAYER_TIMEOUT_MS);
	ck_assert_uint_eq(queue.queue->messages->lost_interrupts, 0);
	layer.fake->holds_io = false;
	end();
}
END_TEST

/* Ten thousand changes under load: nothing is lost, nothing is answered twice. */
START_TEST(mode_changes_under_load)
{
	unsigned next = 0, reads = 0;

	begin();
	for (unsigned i = 0; i < 10000; i++) {
		struct layer_io *io = &ios[next];

		if (io->request.done != NULL && (reads < MANY || io->done == 1)) {
			layer_submit(&queue, io);
			next = (next + 1) % MANY;
			reads++;
		}
		set_interrupt(i % 2 == 0);
		if (i % 3 == 0) {
			arm();
		}
		layer_pump();
	}
	layer_until_done(ios, MANY);
	ck_assert_uint_eq(layer.fake->reads, reads);
	ck_assert_uint_gt(reads, 9000);
	end();
}
END_TEST

START_TEST(with_one_queue_pair_it_interrupts)
{
	struct nvme_queue *second;

	layer.fake->granted = 1;
	begin();
	ck_assert_uint_eq(queue.queue->present, EBB_BIT(VFIO_QPAIR_IRQ));
	run_one(&ios[0]);
	set_interrupt(true);
	run_one(&ios[1]);
	ck_assert(fired());
	/* Another thread finds none left, and is told what to do. */
	ck_assert_int_eq(layer.transport->queue_create(&layer.path, &second), -ENOSPC);
	ck_assert_uint_eq(log_count("all 1 I/O queue pairs are in use"), 1);
	end();
}
END_TEST

START_TEST(num_io_queues_is_kept_to)
{
	layer.drive.opts.num_io_queues = 1;
	begin();
	ck_assert_uint_eq(queue.queue->present, EBB_BIT(VFIO_QPAIR_IRQ));
	end();
}
END_TEST

/* Without vectors it polls, and says that it cannot sleep. */
START_TEST(without_vectors_it_polls)
{
	layer.fake->device.num_vectors = 1;
	begin();
	ck_assert_int_eq(queue.queue->base.wake_fd, -1);
	ck_assert_int_eq(layer.transport->set_interrupt(&queue.queue->base, true), -ENOTSUP);
	run_one(&ios[0]);
	end();
}
END_TEST

START_TEST(a_refused_second_pair_is_done_without)
{
	struct vfio_io_queue *io_queue;

	layer_attach();
	layer_queue_open(&queue);
	io_queue = queue.queue;
	while (!layer.fake->sq[1].exists) {
		layer_pump();
	}
	layer.fake->granted = 1; /* the second one's completion queue is refused */
	layer_queue_live(&queue);
	ck_assert_uint_eq(io_queue->present, EBB_BIT(VFIO_QPAIR_IRQ));
	layer_io_init(&ios[0], nvme_cmd_read, 0, 1);
	run_one(&ios[0]);
	layer_io_fini(&ios[0]);
	layer_queue_close(&queue);
	layer_detach();
}
END_TEST

/* None at all: its requests fail, with a log line; the next reset tries again. */
START_TEST(a_refused_queue_fails_requests)
{
	layer_attach();
	layer.fake->refuses = true;
	layer.fake->refuse_opcode = nvme_admin_create_sq;
	layer_queue_open(&queue);
	for (unsigned i = 0; i < MANY; i++) {
		layer_io_init(&ios[i], nvme_cmd_read, i, 1);
	}
	layer_submit(&queue, &ios[0]);
	layer_until_done(ios, 1);
	layer_expect(&ios[0], -EIO, 0);
	layer_submit(&queue, &ios[0]);
	layer_expect(&ios[0], -EIO, 0);
	ck_assert_uint_eq(log_count("gets no queue: a queue was refused"), 1);
	layer.fake->refuses = false;
	layer.transport->reset(&layer.path);
	layer_until(&layer.was_reset);
	layer_queue_live(&queue);
	run_one(&ios[0]);
	end();
}
END_TEST

START_TEST(a_vector_that_cannot_be_set)
{
	layer_attach();
	layer.fake->vector_rc = -ENOSPC;
	layer_queue_open(&queue);
	layer_io_init(&ios[0], nvme_cmd_read, 0, 1);
	layer_submit(&queue, &ios[0]);
	layer_until_done(ios, 1);
	layer_expect(&ios[0], -EIO, 0);
	layer_io_fini(&ios[0]);
	layer_queue_close(&queue);
	layer_detach();
}
END_TEST

static unsigned drained;

static void count_drained(void *arg)
{
	ck_assert_ptr_eq(arg, &drained);
	drained++;
}

START_TEST(drain_waits_for_all)
{
	drained = 0;
	begin();
	layer.transport->drain(&queue.queue->base, count_drained, &drained);
	ck_assert_uint_eq(drained, 1);
	layer.fake->holds_io = true;
	for (unsigned i = 0; i < MANY; i++) {
		layer_submit(&queue, &ios[i]);
	}
	layer.transport->drain(&queue.queue->base, count_drained, &drained);
	layer_pumps(3);
	layer.transport->reset(&layer.path);
	layer_until(&layer.was_reset);
	layer_queue_live(&queue);
	layer_pumps(3);
	ck_assert_uint_eq(drained, 1);
	layer.fake->holds_io = false;
	fake_ctrlr_release(layer.fake, MANY);
	layer_until_done(ios, MANY);
	ck_assert_uint_eq(drained, 2);
	end();
}
END_TEST

/* What a reset has interrupted is still to come, though the controller has let go of it. */
START_TEST(drain_waits_for_a_reset)
{
	drained = 0;
	begin();
	layer.fake->holds_io = true;
	layer_submit(&queue, &ios[0]);
	layer_pumps(2);
	layer.fake->ready_steps = 50;
	layer.transport->reset(&layer.path);
	layer_pumps(10);
	ck_assert_int_eq(queue.queue->state, VFIO_IO_QUEUE_STOPPED);
	layer.transport->drain(&queue.queue->base, count_drained, &drained);
	layer_until(&layer.was_reset);
	layer_queue_live(&queue);
	layer_pumps(2);
	ck_assert_uint_eq(drained, 0);
	fake_ctrlr_release(layer.fake, 1);
	layer_until_done(ios, 1);
	ck_assert_uint_eq(drained, 1);
	end();
}
END_TEST

/* Each thread has its own queues, and they are told apart. */
START_TEST(threads_have_queues_of_their_own)
{
	struct layer_queue others[3];
	struct ebb_thread *threads[3];

	begin();
	for (unsigned i = 0; i < 3; i++) {
		threads[i] = stage_thread("other");
		stage_enter(threads[i]);
		layer_queue_open_live(&others[i]);
		layer_submit(&others[i], &ios[i]);
		stage_enter(ebb_thread_app());
	}
	layer_until_done(ios, 3);
	ck_assert_uint_eq(others[2].queue->qpairs[VFIO_QPAIR_POLLED].qid, 8);
	for (unsigned i = 0; i < 3; i++) {
		stage_enter(threads[i]);
		layer_queue_close(&others[i]);
		stage_enter(ebb_thread_app());
		stage_thread_exit(threads[i]);
	}
	end();
}
END_TEST

/* The first threads leave one pair for each reactor. */
START_TEST(few_queue_pairs_are_shared_out)
{
	struct layer_queue other;

	layer.fake->granted = 3;
	begin();
	ck_assert_uint_eq(queue.queue->present,
			  EBB_BIT(VFIO_QPAIR_IRQ) | EBB_BIT(VFIO_QPAIR_POLLED));
	layer_queue_open_live(&other);
	ck_assert_uint_eq(other.queue->present, EBB_BIT(VFIO_QPAIR_IRQ));
	layer_queue_close(&other);
	end();
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(layer_begin, layer_end),
		UNIT_TEST(a_polling_reactor_has_no_interrupts),
		UNIT_TEST(one_that_may_sleep_has),
		UNIT_TEST(a_busy_one_goes_without),
		UNIT_TEST(an_emulated_one_is_not_hurried),
		UNIT_TEST(any_other_one_is),
		UNIT_TEST(the_first_after_a_sleep_does_not_wait),
		UNIT_TEST(a_late_completion_is_looked_for),
		UNIT_TEST(a_lost_interrupt_is_found_and_counted),
		UNIT_TEST(a_late_interrupt_is_not_lost),
		UNIT_TEST(mode_changes_under_load),
		UNIT_TEST(with_one_queue_pair_it_interrupts),
		UNIT_TEST(num_io_queues_is_kept_to),
		UNIT_TEST(without_vectors_it_polls),
		UNIT_TEST(a_refused_second_pair_is_done_without),
		UNIT_TEST(a_refused_queue_fails_requests),
		UNIT_TEST(a_vector_that_cannot_be_set),
		UNIT_TEST(drain_waits_for_all),
		UNIT_TEST(drain_waits_for_a_reset),
		UNIT_TEST(threads_have_queues_of_their_own),
		UNIT_TEST(few_queue_pairs_are_shared_out),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
