/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/switch_monitor.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/event/watchdog.h"
#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

/* The test's own OS thread is the stepped reactor: it waits, for a moment, at least once. */
static void switch_once(void)
{
	struct os_task_switches before, now;

	ck_assert_int_eq(os_task_switches_read(gettid(), &before), 0);
	do {
		poll(NULL, 0, 1);
		ck_assert_int_eq(os_task_switches_read(gettid(), &now), 0);
	} while (now.voluntary == before.voluntary);
}

static void look_after_ms(unsigned ms)
{
	stepper_advance_us(ms * 1000ull);
	event_watchdog_expired();
}

START_TEST(test_off_says_nothing)
{
	ck_assert(!event_switch_monitor_enabled());
	look_after_ms(1000);
	switch_once();
	look_after_ms(1000);
	ck_assert_uint_eq(log_count("context switches"), 0);
}
END_TEST

START_TEST(test_on)
{
	unsigned long long voluntary = 0, involuntary;
	const char *line;

	event_switch_monitor_set(true);
	event_switch_monitor_set(true);
	ck_assert(event_switch_monitor_enabled());
	switch_once();
	look_after_ms(1000);
	ck_assert_uint_eq(log_count("context switches"), 0); /* since the beginning is not asked */
	switch_once();
	switch_once();
	look_after_ms(2500);
	ck_assert_uint_eq(log_count("context switches in 2.5 s"), 1);
	line = strstr(log_text(), "reactor 0: ");
	ck_assert_ptr_nonnull(line);
	ck_assert_int_eq(sscanf(line, "reactor 0: %llu voluntary and %llu involuntary", &voluntary,
				&involuntary),
			 2);
	ck_assert_uint_ge(voluntary, 2);
}
END_TEST

/* What was while it was off is not told when it is on again. */
START_TEST(test_on_again)
{
	event_switch_monitor_set(true);
	look_after_ms(1000);
	event_switch_monitor_set(false);
	ck_assert(!event_switch_monitor_enabled());
	switch_once();
	look_after_ms(1000);
	event_switch_monitor_set(true);
	look_after_ms(1000);
	ck_assert_uint_eq(log_count("context switches"), 0);
	switch_once();
	look_after_ms(1000);
	ck_assert_uint_eq(log_count("context switches in 1.0 s"), 1);
}
END_TEST

static void teardown(void)
{
	event_switch_monitor_set(false);
	stepper_stop();
}

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(stepper_start, teardown),
		UNIT_TEST(test_off_says_nothing),
		UNIT_TEST(test_on),
		UNIT_TEST(test_on_again),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
