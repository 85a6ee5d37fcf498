/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traps of the model that no single file is about: what they look like, and what becomes of who
 * steps into one. The table of all of them is in tests/README.md.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include <ebb/io_channel.h>
#include <ebb/spinlock.h>

#include "core/event/turn.h"
#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

static struct ebb_thread *worker, *owner;

static void setup(void)
{
	stepper_start_two();
	worker = stepper_thread("worker", 0);
	owner = stepper_thread("owner", 1);
}

/* ---- to send is not to have done ---- */

struct parcel {
	struct ebb_msg msg;
	bool freed;    /* by the owner's message */
	bool answered; /* the worker knows */
};

static void parcel_answer(void *arg)
{
	struct parcel *parcel = arg;

	ck_assert_ptr_eq(ebb_thread_current(), worker);
	parcel->answered = true;
}

static void parcel_free(void *arg)
{
	struct parcel *parcel = arg;

	ck_assert_ptr_eq(ebb_thread_current(), owner);
	parcel->freed = true;
	ebb_msg_init(&parcel->msg, parcel_answer, parcel);
	ck_assert_int_eq(ebb_thread_send(worker, &parcel->msg), 0);
}

/* What a message does has not been done when the sending returns; an answer says when it has. */
START_TEST(a_message_is_no_call)
{
	struct parcel parcel = {.freed = false};

	stepper_enter(worker);
	ebb_msg_init(&parcel.msg, parcel_free, &parcel);
	ck_assert_int_eq(ebb_thread_send(owner, &parcel.msg), 0);
	ck_assert(!parcel.freed);
	stepper_leave();
	stepper_turn_of(0, true);
	ck_assert(!parcel.freed);
	stepper_turn_of(1, true);
	ck_assert(parcel.freed && !parcel.answered);
	stepper_turn_of(0, true);
	ck_assert(parcel.answered);
}
END_TEST

/* ---- to drain in a poller ---- */

static unsigned in_flight;
static bool draining, drained;

static void request_ended(void *arg)
{
	(void)arg;
	in_flight--;
}

static void drain_look(void *arg)
{
	(void)arg;
	if (in_flight > 0) {
		ebb_thread_send_msg(worker, drain_look, NULL); /* on a later turn, not in here */
	} else {
		drained = true;
	}
}

/* Told to quit, it asks for the drain, and returns. */
static int poll_quit(void *arg)
{
	if (draining) {
		return 0;
	}
	draining = true;
	drain_look(arg);
	return 1;
}

/*
 * The completions are messages to the poller's own thread: had it waited for them inside, none would
 * ever come (test_watchdog.c has that). So it looks by messages, and everything goes on.
 */
START_TEST(who_drains_by_messages_gets_there)
{
	struct ebb_poller *poller;

	in_flight = 3;
	stepper_enter(worker);
	poller = ebb_poller_register(poll_quit, NULL, 0);
	stepper_leave();
	for (unsigned turn = 0; turn < 5; turn++) {
		stepper_turn_of(0, true);
	}
	ck_assert(draining && !drained);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert(!drained);
		ebb_thread_send_msg(worker, request_ended, NULL);
		stepper_turn_of(0, true);
	}
	stepper_settle();
	ck_assert(drained);
	stepper_enter(worker);
	ebb_poller_unregister(&poller);
	stepper_leave();
}
END_TEST

/* ---- on an OS thread of another runtime ---- */

static char device;
static const struct ebb_io_device_ops device_ops = {.name = "disk0"};
static struct ebb_io_channel *channel;
static struct ebb_poller *poller;
static struct ebb_spinlock lock = EBB_SPINLOCK_INIT("table");
static unsigned messages;

