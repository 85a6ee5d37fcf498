/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/stress/stress.h"

/*
 * Each worker has a channel to one io_device. Through it go no-ops and timeouts of the io_urings; a
 * move holds new ones back (quiesce) until those under way have ended. Jobs for the helper go
 * beside it. One of each kind is under way at a time, so that each has a deadline of its own.
 */

#include <errno.h>
#include <sched.h>

#include <ebb/helper.h>
#include <ebb/io_channel.h>
#include <ebb/uring.h>

#define TIMEOUT_MAX_NS (3 * (long)EBB_NS_PER_MS)
#define TIMEOUT_MIN_NS (20 * (long)EBB_NS_PER_US)

#define OPEN_RINGS_RARITY 64

struct io {
	unsigned index;
	struct ebb_io_channel *channel;
	struct stress_flow uring_flow;
	struct stress_flow helper_flow;
	struct ebb_uring_op op;
	struct ebb_work work;
	struct __kernel_timespec timeout;
	struct stress_random *chain; /* of the worker that a chain of requests goes on */
	uint64_t work_count;         /* on the helper and here in turn */
	bool op_under_way;
	bool work_under_way;
};

struct io_channel {
	bool quiescing;
	bool op_under_way;
};

char stress_io_device;

static struct io ios[STRESS_WORKERS];

static void io_check_thread(const struct io *io, const char *what)
{
	if (stress_worker_current() != &stress_workers[io->index]) {
		stress_fail("%s of worker %u ends on another thread", what, io->index);
	}
}

/* ---- the channel ---- */

static int io_channel_create(void *device, void *ctx)
{
	(void)device;
	(void)ctx;
	return ebb_uring_open(EBB_URING_PLAIN);
}

static void io_channel_quiesce(void *ctx, struct ebb_io_channel *channel)
{
	struct io_channel *state = ctx;

	state->quiescing = true;
	if (!state->op_under_way) {
		ebb_io_channel_quiesced(channel);
	}
}

static void io_channel_resume(void *ctx, struct ebb_io_channel *channel)
{
	struct io_channel *state = ctx;

	state->quiescing = false;
	if (ebb_uring_open(EBB_URING_PLAIN) != 0) {
		stress_fail("no io_uring on the reactor that a worker moved to");
	}
	if (ios[0].channel == channel && ios[0].chain != NULL) {
		stress_io_chain(0, ios[0].chain);
	}
}

void stress_io_register(void)
{
	static const struct ebb_io_device_ops ops = {
		.name = "stress_io",
		.ctx_size = sizeof(struct io_channel),
		.create = io_channel_create,
		.quiesce = io_channel_quiesce,
		.resume = io_channel_resume,
	};

	if (ebb_io_device_register(&stress_io_device, &ops) != 0) {
		stress_fail("the io_device cannot be registered");
	}
}

/* ---- io_uring ---- */

static void op_submit(struct io *io, struct stress_random *random);

static void op_complete(struct ebb_uring_op *op, int32_t res, uint32_t flags)
{
	struct io *io = ebb_container_of(op, struct io, op);
	struct io_channel *state = ebb_io_channel_ctx(io->channel);

	(void)flags;
	io_check_thread(io, "an io_uring request");
	if (res != 0 && res != -ETIME) {
		stress_fail("an io_uring request of worker %u ends with error %d", io->index, res);
	}
	io->op_under_way = false;
	state->op_under_way = false;
	stress_flow_end(&io->uring_flow);
	if (state->quiescing) {
		ebb_io_channel_quiesced(io->channel);
	} else if (io->chain != NULL) {
		stress_io_chain(io->index, io->chain);
	}
}

/* Now and then the reactor's ring gives way to a big one, and that is joined by a polled one. */
static void op_open_rings(struct stress_random *random)
{
	int rc;

	if (stress_random_below(random, OPEN_RINGS_RARITY) != 0) {
		return;
	}
	rc = ebb_uring_open(EBB_URING_BIG);
	if (rc == 0) {
		rc = ebb_uring_open(EBB_URING_POLLED);
	}
	if (rc != 0 && rc != -ENOTSUP) {
		stress_fail("no big or polled io_uring: error %d", rc);
	}
}

static void op_submit(struct io *io, struct stress_random *random)
{
	struct io_channel *state = ebb_io_channel_ctx(io->channel);
	struct io_uring_sqe *sqe;

	if (io->op_under_way || state->quiescing) {
		return;
	}
	io->op_under_way = true;
	state->op_under_way = true;
	stress_flow_begin(&io->uring_flow);
	op_open_rings(random);
	if (stress_random_below(random, 2) == 0) {
		sqe = ebb_uring_sqe_polled(&io->op); /* NULL unless the reactor polls */
		io_uring_prep_nop(sqe != NULL ? sqe : ebb_uring_sqe(&io->op, EBB_URING_OTHER));
	} else {
		sqe = ebb_uring_sqe(&io->op, EBB_URING_OTHER);
		io->timeout.tv_nsec =
			(long)stress_random_below(random, stress_random_below(random, 8) == 0
								  ? TIMEOUT_MAX_NS
								  : TIMEOUT_MIN_NS);
		io_uring_prep_timeout(sqe, &io->timeout, 0, 0);
	}
}

/* ---- the helper ---- */

static void work_run(struct ebb_work *work)
{
	struct io *io = ebb_container_of(work, struct io, work);

	if (ebb_thread_current() != NULL) {
		stress_fail("the helper runs on an ebb thread");
	}
	io->work_count++;
	sched_yield();
}

static void work_done(struct ebb_work *work)
{
	struct io *io = ebb_container_of(work, struct io, work);

	io_check_thread(io, "a helper's job");
	if (io->work_count % 2 != 0) {
		stress_fail("the helper's part of a job is not seen after it");
	}
	io->work_under_way = false;
	stress_flow_end(&io->helper_flow);
}

static void work_submit(struct io *io)
{
	if (io->work_under_way) {
		return;
	}
	io->work_under_way = true;
	io->work_count++;
	ebb_work_init(&io->work, work_run, work_done);
	stress_flow_begin(&io->helper_flow);
	ebb_helper_submit(&io->work);
}

/* ---- the worker's view ---- */

void stress_io_init(void)
{
	for (unsigned i = 0; i < STRESS_WORKERS; i++) {
		ios[i].index = i;
		ios[i].op.complete = op_complete;
		stress_flow_init(&ios[i].uring_flow, "io_uring", i);
		stress_flow_init(&ios[i].helper_flow, "helper", i);
	}
}

void stress_io_open(unsigned index)
{
	ios[index].channel = ebb_io_channel_get(&stress_io_device);
	if (ios[index].channel == NULL) {
		stress_fail("worker %u gets no channel", index);
	}
}

void stress_io_close(unsigned index)
{
	ebb_io_channel_put(ios[index].channel);
	ios[index].channel = NULL;
}

void stress_io_step(unsigned index, struct stress_random *random)
{
	if (stress_random_below(random, 4) == 0) {
		work_submit(&ios[index]);
	} else {
		op_submit(&ios[index], random);
	}
}

/* The first worker's requests, each when the last has ended. */
void stress_io_chain(unsigned index, struct stress_random *random)
{
	struct io *io = &ios[index];

	io->chain = NULL;
	if (stress_phase_now() == STRESS_URING && index == 0) {
		stress_flow_end(&stress_pulse);
		stress_random_delay(random);
		io->chain = random;
		op_submit(io, random);
	}
}
