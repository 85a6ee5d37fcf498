/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/stress/stress.h"

/*
 * Workers: ebb threads that live as long as the test and move from reactor to reactor. Each has
 * three timers; the middle one sends messages to other workers and begins whatever else a worker
 * does. The token is a message that its receiver sends on.
 */

#include <errno.h>

#include <ebb/io_channel.h>
#include <ebb/poller.h>

#include "core/event/framework.h"

#define WINDOW 64
#define TIMERS 3

static const uint64_t timer_periods_us[TIMERS] = {300, 1100, 7300};

struct timer {
	struct stress_flow flow;
	struct ebb_poller *poller;
	struct stress_random *random;
	unsigned worker;
	bool acts;
};

struct worker_state {
	struct stress_random random;
	struct timer timers[TIMERS];
	struct stress_stream streams[STRESS_WORKERS][STRESS_FORMS];
	struct stress_flow phase_flow;
};

struct token {
	struct stress_stream stream;
	struct stress_random random;
	_Atomic bool resting;
};

struct stress_worker stress_workers[STRESS_WORKERS];

static struct worker_state states[STRESS_WORKERS];
static struct token the_token;
static _Atomic unsigned num_begun;
static ebb_msg_fn workers_begun;

struct stress_worker *stress_worker_current(void)
{
	for (unsigned i = 0; i < STRESS_WORKERS; i++) {
		if (stress_workers[i].thread == ebb_thread_current()) {
			return &stress_workers[i];
		}
	}
	return NULL;
}

/* ---- the token ---- */

static void token_hop(struct token *token)
{
	int rc;

	if (stress_phase_now() != STRESS_TOKEN) {
		/* Hands the token to whoever launches it. */
		atomic_store(&token->resting, true);
		return;
	}
	stress_flow_end(&stress_pulse);
	token->stream.target =
		stress_workers[stress_random_below(&token->random, STRESS_WORKERS)].thread;
	token->stream.form = (enum stress_form)stress_random_below(&token->random, STRESS_FORMS);
	stress_random_delay(&token->random);
	rc = stress_stream_send(&token->stream);
	if (rc == -EAGAIN) {
		token->stream.form = STRESS_MSG; /* the ring of critical calls was full */
		rc = stress_stream_send(&token->stream);
	}
	if (rc != 0) {
		stress_fail("the token cannot be sent on: error %d", rc);
	}
}

static void token_arrived(struct stress_stream *stream)
{
	token_hop(ebb_container_of(stream, struct token, stream));
}

void stress_token_launch(void)
{
	if (atomic_exchange(&the_token.resting, false)) {
		token_hop(&the_token);
	}
}

/* ---- timers ---- */

static void worker_send(struct worker_state *state, struct stress_random *random)
{
	unsigned target = (unsigned)stress_random_below(random, STRESS_WORKERS);
	unsigned form = (unsigned)stress_random_below(random, STRESS_FORMS);
	uint64_t count = 1 + stress_random_below(random, 8);

	while (count > 0 && stress_stream_send(&state->streams[target][form]) == 0) {
		count--;
	}
}

static int timer_run(void *arg)
{
	struct timer *timer = arg;
	enum stress_phase phase = stress_phase_now();
	struct stress_random *random = timer->random;

	if (stress_workers[timer->worker].thread != ebb_thread_current()) {
		stress_fail("a timer of worker %u runs on another thread", timer->worker);
	}
	stress_flow_end(&timer->flow);
	if (phase == STRESS_SILENT) {
		stress_flow_end(&stress_pulse);
	}
	if (!timer->acts || (phase != STRESS_FLOOD && phase != STRESS_TRICKLE)) {
		return 0;
	}
	switch (stress_random_below(random, 4)) {
	case 0:
		stress_io_step(timer->worker, random);
		break;
	case 1:
		stress_source_step(timer->worker);
		break;
	case 2:
		stress_device_step(timer->worker, random);
		break;
	default:
		worker_send(&states[timer->worker], random);
		break;
	}
	return 1;
}

/* In silence one timer of one worker runs, otherwise none in a quiet phase. */
static void worker_phase_changed(void *arg)
{
	struct stress_worker *worker = arg;
	struct worker_state *state = &states[worker->index];
	enum stress_phase phase = stress_phase_now();
	bool silent = phase == STRESS_SILENT;
	bool quiet = stress_phase_quiet(phase);

	if (phase == STRESS_END) {
		stress_device_release(worker->index);
	}
	for (unsigned i = 0; i < TIMERS; i++) {
		struct timer *timer = &state->timers[i];

		if (quiet && (!silent || worker->index != 0 || i != 0)) {
			stress_flow_set_open(&timer->flow, false);
			ebb_poller_pause(timer->poller);
		} else {
			ebb_poller_resume(timer->poller);
			stress_flow_set_open(&timer->flow, true);
		}
	}
	if (phase == STRESS_URING) {
		stress_io_chain(worker->index, &state->random);
	}
	stress_flow_end(&state->phase_flow);
}

