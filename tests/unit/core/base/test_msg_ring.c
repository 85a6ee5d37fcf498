/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/msg_ring.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "tests/unit/unit.h"

#define SIZE_LOG2 3
#define SIZE      (1u << SIZE_LOG2)

static struct base_msg_ring ring;

static void setup(void)
{
	ck_assert_int_eq(base_msg_ring_init(&ring, SIZE_LOG2), 0);
}

static void teardown(void)
{
	base_msg_ring_fini(&ring);
}

static void nothing(void *arg)
{
	(void)arg;
}

static int push(uintptr_t number)
{
	struct base_msg_ring_entry entry = {nothing, (void *)number, "nothing"};

	return base_msg_ring_push(&ring, &entry);
}

/* Takes one, and checks that it is whole and which it is. */
static void take(uintptr_t number)
{
	struct base_msg_ring_entry entry = {NULL, NULL, NULL};

	ck_assert(base_msg_ring_pop(&ring, &entry));
	ck_assert(entry.fn == nothing);
	ck_assert_uint_eq((uintptr_t)entry.arg, number);
	ck_assert_str_eq(entry.name, "nothing");
}

static void pop(uintptr_t number)
{
	take(number);
	base_msg_ring_release(&ring);
}

START_TEST(test_empty)
{
	struct base_msg_ring_entry entry = {NULL, NULL, "untouched"};

	ck_assert(!base_msg_ring_waiting(&ring));
	ck_assert(!base_msg_ring_pop(&ring, &entry));
	ck_assert_str_eq(entry.name, "untouched");
	ck_assert_uint_eq(base_msg_ring_tail(&ring), 0);
	ck_assert_uint_eq(base_msg_ring_published(&ring, SIZE), 0);
}
END_TEST

START_TEST(test_order)
{
	for (uintptr_t i = 0; i < SIZE; i++) {
		ck_assert_int_eq(push(i), 0);
	}
	ck_assert(base_msg_ring_waiting(&ring));
	for (uintptr_t i = 0; i < SIZE; i++) {
		pop(i);
	}
	ck_assert(!base_msg_ring_waiting(&ring));
}
END_TEST

START_TEST(test_full)
{
	for (uintptr_t i = 0; i < SIZE; i++) {
		ck_assert_int_eq(push(i), 0);
	}
	ck_assert_int_eq(push(99), -ENOBUFS);
	ck_assert_uint_eq(base_msg_ring_tail(&ring), SIZE);
	pop(0);
	ck_assert_int_eq(push(SIZE), 0);
	ck_assert_int_eq(push(99), -ENOBUFS);
	for (uintptr_t i = 1; i <= SIZE; i++) {
		pop(i);
	}
	ck_assert(!base_msg_ring_waiting(&ring));
}
END_TEST

/* The slots of what was taken are the consumer's until it gives them back, all at once. */
START_TEST(test_release)
{
	for (uintptr_t i = 0; i < SIZE; i++) {
		ck_assert_int_eq(push(i), 0);
	}
	take(0);
	take(1);
	ck_assert_int_eq(push(SIZE), -ENOBUFS);
	base_msg_ring_release(&ring);
	ck_assert_int_eq(push(SIZE), 0);
	ck_assert_int_eq(push(SIZE + 1), 0);
	ck_assert_int_eq(push(99), -ENOBUFS);
	base_msg_ring_release(&ring);
	ck_assert_int_eq(push(99), -ENOBUFS);
	for (uintptr_t i = 2; i < SIZE + 2; i++) {
		take(i);
	}
	base_msg_ring_release(&ring);
	ck_assert(!base_msg_ring_waiting(&ring));
	ck_assert_int_eq(push(7), 0);
	pop(7);
}
END_TEST

/* Every fill level, many laps: a slot of the lap before is never taken for one of this lap. */
START_TEST(test_laps)
{
	uintptr_t pushed = 0, popped = 0;

	for (unsigned level = 1; level <= SIZE; level++) {
		for (unsigned i = 0; i < 5 * SIZE; i++) {
			while (pushed - popped < level) {
				ck_assert_int_eq(push(pushed++), 0);
			}
			ck_assert_uint_eq(base_msg_ring_published(&ring, 2 * SIZE), pushed);
			pop(popped++);
		}
		while (popped < pushed) {
			pop(popped++);
		}
		ck_assert(!base_msg_ring_waiting(&ring));
	}
}
END_TEST

