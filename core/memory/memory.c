/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool. Blocks come from one buddy allocator under one mutex. An OS thread that has asked for a
 * cache, as a reactor's does when it begins, keeps what was freed on it there, bounded per size, so
 * that its I/O path meets neither the mutex nor the allocator. Other OS threads have no cache. The
 * pool knows all caches, so that they can be counted, and empties one when its user or its OS
 * thread ends. Where blocks lie, in regions that come and go, is region.c's.
 *
 * Memory that was needed once and is not needed any more goes back. While anything is awake
 * mem_age() is called once a second, and each call begins an age of the pool. Whoever takes or
 * gives a block leaves the age behind: in its cache, for the size of the block, or in the block's
 * region. What was touched neither in the running age nor in the whole of the one before it is
 * stale: a size is flushed out of its cache, on the cache's own reactor, and a region that is
 * wholly free leaves. So what a load uses at least once a second stays, however it comes and goes
 * within the second, and the cost of a region that returns, half a millisecond, is paid once in a
 * second at most.
 *
 * When a load ends, one call finds everything touched, and the next finds it stale; each says
 * whether another one is needed. One reason is enough to need none: touching ends with the load,
 * and what nobody touches becomes stale, and is gone, at the second call. The pool reaches into no
 * cache but the caller's: it says whose is stale, and the caller has each flushed where it belongs.
 * A reactor wakes for that, and so is followed by a call like any other wakeup.
 */
#include <ebb/memory.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <ebb/log.h>

#include "core/memory/buddy.h"
#include "core/memory/pool.h"
#include "core/memory/region.h"

#define CLASS_COUNT       (MEM_BUDDY_ORDERS - 1u) /* 4 KiB … 1 MiB */
#define CACHE_SLOTS_MAX   64u
#define CACHE_CLASS_BYTES (1u << 20)

/* The owner's. What others read too (how much is there, and how old) is stored relaxed. */
struct cache_class {
	_Atomic unsigned count; /* pairs with ebb_mem_get_stats() and mem_age() */
	_Atomic unsigned age;   /* when a block came or went last; pairs with mem_age() */
	void *slots[CACHE_SLOTS_MAX];
};

struct mem_cache {
	struct ebb_list link;
	bool known; /* to the pool: it may be used */
	int core;
	struct cache_class classes[CLASS_COUNT];
};

/*
 * Zero as a whole, so that it takes no room in the program's file; most of it is the buddy's
 * tables.
 */
static struct {
	bool ready;
	size_t used_bytes;
	struct mem_buddy buddy;
	unsigned region_age[EBB_MEM_REGIONS_MAX]; /* when a block came or went last */
	pthread_key_t cache_key;                  /* only for its destructor */
} pool;

static struct ebb_list pool_caches = EBB_LIST_INIT(pool_caches);

/* Set under the lock; read on every allocation, so it has a line of its own. */
static _Atomic unsigned pool_age EBB_CACHE_ALIGNED;

static _Atomic unsigned fail_countdown EBB_CACHE_ALIGNED; /* pairs with mem_fail_from() */

static _Thread_local struct mem_cache thread_cache;

static unsigned age_now(void)
{
	return atomic_load_explicit(&pool_age, memory_order_relaxed);
}

static bool age_is_stale(unsigned age)
{
	return age_now() - age >= 2;
}

static unsigned size_class(size_t size)
{
	if (size <= EBB_MEM_ALLOC_MIN) {
		return 0;
	}
	return 64u - (unsigned)__builtin_clzll(size - 1) - MEM_BUDDY_PAGE_SHIFT;
}

static size_t class_bytes(unsigned class)
{
	return (size_t)EBB_MEM_ALLOC_MIN << class;
}

static unsigned cache_limit(unsigned class)
{
	unsigned slots = CACHE_CLASS_BYTES >> (MEM_BUDDY_PAGE_SHIFT + class);

	if (slots > CACHE_SLOTS_MAX) {
		return CACHE_SLOTS_MAX;
	}
	return slots < 2 ? 2 : slots;
}

static unsigned class_count(const struct cache_class *slots)
{
	return atomic_load_explicit(&slots->count, memory_order_relaxed);
}

static void class_set_count(struct cache_class *slots, unsigned count)
{
	atomic_store_explicit(&slots->count, count, memory_order_relaxed);
}

/* A block comes or goes. */
static void class_touch(struct cache_class *slots, unsigned count)
{
	class_set_count(slots, count);
	atomic_store_explicit(&slots->age, age_now(), memory_order_relaxed);
}

static bool class_is_stale(const struct cache_class *slots)
{
	return age_is_stale(atomic_load_explicit(&slots->age, memory_order_relaxed));
}

/* May @buf be a block of that size? Whether it has been given out, only the pool knows. */
static bool is_block(const void *buf, unsigned class)
{
	return ((uintptr_t)buf & (class_bytes(class) - 1)) == 0 &&
	       ebb_mem_contains(buf, class_bytes(class));
}

