/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/msg_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/core/event/stepper.h"
#include "tests/unit/unit.h"

#define RING_SIZE (1u << EVENT_MSG_QUEUE_RING_LOG2)

static struct event_msg_queue *queue;
static uintptr_t last_run;

static void record(void *number)
{
	last_run = (uintptr_t)number;
}

static int push(uintptr_t number)
{
	struct base_msg_ring_entry entry = {record, (void *)number, "unit"};

	return event_msg_queue_push_call(queue, &entry);
}

static void push_many(uintptr_t first, uintptr_t end)
{
	for (uintptr_t i = first; i < end; i++) {
		ck_assert_int_eq(push(i), 0);
	}
}

/* Runs the next call of the open batch. Return: false if there is none. */
static bool run(void)
{
	struct base_msg_ring_entry entry;

	if (!event_msg_queue_pop(queue, &entry)) {
		return false;
	}
	ck_assert_str_eq(entry.name, "unit");
	entry.fn(entry.arg);
	return true;
}

/* Runs the next call of the open batch, which must be @number. */
static void run_one(uintptr_t number)
{
	ck_assert(run());
	ck_assert_uint_eq(last_run, number);
}

static void next_batch(void)
{
	event_msg_queue_close_batch(queue);
	event_msg_queue_open_batch(queue);
}

/* Runs @first … @end - 1, in as many batches as that takes, and nothing else. */
static void run_many(uintptr_t first, uintptr_t end)
{
	unsigned batches = 0;

	while (first < end) {
		ck_assert_uint_lt(batches++, 2 * RING_SIZE);
		ck_assert(event_msg_queue_waiting(queue));
		next_batch();
		while (run()) {
			ck_assert_uint_eq(last_run, first);
			first++;
		}
	}
	event_msg_queue_close_batch(queue);
	ck_assert(!event_msg_queue_waiting(queue));
}

/*
 * A producer stops between reserving its slot, at the position returned, and filling it; goes on.
 */
static uint64_t reserve(void)
{
	return atomic_fetch_add(&queue->ring.tail, 1);
}

static void fill(uint64_t position, uintptr_t number)
{
	struct base_msg_ring_slot *slot = base_msg_ring_slot(&queue->ring, position);

	slot->entry = (struct base_msg_ring_entry){record, (void *)number, "unit"};
	atomic_store(&slot->lap, base_msg_ring_lap(&queue->ring, position));
}

static void setup(void)
{
	queue = aligned_alloc(_Alignof(struct event_msg_queue), sizeof(*queue));
	ck_assert_ptr_nonnull(queue);
	memset(queue, 0, sizeof(*queue));
	ck_assert_int_eq(event_msg_queue_init(queue), 0);
}

static void teardown(void)
{
	event_msg_queue_fini(queue);
	free(queue);
}

START_TEST(test_order)
{
	ck_assert(!event_msg_queue_waiting(queue));
	push_many(0, 10);
	run_many(0, 10);
}
END_TEST

/* What is pushed while a batch runs is not of that batch. */
START_TEST(test_batch_is_closed)
{
	push_many(0, 2);
	event_msg_queue_open_batch(queue);
	run_one(0);
	push_many(2, 3);
	run_one(1);
	ck_assert(!run());
	run_many(2, 3);
}
END_TEST

/* The same with what overflows while the batch runs. */
START_TEST(test_batch_is_closed_overflow)
{
	push_many(0, RING_SIZE + 1);
	event_msg_queue_open_batch(queue);
	for (uintptr_t i = 0; i < RING_SIZE; i++) {
		run_one(i);
	}
	push_many(RING_SIZE + 1, RING_SIZE + 2);
	run_one(RING_SIZE);
	push_many(RING_SIZE + 2, RING_SIZE + 3);
	ck_assert(!run());
	run_many(RING_SIZE + 1, RING_SIZE + 3);
}
END_TEST

START_TEST(test_overflow_order)
{
	push_many(0, RING_SIZE + 1000);
	ck_assert_uint_eq(atomic_load(&queue->overflow_count), 1000);
	run_many(0, RING_SIZE + 1000);
	ck_assert_uint_eq(atomic_load(&queue->overflow_count), 0);
}
END_TEST

/* The ring has room again, but not before the overflow has run may it be used. */
START_TEST(test_overflow_before_ring)
{
	push_many(0, RING_SIZE + 1);
	event_msg_queue_open_batch(queue);
	for (uintptr_t i = 0; i < 10; i++) {
		run_one(i);
	}
	event_msg_queue_close_batch(queue);
	push_many(RING_SIZE + 1, RING_SIZE + 5);
	ck_assert_uint_eq(atomic_load(&queue->overflow_count), 5);
	run_many(10, RING_SIZE + 5);
	push_many(0, 1);
	ck_assert_uint_eq(atomic_load(&queue->overflow_count), 0);
	run_many(0, 1);
}
END_TEST

/* Push and run by turns, around the point where the overflow begins and ends, many times. */
START_TEST(test_overflow_by_turns)
{
	uintptr_t pushed = RING_SIZE - 30, ran = 0;

	push_many(0, pushed);
	for (unsigned round = 0; round < 500; round++) {
		unsigned burst = round % 3 == 0 ? 150 : 10;

		push_many(pushed, pushed + burst);
		pushed += burst;
		next_batch();
		for (unsigned i = 0; i < 57 && run(); i++) {
			ck_assert_uint_eq(last_run, ran);
			ran++;
			if (i % 19 == 0) {
				push_many(pushed, pushed + 1);
				pushed++;
			}
		}
	}
	run_many(ran, pushed);
}
END_TEST

