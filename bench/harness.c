/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/harness.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <ebb/assert.h>
#include <ebb/clock.h>
#include <ebb/log.h>

#include "bench/option.h"
#include "bench/machine/pin.h"
#include "bench/signals.h"
#include "core/base/timespec.h"

static sem_t signal_wake; /* of the harness that sleeps */
static void (*signal_fn)(void *arg);
static void *signal_arg;

struct harness {
	int (*script)(void *arg);
	void *arg;
	cpu_set_t cpus; /* that this process may use */
	pthread_t thread;
	bool running;
	int rc;
};

static void *harness_thread_run(void *arg)
{
	struct harness *harness = arg;

	/* A reactor that is held on its CPU has made this thread, and would keep it and peers there. */
	sched_setaffinity(0, sizeof(harness->cpus), &harness->cpus);
	harness->rc = harness->script(harness->arg);
	ebb_app_stop(harness->rc);
	return NULL;
}

static void harness_start(void *arg)
{
	struct harness *harness = arg;
	int rc = pthread_create(&harness->thread, NULL, harness_thread_run, harness);

	if (rc != 0) {
		fprintf(stderr, "ebb-bench: no OS thread to conduct: %s\n", strerror(rc));
		ebb_app_stop(BENCH_EXIT_FAILED);
		return;
	}
	harness->running = true;
}

static void signal_run(void *arg)
{
	(void)arg;
	if (signal_fn != NULL) {
		signal_fn(signal_arg);
	}
}

/* In a signal handler. */
static void signal_came(void)
{
	struct ebb_thread *app = ebb_thread_app();

	sem_post(&signal_wake);
	if (app != NULL) {
		ebb_thread_send_critical(app, signal_run, NULL);
	}
}

void bench_harness_on_signal(void (*fn)(void *arg), void *arg)
{
	ebb_assert(ebb_thread_is_app());
	signal_fn = fn;
	signal_arg = arg;
	if (fn != NULL && bench_signals_seen()) {
		ebb_thread_send_critical(ebb_thread_app(), signal_run, NULL);
	}
}

int bench_harness_try(struct ebb_app_opts *app, int (*script)(void *arg), void *arg,
		      bool *ret_started)
{
	struct harness harness = {.script = script, .arg = arg, .rc = BENCH_EXIT_FAILED};
	int rc;

	if (sched_getaffinity(0, sizeof(harness.cpus), &harness.cpus) < 0) {
		CPU_ZERO(&harness.cpus); /* which cannot be set: it stays where it was made */
	}
	ebb_log_set_print_level(EBB_LOG_WARN);
	rc = sem_init(&signal_wake, 0, 0);
	ebb_assert(rc == 0);
	bench_signals_install(signal_came);
	app->name = "ebb-bench";
	app->handle_signals = false;
	rc = ebb_app_start(app, harness_start, &harness);
	if (harness.running) {
		pthread_join(harness.thread, NULL);
	}
	*ret_started = rc >= 0;
	return harness.rc;
}

int bench_harness_run(struct ebb_app_opts *app, int (*script)(void *arg), void *arg)
{
	bool started;
	int rc = bench_harness_try(app, script, arg, &started);

	if (!started) {
		fprintf(stderr, "ebb-bench: the framework did not start; its log above says why\n");
	}
	return rc;
}

void bench_harness_call(struct bench_harness_call *call, struct ebb_thread *thread, ebb_msg_fn fn,
			void *arg)
{
	int rc = sem_init(&call->done, 0, 0);

	ebb_assert(rc == 0);
	ebb_msg_init(&call->msg, fn, arg);
	rc = ebb_thread_send(thread, &call->msg);
	ebb_assert(rc == 0); /* the framework runs as long as the script does */
	while (sem_wait(&call->done) < 0) {
		ebb_assert(errno == EINTR);
	}
	sem_destroy(&call->done);
}

void bench_harness_call_done(struct bench_harness_call *call)
{
	sem_post(&call->done);
}

struct mode_call {
	struct bench_harness_call call;
	bool planned;
	enum ebb_reactor_mode mode;
	uint32_t spin_us;
	uint64_t sleep_ns;
	uint64_t look_ns;
	unsigned pending;
	int rc;
};

static void mode_set(void *arg, int rc)
{
	struct mode_call *mode = arg;

	if (rc < 0) {
		mode->rc = rc;
	}
	mode->pending--;
	if (mode->pending == 0) {
		bench_harness_call_done(&mode->call);
	}
}

static void mode_request(void *arg)
{
	struct mode_call *mode = arg;
	int core;

	for (unsigned i = 0; ebb_reactor_core(i) >= 0; i++) {
		mode->pending++;
	}
	for (unsigned i = 0; (core = ebb_reactor_core(i)) >= 0; i++) {
		if (mode->planned) {
			ebb_reactor_set_plan(core, mode->sleep_ns, mode->look_ns, mode_set, mode);
		} else {
			ebb_reactor_set_mode(core, mode->mode, mode->spin_us, mode_set, mode);
		}
	}
}

int bench_harness_try_mode(enum ebb_reactor_mode mode, uint32_t spin_us)
{
	struct mode_call call = {.mode = mode, .spin_us = spin_us};

	bench_harness_call(&call.call, ebb_thread_app(), mode_request, &call);
	return call.rc;
}

int bench_harness_try_plan(uint64_t sleep_ns, uint64_t look_ns)
{
	struct mode_call call = {.planned = true, .sleep_ns = sleep_ns, .look_ns = look_ns};

	bench_harness_call(&call.call, ebb_thread_app(), mode_request, &call);
	return call.rc;
}

int bench_harness_set_mode(enum ebb_reactor_mode mode)
{
	int rc = bench_harness_try_mode(mode, 0);

	if (rc < 0) {
		fprintf(stderr, "ebb-bench: the reactors cannot be put in %s mode: %s\n",
			ebb_reactor_mode_name(mode), strerror(-rc));
	}
	return rc;
}

void bench_harness_sleep(uint64_t time_ns)
{
	struct timespec end = base_timespec(ebb_clock_now_ns() + time_ns);

	while (!bench_signals_seen() && sem_clockwait(&signal_wake, CLOCK_MONOTONIC, &end) < 0) {
		if (errno == ETIMEDOUT) {
			return;
		}
		ebb_assert(errno == EINTR);
	}
}

void bench_harness_pin(int core, int cpu)
{
	struct ebb_reactor_stats stats;
	int rc = ebb_reactor_get_stats(core, &stats);

	ebb_assert(rc == 0);
	rc = bench_pin(stats.tid, cpu);
	if (rc < 0) {
		fprintf(stderr, "ebb-bench: reactor %d cannot be held on CPU %d: %s\n", core, cpu,
			strerror(-rc));
	}
}
