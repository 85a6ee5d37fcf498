/* SPDX-License-Identifier: Apache-2.0 */
#include <ebb/memory.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "core/memory/pool.h"
#include "tests/unit/fixtures/log.h"
#include "tests/unit/unit.h"

static struct ebb_mem_stats stats_now(void)
{
	struct ebb_mem_stats stats;

	ebb_mem_get_stats(&stats);
	return stats;
}

#define CORE 7

/* As a reactor begins, on this OS thread. */
static void begin_cache(void)
{
	mem_cache_begin(CORE);
}

static void run_thread(void *(*main_fn)(void *), void *arg)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, main_fn, arg), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

START_TEST(nothing_is_mapped_before_it_is_needed)
{
	void *buf;

	ck_assert_uint_eq(stats_now().mapped_bytes, 0);
	ebb_mem_trim();
	ck_assert_int_eq(ebb_mem_region_index(&buf), -1);
	buf = ebb_mem_alloc(1);
	ck_assert_uint_eq(stats_now().mapped_bytes, EBB_MEM_REGION_SIZE);
	ebb_mem_free(buf, 1);
}
END_TEST

START_TEST(sizes_are_rounded_up_and_aligned)
{
	static const struct {
		size_t size, rounded;
	} cases[] = {{1, 4096},       {4096, 4096},       {4097, 8192},
		     {8192, 8192},    {8193, 16384},      {65536, 65536},
		     {65537, 131072}, {1048575, 1048576}, {1048576, 1048576}};
	unsigned i;

	for (i = 0; i < EBB_ARRAY_SIZE(cases); i++) {
		char *buf = ebb_mem_alloc(cases[i].size);

		ck_assert_ptr_nonnull(buf);
		ck_assert_uint_eq((uintptr_t)buf % cases[i].rounded, 0);
		ck_assert_uint_eq(stats_now().used_bytes, cases[i].rounded);
		memset(buf, 1, cases[i].rounded);
		ebb_mem_free(buf, cases[i].size);
		ck_assert_uint_eq(stats_now().used_bytes, 0);
	}
}
END_TEST

START_TEST(impossible_sizes_are_refused)
{
	ck_assert_ptr_null(ebb_mem_alloc(0));
	ck_assert_ptr_null(ebb_mem_alloc(EBB_MEM_ALLOC_MAX + 1));
	ck_assert_ptr_null(ebb_mem_alloc(SIZE_MAX));
	ebb_mem_free(NULL, 4096);
	ck_assert_uint_eq(stats_now().used_bytes, 0);
}
END_TEST

START_TEST(addresses_are_looked_up)
{
	char *buf = ebb_mem_alloc(EBB_MEM_ALLOC_MAX);
	char *region = (char *)((uintptr_t)buf & ~(uintptr_t)(EBB_MEM_REGION_SIZE - 1));
	char foreign;

	ck_assert_int_eq(ebb_mem_region_index(buf), 0);
	ck_assert_int_eq(ebb_mem_region_index(region + EBB_MEM_REGION_SIZE - 1), 0);
	ck_assert_int_eq(ebb_mem_region_index(region + EBB_MEM_REGION_SIZE), -1);
	ck_assert_int_eq(ebb_mem_region_index(region - 1), -1);
	ck_assert_int_eq(ebb_mem_region_index(NULL), -1);
	ck_assert(ebb_mem_contains(region, EBB_MEM_REGION_SIZE));
	ck_assert(!ebb_mem_contains(region + 1, EBB_MEM_REGION_SIZE));
	ck_assert(!ebb_mem_contains(region, SIZE_MAX));
	ck_assert(!ebb_mem_contains(&foreign, 1));
	ebb_mem_free(buf, EBB_MEM_ALLOC_MAX);
}
END_TEST

