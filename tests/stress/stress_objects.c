/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/stress/stress.h"

/*
 * Churn: a timer of the app thread changes what the workers run on: modes of reactors, places of
 * threads, devices that come and go, and rounds over all of it.
 */

#include <errno.h>
#include <stdlib.h>

#include <ebb/io_channel.h>
#include <ebb/poller.h>
#include <ebb/reactor.h>

#define CHURN_PERIOD_US 700
#define REACTORS_MAX    8
#define DEVICES         3
#define ROUNDS          4
#define SPIN_US_MAX     400
#define PLAN_NS_MAX     (200 * EBB_NS_PER_US)

struct mode_target {
	struct stress_flow flow;
	int core;
	unsigned under_way;
};

struct device {
	struct stress_flow flow; /* begun: registered; ended: unregistered */
	bool registered;
	bool going;
	_Atomic int channels;
};

/* A round over threads, or over the channels of the workers' device. */
struct round {
	struct stress_flow flow;
	bool under_way;
	unsigned visits[STRESS_WORKERS];
};

static struct stress_random random_state;
static struct stress_flow churn_flow;
static struct ebb_poller *churn;
static struct mode_target modes[REACTORS_MAX];
static unsigned num_reactors;
static struct stress_flow moves[STRESS_WORKERS];
static struct device devices[DEVICES];
static struct round thread_rounds[ROUNDS];
static struct round channel_rounds[ROUNDS];
static struct stress_flow lost_device_round;

/* What workers hold of the devices that come and go; each worker's is its own. */
static struct ebb_io_channel *held[STRESS_WORKERS][DEVICES];

static uint64_t dice(uint64_t sides)
{
	return stress_random_below(&random_state, sides);
}

/* ---- modes ---- */

static void mode_changed(void *arg, int rc)
{
	struct mode_target *target = arg;

	if (rc != 0 && (rc != -EBUSY || target->under_way < 2)) {
		stress_fail("the mode of reactor %d cannot be changed: error %d", target->core, rc);
	}
	target->under_way--;
	stress_flow_end(&target->flow);
}

static void change_mode(void)
{
	struct mode_target *target = &modes[dice(num_reactors)];

	/* Two at a time now and then: the second is to be refused, or in time. */
	if (target->under_way < 1 + (dice(4) == 0)) {
		target->under_way++;
		stress_flow_begin(&target->flow);
		if (dice(2) == 0) {
			ebb_reactor_set_plan(target->core, dice(PLAN_NS_MAX), dice(PLAN_NS_MAX),
					     mode_changed, target);
		} else {
			ebb_reactor_set_mode(target->core,
					     (enum ebb_reactor_mode)dice(EBB_REACTOR_MODE_COUNT),
					     (uint32_t)dice(SPIN_US_MAX), mode_changed, target);
		}
	}
}

/* ---- moves ---- */

static void moved(void *arg, int rc)
{
	struct stress_flow *flow = arg;

	if (rc != 0) {
		stress_fail("worker %u cannot be moved: error %d", flow->index, rc);
	}
	stress_flow_end(flow);
}

static void move_worker(void)
{
	unsigned worker = (unsigned)dice(STRESS_WORKERS);

	if (stress_flow_under_way(&moves[worker]) == 0) {
		stress_flow_begin(&moves[worker]);
		ebb_thread_move(stress_workers[worker].thread, modes[dice(num_reactors)].core,
				moved, &moves[worker]);
	}
}

/* ---- devices ---- */

static int device_channel_create(void *arg, void *ctx)
{
	struct device *device = arg;

	(void)ctx;
	atomic_fetch_add(&device->channels, 1);
	return 0;
}

static void device_channel_destroy(void *arg, void *ctx)
{
	struct device *device = arg;

	(void)ctx;
	atomic_fetch_sub(&device->channels, 1);
}

static void device_quiesced(void *arg)
{
	ebb_io_channel_quiesced(arg);
}