/*
 * What overflowed while a slot of the ring is reserved and not yet filled waits for it, and the
 * reactor may sleep: the slot's producer will look whether it does.
 */
START_TEST(test_overflow_behind_hole)
{
	uint64_t slot = reserve();

	push_many(1, RING_SIZE + 3);
	for (unsigned i = 0; i < 2; i++) {
		next_batch();
		ck_assert(!run());
		ck_assert(!event_msg_queue_waiting(queue));
	}
	fill(slot, 0);
	run_many(0, RING_SIZE + 3);
}
END_TEST

/* What stands before the slot runs. */
START_TEST(test_before_hole)
{
	uint64_t slot;

	push_many(0, 2);
	slot = reserve();
	push_many(3, RING_SIZE + 1);
	event_msg_queue_open_batch(queue);
	run_one(0);
	run_one(1);
	ck_assert(!run());
	ck_assert(!event_msg_queue_waiting(queue));
	fill(slot, 2);
	run_many(2, RING_SIZE + 1);
}
END_TEST

/* Messages of the sender's own, in the ring and out of it; their memory is the link. */
START_TEST(test_messages)
{
	struct ebb_msg msgs[6];

	for (uintptr_t i = 0; i < 3; i++) {
		ebb_msg_init(&msgs[i], record, (void *)i);
		msgs[i].name = "unit";
		ck_assert_int_eq(event_msg_queue_push_msg(queue, &msgs[i]), 0);
	}
	run_many(0, 3);
	push_many(0, RING_SIZE);
	for (uintptr_t i = 3; i < 6; i++) {
		ebb_msg_init(&msgs[i], record, (void *)(RING_SIZE + i - 3));
		msgs[i].name = "unit";
		ck_assert_int_eq(event_msg_queue_push_msg(queue, &msgs[i]), 0);
	}
	run_many(0, RING_SIZE + 3);
}
END_TEST

START_TEST(test_critical)
{
	struct base_msg_ring_entry entry = {record, (void *)7, "critical"};

	for (unsigned i = 0; i < (1u << EVENT_MSG_QUEUE_CRITICAL_LOG2); i++) {
		ck_assert_int_eq(event_msg_queue_push_critical(queue, &entry), 0);
	}
	ck_assert_int_eq(event_msg_queue_push_critical(queue, &entry), -EAGAIN);
	ck_assert(event_msg_queue_waiting(queue));
	for (unsigned i = 0; i < (1u << EVENT_MSG_QUEUE_CRITICAL_LOG2); i++) {
		ck_assert(event_msg_queue_pop_critical(queue, &entry));
		ck_assert_uint_eq((uintptr_t)entry.arg, 7);
	}
	ck_assert(!event_msg_queue_waiting(queue));
	ck_assert_int_eq(event_msg_queue_push_critical(queue, &entry), 0);
	ck_assert(event_msg_queue_pop_critical(queue, &entry));
}
END_TEST

/* What was accepted before the close still runs, in order, and nothing is accepted after it. */
START_TEST(test_close)
{
	struct base_msg_ring_entry entry = {record, NULL, "unit"};
	struct ebb_msg msg;

	ebb_msg_init(&msg, record, NULL);
	push_many(0, RING_SIZE + 100);
	event_msg_queue_open_batch(queue);
	push_many(RING_SIZE + 100, RING_SIZE + 150);
	ck_assert_int_eq(event_msg_queue_push_critical(queue, &entry), 0);

	event_msg_queue_close(queue);
	ck_assert_int_eq(push(0), -ESRCH);
	ck_assert_int_eq(event_msg_queue_push_msg(queue, &msg), -ESRCH);
	ck_assert_int_eq(event_msg_queue_push_critical(queue, &entry), -ESRCH);
	ck_assert(!event_msg_queue_drained(queue));

	ck_assert(event_msg_queue_pop_critical(queue, &entry));
	run_many(0, RING_SIZE + 150);
	ck_assert(event_msg_queue_drained(queue));
	/* With the overflow and the ring empty, the answer is still the same. */
	ck_assert_int_eq(push(0), -ESRCH);
	ck_assert_int_eq(event_msg_queue_push_msg(queue, &msg), -ESRCH);
	ck_assert(event_msg_queue_drained(queue));
}
END_TEST

/* A producer that was in the middle of a push when the queue closed is waited for. */
START_TEST(test_close_in_push)
{
	uint64_t slot = reserve();

	event_msg_queue_close(queue);
	ck_assert(!event_msg_queue_drained(queue));
	next_batch();
	ck_assert(!run());
	fill(slot, 5);
	next_batch();
	run_one(5);
	ck_assert(event_msg_queue_drained(queue));
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),     UNIT_TEST(test_order),
		UNIT_TEST(test_batch_is_closed),   UNIT_TEST(test_batch_is_closed_overflow),
		UNIT_TEST(test_overflow_order),    UNIT_TEST(test_overflow_before_ring),
		UNIT_TEST(test_overflow_by_turns), UNIT_TEST(test_overflow_behind_hole),
		UNIT_TEST(test_before_hole),       UNIT_TEST(test_messages),
		UNIT_TEST(test_critical),          UNIT_TEST(test_close),
		UNIT_TEST(test_close_in_push),     UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
