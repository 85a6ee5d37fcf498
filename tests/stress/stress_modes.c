/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/stress/stress.h"

/*
 * Two reactors change their mode or their plan a great many times, as fast as they answer, while both
 * have messages and timers to serve.
 *
 * One plan in four has a first sleep of an hour: what depends on the bound of a sleep to be noticed
 * is noticed by nobody then.
 *
 * What is under way is little on purpose: a token that two threads send to each other across the
 * reactors, a foreign sender that waits for each of its messages, and one timer a thread, which is
 * set anew when it has fired. Each step is caused by the one before, so a wakeup that a change of
 * mode loses stops its flow for good, and the checker names it.
 */

#include <pthread.h>
#include <time.h>

#include <ebb/clock.h>
#include <ebb/poller.h>
#include <ebb/reactor.h>

#include "core/event/framework.h"

#define REACTORS     2
#define SPIN_US_MAX  40
#define TIMER_US_MAX 300
#define PLAN_NS_MAX  (100 * EBB_NS_PER_US)
#define HOUR_NS      (3600 * EBB_NS_PER_S)
#define PAUSE_US_MAX 100 /* before one change in four, so that its reactor falls asleep */

struct mode_worker {
	struct ebb_thread *thread;
	struct ebb_poller *timer;
	struct stress_flow timer_flow;
	struct stress_stream token;   /* to the other one */
	struct stress_stream foreign; /* from the sender */
	struct stress_random random;
};

struct mode_target {
	int core;
	enum ebb_reactor_mode mode;
	struct stress_flow flow;
	struct ebb_poller *pause;
	struct stress_flow pause_flow;
};

static struct mode_worker workers[REACTORS];
static struct mode_target targets[REACTORS];
static struct stress_random random_state; /* the app thread's */
static unsigned num_wanted;
static unsigned num_begun;
static _Atomic bool ending; /* nothing is begun any more */
static _Atomic bool ended;

static void worker_close(void *arg)
{
	struct mode_worker *worker = arg;

	ebb_poller_unregister(&worker->timer);
	ebb_thread_exit();
}

static void app_stop(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < REACTORS; i++) {
		ebb_thread_send_msg(workers[i].thread, worker_close, &workers[i]);
	}
	event_framework_stop();
}

/* ---- the load ---- */

static int timer_fired(void *arg);

static void timer_set(struct mode_worker *worker)
{
	stress_flow_begin(&worker->timer_flow);
	worker->timer = ebb_poller_register(timer_fired, worker,
					    1 + stress_random_below(&worker->random, TIMER_US_MAX));
	if (worker->timer == NULL) {
		stress_fail("a timer cannot be made");
	}
}

static int timer_fired(void *arg)
{
	struct mode_worker *worker = arg;

	ebb_poller_unregister(&worker->timer);
	stress_flow_end(&worker->timer_flow);
	if (!atomic_load(&ending)) {
		timer_set(worker);
	}
	return 1;
}

static void token_arrived(struct stress_stream *stream)
{
	struct mode_worker *receiver = &workers[stream == &workers[0].token ? 1 : 0];

	if (atomic_load(&ending)) {
		return;
	}
	stress_random_delay(&receiver->random);
	if (stress_stream_send(&receiver->token) != 0) {
		stress_fail("the token cannot be sent");
	}
}

static void worker_open(void *arg)
{
	struct mode_worker *worker = arg;

	timer_set(worker);
	if (worker == &workers[0] && stress_stream_send(&worker->token) != 0) {
		stress_fail("the token cannot be sent");
	}
}

static void *sender_main(void *arg)
{
	struct stress_random random;

	(void)arg;
	stress_random_init(&random, 901);
	while (!atomic_load(&ending)) {
		struct stress_stream *stream =
			&workers[stress_random_below(&random, REACTORS)].foreign;
		struct timespec pause = {
			.tv_nsec = (long)stress_random_below(&random, 200 * EBB_NS_PER_US)};

		if (stress_stream_send(stream) != 0) {
			stress_fail("the foreign sender cannot send");
		}
		while (stress_flow_under_way(&stream->flow) != 0) {
			nanosleep(&pause, NULL);
		}
	}
	return NULL;
}

/* ---- the changes ---- */

static void mode_change(struct mode_target *target);

static int pause_ended(void *arg)
{
	struct mode_target *target = arg;

	ebb_poller_unregister(&target->pause);
	stress_flow_end(&target->pause_flow);
	mode_change(target);
	return 1;
}

static void mode_changed(void *arg, int rc)
{
	struct mode_target *target = arg;
	struct ebb_reactor_stats stats;

	if (rc != 0 || ebb_reactor_get_stats(target->core, &stats) != 0 ||
	    stats.mode != target->mode) {
		stress_fail("reactor %d: no change to mode %s: error %d", target->core,
			    ebb_reactor_mode_name(target->mode), rc);
	}
	stress_flow_end(&target->flow);
	if (stress_random_below(&random_state, 4) != 0) {
		mode_change(target);
		return;
	}
	stress_flow_begin(&target->pause_flow);
	target->pause = ebb_poller_register(pause_ended, target,
					    1 + stress_random_below(&random_state, PAUSE_US_MAX));
	if (target->pause == NULL) {
		stress_fail("a timer cannot be made");
	}
}