void stress_workers_tell_phase(void)
{
	for (unsigned i = 0; i < STRESS_WORKERS; i++) {
		stress_flow_begin(&states[i].phase_flow);
		if (ebb_thread_send_msg(stress_workers[i].thread, worker_phase_changed,
					&stress_workers[i]) != 0) {
			stress_fail("worker %u has gone", i);
		}
	}
}

/* ---- begin and end ---- */

void stress_workers_init(void)
{
	static const char *const names[STRESS_FORMS] = {"worker msg", "worker call", "worker mixed",
							"worker critical"};

	for (unsigned i = 0; i < STRESS_WORKERS; i++) {
		struct worker_state *state = &states[i];

		stress_random_init(&state->random, 200 + i);
		stress_flow_init(&state->phase_flow, "phase message", i);
		for (unsigned k = 0; k < TIMERS; k++) {
			stress_flow_init(&state->timers[k].flow, "timer", i * TIMERS + k);
			state->timers[k].flow.heartbeat = true;
			state->timers[k].worker = i;
			state->timers[k].random = &state->random;
			state->timers[k].acts = k == 1;
		}
		for (unsigned k = 0; k < STRESS_WORKERS * STRESS_FORMS; k++) {
			unsigned form = k % STRESS_FORMS;

			stress_stream_init(&state->streams[k / STRESS_FORMS][form], names[form],
					   i * STRESS_WORKERS + k / STRESS_FORMS,
					   (enum stress_form)form, WINDOW);
		}
	}
	stress_stream_init(&the_token.stream, "token", 0, STRESS_MSG, 1);
	stress_random_init(&the_token.random, 300);
	the_token.stream.after = token_arrived;
	atomic_store(&the_token.resting, true);
}

static void worker_begin(void *arg)
{
	struct stress_worker *worker = arg;

	for (unsigned i = 0; i < TIMERS; i++) {
		struct timer *timer = &states[worker->index].timers[i];

		timer->poller = ebb_poller_register(timer_run, timer, timer_periods_us[i]);
		if (timer->poller == NULL) {
			stress_fail("worker %u gets no timer", worker->index);
		}
		stress_flow_set_open(&timer->flow, true);
	}
	stress_io_open(worker->index);
	stress_source_open(worker->index);
	if (atomic_fetch_add(&num_begun, 1) + 1 == STRESS_WORKERS) {
		ebb_thread_send_msg(ebb_thread_app(), workers_begun, NULL);
	}
}

/* All workers exist before one is sent to: they know one another. */
void stress_workers_start(ebb_msg_fn begun)
{
	workers_begun = begun;
	for (unsigned i = 0; i < STRESS_WORKERS; i++) {
		struct stress_worker *worker = &stress_workers[i];
		char name[] = "worker0";

		name[6] = (char)('0' + i);
		worker->index = i;
		if (ebb_thread_create(name, EBB_CORE_ANY, &worker->thread) != 0) {
			stress_fail("worker %u cannot be made", i);
		}
		for (unsigned from = 0; from < STRESS_WORKERS; from++) {
			for (unsigned form = 0; form < STRESS_FORMS; form++) {
				states[from].streams[i][form].target = worker->thread;
			}
		}
	}
	for (unsigned i = 0; i < STRESS_WORKERS; i++) {
		ebb_thread_send_msg(stress_workers[i].thread, worker_begin, &stress_workers[i]);
	}
}

static void worker_end(void *arg)
{
	struct stress_worker *worker = arg;

	for (unsigned i = 0; i < TIMERS; i++) {
		stress_flow_set_open(&states[worker->index].timers[i].flow, false);
		ebb_poller_unregister(&states[worker->index].timers[i].poller);
	}
	stress_device_release(worker->index);
	stress_source_close(worker->index);
	stress_io_close(worker->index);
	ebb_thread_exit();
}

static void workers_gone(void *device)
{
	(void)device;
	event_framework_stop();
}

void stress_workers_stop(void)
{
	for (unsigned i = 0; i < STRESS_WORKERS; i++) {
		ebb_thread_send_msg(stress_workers[i].thread, worker_end, &stress_workers[i]);
	}
	/* Done when the last worker has let go of its channel. */
	ebb_io_device_unregister(&stress_io_device, workers_gone);
}

void stress_workers_fini(void)
{
	for (unsigned i = 0; i < STRESS_WORKERS; i++) {
		for (unsigned k = 0; k < STRESS_WORKERS * STRESS_FORMS; k++) {
			stress_stream_fini(&states[i].streams[k / STRESS_FORMS][k % STRESS_FORMS]);
		}
	}
	stress_stream_fini(&the_token.stream);
}