static void *foreign_main(void *arg)
{
	struct ebb_poller *before = poller;

	(void)arg;
	ck_assert_ptr_null(ebb_thread_current());
	ck_assert_int_eq(ebb_reactor_current_core(), -1);
	ck_assert_ptr_null(ebb_io_channel_get(&device));
	ck_assert_ptr_null(ebb_io_channel_ref(channel));
	ebb_io_channel_put(channel);
	ck_assert_ptr_null(ebb_poller_register(stepper_poll_count, &messages, 0));
	ebb_poller_pause(poller);
	ebb_poller_unregister(&poller);
	ck_assert_ptr_eq(poller, before);
	ck_assert_int_lt(ebb_spinlock_lock(&lock), 0);
	ck_assert_int_eq(ebb_for_each_thread(stepper_count, &messages, stepper_count), -EPERM);
	ebb_thread_move(worker, 1, NULL, NULL);
	/* What it may do, and should: say it to who owns it. */
	ck_assert_int_eq(ebb_thread_send_msg(worker, stepper_count, &messages), 0);
	return NULL;
}

START_TEST(a_foreign_os_thread_is_refused_and_changes_nothing)
{
	pthread_t foreign;
	unsigned polls = 0;

	stepper_enter(worker);
	ck_assert_int_eq(ebb_io_device_register(&device, &device_ops), 0);
	channel = ebb_io_channel_get(&device);
	poller = ebb_poller_register(stepper_poll_count, &polls, 0);
	stepper_leave();
	ck_assert_int_eq(pthread_create(&foreign, NULL, foreign_main, NULL), 0);
	pthread_join(foreign, NULL);
	ck_assert_uint_eq(log_count("rule 2"), 4); /* of what belongs to a thread */
	ck_assert_uint_eq(log_count("rule 4"), 5); /* of what needs one */
	ck_assert_uint_eq(messages, 0);
	stepper_turn_of(0, true);
	ck_assert_uint_eq(messages, 1);
	ck_assert_uint_eq(polls, 1);
	stepper_enter(worker);
	ebb_poller_unregister(&poller);
	ck_assert_ptr_eq(ebb_io_channel_get(&device), channel);
	ebb_io_channel_put(channel);
	ebb_io_channel_put(channel);
	ck_assert_int_eq(ebb_io_device_unregister(&device, NULL), 0);
	stepper_leave();
	stepper_settle();
}
END_TEST

/* ---- state that two threads share ---- */

static int shared[2]; /* plain: only the lock guards them */
static atomic_bool asking;

/* As a callback of the owner's, on another OS thread. */
static void *owner_main(void *arg)
{
	int *seen = arg;

	event_turn.thread = owner;
	atomic_store(&asking, true);
	ck_assert_int_eq(ebb_spinlock_lock(&lock), 0);
	seen[0] = shared[0];
	seen[1] = shared[1];
	ck_assert_int_eq(ebb_spinlock_unlock(&lock), 0);
	return NULL;
}

/* Words that belong together are seen as they were before the lock was taken, or as after. */
START_TEST(shared_state_under_a_lock_is_seen_whole)
{
	pthread_t other;
	int seen[2];

	stepper_enter(worker);
	ck_assert_int_eq(ebb_spinlock_lock(&lock), 0);
	shared[0] = 1;
	ck_assert_int_eq(pthread_create(&other, NULL, owner_main, seen), 0);
	while (!atomic_load(&asking)) {
		sched_yield();
	}
	for (unsigned i = 0; i < 1000; i++) {
		sched_yield(); /* so that it would have gone on, if it could */
	}
	shared[1] = 1;
	ck_assert_int_eq(ebb_spinlock_unlock(&lock), 0);
	pthread_join(other, NULL);
	stepper_leave();
	ck_assert_int_eq(seen[0], 1);
	ck_assert_int_eq(seen[1], 1);
	ck_assert_uint_eq(log_count("rule"), 0);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, stepper_stop),
		UNIT_TEST(a_message_is_no_call),
		UNIT_TEST(who_drains_by_messages_gets_there),
		UNIT_TEST(a_foreign_os_thread_is_refused_and_changes_nothing),
		UNIT_TEST(shared_state_under_a_lock_is_seen_whole),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
