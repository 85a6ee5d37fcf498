/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/thread.h"

#include <errno.h>

#include <ebb/helper.h>
#include <ebb/io_channel.h>

#include "core/event/poller.h"
#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

static struct ebb_thread *thread;
static unsigned count;
static int device;

static const struct ebb_io_device_ops device_ops = {.name = "disk0", .ctx_size = 8};

static void setup(void)
{
	stepper_start();
	thread = stepper_thread("worker", 0);
	count = 0;
}

static bool exited(void)
{
	return atomic_load(&thread->state) == EVENT_THREAD_EXITED;
}

/* The thread has been told to exit; checks that it does not, and costs nothing meanwhile. */
static void check_waits(void)
{
	stepper_settle();
	ck_assert(!exited());
	stepper_advance_us(4900000);
	stepper_settle();
	ck_assert(!exited());
	/* It may sleep meanwhile: nothing waits, nothing keeps awake, and a timer ends it. */
	ck_assert(!event_msg_queue_waiting(&thread->queue));
	ck_assert_uint_eq(thread->num_blocking, 0);
	ck_assert_uint_ne(event_timer_next_ns(&thread->timers), UINT64_MAX);
}

/* … and that it ends in peace once that has gone. */
static void check_ends(void)
{
	stepper_settle();
	ck_assert(exited());
	ck_assert_uint_eq(log_count("is forced"), 0);
}

/* Lets the limit pass; the thread must then be forced, and name @waited_for. */
static void check_forced(const char *waited_for)
{
	check_waits();
	stepper_advance_us(101000);
	stepper_settle();
	ck_assert(exited());
	ck_assert_uint_eq(log_count("'worker' did not end within 5 s and is forced"), 1);
	ck_assert_msg(log_count(waited_for) == 1, "the log does not say '%s'", waited_for);
}

START_TEST(test_nothing_left)
{
	stepper_exit(thread);
	ck_assert(!exited());
	stepper_turn();
	ck_assert(exited());
	ck_assert_uint_eq(event_threads.num_threads, 1);
}
END_TEST

START_TEST(test_twice)
{
	stepper_enter(thread);
	ebb_thread_exit();
	ebb_thread_exit();
	stepper_leave();
	ck_assert_uint_eq(event_reactors[0].num_leaving, 1);
	stepper_settle();
	ck_assert(exited());
	ck_assert_uint_eq(event_reactors[0].num_leaving, 0);
}
END_TEST

/* From there on: an error, no abort, and the message never runs. */
START_TEST(test_send_after)
{
	struct ebb_msg msg;

	stepper_exit(thread);
	stepper_settle();
	ebb_msg_init(&msg, stepper_count, &count);
	ck_assert_int_eq(ebb_thread_send(thread, &msg), -ESRCH);
	ck_assert_int_eq(ebb_thread_send_msg(thread, stepper_count, &count), -ESRCH);
	ck_assert_int_eq(ebb_thread_exec_msg(thread, stepper_count, &count), -ESRCH);
	ck_assert_int_eq(ebb_thread_send_critical(thread, stepper_count, &count), -ESRCH);
	stepper_settle();
	ck_assert_uint_eq(count, 0);
	ck_assert_str_eq(ebb_thread_name(thread), "worker");
}
END_TEST

/* What was accepted runs, however much it is, also what is sent while it exits. */
START_TEST(test_messages)
{
	struct ebb_msg msg;

	for (unsigned i = 0; i < 6000; i++) {
		ebb_thread_send_msg(thread, stepper_count, &count);
	}
	stepper_exit(thread);
	stepper_turn();
	ck_assert(!exited());
	ebb_msg_init(&msg, stepper_count, &count);
	ck_assert_int_eq(ebb_thread_send(thread, &msg), 0);
	ck_assert_int_eq(ebb_thread_send_critical(thread, stepper_count, &count), 0);
	check_ends();
	ck_assert_uint_eq(count, 6002);
}
END_TEST

static struct ebb_poller *poller;

static void begin_poller(uint64_t period_us)
{
	stepper_enter(thread);
	poller = ebb_poller_register(stepper_poll_count, &count, period_us);
	ebb_thread_exit();
	stepper_leave();
}

START_TEST(test_waits_for_poller)
{
	begin_poller(1000);
	check_waits();
	stepper_enter(thread);
	ebb_poller_unregister(&poller);
	stepper_leave();
	check_ends();
}
END_TEST

START_TEST(test_forced_poller)
{
	unsigned before;

	begin_poller(1000);
	check_forced("1 pollers (stepper_poll_count)");
	before = count;
	stepper_advance_us(10000);
	stepper_settle();
	ck_assert_uint_eq(count, before);
}
END_TEST

/* A poller that runs every turn, too, and it goes on running until then. */
START_TEST(test_forced_active_poller)
{
	begin_poller(0);
	stepper_turn();
	stepper_turn();
	ck_assert_uint_eq(count, 2);
	stepper_advance_us(5001000);
	stepper_turn();
	stepper_turn();
	ck_assert(exited());
	ck_assert_uint_eq(log_count("1 pollers (stepper_poll_count)"), 1);
}
END_TEST