/* Answers on a later turn. The reference keeps the channel until the resume. */
static void device_quiesce(void *ctx, struct ebb_io_channel *channel)
{
	(void)ctx;
	ebb_io_channel_ref(channel);
	if (ebb_thread_send_msg(ebb_thread_current(), device_quiesced, channel) != 0) {
		stress_fail("a thread that moves takes no messages");
	}
}

static void device_resume(void *ctx, struct ebb_io_channel *channel)
{
	(void)ctx;
	ebb_io_channel_put(channel);
}

static void device_gone(void *arg)
{
	struct device *device = arg;

	if (atomic_load(&device->channels) != 0) {
		stress_fail("a device has gone before its channels");
	}
	device->going = false;
	device->registered = false;
	stress_flow_end(&device->flow);
}

static void change_device(struct device *device)
{
	static const struct ebb_io_device_ops ops = {
		.name = "stress_device",
		.ctx_size = 64,
		.create = device_channel_create,
		.destroy = device_channel_destroy,
		.quiesce = device_quiesce,
		.resume = device_resume,
	};

	if (device->going) {
		return;
	}
	if (!device->registered) {
		if (ebb_io_device_register(device, &ops) != 0) {
			stress_fail("a device cannot be registered");
		}
		device->registered = true;
		return;
	}
	device->going = true;
	stress_flow_begin(&device->flow);
	if (ebb_io_device_unregister(device, device_gone) != 0) {
		stress_fail("a device cannot be unregistered");
	}
}

/* Called by each worker's timer; what it does not hold for ever ends its devices' waiting. */
void stress_device_step(unsigned index, struct stress_random *random)
{
	struct ebb_io_channel **channel = &held[index][stress_random_below(random, DEVICES)];

	if (*channel != NULL) {
		ebb_io_channel_put(*channel);
		*channel = NULL;
	} else {
		*channel = ebb_io_channel_get(&devices[channel - held[index]]);
	}
}

void stress_device_release(unsigned index)
{
	for (unsigned i = 0; i < DEVICES; i++) {
		if (held[index][i] != NULL) {
			ebb_io_channel_put(held[index][i]);
			held[index][i] = NULL;
		}
	}
}

/* ---- rounds ---- */

static void round_begin(struct round *round)
{
	for (unsigned i = 0; i < STRESS_WORKERS; i++) {
		round->visits[i] = 0;
	}
	round->under_way = true;
	stress_flow_begin(&round->flow);
}

static void round_visit(void *arg)
{
	struct round *round = arg;
	struct stress_worker *worker = stress_worker_current();

	if (worker != NULL) {
		round->visits[worker->index]++;
	}
}

static void round_done(void *arg)
{
	struct round *round = arg;

	if (!ebb_thread_is_app()) {
		stress_fail("a round ends on another thread than it began");
	}
	for (unsigned i = 0; i < STRESS_WORKERS; i++) {
		if (round->visits[i] != 1) {
			stress_fail("%s: worker %u was visited %u times", round->flow.name, i,
				    round->visits[i]);
		}
	}
	round->under_way = false;
	stress_flow_end(&round->flow);
}

static void channel_round_done(void *arg, int rc)
{
	if (rc != 0) {
		stress_fail("a round over channels ends with error %d", rc);
	}
	round_done(arg);
}

static void channel_round_next(void *arg)
{
	ebb_for_each_channel_next(arg, 0);
}

static void channel_round_visit(struct ebb_channel_iter *iter, struct ebb_io_channel *channel,
				void *arg)
{
	if (ebb_io_channel_thread(channel) != ebb_thread_current()) {
		stress_fail("a round visits a channel on another thread");
	}
	round_visit(arg);
	if (stress_worker_current()->index % 2 == 0) {
		channel_round_next(iter);
	} else if (ebb_thread_send_msg(ebb_thread_current(), channel_round_next, iter) != 0) {
		stress_fail("a thread takes no messages from itself");
	}
}