static void __attribute__((cold, noinline)) free_refuse(const void *buf, size_t size)
{
	static struct ebb_ratelimit limit;

	if (ebb_ratelimit_ok(&limit)) {
		ebb_error("memory",
			  "ebb_mem_free(%p, %zu): no buffer of that size is out there: it is "
			  "foreign, was asked for with another size, or has been freed before; "
			  "refused",
			  buf, size);
	}
}

/* Return: the region that it was in; -1: it is none, or was freed before: reported. */
static int pool_free_locked(void *buf, unsigned class)
{
	if (!is_block(buf, class) || !mem_buddy_free(&pool.buddy, mem_region_page(buf), class)) {
		free_refuse(buf, class_bytes(class));
		return -1;
	}
	pool.used_bytes -= class_bytes(class);
	return ebb_mem_region_index(buf);
}

/* All of it, or what is stale. That is no use of the regions. */
static void cache_flush_locked(struct mem_cache *cache, bool all)
{
	unsigned class;

	for (class = 0; class < CLASS_COUNT; class ++) {
		struct cache_class *slots = &cache->classes[class];
		unsigned count = class_count(slots);

		if (all || class_is_stale(slots)) {
			while (count > 0) {
				pool_free_locked(slots->slots[--count], class);
			}
			class_set_count(slots, 0);
		}
	}
}

static void cache_end(struct mem_cache *cache)
{
	pthread_mutex_lock(&mem_lock);
	if (cache->known) {
		cache_flush_locked(cache, true);
		ebb_list_remove(&cache->link);
		cache->known = false;
	}
	pthread_mutex_unlock(&mem_lock);
}

/* The OS thread ends: its cache goes. */
static void cache_thread_ends(void *arg)
{
	cache_end(arg);
}

void mem_cache_end(void)
{
	cache_end(&thread_cache);
}

static int pool_ready_locked(void)
{
	int rc;

	if (pool.ready) {
		return 0;
	}
	rc = pthread_key_create(&pool.cache_key, cache_thread_ends);
	if (rc != 0) {
		return -rc;
	}
	mem_buddy_init(&pool.buddy);
	pool.ready = true;
	return 0;
}

void mem_cache_begin(int core)
{
	struct mem_cache *cache = &thread_cache;

	pthread_mutex_lock(&mem_lock);
	cache->core = core;
	if (!cache->known && pool_ready_locked() == 0 &&
	    pthread_setspecific(pool.cache_key, cache) == 0) {
		ebb_list_push_back(&pool_caches, &cache->link);
		cache->known = true;
	}
	pthread_mutex_unlock(&mem_lock);
}

static int pool_grow_locked(struct mem_region_set *leaving)
{
	int rc = pool_ready_locked();

	if (rc == 0) {
		rc = mem_region_grow_locked(leaving);
	}
	if (rc >= 0) {
		mem_buddy_add_region(&pool.buddy, (unsigned)rc);
	}
	return rc;
}

static void *pool_alloc(unsigned class)
{
	static struct ebb_ratelimit limit;
	struct mem_region_set leaving = {0};
	void *buf = NULL;
	unsigned num_regions;
	long page = -1;
	int rc = 0;

	pthread_mutex_lock(&mem_lock);
	if (pool.ready) {
		page = mem_buddy_alloc(&pool.buddy, class);
	}
	if (page < 0) {
		rc = pool_grow_locked(&leaving);
		if (rc >= 0) {
			page = mem_buddy_alloc(&pool.buddy, class);
		}
	}
	if (page >= 0) {
		pool.used_bytes += class_bytes(class);
		pool.region_age[(unsigned long)page >> MEM_BUDDY_REGION_ORDER] = age_now();
		buf = (char *)mem_region_base(0) + ((size_t)page << MEM_BUDDY_PAGE_SHIFT);
	}
	num_regions = mem_region_num_present_locked();
	pthread_mutex_unlock(&mem_lock);
	if (rc < 0) {
		mem_regions_let_go(&leaving);
	}
	if (rc < 0 && ebb_ratelimit_ok(&limit)) {
		ebb_warn("memory",
			 "the buffer pool cannot grow past %u regions of 2 MiB: %s: I/O waits for "
			 "buffers%s",
			 num_regions, strerror(-rc),
			 rc == -ENOMEM ? "; free memory, or raise RLIMIT_AS (ulimit -v)" : "");
	}
	return buf;
}

static bool must_fail(void)
{
	/* 0: off; 1: all fail. */
	unsigned count = atomic_load_explicit(&fail_countdown, memory_order_relaxed);

	if (ebb_likely(count == 0)) {
		return false;
	}
	while (count > 1) {
		if (atomic_compare_exchange_weak(&fail_countdown, &count, count - 1)) {
			return false;
		}
	}
	return count == 1;
}