static unsigned regions_mapped(void)
{
	return (unsigned)(stats_now().mapped_bytes / EBB_MEM_REGION_SIZE);
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

static unsigned asked;

/* One age of the pool; counts if it is this OS thread's cache that shall be flushed. */
static bool age(void)
{
	cpu_set_t stale_cores;
	bool again = mem_age(&stale_cores);

	ck_assert_int_eq(CPU_COUNT(&stale_cores), CPU_ISSET(CORE, &stale_cores) != 0);
	asked += CPU_ISSET(CORE, &stale_cores) != 0;
	return again;
}

START_TEST(what_is_stale_goes)
{
	void *bufs[8];

	asked = 0;
	begin_cache();
	alloc_all(bufs, 8);
	free_all(bufs, 8);
	ck_assert_uint_eq(stats_now().cached_bytes, 2u << 20);
	/* The age in which it was used is over, then a whole one in which it was not. */
	ck_assert(age());
	ck_assert_uint_eq(regions_mapped(), 4);
	ck_assert_uint_eq(asked, 0);
	age();
	ck_assert_uint_eq(asked, 1);
	ck_assert_uint_lt(regions_mapped(), 4);
	mem_age_caller();
	ck_assert_uint_eq(stats_now().cached_bytes, 0);
	ck_assert_uint_eq(regions_mapped(), 1);
	ck_assert(!age());
	ck_assert_uint_eq(asked, 1);
	mem_cache_end();
}
END_TEST

START_TEST(what_is_used_once_an_age_stays)
{
	void *bufs[8];
	unsigned i;

	asked = 0;
	begin_cache();
	for (i = 0; i < 5; i++) {
		alloc_all(bufs, 8);
		free_all(bufs, 8);
		ck_assert_uint_eq(regions_mapped(), 4);
		ck_assert(age());
		mem_age_caller();
		ck_assert_uint_eq(stats_now().cached_bytes, 2u << 20);
	}
	ck_assert_uint_eq(asked, 0);
	mem_cache_end();
}
END_TEST

static int keep(struct ebb_mem_subscriber *subscriber, const struct ebb_mem_region *region)
{
	(void)subscriber;
	(void)region;
	return 0;
}

/* Nothing is asked of anybody for ever: not for one region, nor for what cannot go. */
START_TEST(ages_end)
{
	struct ebb_mem_subscriber subscriber = {.added = keep};
	void *bufs[4], *buf;

	asked = 0;
	begin_cache();
	buf = ebb_mem_alloc(4096);
	ebb_mem_free(buf, 4096);
	ck_assert(!age());
	ck_assert(!age());
	ck_assert_uint_eq(asked, 0);
	/* In use: they stay, and are not waited for. */
	alloc_all(bufs, 4);
	age();
	age();
	mem_age_caller();
	ck_assert(!age());
	ck_assert_uint_eq(regions_mapped(), 3);
	/* Free, but there is somebody who cannot let go. */
	ck_assert_int_eq(ebb_mem_subscribe(&subscriber), 0);
	free_all(bufs, 4);
	ck_assert(!age());
	ebb_mem_unsubscribe(&subscriber);
	ebb_mem_trim();
	mem_cache_end();
}
END_TEST

START_TEST(a_reactor_keeps_what_was_freed)
{
	void *buf, *again;

	begin_cache();
	buf = ebb_mem_alloc(4096);
	ebb_mem_free(buf, 4096);
	ck_assert_uint_eq(stats_now().used_bytes, 4096);
	ck_assert_uint_eq(stats_now().cached_bytes, 4096);
	again = ebb_mem_alloc(3000);
	ck_assert_ptr_eq(again, buf);
	ck_assert_uint_eq(stats_now().cached_bytes, 0);
	ebb_mem_free(again, 3000);
	ebb_mem_trim();
	ck_assert_uint_eq(stats_now().used_bytes, 0);
	ck_assert_uint_eq(stats_now().cached_bytes, 0);
	mem_cache_end();
}
END_TEST

START_TEST(nothing_is_kept_after_the_cache_has_ended)
{
	void *buf;

	begin_cache();
	ebb_mem_free(ebb_mem_alloc(4096), 4096);
	ck_assert_uint_eq(stats_now().cached_bytes, 4096);
	mem_cache_end();
	ck_assert_uint_eq(stats_now().used_bytes, 0);
	buf = ebb_mem_alloc(4096);
	ebb_mem_free(buf, 4096);
	ck_assert_uint_eq(stats_now().used_bytes, 0);
	ck_assert_uint_eq(stats_now().cached_bytes, 0);
}
END_TEST

START_TEST(caches_are_bounded)
{
	static const size_t sizes[] = {4096, 8192, 65536, EBB_MEM_ALLOC_MAX};
	void *bufs[100];
	unsigned i, j;

	begin_cache();
	for (i = 0; i < EBB_ARRAY_SIZE(sizes); i++) {
		for (j = 0; j < 100; j++) {
			bufs[j] = ebb_mem_alloc(sizes[i]);
		}
		for (j = 0; j < 100; j++) {
			ebb_mem_free(bufs[j], sizes[i]);
		}
		ck_assert_uint_gt(stats_now().cached_bytes, 0);
		ck_assert_uint_le(stats_now().cached_bytes, 2u << 20);
		ck_assert_uint_eq(stats_now().cached_bytes, stats_now().used_bytes);
		ebb_mem_trim();
	}
	mem_cache_end();
}
END_TEST

static void *free_elsewhere(void *arg)
{
	ebb_mem_free(arg, 4096);
	return NULL;
}

static void *leave_cached(void *arg)
{
	begin_cache();
	ebb_mem_free(arg, 4096);
	return NULL;
}

START_TEST(any_thread_may_free_and_a_threads_end_frees_its_cache)
{
	run_thread(free_elsewhere, ebb_mem_alloc(4096));
	ck_assert_uint_eq(stats_now().used_bytes, 0);
	run_thread(leave_cached, ebb_mem_alloc(4096));
	ck_assert_uint_eq(stats_now().used_bytes, 0);
	ck_assert_uint_eq(stats_now().cached_bytes, 0);
}
END_TEST

START_TEST(the_nth_allocation_fails)
{
	void *bufs[3];

	mem_fail_from(3);
	bufs[0] = ebb_mem_alloc(4096);
	bufs[1] = ebb_mem_alloc(4096);
	ck_assert_ptr_nonnull(bufs[0]);
	ck_assert_ptr_nonnull(bufs[1]);
	ck_assert_ptr_null(ebb_mem_alloc(4096));
	ck_assert_ptr_null(ebb_mem_alloc(4096));
	mem_fail_from(0);
	bufs[2] = ebb_mem_alloc(4096);
	ck_assert_ptr_nonnull(bufs[2]);
	ebb_mem_free(bufs[0], 4096);
	ebb_mem_free(bufs[1], 4096);
	ebb_mem_free(bufs[2], 4096);
}
END_TEST

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* Under these, address space is theirs. */
START_TEST(without_address_space_there_is_none)
{
	struct rlimit none = {.rlim_cur = 0, .rlim_max = RLIM_INFINITY}, before;

	ck_assert_int_eq(getrlimit(RLIMIT_AS, &before), 0);
	none.rlim_max = before.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &none), 0);
	ck_assert_ptr_null(ebb_mem_alloc(4096));
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &before), 0);
	ck_assert_uint_eq(stats_now().mapped_bytes, 0);
}
END_TEST
#endif

