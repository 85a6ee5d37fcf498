/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool. On first use it reserves 2 GiB of addresses, which costs no memory, and then gives them
 * memory region by region. So a region's number is a subtraction and a shift, and looking one up
 * takes no lock: the base never changes, and a region's flag changes only while nobody can hold a
 * buffer in it.
 *
 * Blocks come from one buddy allocator under one mutex. A reactor keeps what was freed on it in a
 * bounded cache per size, so that its I/O path meets neither the mutex nor the allocator. Other OS
 * threads have no cache. A cache is known to the pool, so that it can be counted, and is emptied
 * when its OS thread ends.
 */
#include <ebb/memory.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include <ebb/assert.h>
#include <ebb/log.h>

#include "core/event/turn.h"
#include "core/memory/buddy.h"
#include "core/memory/pool.h"

#define CLASS_COUNT       (EBB_BUDDY_ORDERS - 1u) /* 4 KiB … 1 MiB */
#define CACHE_SLOTS_MAX   64u
#define CACHE_CLASS_BYTES (1u << 20)
#define ARENA_SIZE        ((size_t)EBB_MEM_REGIONS_MAX << EBB_BUDDY_REGION_SHIFT)

struct cache_class {
	unsigned count;
	void *slots[CACHE_SLOTS_MAX];
};

struct mem_cache {
	struct ebb_list link;
	bool known;           /* to the pool */
	_Atomic size_t bytes; /* written by the owner alone; pairs with ebb_mem_get_stats() */
	struct cache_class classes[CLASS_COUNT];
};

static struct {
	pthread_mutex_t lock;
	bool ready;
	struct ebb_list subscribers;
	struct ebb_list caches;
	unsigned num_regions;
	size_t used_bytes;
	struct ebb_buddy buddy;
	pthread_key_t cache_key; /* only for its destructor */
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER,
	  .subscribers = EBB_LIST_INIT(pool.subscribers),
	  .caches = EBB_LIST_INIT(pool.caches)};

/* Both are set under the lock, and read without it; see the top of the file. */
static _Atomic uintptr_t arena_base;
static _Atomic bool region_present[EBB_MEM_REGIONS_MAX];

static _Atomic unsigned fail_countdown; /* 0: off; 1: all fail; pairs with ebb_mem_fail_from() */

static _Thread_local struct mem_cache thread_cache;

static unsigned size_class(size_t size)
{
	if (size <= EBB_MEM_ALLOC_MIN) {
		return 0;
	}
	return 64u - (unsigned)__builtin_clzll(size - 1) - EBB_BUDDY_PAGE_SHIFT;
}

static size_t class_bytes(unsigned class)
{
	return (size_t)EBB_MEM_ALLOC_MIN << class;
}

static unsigned cache_limit(unsigned class)
{
	unsigned slots = CACHE_CLASS_BYTES >> (EBB_BUDDY_PAGE_SHIFT + class);

	if (slots > CACHE_SLOTS_MAX) {
		return CACHE_SLOTS_MAX;
	}
	return slots < 2 ? 2 : slots;
}

static void *region_base(unsigned region)
{
	uintptr_t base = atomic_load_explicit(&arena_base, memory_order_relaxed);

	return (void *)(base + ((uintptr_t)region << EBB_BUDDY_REGION_SHIFT));
}

static unsigned long page_of(const void *addr)
{
	uintptr_t base = atomic_load_explicit(&arena_base, memory_order_relaxed);

	return ((uintptr_t)addr - base) >> EBB_BUDDY_PAGE_SHIFT;
}

static void pool_free_locked(void *buf, unsigned class)
{
	/* Anything else was freed twice, or with another size than it was asked for. */
	ebb_assert(ebb_mem_contains(buf, class_bytes(class)));
	ebb_assert(ebb_buddy_free(&pool.buddy, page_of(buf), class));
	pool.used_bytes -= class_bytes(class);
}

static void cache_flush_locked(struct mem_cache *cache)
{
	unsigned class;

	for (class = 0; class < CLASS_COUNT; class ++) {
		struct cache_class *slots = &cache->classes[class];

		while (slots->count > 0) {
			pool_free_locked(slots->slots[--slots->count], class);
		}
	}
	atomic_store_explicit(&cache->bytes, 0, memory_order_relaxed);
}

/* The OS thread ends: its cache goes. */
static void cache_thread_ends(void *arg)
{
	struct mem_cache *cache = arg;

	pthread_mutex_lock(&pool.lock);
	cache_flush_locked(cache);
	ebb_list_remove(&cache->link);
	cache->known = false;
	pthread_mutex_unlock(&pool.lock);
}

