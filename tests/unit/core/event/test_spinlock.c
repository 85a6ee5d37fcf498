/* SPDX-License-Identifier: Apache-2.0 */
#include <ebb/spinlock.h>

#include <errno.h>

#include <ebb/violation.h>

#include "core/event/callback.h"
#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

static struct ebb_spinlock lock = EBB_SPINLOCK_INIT("table");
static struct ebb_thread *thread, *other;

static void setup(void)
{
	stepper_start();
	ebb_spinlock_init(&lock, "table");
	thread = stepper_thread("worker", 0);
	other = stepper_thread("other", 0);
	stepper_enter(thread);
}

static void teardown(void)
{
	stepper_leave();
	stepper_stop();
}

START_TEST(test_lock)
{
	ck_assert_int_eq(ebb_spinlock_lock(&lock), 0);
	ck_assert_ptr_eq(thread->held_spinlocks, &lock);
	ck_assert_int_eq(ebb_spinlock_unlock(&lock), 0);
	ck_assert_ptr_null(thread->held_spinlocks);
	stepper_enter(other);
	ck_assert_int_eq(ebb_spinlock_lock(&lock), 0);
	ck_assert_int_eq(ebb_spinlock_unlock(&lock), 0);
	ebb_spinlock_fini(&lock);
	ck_assert_uint_eq(log_count("rule"), 0);
}
END_TEST

START_TEST(test_recursion)
{
	ck_assert_int_eq(ebb_spinlock_lock(&lock), 0);
	ck_assert_int_eq(ebb_spinlock_lock(&lock), -EDEADLK);
	ck_assert_uint_eq(log_count("(recursion)"), 1);
	ck_assert_uint_eq(log_count("'table'"), 1);
	/* It is still held, once. */
	ck_assert_int_eq(ebb_spinlock_unlock(&lock), 0);
	ck_assert_int_eq(ebb_spinlock_unlock(&lock), -EPERM);
}
END_TEST

START_TEST(test_foreign_unlock)
{
	ck_assert_int_eq(ebb_spinlock_lock(&lock), 0);
	stepper_enter(other);
	ck_assert_int_eq(ebb_spinlock_unlock(&lock), -EPERM);
	ck_assert_uint_eq(log_count("'table', which belongs to thread 'worker', by thread "
				    "'other'"),
			  1);
	stepper_leave();
	ck_assert_int_eq(ebb_spinlock_unlock(&lock), -EPERM);
	stepper_enter(thread);
	ck_assert_int_eq(ebb_spinlock_unlock(&lock), 0);
}
END_TEST

START_TEST(test_unlock_unheld)
{
	ck_assert_int_eq(ebb_spinlock_unlock(&lock), -EPERM);
	ck_assert_uint_eq(log_count("(not the holder)"), 1);
	ck_assert_ptr_null(thread->held_spinlocks);
}
END_TEST

START_TEST(test_destroyed_while_held)
{
	ck_assert_int_eq(ebb_spinlock_lock(&lock), 0);
	ebb_spinlock_fini(&lock);
	ck_assert_uint_eq(log_count("(while held)"), 1);
	ck_assert_int_eq(ebb_spinlock_unlock(&lock), 0);
}
END_TEST

static void take(void *arg)
{
	(void)arg;
	ck_assert_int_eq(ebb_spinlock_lock(&lock), 0);
}

static void give(void *arg)
{
	(void)arg;
	ck_assert_int_eq(ebb_spinlock_unlock(&lock), 0);
}

/* Held at the end of the callback: reported by the lock's name, from the callback's. */
START_TEST(test_held_at_end)
{
	stepper_leave();
	ebb_thread_send_msg(thread, take, NULL);
	stepper_turn();
	ck_assert_uint_eq(log_count("(held at the end of a callback)() on 'table', which belongs "
				    "to thread 'worker', by thread 'worker', from take;"),
			  1);
	ebb_thread_send_msg(thread, give, NULL);
	stepper_turn();
	ck_assert_uint_eq(log_count("from give"), 0);
}
END_TEST

/* Of several, those that are held, each by its name; in whatever order they are let go. */
START_TEST(test_held_several)
{
	static struct ebb_spinlock second = EBB_SPINLOCK_INIT("second");
	static struct ebb_spinlock third = EBB_SPINLOCK_INIT("third");

	ck_assert_int_eq(ebb_spinlock_lock(&lock), 0);
	ck_assert_int_eq(ebb_spinlock_lock(&second), 0);
	ck_assert_int_eq(ebb_spinlock_lock(&third), 0);
	ck_assert_int_eq(ebb_spinlock_unlock(&second), 0);
	event_spinlock_held(thread, "taker");
	ck_assert_uint_eq(log_count("on 'table'"), 1);
	ck_assert_uint_eq(log_count("on 'second'"), 0);
	ck_assert_uint_eq(log_count("on 'third'"), 1);
	ck_assert_int_eq(ebb_spinlock_unlock(&lock), 0);
	ck_assert_int_eq(ebb_spinlock_unlock(&third), 0);
	ck_assert_ptr_null(thread->held_spinlocks);
}
END_TEST

static struct ebb_poller *poller;

static int take_and_go(void *arg)
{
	take(arg);
	ebb_poller_unregister(&poller);
	return 0;
}

START_TEST(test_held_at_end_of_poller)
{
	poller = ebb_poller_register(take_and_go, NULL, 0);
	stepper_leave();
	stepper_turn();
	ck_assert_uint_eq(log_count("on 'table'"), 1);
	stepper_enter(thread);
	ck_assert_int_eq(ebb_spinlock_unlock(&lock), 0);
}
END_TEST

START_TEST(test_no_thread)
{
	stepper_leave();
	ck_assert_int_eq(ebb_spinlock_lock(&lock), -EPERM);
	ck_assert_uint_eq(log_count("rule 4"), 1);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(test_lock),
		UNIT_TEST(test_recursion),
		UNIT_TEST(test_foreign_unlock),
		UNIT_TEST(test_unlock_unheld),
		UNIT_TEST(test_destroyed_while_held),
		UNIT_TEST(test_held_at_end),
		UNIT_TEST(test_held_at_end_of_poller),
		UNIT_TEST(test_held_several),
		UNIT_TEST(test_no_thread),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
