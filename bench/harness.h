/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_HARNESS_H
#define BENCH_HARNESS_H

/*
 * A measurement of reactors needs somebody who is none: the harness, an OS thread that starts
 * one thing after another inside the running framework and sleeps while it is measured. So a
 * measurement in several parts is written as one function from top to bottom.
 */

#include <semaphore.h>

#include <ebb/app.h>
#include <ebb/thread.h>

#include "bench/machine/rusage.h"

/**
 * bench_harness_run() - start the framework, run @script(@arg) beside it, stop it
 * @app: options for ebb_app_start(); the name and the signals are filled in here
 * @script: on the harness's OS thread, when everything is up
 * Return: what @script returned; BENCH_EXIT_FAILED if the framework could not start (said).
 */
int bench_harness_run(struct ebb_app_opts *app, int (*script)(void *arg), void *arg);

/* As bench_harness_run(), but says nothing if the framework could not start: *@ret_started is false. */
int bench_harness_try(struct ebb_app_opts *app, int (*script)(void *arg), void *arg,
		      bool *ret_started);

/* What the harness has an ebb thread do while it sleeps. */
struct bench_harness_call {
	struct ebb_msg msg;
	sem_t done;
};

/**
 * bench_harness_call() - run @fn(@arg) on @thread, and sleep until bench_harness_call_done()
 * @call: the caller's storage; bench_harness_call_done(@call) may come later than the end of @fn
 * Thread: the harness.
 */
void bench_harness_call(struct bench_harness_call *call, struct ebb_thread *thread, ebb_msg_fn fn,
			void *arg);

/* Thread: an ebb thread. @call may be gone when this returns. */
void bench_harness_call_done(struct bench_harness_call *call);

/**
 * bench_harness_set_mode() - put every reactor in @mode, and wait until it is
 * Thread: the harness.
 * Return: 0; -errno (said on stderr).
 */
int bench_harness_set_mode(enum ebb_reactor_mode mode);

/* As above, but says nothing. @spin_us: of the adaptive mode; 0: as it is. */
int bench_harness_try_mode(enum ebb_reactor_mode mode, uint32_t spin_us);

/* Likewise, the plan of ebb_reactor_set_plan(). */
int bench_harness_try_plan(uint64_t sleep_ns, uint64_t look_ns);

/**
 * bench_harness_on_signal() - have @fn(@arg) run on the app thread when a signal wants the end
 * At once, by a message, if it has come already. One at a time; @fn NULL: nothing runs any more.
 * Thread: app.
 */
void bench_harness_on_signal(void (*fn)(void *arg), void *arg);

/* Sleeps until @time_ns from now, or until a signal wants the end. Thread: the harness. */
void bench_harness_sleep(uint64_t time_ns);

/* Holds the OS thread of the reactor on @core on @cpu until its next change of mode. */
void bench_harness_pin(int core, int cpu);

#endif