static int pool_ready_locked(void)
{
	size_t size = ARENA_SIZE + EBB_MEM_REGION_SIZE;
	uintptr_t base;
	void *addr;

	if (pool.ready) {
		return 0;
	}
	addr = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (addr == MAP_FAILED) {
		return -errno;
	}
	if (pthread_key_create(&pool.cache_key, cache_thread_ends) != 0) {
		munmap(addr, size);
		return -ENOMEM;
	}
	base = ((uintptr_t)addr + EBB_MEM_REGION_SIZE - 1) & ~(uintptr_t)(EBB_MEM_REGION_SIZE - 1);
	ebb_buddy_init(&pool.buddy);
	atomic_store_explicit(&arena_base, base, memory_order_relaxed);
	pool.ready = true;
	return 0;
}

/* Maps one more region. Under the lock. */
static int pool_grow_locked(void)
{
	struct ebb_mem_region region = {.index = 0};
	struct ebb_list *node;
	int rc;

	rc = pool_ready_locked();
	if (rc < 0) {
		return rc;
	}
	while (region.index < EBB_MEM_REGIONS_MAX &&
	       atomic_load_explicit(&region_present[region.index], memory_order_relaxed)) {
		region.index++;
	}
	if (region.index == EBB_MEM_REGIONS_MAX) {
		return -ENOSPC;
	}
	region.base = region_base(region.index);
	if (mmap(region.base, EBB_MEM_REGION_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE, -1, 0) == MAP_FAILED) {
		return -errno;
	}
	pool.num_regions++;
	ebb_buddy_add_region(&pool.buddy, region.index);
	atomic_store_explicit(&region_present[region.index], true, memory_order_relaxed);
	ebb_list_for_each(node, &pool.subscribers) {
		struct ebb_mem_subscriber *subscriber =
			ebb_list_entry(node, struct ebb_mem_subscriber, link);

		subscriber->added(subscriber, &region);
	}
	return 0;
}

static void *pool_alloc(unsigned class)
{
	static struct ebb_ratelimit limit;
	void *buf = NULL;
	long page = -1;
	int rc = 0;

	pthread_mutex_lock(&pool.lock);
	if (pool.ready) {
		page = ebb_buddy_alloc(&pool.buddy, class);
	}
	if (page < 0) {
		rc = pool_grow_locked();
		if (rc == 0) {
			page = ebb_buddy_alloc(&pool.buddy, class);
		}
	}
	if (page >= 0) {
		pool.used_bytes += class_bytes(class);
		buf = (char *)region_base(0) + ((size_t)page << EBB_BUDDY_PAGE_SHIFT);
	}
	pthread_mutex_unlock(&pool.lock);
	if (rc < 0 && ebb_ratelimit_ok(&limit)) {
		ebb_warn("memory", "the buffer pool cannot grow past %u regions of 2 MiB: %s",
			 pool.num_regions, strerror(-rc));
	}
	return buf;
}