static struct ebb_io_channel *begin_channel(void)
{
	struct ebb_io_channel *channel;

	stepper_enter(ebb_thread_app());
	ck_assert_int_eq(ebb_io_device_register(&device, &device_ops), 0);
	stepper_enter(thread);
	channel = ebb_io_channel_get(&device);
	ck_assert_ptr_nonnull(channel);
	ebb_thread_exit();
	stepper_leave();
	return channel;
}

static void unregister_device(void)
{
	stepper_enter(ebb_thread_app());
	ck_assert_int_eq(ebb_io_device_unregister(&device, NULL), 0);
	stepper_leave();
	stepper_settle();
}

START_TEST(test_waits_for_channel)
{
	struct ebb_io_channel *channel = begin_channel();

	check_waits();
	stepper_enter(thread);
	ebb_io_channel_put(channel);
	stepper_leave();
	check_ends();
	unregister_device();
}
END_TEST

/*
 * What a device may still write to stays: the channel's memory, and the device on whose list it is.
 */
START_TEST(test_forced_channel)
{
	begin_channel();
	check_forced("1 channels (disk0)");
	ck_assert_uint_eq(log_count("the memory of its channels is leaked"), 1);
	unregister_device();
	ck_assert_uint_eq(ebb_thread_app()->pending_unregisters, 1);
}
END_TEST

static unsigned num_unregistered;

static void on_unregistered(void *unregistered)
{
	ck_assert_ptr_eq(unregistered, &device);
	num_unregistered++;
}

/* The thread waits for a device whose last channel another thread has. */
static struct ebb_io_channel *begin_unregister(struct ebb_thread *other)
{
	struct ebb_io_channel *channel;

	stepper_enter(thread);
	ck_assert_int_eq(ebb_io_device_register(&device, &device_ops), 0);
	stepper_enter(other);
	channel = ebb_io_channel_get(&device);
	stepper_enter(thread);
	ck_assert_int_eq(ebb_io_device_unregister(&device, on_unregistered), 0);
	ebb_thread_exit();
	stepper_leave();
	return channel;
}

START_TEST(test_waits_for_unregister)
{
	struct ebb_io_channel *channel = begin_unregister(ebb_thread_app());

	check_waits();
	stepper_enter(ebb_thread_app());
	ebb_io_channel_put(channel);
	stepper_leave();
	check_ends();
	ck_assert_uint_eq(num_unregistered, 1);
}
END_TEST

/* A thread that unregistered, and another with a channel there: each ends when it can. */
START_TEST(test_unregister_and_other_exits)
{
	struct ebb_thread *other = stepper_thread("other", 0);
	struct ebb_io_channel *mine, *theirs;

	stepper_enter(ebb_thread_app());
	ck_assert_int_eq(ebb_io_device_register(&device, &device_ops), 0);
	stepper_enter(other);
	theirs = ebb_io_channel_get(&device);
	stepper_enter(thread);
	mine = ebb_io_channel_get(&device);
	ebb_thread_exit();
	ebb_io_channel_put(mine);
	ck_assert_int_eq(ebb_io_device_unregister(&device, on_unregistered), 0);
	stepper_leave();
	stepper_exit(other);
	stepper_settle();
	ck_assert(!exited());
	ck_assert_int_eq(atomic_load(&other->state), EVENT_THREAD_EXITING);
	stepper_enter(other);
	ebb_io_channel_put(theirs);
	stepper_leave();
	check_ends();
	ck_assert_int_eq(atomic_load(&other->state), EVENT_THREAD_EXITED);
	ck_assert_uint_eq(num_unregistered, 1);
}
END_TEST

/* While it exits, a channel that was put is still got back, and put again. */
START_TEST(test_get_while_exiting)
{
	struct ebb_io_channel *channel;

	stepper_enter(ebb_thread_app());
	ck_assert_int_eq(ebb_io_device_register(&device, &device_ops), 0);
	stepper_enter(thread);
	channel = ebb_io_channel_get(&device);
	ebb_io_channel_put(channel);
	ebb_thread_exit();
	ck_assert_ptr_eq(ebb_io_channel_get(&device), channel);
	stepper_leave();
	check_waits();
	stepper_enter(thread);
	ebb_io_channel_put(channel);
	stepper_leave();
	check_ends();
	unregister_device();
}
END_TEST

START_TEST(test_forced_unregister)
{
	struct ebb_io_channel *channel = begin_unregister(ebb_thread_app());

	check_forced("1 io_device unregistrations");
	stepper_enter(ebb_thread_app());
	ebb_io_channel_put(channel);
	stepper_leave();
	stepper_settle();
	ck_assert_uint_eq(num_unregistered, 0);
	ck_assert_uint_eq(log_count("'disk0': thread 'worker'"), 1);
}
END_TEST

static struct ebb_channel_iter *held_iter;