void *ebb_mem_alloc(size_t size)
{
	struct cache_class *slots;
	unsigned class, count;

	if (ebb_unlikely(size == 0 || size > EBB_MEM_ALLOC_MAX || must_fail())) {
		return NULL;
	}
	class = size_class(size);
	slots = &thread_cache.classes[class];
	count = class_count(slots);
	if (ebb_likely(count > 0)) {
		count--;
		class_touch(slots, count);
		return slots->slots[count];
	}
	return pool_alloc(class);
}

void ebb_mem_free(void *buf, size_t size)
{
	struct mem_cache *cache = &thread_cache;
	struct cache_class *slots;
	unsigned class, count;
	int region;

	if (buf == NULL) {
		return;
	}
	if (ebb_unlikely(size == 0 || size > EBB_MEM_ALLOC_MAX)) {
		free_refuse(buf, size);
		return;
	}
	class = size_class(size);
	if (ebb_unlikely(!is_block(buf, class))) {
		free_refuse(buf, size);
		return;
	}
	slots = &cache->classes[class];
	count = class_count(slots);
	if (cache->known && count < cache_limit(class)) {
		slots->slots[count] = buf;
		class_touch(slots, count + 1);
		return;
	}
	pthread_mutex_lock(&mem_lock);
	region = pool_free_locked(buf, class);
	if (region >= 0) {
		pool.region_age[region] = age_now();
	}
	pthread_mutex_unlock(&mem_lock);
}

/*
 * Has regions leave that are wholly free, from the last on, but for one: all of them, or those that
 * are stale. Return: true: there are others, which are not stale.
 */
static bool pool_leave_locked(bool all, struct mem_region_set *leaving)
{
	unsigned region = EBB_MEM_REGIONS_MAX;
	bool more = false;

	if (!mem_regions_can_leave_locked()) {
		return false;
	}
	while (region-- > 0 && mem_region_num_present_locked() > 1) {
		if (!mem_region_present_locked(region) ||
		    !mem_buddy_region_free(&pool.buddy, region)) {
			continue;
		}
		if (all || age_is_stale(pool.region_age[region])) {
			mem_buddy_remove_region(&pool.buddy, region);
			mem_region_leave_locked(region, leaving);
		} else {
			more = true;
		}
	}
	return more;
}

static void trim_caller(bool all)
{
	struct mem_region_set leaving = {0};

	pthread_mutex_lock(&mem_lock);
	cache_flush_locked(&thread_cache, all);
	pool_leave_locked(all, &leaving);
	pthread_mutex_unlock(&mem_lock);
	mem_regions_let_go(&leaving);
}

void ebb_mem_trim(void)
{
	trim_caller(true);
}

void mem_age_caller(void)
{
	trim_caller(false);
}

/* Notes the cache if something in it is stale. Return: true: there is something that is not. */
static bool cache_age_locked(const struct mem_cache *cache, cpu_set_t *stale_cores)
{
	bool fresh = false, stale = false;
	unsigned class;

	for (class = 0; class < CLASS_COUNT; class ++) {
		const struct cache_class *slots = &cache->classes[class];

		if (class_count(slots) > 0) {
			stale = stale || class_is_stale(slots);
			fresh = fresh || !class_is_stale(slots);
		}
	}
	if (stale) {
		CPU_SET((size_t)cache->core, stale_cores);
	}
	return fresh;
}

bool mem_age(cpu_set_t *ret_stale_cores)
{
	struct mem_region_set leaving = {0};
	struct ebb_list *node;
	bool more = false;

	CPU_ZERO(ret_stale_cores);
	pthread_mutex_lock(&mem_lock);
	atomic_fetch_add_explicit(&pool_age, 1, memory_order_relaxed);
	if (mem_regions_can_leave_locked() && mem_region_num_present_locked() > 1) {
		ebb_list_for_each(node, &pool_caches) {
			more |= cache_age_locked(ebb_list_entry(node, struct mem_cache, link),
						 ret_stale_cores);
		}
		more |= pool_leave_locked(false, &leaving);
	}
	pthread_mutex_unlock(&mem_lock);
	mem_regions_let_go(&leaving);
	return more;
}

void ebb_mem_get_stats(struct ebb_mem_stats *ret_stats)
{
	struct ebb_mem_stats stats = {0};
	struct ebb_list *node;
	unsigned class;

	pthread_mutex_lock(&mem_lock);
	stats.mapped_bytes = (size_t)mem_region_num_mapped_locked() << MEM_BUDDY_REGION_SHIFT;
	stats.used_bytes = pool.used_bytes;
	ebb_list_for_each(node, &pool_caches) {
		struct mem_cache *cache = ebb_list_entry(node, struct mem_cache, link);

		for (class = 0; class < CLASS_COUNT; class ++) {
			stats.cached_bytes +=
				class_count(&cache->classes[class]) * class_bytes(class);
		}
	}
	pthread_mutex_unlock(&mem_lock);
	*ret_stats = stats;
}

void mem_fail_from(unsigned nth)
{
	atomic_store(&fail_countdown, nth);
}