/* Nothing of it is given out: not what is foreign, not a piece of a buffer, not twice. */
static void free_wrongly(void)
{
	static char foreign[8192] __attribute__((aligned(8192)));
	size_t used_bytes;
	char *buf, *other;

	buf = ebb_mem_alloc(8192);
	used_bytes = stats_now().used_bytes;
	ebb_mem_free(foreign, 4096);
	ck_assert_uint_eq(log_count("refused"), 1); /* and no more within a second */
	ebb_mem_free(buf + 16, 4096);
	ebb_mem_free(buf, 0);
	ebb_mem_free(buf, EBB_MEM_ALLOC_MAX + 1);
	ck_assert_uint_eq(stats_now().used_bytes, used_bytes);
	other = ebb_mem_alloc(4096);
	ck_assert_ptr_ne(other, foreign);
	ck_assert(other + 4096 <= buf || other >= buf + 8192);
	ebb_mem_free(other, 4096);
	ebb_mem_free(buf, 8192);
}

START_TEST(what_is_no_buffer_is_not_freed)
{
	log_capture();
	free_wrongly();
}
END_TEST

START_TEST(what_is_no_buffer_is_not_cached)
{
	log_capture();
	begin_cache();
	free_wrongly();
	mem_cache_end();
}
END_TEST

