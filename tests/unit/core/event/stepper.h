/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_CORE_EVENT_STEPPER_H
#define TESTS_UNIT_CORE_EVENT_STEPPER_H

/*
 * The event layer, stepped: the reactors of a test do not run by themselves but turn by turn, all
 * on the test's own OS thread, by a clock that only the test moves. So an order of events that
 * takes luck in a running service is here just a sequence of calls. What is logged is kept.
 *
 * The running turn lives in thread-local storage; the stepper swaps it when it steps another
 * reactor than before.
 */

#include <check.h>

#include <ebb/poller.h>
#include <ebb/thread.h>

#include "core/event/framework.h"
#include "core/event/reactor.h"
#include "core/event/reading.h"
#include "core/event/thread.h"
#include "tests/unit/fixtures/log.h"

/*
 * Fixtures: one reactor, two or three, in interrupt mode, on CPUs 0 to 2; the app thread on the
 * first.
 */
void stepper_start(void);
void stepper_start_two(void);
void stepper_start_three(void);

/* Lets every thread exit, checks that they do, and frees everything; again: nothing. */
void stepper_stop(void);

/* As above, but a thread that has to be forced is no failure. */
void stepper_stop_forced(void);

/* One turn of the first reactor, of @index. @return as event_reactor_turn(). */
bool stepper_turn(void);
bool stepper_turn_of(unsigned index, bool polling);

/* Turns of all reactors until none does anything; fails the test after a few hundred. */
void stepper_settle(void);

/*
 * Runs the first reactor by its own loop, as event_framework_run() would, until something that runs
 * there has called event_framework_stop(). Afterwards nothing can be stepped, but all can be looked
 * at.
 */
void stepper_run(void);
bool stepper_has_run(void);

/* The clock, and nothing else, moves on. */
void stepper_advance_us(uint64_t us);
uint64_t stepper_now_ns(void);

/*
 * What callbacks are judged by, where they take long: the reactors' OS thread's times beyond this
 * clock, which is all CPU time (cpu_ns wraps below zero for what is not); and what else is known.
 */
extern struct os_thread_times stepper_times;
extern struct event_evidence stepper_evidence;

/* A thread on reactor @index, which knows it already. */
struct ebb_thread *stepper_thread(const char *name, unsigned index);

/* What the test does between these it does as a callback of @thread would. */
void stepper_enter(struct ebb_thread *thread);
void stepper_leave(void);

/* Begins the exit of @thread; to be settled. */
void stepper_exit(struct ebb_thread *thread);

/* On a foreign OS thread: waits until the reactor on @core, which runs by itself, sleeps. */
void stepper_wait_asleep(int core);

/* For messages that only count. */
void stepper_count(void *counter);
int stepper_poll_count(void *counter);

#endif
