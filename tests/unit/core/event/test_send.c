/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/send.h"

/*
 * Who is woken by a message, and when. This program's write() stands before the C library's, so
 * that a thread can change its reactor at the worst moment: while the sender wakes the old one.
 */

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

static struct ebb_thread *thread;
static struct ebb_msg msg;
static unsigned ran;
static unsigned writes[2];               /* of each reactor's eventfd */
static struct event_reactor *goes_to[2]; /* where the thread goes when that is written */

ssize_t write(int fd, const void *buf, size_t count)
{
	for (unsigned i = 0; i < event_num_reactors && thread != NULL; i++) {
		if (fd == event_reactors[i].event_fd) {
			writes[i]++;
			if (goes_to[i] != NULL) {
				atomic_store(&thread->reactor, goes_to[i]); /* as a move does */
				goes_to[i] = NULL;
			}
		}
	}
	return syscall(SYS_write, fd, buf, count);
}

static void setup(void)
{
	stepper_start_two();
	thread = stepper_thread("unit", 0);
	ebb_msg_init(&msg, stepper_count, &ran);
}

static void teardown(void)
{
	atomic_store(&thread->reactor, &event_reactors[0]);
	thread = NULL;
	for (unsigned i = 0; i < 2; i++) {
		atomic_store(&event_reactors[i].asleep, 0);
	}
	stepper_stop();
}

static void sleeps(unsigned index)
{
	atomic_store(&event_reactors[index].asleep, 1);
}

static bool is_asleep(unsigned index)
{
	return atomic_load(&event_reactors[index].asleep) != 0;
}

START_TEST(test_awake)
{
	ck_assert_int_eq(ebb_thread_send(thread, &msg), 0);
	ck_assert_uint_eq(writes[0], 0);
	stepper_turn();
	ck_assert_uint_eq(ran, 1);
}
END_TEST

/* Of many senders one writes. */
START_TEST(test_asleep)
{
	sleeps(0);
	sleeps(1);
	ck_assert_int_eq(ebb_thread_send(thread, &msg), 0);
	ck_assert_int_eq(ebb_thread_send_msg(thread, stepper_count, &ran), 0);
	ck_assert_int_eq(ebb_thread_send_critical(thread, stepper_count, &ran), 0);
	ck_assert(!is_asleep(0));
	ck_assert_uint_eq(writes[0], 1);
	ck_assert(is_asleep(1));
	ck_assert_uint_eq(writes[1], 0);
}
END_TEST

START_TEST(test_refused)
{
	stepper_exit(thread);
	stepper_settle();
	sleeps(0);
	ck_assert_int_eq(ebb_thread_send(thread, &msg), -ESRCH);
	ck_assert_int_eq(ebb_thread_send_msg(thread, stepper_count, &ran), -ESRCH);
	ck_assert_int_eq(ebb_thread_send_critical(thread, stepper_count, &ran), -ESRCH);
	ck_assert(is_asleep(0));
	ck_assert_uint_eq(ran, 0);
}
END_TEST

/* Whoever sends to itself is awake; the watchdog is told the turn. */
START_TEST(test_to_self)
{
	stepper_enter(thread);
	ck_assert_int_eq(ebb_thread_send(thread, &msg), 0);
	ck_assert_uint_eq(writes[0], 0);
	ck_assert_uint_eq(atomic_load(&event_reactors[0].self_send_turn),
			  atomic_load(&event_reactors[0].turns));
	stepper_leave();
}
END_TEST

/*
 * The sender has taken the old reactor for the thread's. By the time that it is told, the new one
 * has the thread, has looked at a queue in which the message was not to be seen yet, and sleeps.
 */
START_TEST(test_thread_goes)
{
	sleeps(0);
	sleeps(1);
	goes_to[0] = &event_reactors[1];
	ck_assert_int_eq(ebb_thread_send(thread, &msg), 0);
	ck_assert_uint_eq(writes[0], 1);
	ck_assert(!is_asleep(1));
	ck_assert_uint_eq(writes[1], 1);
}
END_TEST

START_TEST(test_thread_goes_on)
{
	sleeps(0);
	sleeps(1);
	goes_to[0] = &event_reactors[1];
	goes_to[1] = &event_reactors[0];
	ck_assert_int_eq(ebb_thread_send_critical(thread, stepper_count, &ran), 0);
	ck_assert_uint_eq(writes[0], 1); /* and looked at again: it is awake */
	ck_assert_uint_eq(writes[1], 1);
	ck_assert(!is_asleep(0));
	ck_assert(!is_asleep(1));
}
END_TEST

static void note_thread(void *arg)
{
	*(struct ebb_thread **)arg = ebb_thread_current();
	ran++;
}

START_TEST(test_to_reactor)
{
	struct ebb_thread *runs = thread;

	ebb_msg_init(&msg, note_thread, &runs);
	sleeps(1);
	event_reactor_send(&event_reactors[1], &msg);
	ck_assert(!is_asleep(1));
	ck_assert_uint_eq(writes[1], 1);
	stepper_turn_of(1, true);
	ck_assert_uint_eq(ran, 1);
	ck_assert_ptr_null(runs);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(test_awake),
		UNIT_TEST(test_asleep),
		UNIT_TEST(test_refused),
		UNIT_TEST(test_to_self),
		UNIT_TEST(test_thread_goes),
		UNIT_TEST(test_thread_goes_on),
		UNIT_TEST(test_to_reactor),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
