/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/thread.h"

/* The last messages of a thread: those that run when it is at its end. */

#include <ebb/io_channel.h>

#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

static struct ebb_thread *thread;
static unsigned count;

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

static void send_to_self(void *arg)
{
	count++;
	ebb_thread_send_msg(ebb_thread_current(), send_to_self, arg);
}

/* One that always has a message for itself does not live for ever. */
START_TEST(test_forced_messages)
{
	ebb_thread_send_msg(thread, send_to_self, NULL);
	stepper_exit(thread);
	for (unsigned i = 0; i < 10; i++) {
		stepper_turn();
	}
	ck_assert(!exited());
	stepper_advance_us(5100000);
	stepper_turn();
	ck_assert(exited());
	ck_assert_uint_eq(log_count("it waited for messages that kept coming"), 1);
}
END_TEST

/* Forced, it still runs what it was sent: a message is run or refused, never lost. */
START_TEST(test_forced_runs_messages)
{
	unsigned messages = 0;

	stepper_enter(thread);
	ck_assert_ptr_nonnull(ebb_poller_register(stepper_poll_count, &count, 1000));
	ebb_thread_exit();
	stepper_leave();
	stepper_settle();
	stepper_advance_us(5001000);
	for (unsigned i = 0; i < 300; i++) {
		ck_assert_int_eq(ebb_thread_send_msg(thread, stepper_count, &messages), 0);
	}
	stepper_turn();
	ck_assert(exited());
	ck_assert_uint_eq(messages, 300);
}
END_TEST

static void nothing(void *arg)
{
	(void)arg;
}

/*
 * A channel that stands on another, put by the last message of all, when the queue takes no more:
 * both go, and nothing is left.
 */
static char lower, device;
static struct ebb_io_channel *upper_channel;

static int upper_create(void *upper, void *ctx)
{
	(void)upper;
	*(struct ebb_io_channel **)ctx = ebb_io_channel_get(&lower);
	return 0;
}

static void upper_destroy(void *upper, void *ctx)
{
	(void)upper;
	ebb_io_channel_put(*(struct ebb_io_channel **)ctx);
	count++;
}

static void put_upper(void *arg)
{
	(void)arg;
	ebb_io_channel_put(upper_channel);
}

START_TEST(test_put_in_last_message)
{
	static const struct ebb_io_device_ops lower_ops = {.name = "lower"};
	static const struct ebb_io_device_ops upper_ops = {
		.name = "upper",
		.ctx_size = sizeof(struct ebb_io_channel *),
		.create = upper_create,
		.destroy = upper_destroy,
	};

	stepper_enter(ebb_thread_app());
	ck_assert_int_eq(ebb_io_device_register(&lower, &lower_ops), 0);
	ck_assert_int_eq(ebb_io_device_register(&device, &upper_ops), 0);
	stepper_enter(thread);
	upper_channel = ebb_io_channel_get(&device);
	ck_assert_ptr_nonnull(upper_channel);
	ebb_thread_exit();
	stepper_leave();
	stepper_settle();
	ck_assert(!exited());
	/* At the limit, after a batch that leaves this message for the time when all is closed. */
	stepper_advance_us(5001000);
	for (unsigned i = 0; i < EVENT_MSG_QUEUE_BATCH; i++) {
		ebb_thread_send_msg(thread, nothing, NULL);
	}
	ebb_thread_send_msg(thread, put_upper, NULL);
	stepper_turn();
	ck_assert(exited());
	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(thread->num_channels, 0);
	stepper_enter(ebb_thread_app());
	ck_assert_int_eq(ebb_io_device_unregister(&device, NULL), 0);
	ck_assert_int_eq(ebb_io_device_unregister(&lower, NULL), 0);
	stepper_leave();
	stepper_settle();
	ck_assert_uint_eq(ebb_thread_app()->pending_unregisters, 0);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, stepper_stop_forced),
		UNIT_TEST(test_forced_messages),
		UNIT_TEST(test_forced_runs_messages),
		UNIT_TEST(test_put_in_last_message),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