START_TEST(freeing_twice_is_refused)
{
	void *buf = ebb_mem_alloc(4096);
	size_t used_bytes = stats_now().used_bytes;

	log_capture();
	ebb_mem_free(buf, 4096);
	ebb_mem_free(buf, 4096);
	ck_assert_uint_eq(log_count("has been freed before; refused"), 1);
	ck_assert_uint_eq(stats_now().used_bytes, used_bytes - 4096);
}
END_TEST

/* A cache learns of it when it gives them back. */
START_TEST(freeing_twice_into_a_cache_is_refused_by_the_pool)
{
	void *buf = ebb_mem_alloc(4096);

	log_capture();
	begin_cache();
	ebb_mem_free(buf, 4096);
	ebb_mem_free(buf, 4096);
	mem_cache_end();
	ck_assert_uint_eq(log_count("has been freed before; refused"), 1);
	ck_assert_uint_eq(stats_now().used_bytes, 0);
}
END_TEST

START_TEST(freeing_another_size_is_refused)
{
	void *buf = ebb_mem_alloc(4096);
	size_t used_bytes = stats_now().used_bytes;

	log_capture();
	ebb_mem_free(buf, 8192);
	ck_assert_uint_eq(log_count("asked for with another size"), 1);
	ck_assert_uint_eq(stats_now().used_bytes, used_bytes);
	ebb_mem_free(buf, 4096);
	ck_assert_uint_eq(stats_now().used_bytes, used_bytes - 4096);
}
END_TEST

#define STRESS_THREADS 4
#define STRESS_ROUNDS  20000

static void *stress_main(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	struct {
		unsigned char *buf;
		size_t size;
	} held[16] = {0};
	unsigned i, slot;

	if (seed % 2 == 0) {
		begin_cache();
	}
	for (i = 0; i < STRESS_ROUNDS; i++) {
		slot = (unsigned)rand_r(&seed) % 16;
		if (held[slot].buf != NULL) {
			ck_assert_uint_eq(held[slot].buf[0], slot + 1);
			ck_assert_uint_eq(held[slot].buf[held[slot].size - 1], slot + 1);
			ebb_mem_free(held[slot].buf, held[slot].size);
		}
		held[slot].size = 1 + (size_t)rand_r(&seed) % 100000;
		held[slot].buf = ebb_mem_alloc(held[slot].size);
		ck_assert_ptr_nonnull(held[slot].buf);
		held[slot].buf[0] = (unsigned char)(slot + 1);
		held[slot].buf[held[slot].size - 1] = (unsigned char)(slot + 1);
		if (i % 1000 == 0) {
			ebb_mem_trim();
		}
	}
	for (slot = 0; slot < 16; slot++) {
		ebb_mem_free(held[slot].buf, held[slot].size);
	}
	return NULL;
}

START_TEST(threads_at_once)
{
	pthread_t threads[STRESS_THREADS];
	uintptr_t i;

	for (i = 0; i < STRESS_THREADS; i++) {
		ck_assert_int_eq(pthread_create(&threads[i], NULL, stress_main, (void *)(i + 1)),
				 0);
	}
	for (i = 0; i < STRESS_THREADS; i++) {
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	}
	ck_assert_uint_eq(stats_now().used_bytes, 0);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(nothing_is_mapped_before_it_is_needed),
		UNIT_TEST(sizes_are_rounded_up_and_aligned),
		UNIT_TEST(impossible_sizes_are_refused),
		UNIT_TEST(addresses_are_looked_up),
		UNIT_TEST(what_is_stale_goes),
		UNIT_TEST(what_is_used_once_an_age_stays),
		UNIT_TEST(ages_end),
		UNIT_TEST(a_reactor_keeps_what_was_freed),
		UNIT_TEST(nothing_is_kept_after_the_cache_has_ended),
		UNIT_TEST(caches_are_bounded),
		UNIT_TEST(any_thread_may_free_and_a_threads_end_frees_its_cache),
		UNIT_TEST(the_nth_allocation_fails),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
		UNIT_TEST(without_address_space_there_is_none),
#endif
		UNIT_TEST(what_is_no_buffer_is_not_freed),
		UNIT_TEST(what_is_no_buffer_is_not_cached),
		UNIT_TEST(freeing_twice_is_refused),
		UNIT_TEST(freeing_twice_into_a_cache_is_refused_by_the_pool),
		UNIT_TEST(freeing_another_size_is_refused),
		UNIT_TEST(threads_at_once),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
