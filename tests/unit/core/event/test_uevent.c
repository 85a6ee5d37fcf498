/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/uevent.h"

#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

static struct event_uevent_subscriber subscribers[2];
static unsigned num_told[2];
static const struct os_uevent *last;

static void on_uevent(void *arg, const struct os_uevent *uevent)
{
	last = uevent;
	num_told[(struct event_uevent_subscriber *)arg - subscribers]++;
}

/* Wants no more after the first. */
static void on_first(void *arg, const struct os_uevent *uevent)
{
	on_uevent(arg, uevent);
	event_uevent_remove(arg);
}

static void setup(void)
{
	stepper_start();
	stepper_enter(ebb_thread_app());
}

static void teardown(void)
{
	event_uevent_remove(&subscribers[0]);
	event_uevent_remove(&subscribers[1]);
	event_uevent_remove(&subscribers[1]);
	stepper_leave();
	stepper_stop();
}

START_TEST(test_told)
{
	const struct os_uevent uevent = {.path = "/x", .subsystem = "block", .device = "x"};

	event_uevent_add(&subscribers[0], on_first, &subscribers[0]);
	event_uevent_add(&subscribers[1], on_uevent, &subscribers[1]);
	event_uevent_tell(&uevent);
	ck_assert_ptr_eq(last, &uevent);
	event_uevent_tell(NULL);
	ck_assert_ptr_null(last);
	ck_assert_uint_eq(num_told[0], 1);
	ck_assert_uint_eq(num_told[1], 2);
	/* Nobody is left, and somebody comes again. */
	event_uevent_remove(&subscribers[1]);
	event_uevent_add(&subscribers[1], on_first, &subscribers[1]);
	event_uevent_tell(NULL);
	ck_assert_uint_eq(num_told[1], 3);
	ck_assert(!subscribers[1].added);
}
END_TEST

/* Turns with a socket that has nothing to say; and it does not keep the reactor awake. */
START_TEST(test_quiet)
{
	unsigned before;

	event_uevent_add(&subscribers[0], on_uevent, &subscribers[0]);
	before = num_told[0] + num_told[1];
	stepper_leave();
	for (unsigned i = 0; i < 50; i++) {
		stepper_advance_us(1000);
		stepper_turn();
	}
	ck_assert(!stepper_turn());
	stepper_enter(ebb_thread_app());
	ck_assert_uint_eq(num_told[0] + num_told[1], before);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(test_told),
		UNIT_TEST(test_quiet),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
