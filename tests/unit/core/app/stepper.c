/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/app/stepper.h"

#include <stdio.h>
#include <string.h>

#include <check.h>

#include <ebb/clock.h>
#include <ebb/log.h>

#include "core/event/event.h"
#include "core/event/reactor.h"

#define LOG_LINES 256

static uint64_t now_ns = EBB_NS_PER_S;
static char lines[LOG_LINES][512];
static unsigned num_lines;

static uint64_t clock_now_ns(void)
{
	return now_ns;
}

static void log_sink(enum ebb_log_level level, const char *component, const char *text)
{
	ck_assert_uint_lt(num_lines, LOG_LINES);
	snprintf(lines[num_lines++], sizeof(lines[0]), "%s %s: %s", ebb_log_level_name(level),
		 component, text);
}

unsigned stepper_log_count(const char *text)
{
	unsigned count = 0;
	unsigned index;

	for (index = 0; index < num_lines; index++) {
		count += strstr(lines[index], text) != NULL;
	}
	return count;
}

void stepper_log_clear(void)
{
	num_lines = 0;
}

void stepper_begin(void)
{
	struct ebb_event_opts opts = {.mode = EBB_REACTOR_POLL, .roam = true};

	CPU_ZERO(&opts.cpus);
	CPU_SET((unsigned)sched_getcpu(), &opts.cpus);
	ebb_clock_set_source(clock_now_ns);
	ebb_log_set_sink(log_sink);
	ebb_log_set_level(EBB_LOG_NOTICE);
	ck_assert_int_eq(ebb_event_init(&opts), 0);
	ebb_reactor_begin(&ebb_reactors[0]);
	stepper_turns(1);
}

void stepper_turns(unsigned count)
{
	while (count-- > 0) {
		ebb_reactor_turn(&ebb_reactors[0], true);
	}
}

void stepper_call(ebb_msg_fn fn, void *arg)
{
	ck_assert_int_eq(ebb_thread_send_msg(ebb_thread_app(), fn, arg), 0);
	stepper_turns(4);
}

void stepper_advance_ms(unsigned ms)
{
	unsigned step_ms;

	stepper_turns(1);
	while (ms > 0) {
		step_ms = ms < 100 ? ms : 100;
		now_ns += step_ms * EBB_NS_PER_MS;
		ms -= step_ms;
		stepper_turns(2);
	}
}

static void stop(void *arg)
{
	(void)arg;
	ebb_event_stop();
}

void stepper_end(void)
{
	struct ebb_reactor *reactor = &ebb_reactors[0];
	unsigned turns = 0;

	stepper_call(stop, NULL);
	while (!event_reactor_done(reactor)) {
		stepper_turns(1);
		ck_assert_uint_lt(++turns, 1000);
	}
	ebb_reactor_end(reactor);
	ebb_event_fini();
	ebb_log_set_sink(NULL);
	ebb_clock_set_source(NULL);
}
