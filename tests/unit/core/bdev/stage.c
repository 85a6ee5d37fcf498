/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/bdev/stage.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include <check.h>

#include <ebb/clock.h>
#include <ebb/log.h>
#include <ebb/thread.h>
#include <ebb/violation.h>

#include "core/event/framework.h"
#include "core/event/helper.h"
#include "core/event/reactor.h"
#include "core/event/reading.h"
#include "core/event/turn.h"

static uint64_t now_ns = EBB_NS_PER_S;
static struct ebb_thread *entered;
static unsigned violations_before[6];

static uint64_t clock_now_ns(void)
{
	return now_ns;
}

static void count_violation(const struct ebb_violation_record *record, void *arg)
{
	unsigned *counts = arg;

	counts[record->rule] += (unsigned)record->count;
}

unsigned stage_violations(int rule)
{
	unsigned counts[6] = {0};

	ebb_violation_for_each(count_violation, counts);
	return counts[rule] - violations_before[rule];
}

/* The clock moves and the CPU does not: no callback is to blame for the time that it took. */
static void read_none(int fd, struct os_thread_times *ret_times)
{
	(void)fd;
	memset(ret_times, 0, sizeof(*ret_times));
}

static bool read_none_of(pid_t tid, struct os_thread_times *ret_times)
{
	(void)tid;
	read_none(-1, ret_times);
	return true;
}

static void ask_none(int cpu, uint64_t since_ns, uint64_t until_ns, struct event_evidence *ret)
{
	(void)cpu;
	(void)since_ns;
	(void)until_ns;
	memset(ret, 0, sizeof(*ret));
}

static const struct event_reading_source no_readings = {
	.read = read_none,
	.read_of = read_none_of,
	.ask = ask_none,
};

void stage_begin(void)
{
	struct event_framework_opts opts = {.mode = EBB_REACTOR_POLL, .roam = true};

	memset(violations_before, 0, sizeof(violations_before));
	ebb_violation_for_each(count_violation, violations_before);
	ebb_violation_set_action(EBB_VIOLATION_LOG);
	CPU_ZERO(&opts.cpus);
	CPU_SET((unsigned)sched_getcpu(), &opts.cpus);
	ebb_clock_set_source(clock_now_ns);
	event_reading_set_source(&no_readings);
	log_capture();
	ebb_log_set_print_level(EBB_LOG_NOTICE);
	ck_assert_int_eq(event_framework_init(&opts), 0);
	event_reactor_begin(&event_reactors[0]);
	stage_enter(ebb_thread_app());
	stage_turn();
}

void stage_enter(struct ebb_thread *thread)
{
	entered = thread;
	event_turn.thread = thread;
}

void stage_turn(void)
{
	event_turn.thread = NULL;
	event_reactor_turn(&event_reactors[0], true);
	event_turn.thread = entered;
}

void stage_turns(unsigned count)
{
	while (count-- > 0) {
		stage_turn();
	}
}

void stage_until(const bool *done)
{
	struct timespec begin, now;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	while (!*done) {
		stage_turn();
		sched_yield();
		clock_gettime(CLOCK_MONOTONIC, &now);
		/* Each assertion is a line in Check's file, which a limit of length bounds too. */
		if (now.tv_sec - begin.tv_sec >= 20) {
			ck_abort_msg("nothing came for 20 s");
		}
	}
}

void stage_clock_advance(uint64_t ns)
{
	now_ns += ns;
}

void stage_advance_ms(unsigned ms)
{
	unsigned step_ms;

	stage_turn();
	for (; ms > 0; ms -= step_ms) {
		step_ms = ms < 100 ? ms : 100;
		stage_clock_advance(step_ms * EBB_NS_PER_MS);
		stage_turns(2);
	}
}

void stage_call(ebb_msg_fn fn, void *arg)
{
	ck_assert_int_eq(ebb_thread_send_msg(ebb_thread_app(), fn, arg), 0);
	stage_turns(4);
}

void stage_clock_restore(void)
{
	ebb_clock_set_source(clock_now_ns);
}

struct ebb_thread *stage_thread(const char *name)
{
	struct ebb_thread *thread;

	ck_assert_int_eq(ebb_thread_create(name, EBB_CORE_ANY, &thread), 0);
	stage_turns(2);
	return thread;
}

void stage_thread_exit(struct ebb_thread *thread)
{
	struct ebb_thread *before = entered;

	stage_enter(thread);
	ebb_thread_exit();
	stage_enter(before);
	stage_turns(4);
}

void stage_end(void)
{
	struct event_reactor *reactor = &event_reactors[0];
	unsigned turns = 0;

	stage_enter(ebb_thread_app());
	stage_turns(8);
	event_framework_stop();
	while (!event_reactor_done(reactor)) {
		entered = NULL;
		stage_turn();
		sched_yield();
		ck_assert_msg(++turns < 100000, "a thread does not end");
	}
	event_reactor_end(reactor);
	event_helper_stop();
	event_framework_fini();
	log_release();
	ebb_clock_set_source(NULL);
	event_reading_set_source(NULL);
}

struct foreign {
	void (*fn)(void *arg);
	void *arg;
};

static void *foreign_main(void *arg)
{
	struct foreign *foreign = arg;

	foreign->fn(foreign->arg);
	return NULL;
}

void stage_foreign(void (*fn)(void *arg), void *arg)
{
	struct foreign foreign = {.fn = fn, .arg = arg};
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, foreign_main, &foreign), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