START_TEST(test_published)
{
	for (uintptr_t i = 0; i < 5; i++) {
		ck_assert_int_eq(push(i), 0);
	}
	ck_assert_uint_eq(base_msg_ring_published(&ring, 0), 0);
	ck_assert_uint_eq(base_msg_ring_published(&ring, 3), 3);
	ck_assert_uint_eq(base_msg_ring_published(&ring, 64), 5);
	pop(0);
	ck_assert_uint_eq(base_msg_ring_published(&ring, 3), 4);
}
END_TEST

/* A producer that stopped between reserving a slot and filling it holds back what came after. */
START_TEST(test_hole)
{
	struct base_msg_ring_slot *slot = base_msg_ring_slot(&ring, 0);
	struct base_msg_ring_entry entry;

	atomic_fetch_add(&ring.tail, 1);
	ck_assert_int_eq(push(1), 0);
	ck_assert(!base_msg_ring_waiting(&ring));
	ck_assert(!base_msg_ring_pop(&ring, &entry));
	ck_assert_uint_eq(base_msg_ring_published(&ring, SIZE), 0);
	ck_assert_uint_eq(base_msg_ring_tail(&ring), 2);

	slot->entry = (struct base_msg_ring_entry){nothing, NULL, "nothing"};
	atomic_store(&slot->lap, base_msg_ring_lap(&ring, 0));
	ck_assert(base_msg_ring_waiting(&ring));
	pop(0);
	pop(1);
}
END_TEST

START_TEST(test_closed)
{
	ck_assert_int_eq(push(0), 0);
	base_msg_ring_close(&ring);
	ck_assert_int_eq(push(1), -ESRCH);
	ck_assert_uint_eq(base_msg_ring_tail(&ring), 1);
	ck_assert(base_msg_ring_waiting(&ring));
	pop(0);
	ck_assert(!base_msg_ring_waiting(&ring));
	ck_assert_int_eq(push(1), -ESRCH);
	base_msg_ring_close(&ring);
	ck_assert_uint_eq(base_msg_ring_tail(&ring), 1);
}
END_TEST

/* Closed says more than full: whoever is told so must not try again. */
START_TEST(test_closed_full)
{
	for (uintptr_t i = 0; i < SIZE; i++) {
		ck_assert_int_eq(push(i), 0);
	}
	base_msg_ring_close(&ring);
	ck_assert_int_eq(push(99), -ESRCH);
}
END_TEST

#define PRODUCERS 4
#define PUSHES    50000

static _Atomic int num_waiting;
static _Atomic unsigned num_full;

/* Never makes the ring more than half full, and so may never be told that it is. */
static void *produce(void *arg)
{
	for (unsigned i = 0; i < PUSHES; i++) {
		while (atomic_fetch_add(&num_waiting, 1) >= (int)SIZE / 2) {
			atomic_fetch_sub(&num_waiting, 1);
			sched_yield();
		}
		while (push(i) != 0) {
			atomic_fetch_add(&num_full, 1);
		}
	}
	return arg;
}

/* Real threads: a producer that is interrupted in the middle finds the others laps ahead. */
START_TEST(test_never_full_in_vain)
{
	struct base_msg_ring_entry entry;
	pthread_t producers[PRODUCERS];
	unsigned popped = 0;

	for (unsigned i = 0; i < PRODUCERS; i++) {
		ck_assert_int_eq(pthread_create(&producers[i], NULL, produce, NULL), 0);
	}
	while (popped < PRODUCERS * PUSHES) {
		if (!base_msg_ring_pop(&ring, &entry)) {
			sched_yield();
			continue;
		}
		base_msg_ring_release(&ring);
		atomic_fetch_sub(&num_waiting, 1);
		popped++;
	}
	for (unsigned i = 0; i < PRODUCERS; i++) {
		pthread_join(producers[i], NULL);
	}
	ck_assert_uint_eq(atomic_load(&num_full), 0);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_FIXTURE(setup, teardown),
		UNIT_TEST(test_empty),
		UNIT_TEST(test_order),
		UNIT_TEST(test_full),
		UNIT_TEST(test_release),
		UNIT_TEST(test_laps),
		UNIT_TEST(test_published),
		UNIT_TEST(test_hole),
		UNIT_TEST(test_closed),
		UNIT_TEST(test_closed_full),
		UNIT_TEST(test_never_full_in_vain),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