static bool must_fail(void)
{
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

static void cache_count(struct mem_cache *cache, size_t bytes)
{
	size_t now = atomic_load_explicit(&cache->bytes, memory_order_relaxed);

	atomic_store_explicit(&cache->bytes, now + bytes, memory_order_relaxed);
}

void *ebb_mem_alloc(size_t size)
{
	struct mem_cache *cache = &thread_cache;
	struct cache_class *slots;
	unsigned class;

	if (ebb_unlikely(size == 0 || size > EBB_MEM_ALLOC_MAX || must_fail())) {
		return NULL;
	}
	class = size_class(size);
	slots = &cache->classes[class];
	if (ebb_likely(slots->count > 0)) {
		cache_count(cache, (size_t)0 - class_bytes(class));
		return slots->slots[--slots->count];
	}
	return pool_alloc(class);
}

/* The pool shall know this OS thread's cache, and empty it when the thread ends. */
static bool cache_introduce(struct mem_cache *cache)
{
	bool known = false;

	pthread_mutex_lock(&pool.lock);
	if (pthread_setspecific(pool.cache_key, cache) == 0) {
		ebb_list_push_back(&pool.caches, &cache->link);
		cache->known = true;
		known = true;
	}
	pthread_mutex_unlock(&pool.lock);
	return known;
}

void ebb_mem_free(void *buf, size_t size)
{
	struct mem_cache *cache = &thread_cache;
	struct cache_class *slots;
	unsigned class;

	if (buf == NULL) {
		return;
	}
	ebb_assert(size > 0 && size <= EBB_MEM_ALLOC_MAX);
	class = size_class(size);
	slots = &cache->classes[class];
	if (ebb_turn.reactor != NULL && slots->count < cache_limit(class) &&
	    (cache->known || cache_introduce(cache))) {
		slots->slots[slots->count++] = buf;
		cache_count(cache, class_bytes(class));
		return;
	}
	pthread_mutex_lock(&pool.lock);
	pool_free_locked(buf, class);
	pthread_mutex_unlock(&pool.lock);
}

int ebb_mem_arena(uintptr_t *ret_base, uintptr_t *ret_bytes)
{
	int rc;

	pthread_mutex_lock(&pool.lock);
	rc = pool_ready_locked();
	pthread_mutex_unlock(&pool.lock);
	if (rc == 0) {
		*ret_base = atomic_load_explicit(&arena_base, memory_order_relaxed);
		*ret_bytes = ARENA_SIZE;
	}
	return rc;
}

int ebb_mem_region_index(const void *addr)
{
	uintptr_t base = atomic_load_explicit(&arena_base, memory_order_relaxed);
	uintptr_t offset = (uintptr_t)addr - base;
	size_t region = offset >> EBB_BUDDY_REGION_SHIFT;

	if (base == 0 || offset >= ARENA_SIZE ||
	    !atomic_load_explicit(&region_present[region], memory_order_relaxed)) {
		return -1;
	}
	return (int)region;
}

bool ebb_mem_contains(const void *addr, size_t len_bytes)
{
	size_t in_region = (uintptr_t)addr & (EBB_MEM_REGION_SIZE - 1);

	return len_bytes <= EBB_MEM_REGION_SIZE - in_region && ebb_mem_region_index(addr) >= 0;
}

/* Tells a subscriber of each region there is. Under the lock. */
static void tell_regions(struct ebb_mem_subscriber *subscriber)
{
	struct ebb_mem_region region;

	for (region.index = 0; region.index < EBB_MEM_REGIONS_MAX; region.index++) {
		if (atomic_load_explicit(&region_present[region.index], memory_order_relaxed)) {
			region.base = region_base(region.index);
			subscriber->added(subscriber, &region);
		}
	}
}

void ebb_mem_subscribe(struct ebb_mem_subscriber *subscriber)
{
	pthread_mutex_lock(&pool.lock);
	ebb_list_push_back(&pool.subscribers, &subscriber->link);
	tell_regions(subscriber);
	pthread_mutex_unlock(&pool.lock);
}

void ebb_mem_unsubscribe(struct ebb_mem_subscriber *subscriber)
{
	pthread_mutex_lock(&pool.lock);
	ebb_list_remove(&subscriber->link);
	pthread_mutex_unlock(&pool.lock);
}

/* Gives the memory back and keeps the addresses. */
static void region_drop_locked(unsigned index)
{
	struct ebb_mem_region region = {.index = index, .base = region_base(index)};
	struct ebb_list *node, *next;

	ebb_list_for_each_safe(node, next, &pool.subscribers) {
		struct ebb_mem_subscriber *subscriber =
			ebb_list_entry(node, struct ebb_mem_subscriber, link);

		subscriber->removed(subscriber, &region);
	}
	atomic_store_explicit(&region_present[index], false, memory_order_relaxed);
	pool.num_regions--;
	if (mmap(region.base, EBB_MEM_REGION_SIZE, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED) {
		/* The mapping stays until the region is mapped anew; its pages can go. */
		madvise(region.base, EBB_MEM_REGION_SIZE, MADV_DONTNEED);
	}
}

/* A device that knows a region, and cannot be told that it goes, would write to lost pages. */
static bool regions_can_go(void)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &pool.subscribers) {
		if (ebb_list_entry(node, struct ebb_mem_subscriber, link)->removed == NULL) {
			return false;
		}
	}
	return true;
}

void ebb_mem_trim(void)
{
	unsigned region = EBB_MEM_REGIONS_MAX;

	pthread_mutex_lock(&pool.lock);
	cache_flush_locked(&thread_cache);
	while (region-- > 0 && pool.num_regions > 1 && regions_can_go()) {
		if (atomic_load_explicit(&region_present[region], memory_order_relaxed) &&
		    ebb_buddy_remove_region(&pool.buddy, region)) {
			region_drop_locked(region);
		}
	}
	pthread_mutex_unlock(&pool.lock);
}

void ebb_mem_get_stats(struct ebb_mem_stats *ret_stats)
{
	struct ebb_mem_stats stats = {0};
	struct ebb_list *node;

	pthread_mutex_lock(&pool.lock);
	stats.mapped_bytes = (size_t)pool.num_regions << EBB_BUDDY_REGION_SHIFT;
	stats.used_bytes = pool.used_bytes;
	ebb_list_for_each(node, &pool.caches) {
		struct mem_cache *cache = ebb_list_entry(node, struct mem_cache, link);

		stats.cached_bytes += atomic_load_explicit(&cache->bytes, memory_order_relaxed);
	}
	pthread_mutex_unlock(&pool.lock);
	*ret_stats = stats;
}

void ebb_mem_fail_from(unsigned nth)
{
	atomic_store(&fail_countdown, nth);
}