static void hold_iter(struct ebb_channel_iter *iter, struct ebb_io_channel *channel, void *arg)
{
	(void)channel;
	(void)arg;
	held_iter = iter;
}

static void round_done(void *arg, int rc)
{
	(void)rc;
	stepper_count(arg);
}

/* The thread waits for a round whose visitor, on another thread, takes its time. */
START_TEST(test_waits_for_round)
{
	struct ebb_io_channel *channel;

	stepper_enter(ebb_thread_app());
	ck_assert_int_eq(ebb_io_device_register(&device, &device_ops), 0);
	channel = ebb_io_channel_get(&device);
	stepper_enter(thread);
	ebb_for_each_channel(&device, hold_iter, &count, round_done);
	ebb_thread_exit();
	stepper_leave();
	check_waits();
	ck_assert_uint_eq(count, 0);
	stepper_enter(ebb_thread_app());
	ebb_for_each_channel_next(held_iter, 0);
	ebb_io_channel_put(channel);
	stepper_leave();
	check_ends();
	ck_assert_uint_eq(count, 1);
	unregister_device();
}
END_TEST

/* Forced, the round still completes, once, when its visitor answers at last. */
START_TEST(test_forced_round)
{
	struct ebb_io_channel *channel;

	stepper_enter(ebb_thread_app());
	ck_assert_int_eq(ebb_io_device_register(&device, &device_ops), 0);
	channel = ebb_io_channel_get(&device);
	stepper_enter(thread);
	ebb_for_each_channel(&device, hold_iter, &count, round_done);
	ebb_thread_exit();
	stepper_leave();
	check_forced("1 answers (for_each rounds");
	stepper_enter(ebb_thread_app());
	ebb_for_each_channel_next(held_iter, 0);
	ebb_io_channel_put(channel);
	stepper_leave();
	stepper_settle();
	ck_assert_uint_eq(count, 1);
	unregister_device();
}
END_TEST

static _Atomic bool work_may_end;

static void work_run(struct ebb_work *work)
{
	(void)work;
	while (!atomic_load(&work_may_end)) {
		sched_yield();
	}
}

static void work_done(struct ebb_work *work)
{
	(void)work;
	count++;
}

START_TEST(test_waits_for_work)
{
	static struct ebb_work work = {.run = work_run, .done = work_done};

	stepper_enter(thread);
	ebb_helper_submit(&work);
	ebb_thread_exit();
	stepper_leave();
	check_waits();
	atomic_store(&work_may_end, true);
	while (!exited()) {
		stepper_turn();
		sched_yield();
	}
	ck_assert_uint_eq(count, 1);
	check_ends();
}
END_TEST

static void unregister_from_message(void *arg)
{
	(void)arg;
	ebb_poller_unregister(&poller);
}

/* Everything that it waits for is named. */
START_TEST(test_names_all)
{
	begin_channel();
	stepper_enter(thread);
	poller = ebb_poller_register(stepper_poll_count, &count, 500);
	stepper_leave();
	check_forced("it waited for 1 pollers (stepper_poll_count), 1 channels (disk0)");
}
END_TEST

START_TEST(test_ends_from_message)
{
	begin_poller(1000);
	check_waits();
	ebb_thread_send_msg(thread, unregister_from_message, NULL);
	check_ends();
}
END_TEST

static int exit_once(void *arg)
{
	(void)arg;
	ebb_poller_unregister(&poller);
	ebb_thread_exit();
	return 1;
}

START_TEST(test_from_poller)
{
	stepper_enter(thread);
	poller = ebb_poller_register(exit_once, NULL, 0);
	stepper_leave();
	stepper_turn();
	check_ends();
}
END_TEST

/* The framework ends the app thread: what lives there must not end it for all others. */
START_TEST(test_app_thread)
{
	stepper_exit(ebb_thread_app());
	stepper_settle();
	ck_assert_int_eq(atomic_load(&ebb_thread_app()->state), EVENT_THREAD_RUNNING);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, stepper_stop_forced),
		UNIT_TEST(test_nothing_left),
		UNIT_TEST(test_twice),
		UNIT_TEST(test_send_after),
		UNIT_TEST(test_messages),
		UNIT_TEST(test_waits_for_poller),
		UNIT_TEST(test_forced_poller),
		UNIT_TEST(test_forced_active_poller),
		UNIT_TEST(test_waits_for_channel),
		UNIT_TEST(test_forced_channel),
		UNIT_TEST(test_waits_for_unregister),
		UNIT_TEST(test_forced_unregister),
		UNIT_TEST(test_unregister_and_other_exits),
		UNIT_TEST(test_get_while_exiting),
		UNIT_TEST(test_waits_for_round),
		UNIT_TEST(test_forced_round),
		UNIT_TEST(test_waits_for_work),
		UNIT_TEST(test_names_all),
		UNIT_TEST(test_ends_from_message),
		UNIT_TEST(test_from_poller),
		UNIT_TEST(test_app_thread),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
