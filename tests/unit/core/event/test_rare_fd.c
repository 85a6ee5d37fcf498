/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/rare_fd.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/event/poller_sleep.h"
#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

static struct event_rare_fd rare;
static int fds[2];
static unsigned looks, messages, end_at;
static bool stop_at_first;

static bool take(void *arg)
{
	char byte;

	ck_assert_ptr_eq(arg, &rare);
	looks++;
	if (read(fds[0], &byte, 1) != 1) {
		return false;
	}
	messages++;
	if (stop_at_first) {
		event_rare_fd_stop(&rare);
	}
	if (messages == end_at) {
		event_rare_fd_stop(&rare);
		event_framework_stop();
	}
	return true;
}

static void setup(void)
{
	stepper_start();
	ck_assert_int_eq(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	stepper_enter(ebb_thread_app());
	ck_assert_int_eq(event_rare_fd_start(&rare, fds[0], take, &rare, "take"), 0);
	stepper_leave();
	stepper_settle();
}

static void teardown(void)
{
	if (!stepper_has_run()) {
		stepper_enter(ebb_thread_app());
		event_rare_fd_stop(&rare);
		event_rare_fd_stop(&rare);
		stepper_leave();
	}
	close(fds[0]);
	close(fds[1]);
	stepper_stop();
}

/* After a sleep it looks at once: the clock stands still here. */
START_TEST(test_wakes)
{
	unsigned before = looks;

	ck_assert(!stepper_turn());
	ck_assert_int_eq(write(fds[1], "abc", 3), 3);
	ck_assert(!stepper_turn());
	ck_assert_uint_eq(looks, before);
	end_at = 3;
	stepper_run();
	ck_assert_uint_eq(messages, 3);
}
END_TEST

static void nothing(void *arg)
{
	(void)arg;
}

/* Others wake its reactor, and it has nothing to say. */
START_TEST(test_others_wake)
{
	unsigned before = looks;

	for (unsigned i = 0; i < 20; i++) {
		ck_assert_int_eq(event_pollers_arm(ebb_thread_app()), 0); /* it sleeps */
		ck_assert_int_eq(ebb_thread_send_msg(ebb_thread_app(), nothing, NULL), 0);
		stepper_settle();
	}
	ck_assert_uint_eq(looks, before);
}
END_TEST

/* While its reactor is awake a system call in each turn would be too much. */
START_TEST(test_looks_every_so_often)
{
	unsigned before, i;

	stepper_turn_of(0, true);
	before = looks;
	for (i = 0; i < 100; i++) {
		stepper_advance_us(1);
		stepper_turn_of(0, true);
	}
	ck_assert_uint_le(looks, before + 1);
	ck_assert_int_eq(write(fds[1], "a", 1), 1);
	stepper_advance_us(20000);
	stepper_turn_of(0, true);
	ck_assert_uint_eq(messages, 1);
}
END_TEST

START_TEST(test_many_take_turns)
{
	char bytes[200] = {0};

	ck_assert_int_eq(write(fds[1], bytes, sizeof(bytes)), sizeof(bytes));
	stepper_advance_us(20000);
	stepper_turn();
	ck_assert_uint_lt(messages, sizeof(bytes));
	stepper_settle();
	ck_assert_uint_eq(messages, sizeof(bytes));
}
END_TEST

START_TEST(test_stop_inside)
{
	stop_at_first = true;
	ck_assert_int_eq(write(fds[1], "abc", 3), 3);
	stepper_advance_us(20000);
	stepper_settle();
	ck_assert_uint_eq(messages, 1);
	ck_assert_ptr_null(rare.poller);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(test_wakes),
		UNIT_TEST(test_others_wake),
		UNIT_TEST(test_looks_every_so_often),
		UNIT_TEST(test_many_take_turns),
		UNIT_TEST(test_stop_inside),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