static void plan_change(struct mode_target *target)
{
	uint64_t sleep_ns = stress_random_below(&random_state, PLAN_NS_MAX);
	uint64_t look_ns = stress_random_below(&random_state, PLAN_NS_MAX);

	if (stress_random_below(&random_state, 4) == 0) {
		sleep_ns = HOUR_NS;
		look_ns = 2 * HOUR_NS;
	}
	target->mode = EBB_REACTOR_ADAPTIVE;
	stress_flow_begin(&target->flow);
	ebb_reactor_set_plan(target->core, sleep_ns, look_ns, mode_changed, target);
}

static void mode_change(struct mode_target *target)
{
	if (num_begun == num_wanted) {
		atomic_store(&ending, true);
		return;
	}
	num_begun++;
	if (stress_random_below(&random_state, 2) == 0) {
		plan_change(target);
		return;
	}
	/* Never the mode that it has: that would be no change. */
	target->mode = (enum ebb_reactor_mode)(
		((unsigned)target->mode + 1 +
		 stress_random_below(&random_state, EBB_REACTOR_MODE_COUNT - 1)) %
		EBB_REACTOR_MODE_COUNT);
	stress_flow_begin(&target->flow);
	ebb_reactor_set_mode(target->core, target->mode,
			     1 + (uint32_t)stress_random_below(&random_state, SPIN_US_MAX),
			     mode_changed, target);
}

static void app_start(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < REACTORS; i++) {
		targets[i].core = ebb_reactor_core(i);
		if (ebb_thread_create("worker", targets[i].core, &workers[i].thread) != 0) {
			stress_fail("a thread cannot be made");
		}
	}
	for (unsigned i = 0; i < REACTORS; i++) {
		workers[i].token.target = workers[1 - i].thread;
		workers[i].foreign.target = workers[i].thread;
		ebb_thread_send_msg(workers[i].thread, worker_open, &workers[i]);
	}
	for (unsigned i = 0; i < REACTORS; i++) {
		mode_change(&targets[i]);
	}
}

/* ---- the checker, and the sender ---- */

static void *checker_main(void *arg)
{
	static const struct timespec nap = {.tv_nsec = 10 * (long)EBB_NS_PER_MS};
	pthread_t sender;

	(void)arg;
	/* The workers' threads are there once the first change has ended. */
	while (atomic_load(&targets[0].flow.ended) == 0) {
		stress_flows_check(ebb_clock_now_ns());
		nanosleep(&nap, NULL);
	}
	if (pthread_create(&sender, NULL, sender_main, NULL) != 0) {
		stress_fail("the sender cannot be started");
	}
	while (!atomic_load(&ending)) {
		stress_flows_check(ebb_clock_now_ns());
		nanosleep(&nap, NULL);
	}
	pthread_join(sender, NULL);
	while (!stress_flows_check(ebb_clock_now_ns())) {
		nanosleep(&nap, NULL);
	}
	ebb_thread_send_msg(ebb_thread_app(), app_stop, NULL);
	while (!atomic_load(&ended)) {
		stress_flows_check(ebb_clock_now_ns());
		nanosleep(&nap, NULL);
	}
	return NULL;
}

static void modes_init(unsigned num_switches)
{
	num_wanted = num_switches;
	num_begun = 0;
	stress_random_init(&random_state, 900);
	for (unsigned i = 0; i < REACTORS; i++) {
		struct mode_worker *worker = &workers[i];

		stress_random_init(&worker->random, 910 + i);
		stress_flow_init(&targets[i].flow, "mode switch", i);
		stress_flow_init(&targets[i].pause_flow, "pause", i);
		stress_flow_init(&worker->timer_flow, "timer", i);
		stress_stream_init(&worker->token, "token", i, STRESS_MIXED, 1);
		stress_stream_init(&worker->foreign, "foreign message", i, STRESS_MIXED, 1);
		worker->token.after = token_arrived;
		targets[i].mode = EBB_REACTOR_ADAPTIVE;
	}
}

/* The first CPUs of those that may be used. Return: false: there are too few. */
static bool cpus_choose(cpu_set_t *ret_cpus)
{
	int count = 0;

	stress_allowed_cpus(ret_cpus);
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, ret_cpus) && ++count > REACTORS) {
			CPU_CLR(cpu, ret_cpus);
		}
	}
	return count >= REACTORS;
}

bool stress_modes(unsigned num_switches)
{
	struct event_framework_opts opts = {.mode = EBB_REACTOR_ADAPTIVE, .spin_us_max = 50};
	pthread_t checker;

	if (!cpus_choose(&opts.cpus)) {
		return false;
	}
	modes_init(num_switches);
	if (event_framework_init(&opts) != 0) {
		stress_fail("event_framework_init");
	}
	ebb_thread_send_msg(ebb_thread_app(), app_start, NULL);
	if (pthread_create(&checker, NULL, checker_main, NULL) != 0) {
		stress_fail("the checker cannot be started");
	}
	if (event_framework_run() != 0) {
		stress_fail("event_framework_run");
	}
	atomic_store(&ended, true);
	pthread_join(checker, NULL);
	stress_flows_print();
	event_framework_fini();
	for (unsigned i = 0; i < REACTORS; i++) {
		stress_stream_fini(&workers[i].token);
		stress_stream_fini(&workers[i].foreign);
	}
	stress_flows_fini();
	return true;
}
