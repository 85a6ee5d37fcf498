/* SPDX-License-Identifier: Apache-2.0 */
#include "core/memory/region.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "tests/unit/fixtures/log.h"
#include "tests/unit/unit.h"

static void run_thread(void *(*main_fn)(void *), void *arg)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, main_fn, arg), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

struct witness {
	struct ebb_mem_subscriber subscriber;
	bool late;   /* does not release inside removed() */
	int refuses; /* what added() answers */
	unsigned refused;
	unsigned added, removed;
	bool present[EBB_MEM_REGIONS_MAX];
	struct ebb_mem_region left; /* the last one */
};

static int witness_added(struct ebb_mem_subscriber *subscriber, const struct ebb_mem_region *region)
{
	struct witness *witness = ebb_container_of(subscriber, struct witness, subscriber);

	if (witness->refuses != 0) {
		witness->refused++;
		return witness->refuses;
	}
	ck_assert(!witness->present[region->index]);
	witness->present[region->index] = true;
	witness->added++;
	memset(region->base, 0x77, EBB_MEM_REGION_SIZE);
	return 0;
}

static void witness_removed(struct ebb_mem_subscriber *subscriber,
			    const struct ebb_mem_region *region)
{
	struct witness *witness = ebb_container_of(subscriber, struct witness, subscriber);

	ck_assert(witness->present[region->index]);
	witness->present[region->index] = false;
	witness->removed++;
	witness->left = *region;
	*(volatile char *)region->base = 1; /* still mapped */
	if (!witness->late) {
		ebb_mem_region_released(subscriber, region);
	}
}

#define WITNESS                                                                     \
	{                                                                           \
		.subscriber = {.added = witness_added, .removed = witness_removed}, \
	}

static void *release_main(void *arg)
{
	struct witness *witness = arg;

	ebb_mem_region_released(&witness->subscriber, &witness->left);
	return NULL;
}

static unsigned regions_mapped(void)
{
	struct ebb_mem_stats stats;

	ebb_mem_get_stats(&stats);
	return (unsigned)(stats.mapped_bytes / EBB_MEM_REGION_SIZE);
}

static void alloc_all(void **bufs, unsigned count)
{
	while (count-- > 0) {
		bufs[count] = ebb_mem_alloc(EBB_MEM_ALLOC_MAX);
		ck_assert_ptr_nonnull(bufs[count]);
	}
}

static void free_all(void **bufs, unsigned count)
{
	while (count-- > 0) {
		ebb_mem_free(bufs[count], EBB_MEM_ALLOC_MAX);
	}
}

START_TEST(subscribers_see_regions_come_and_go)
{
	struct witness early = WITNESS;
	struct witness late = WITNESS;
	void *bufs[8];

	ck_assert_int_eq(ebb_mem_subscribe(&early.subscriber), 0);
	alloc_all(bufs, 8);
	ck_assert_uint_eq(early.added, 4);
	ck_assert_int_eq(ebb_mem_subscribe(&late.subscriber), 0);
	ck_assert_uint_eq(late.added, 4);
	ebb_mem_trim();
	ck_assert_uint_eq(late.removed, 0);
	free_all(bufs, 8);
	ebb_mem_trim();
	/* One stays. */
	ck_assert_uint_eq(early.removed, 3);
	ck_assert_uint_eq(late.removed, 3);
	ck_assert_uint_eq(regions_mapped(), 1);
	ebb_mem_unsubscribe(&late.subscriber);
	alloc_all(bufs, 4);
	ck_assert_uint_eq(early.added, 5);
	ck_assert_uint_eq(late.added, 4);
	free_all(bufs, 4);
	ebb_mem_unsubscribe(&early.subscriber);
}
END_TEST

/* Two regions, and the second leaves; @subscribers have been told. */
static void leave_one(struct witness *const *subscribers, unsigned count)
{
	void *bufs[4];

	while (count-- > 0) {
		ck_assert_int_eq(ebb_mem_subscribe(&subscribers[count]->subscriber), 0);
	}
	alloc_all(bufs, 4);
	free_all(bufs, 4);
	ebb_mem_trim();
}