static void lost_round_visit(struct ebb_channel_iter *iter, struct ebb_io_channel *channel,
			     void *arg)
{
	(void)channel;
	(void)arg;
	ebb_for_each_channel_next(iter, 0);
}

/* Over a device that may be going: it completes all the same. */
static void lost_round_done(void *arg, int rc)
{
	(void)arg;
	if (rc != 0 && rc != -ENODEV) {
		stress_fail("a round over a going device ends with error %d", rc);
	}
	stress_flow_end(&lost_device_round);
}

static void begin_round(void)
{
	struct round *thread_round = &thread_rounds[dice(ROUNDS)];
	struct round *channel_round = &channel_rounds[dice(ROUNDS)];

	if (!thread_round->under_way) {
		round_begin(thread_round);
		if (ebb_for_each_thread(round_visit, thread_round, round_done) != 0) {
			stress_fail("no round over the threads can begin");
		}
	}
	if (!channel_round->under_way) {
		round_begin(channel_round);
		ebb_for_each_channel(&stress_io_device, channel_round_visit, channel_round,
				     channel_round_done);
	}
	if (stress_flow_under_way(&lost_device_round) < ROUNDS) {
		stress_flow_begin(&lost_device_round);
		ebb_for_each_channel(&devices[dice(DEVICES)], lost_round_visit, NULL,
				     lost_round_done);
	}
}

/* ---- churn ---- */

static int churn_run(void *arg)
{
	(void)arg;
	stress_flow_end(&churn_flow);
	if (stress_phase_quiet(stress_phase_now())) {
		return 0;
	}
	if (stress_phase_now() == STRESS_END) {
		stress_lives_end();
		return 0;
	}
	switch (dice(5)) {
	case 0:
		change_mode();
		break;
	case 1:
		move_worker();
		break;
	case 2:
		change_device(&devices[dice(DEVICES)]);
		break;
	case 3:
		begin_round();
		break;
	default:
		stress_lives_step(&random_state);
		break;
	}
	return 1;
}

void stress_objects_init(void)
{
	stress_random_init(&random_state, 500);
	stress_flow_init(&churn_flow, "churn", 0);
	churn_flow.heartbeat = true;
	stress_flow_init(&lost_device_round, "round, going device", 0);
	for (unsigned i = 0; i < REACTORS_MAX; i++) {
		stress_flow_init(&modes[i].flow, "mode change", i);
	}
	for (unsigned i = 0; i < STRESS_WORKERS; i++) {
		stress_flow_init(&moves[i], "move", i);
	}
	for (unsigned i = 0; i < DEVICES; i++) {
		stress_flow_init(&devices[i].flow, "device unregister", i);
		devices[i].flow.driven = true;
	}
	for (unsigned i = 0; i < ROUNDS; i++) {
		stress_flow_init(&thread_rounds[i].flow, "round over threads", i);
		stress_flow_init(&channel_rounds[i].flow, "round over channels", i);
	}
}

void stress_objects_start(void)
{
	while (num_reactors < REACTORS_MAX && ebb_reactor_core(num_reactors) >= 0) {
		modes[num_reactors].core = ebb_reactor_core(num_reactors);
		num_reactors++;
	}
	churn = ebb_poller_register(churn_run, NULL, CHURN_PERIOD_US);
	if (churn == NULL) {
		stress_fail("the app thread gets no timer");
	}
	stress_flow_set_open(&churn_flow, true);
}

void stress_objects_set_quiet(bool quiet)
{
	if (quiet) {
		stress_flow_set_open(&churn_flow, false);
		ebb_poller_pause(churn);
	} else {
		ebb_poller_resume(churn);
		stress_flow_set_open(&churn_flow, true);
	}
}

void stress_objects_stop(void)
{
	stress_flow_set_open(&churn_flow, false);
	ebb_poller_unregister(&churn);
	for (unsigned i = 0; i < DEVICES; i++) {
		if (devices[i].registered) {
			change_device(&devices[i]);
		}
	}
}