START_TEST(memory_stays_until_all_have_let_go)
{
	struct witness at_once = WITNESS, one = WITNESS, other = WITNESS, newcomer = WITNESS;
	void *bufs[4];
	unsigned i;

	one.late = other.late = true;
	leave_one((struct witness *[]){&one, &at_once, &other}, 3);
	ck_assert_uint_eq(other.left.index, 1);
	ck_assert_uint_eq(regions_mapped(), 2);
	/* Nothing is given out of it, and its number is not used again. */
	alloc_all(bufs, 4);
	for (i = 0; i < 4; i++) {
		ck_assert_int_ne(ebb_mem_region_index(bufs[i]), 1);
	}
	ck_assert(one.present[2]);
	ck_assert_uint_eq(regions_mapped(), 3);
	ck_assert_int_eq(ebb_mem_subscribe(&newcomer.subscriber), 0);
	ck_assert(newcomer.present[0] && !newcomer.present[1] && newcomer.present[2]);
	ebb_mem_unsubscribe(&newcomer.subscriber);
	run_thread(release_main, &one);
	ck_assert_uint_eq(regions_mapped(), 3);
	*(volatile char *)other.left.base = 1; /* still mapped */
	run_thread(release_main, &other);
	ck_assert_uint_eq(regions_mapped(), 2);
	ck_assert_int_eq(ebb_mem_region_index(other.left.base), -1);
	free_all(bufs, 4);
	ebb_mem_unsubscribe(&one.subscriber);
	ebb_mem_unsubscribe(&at_once.subscriber);
	ebb_mem_unsubscribe(&other.subscriber);
}
END_TEST

START_TEST(a_region_comes_again)
{
	struct witness witness = WITNESS;
	unsigned round;

	witness.late = true;
	leave_one((struct witness *[]){&witness}, 1);
	for (round = 1; round < 5; round++) {
		void *bufs[4];

		ck_assert_uint_eq(witness.removed, round);
		ck_assert_uint_eq(witness.added, 1 + round);
		run_thread(release_main, &witness);
		ck_assert_uint_eq(regions_mapped(), 1);
		alloc_all(bufs, 4);
		ck_assert(witness.present[1]);
		memset(bufs[0], 1, EBB_MEM_ALLOC_MAX);
		free_all(bufs, 4);
		ebb_mem_trim();
	}
	ebb_mem_unsubscribe(&witness.subscriber);
}
END_TEST

START_TEST(who_goes_has_let_go)
{
	struct witness one = WITNESS, other = WITNESS;

	one.late = other.late = true;
	leave_one((struct witness *[]){&one, &other}, 2);
	ebb_mem_unsubscribe(&one.subscriber);
	ck_assert_uint_eq(regions_mapped(), 2);
	ebb_mem_unsubscribe(&other.subscriber);
	ck_assert_uint_eq(regions_mapped(), 1);
	/* It owes nothing when it comes back. */
	one = (struct witness)WITNESS;
	one.late = true;
	leave_one((struct witness *[]){&one}, 1);
	run_thread(release_main, &one);
	ck_assert_uint_eq(regions_mapped(), 1);
	ebb_mem_unsubscribe(&one.subscriber);
}
END_TEST

START_TEST(releasing_twice_is_refused)
{
	struct witness witness = WITNESS;

	log_capture();
	leave_one((struct witness *[]){&witness}, 1);
	ck_assert_uint_eq(regions_mapped(), 1);
	ebb_mem_region_released(&witness.subscriber, &witness.left);
	ck_assert_uint_eq(log_count("was released before, or does not leave; refused"), 1);
	ck_assert_uint_eq(regions_mapped(), 1);
	ebb_mem_unsubscribe(&witness.subscriber);
}
END_TEST

START_TEST(releasing_what_stays_is_refused)
{
	struct witness witness = WITNESS;
	struct ebb_mem_region region = {.index = 0}, none = {.index = EBB_MEM_REGIONS_MAX};

	log_capture();
	leave_one((struct witness *[]){&witness}, 1);
	ebb_mem_region_released(&witness.subscriber, &region);
	ebb_mem_region_released(&witness.subscriber, &none);
	ck_assert_uint_eq(log_count("was released before, or does not leave; refused"), 2);
	ck_assert_uint_eq(regions_mapped(), 1);
	ebb_mem_unsubscribe(&witness.subscriber);
}
END_TEST

/* Nobody has memory of a region that one of them could not map. */
START_TEST(a_region_that_is_refused_does_not_come)
{
	struct witness before = WITNESS;
	struct witness refusing = WITNESS;
	struct witness after = WITNESS;
	void *bufs[6];

	before.late = true;
	ck_assert_int_eq(ebb_mem_subscribe(&before.subscriber), 0);
	ck_assert_int_eq(ebb_mem_subscribe(&refusing.subscriber), 0);
	ck_assert_int_eq(ebb_mem_subscribe(&after.subscriber), 0);
	alloc_all(bufs, 4);
	refusing.refuses = -ENOMEM;
	ck_assert_ptr_null(ebb_mem_alloc(EBB_MEM_ALLOC_MAX));
	ck_assert_uint_eq(before.added, 3);
	ck_assert_uint_eq(before.removed, 1);
	ck_assert_uint_eq(refusing.added, 2);
	ck_assert_uint_eq(refusing.removed, 0);
	ck_assert_uint_eq(after.added, 2);
	ck_assert_uint_eq(regions_mapped(), 3);
	ebb_mem_region_released(&before.subscriber, &before.left);
	ck_assert_uint_eq(regions_mapped(), 2);
	/* It is not asked each time. */
	ck_assert_ptr_null(ebb_mem_alloc(EBB_MEM_ALLOC_MAX));
	ck_assert_uint_eq(refusing.refused, 1);
	/* When one has left there may be room. */
	before.late = false;
	free_all(bufs, 4);
	ebb_mem_trim();
	alloc_all(bufs, 2);
	ck_assert_ptr_null(ebb_mem_alloc(EBB_MEM_ALLOC_MAX));
	ck_assert_uint_eq(refusing.refused, 2);
	/* Without him there is no reason any more. */
	ebb_mem_unsubscribe(&refusing.subscriber);
	alloc_all(&bufs[2], 4);
	free_all(bufs, 6);
	ebb_mem_trim();
	ebb_mem_unsubscribe(&before.subscriber);
	ebb_mem_unsubscribe(&after.subscriber);
}
END_TEST

START_TEST(who_refuses_what_there_is_does_not_subscribe)
{
	struct witness witness = WITNESS;
	void *bufs[4];

	alloc_all(bufs, 2);
	witness.refuses = -EPERM;
	ck_assert_int_eq(ebb_mem_subscribe(&witness.subscriber), -EPERM);
	witness.refuses = 0;
	alloc_all(&bufs[2], 2);
	ck_assert_uint_eq(witness.added, 0);
	free_all(bufs, 4);
	ebb_mem_trim();
	ck_assert_uint_eq(witness.removed, 0);
}
END_TEST

START_TEST(who_cannot_let_go_keeps_regions)
{
	struct witness witness = {.subscriber = {.added = witness_added}};
	void *bufs[4];

	ck_assert_int_eq(ebb_mem_subscribe(&witness.subscriber), 0);
	alloc_all(bufs, 4);
	free_all(bufs, 4);
	ebb_mem_trim();
	ck_assert_uint_eq(regions_mapped(), 2);
	ebb_mem_unsubscribe(&witness.subscriber);
	ebb_mem_trim();
	ck_assert_uint_eq(regions_mapped(), 1);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(subscribers_see_regions_come_and_go),
		UNIT_TEST(memory_stays_until_all_have_let_go),
		UNIT_TEST(a_region_comes_again),
		UNIT_TEST(who_goes_has_let_go),
		UNIT_TEST(releasing_twice_is_refused),
		UNIT_TEST(releasing_what_stays_is_refused),
		UNIT_TEST(a_region_that_is_refused_does_not_come),
		UNIT_TEST(who_refuses_what_there_is_does_not_subscribe),
		UNIT_TEST(who_cannot_let_go_keeps_regions),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
