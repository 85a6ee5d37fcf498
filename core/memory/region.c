/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a region, and why its memory can go while io_urings and devices have it mapped.
 *
 *     ABSENT --> PRESENT --> LEAVING --> ABSENT
 *
 * On first use the pool reserves 2 GiB of addresses, which costs no memory, and then gives them
 * memory region by region. So a region's number is a subtraction and a shift, and looking one up
 * takes no lock: the base never changes, and a region's state is of interest only to who holds a
 * buffer in it, and does not change meanwhile.
 *
 * PRESENT   Blocks are given out of it. Every subscriber has been told, and maps it in its time. If
 *	     one refuses it when it comes, it leaves at once, for those who had been told before;
 *	     and no other comes before there may be room: until a region, or a subscriber, has gone.
 * LEAVING   Begun by a trim, in one step under the lock: it is wholly free, so it is taken out of
 *	     the allocator, and every subscriber is told. An allocation that races with that comes
 *	     before, and the region is not wholly free, or after, and it is not in the allocator.
 *	     So nobody has a buffer in it and nobody gets one; in particular no request in flight
 *	     anywhere uses it, for the buffer of a request is allocated as long as that runs.
 * ABSENT    Each subscriber that was told has released it; the memory has been given back. Only now
 *	     may the pool grow there again, so a subscriber never hears of the coming of a region
 *	     before it has released the one that was there: it can keep what it knows by index.
 *
 * Who must release is counted in refs[], one for each subscriber at the moment of leaving, and
 * is marked in the subscriber. One more is the trim's own, which it gives back when the lock is
 * free (mem_regions_let_go()): so a subscriber that releases inside removed() is never the last,
 * and the slow part, unmapping, is done outside the lock, by the last one to let go. Nobody else
 * touches a region in that state: it is neither PRESENT nor ABSENT.
 *
 * Subscribers come and go meanwhile. One that comes is not told of what leaves, so it owes nothing.
 * One that goes has let go of everything, or it would not go: its marks are taken as releases. Then
 * nothing is left that could count it again.
 *
 * What must never happen: memory unmapped, or mapped anew, that a device still knows; and a region
 * that waits for a subscriber that is gone.
 */
#include "core/memory/region.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include <ebb/assert.h>
#include <ebb/log.h>

#include "core/memory/buddy.h"

#define ARENA_SIZE ((size_t)EBB_MEM_REGIONS_MAX << MEM_BUDDY_REGION_SHIFT)

enum region_state {
	REGION_ABSENT,
	REGION_PRESENT,
	REGION_LEAVING,
	REGION_STATE_COUNT,
};

static const uint32_t region_next[REGION_STATE_COUNT] = {
	[REGION_ABSENT] = EBB_BIT(REGION_PRESENT),
	[REGION_PRESENT] = EBB_BIT(REGION_LEAVING),
	[REGION_LEAVING] = EBB_BIT(REGION_ABSENT),
};

pthread_mutex_t mem_lock = PTHREAD_MUTEX_INITIALIZER;

/* Both are set under the lock, and read without it; see the top of the file. */
static _Atomic uintptr_t arena_base;
static _Atomic(enum region_state) region_state[EBB_MEM_REGIONS_MAX];

static struct {
	struct ebb_list subscribers;
	unsigned num_mapped;
	unsigned num_present;
	int refused;                        /* why there can be no more regions now; 0: there can */
	unsigned refs[EBB_MEM_REGIONS_MAX]; /* to a region that leaves */
} regions = {.subscribers = EBB_LIST_INIT(regions.subscribers)};

/* Inside removed(): this OS thread has the lock. */
static _Thread_local bool telling;

static void set_put(struct mem_region_set *set, unsigned index)
{
	set->bits[index / 64] |= 1ull << (index % 64);
}

static bool set_has(const uint64_t *bits, unsigned index)
{
	return (bits[index / 64] & 1ull << (index % 64)) != 0;
}

static enum region_state region_get_state(unsigned index)
{
	return atomic_load_explicit(&region_state[index], memory_order_relaxed);
}

static void region_set_state(unsigned index, enum region_state state)
{
	ebb_assert((region_next[region_get_state(index)] & EBB_BIT(state)) != 0);
	atomic_store_explicit(&region_state[index], state, memory_order_relaxed);
}

void *mem_region_base(unsigned index)
{
	uintptr_t base = atomic_load_explicit(&arena_base, memory_order_relaxed);

	return (void *)(base + ((uintptr_t)index << MEM_BUDDY_REGION_SHIFT));
}

unsigned long mem_region_page(const void *addr)
{
	uintptr_t base = atomic_load_explicit(&arena_base, memory_order_relaxed);

	return ((uintptr_t)addr - base) >> MEM_BUDDY_PAGE_SHIFT;
}

int ebb_mem_region_index(const void *addr)
{
	uintptr_t base = atomic_load_explicit(&arena_base, memory_order_relaxed);
	uintptr_t offset = (uintptr_t)addr - base;
	size_t index = offset >> MEM_BUDDY_REGION_SHIFT;

	/* Without an arena there is no region, wherever @addr is. */
	if (offset >= ARENA_SIZE || region_get_state((unsigned)index) == REGION_ABSENT) {
		return -1;
	}
	return (int)index;
}

bool ebb_mem_contains(const void *addr, size_t len_bytes)
{
	size_t in_region = (uintptr_t)addr & (EBB_MEM_REGION_SIZE - 1);

	return len_bytes <= EBB_MEM_REGION_SIZE - in_region && ebb_mem_region_index(addr) >= 0;
}

unsigned mem_region_num_mapped_locked(void)
{
	return regions.num_mapped;
}

unsigned mem_region_num_present_locked(void)
{
	return regions.num_present;
}

bool mem_region_present_locked(unsigned index)
{
	return region_get_state(index) == REGION_PRESENT;
}

static int arena_reserve_locked(void)
{
	size_t size = ARENA_SIZE + EBB_MEM_REGION_SIZE;
	uintptr_t base;
	void *addr;

	if (atomic_load_explicit(&arena_base, memory_order_relaxed) != 0) {
		return 0;
	}
	addr = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (addr == MAP_FAILED) {
		return -errno;
	}
	base = ((uintptr_t)addr + EBB_MEM_REGION_SIZE - 1) & ~(uintptr_t)(EBB_MEM_REGION_SIZE - 1);
	atomic_store_explicit(&arena_base, base, memory_order_relaxed);
	return 0;
}

int ebb_mem_arena(uintptr_t *ret_base, uintptr_t *ret_bytes)
{
	int rc;

	pthread_mutex_lock(&mem_lock);
	rc = arena_reserve_locked();
	pthread_mutex_unlock(&mem_lock);
	if (rc == 0) {
		*ret_base = atomic_load_explicit(&arena_base, memory_order_relaxed);
		*ret_bytes = ARENA_SIZE;
	}
	return rc;
}

/* Those before @end in the list are told; the whole list: all. */
static void region_leave(unsigned index, const struct ebb_list *end, struct mem_region_set *leaving)
{
	struct ebb_mem_region region = {.index = index, .base = mem_region_base(index)};
	struct ebb_list *node;

	region_set_state(index, REGION_LEAVING);
	regions.num_present--;
	regions.refs[index] = 1; /* the caller's */
	telling = true;
	for (node = regions.subscribers.next; node != end; node = node->next) {
		struct ebb_mem_subscriber *subscriber =
			ebb_list_entry(node, struct ebb_mem_subscriber, link);

		ebb_assert(!set_has(subscriber->owed, index));
		subscriber->owed[index / 64] |= 1ull << (index % 64);
		regions.refs[index]++;
		if (subscriber->removed != NULL) { /* otherwise it has it until it goes itself */
			subscriber->removed(subscriber, &region);
		}
	}
	telling = false;
	set_put(leaving, index);
}

/* Tells the subscribers of a region that has come. */
static int region_tell(const struct ebb_mem_region *region, struct mem_region_set *leaving)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &regions.subscribers) {
		struct ebb_mem_subscriber *subscriber =
			ebb_list_entry(node, struct ebb_mem_subscriber, link);
		int rc = subscriber->added(subscriber, region);

		if (rc < 0) {
			region_leave(region->index, node, leaving);
			regions.refused = rc;
			return rc;
		}
	}
	return 0;
}

int mem_region_grow_locked(struct mem_region_set *leaving)
{
	struct ebb_mem_region region = {.index = 0};
	int rc = arena_reserve_locked();

	if (rc < 0 || regions.refused < 0) {
		return rc < 0 ? rc : regions.refused;
	}
	while (region.index < EBB_MEM_REGIONS_MAX &&
	       region_get_state(region.index) != REGION_ABSENT) {
		region.index++;
	}
	if (region.index == EBB_MEM_REGIONS_MAX) {
		return -ENOSPC;
	}
	region.base = mem_region_base(region.index);
	if (mmap(region.base, EBB_MEM_REGION_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE, -1, 0) == MAP_FAILED) {
		return -errno;
	}
	regions.num_mapped++;
	regions.num_present++;
	region_set_state(region.index, REGION_PRESENT);
	rc = region_tell(&region, leaving);
	return rc < 0 ? rc : (int)region.index;
}

bool mem_regions_can_leave_locked(void)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &regions.subscribers) {
		if (ebb_list_entry(node, struct ebb_mem_subscriber, link)->removed == NULL) {
			return false;
		}
	}
	return true;
}

void mem_region_leave_locked(unsigned index, struct mem_region_set *leaving)
{
	region_leave(index, &regions.subscribers, leaving);
	regions.refused = 0; /* it may come again */
}

/* One reference is put. Return: true: it was the last. */
static bool region_unhold_locked(unsigned index)
{
	ebb_assert(region_get_state(index) == REGION_LEAVING && regions.refs[index] > 0);
	return --regions.refs[index] == 0;
}

/* Gives the memory back and keeps the addresses. Nobody else touches it; see above. */
static void region_unmap(unsigned index)
{
	void *base = mem_region_base(index);

	if (mmap(base, EBB_MEM_REGION_SIZE, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED) {
		/* The mapping stays until the region is mapped anew; its pages can go. */
		madvise(base, EBB_MEM_REGION_SIZE, MADV_DONTNEED);
	}
	pthread_mutex_lock(&mem_lock);
	region_set_state(index, REGION_ABSENT);
	regions.num_mapped--;
	pthread_mutex_unlock(&mem_lock);
}

void mem_regions_let_go(const struct mem_region_set *leaving)
{
	for (unsigned i = 0; i < EBB_MEM_REGIONS_MAX; i++) {
		bool last;

		if (!set_has(leaving->bits, i)) {
			continue;
		}
		pthread_mutex_lock(&mem_lock);
		last = region_unhold_locked(i);
		pthread_mutex_unlock(&mem_lock);
		if (last) {
			region_unmap(i);
		}
	}
}

void ebb_mem_region_released(struct ebb_mem_subscriber *subscriber,
			     const struct ebb_mem_region *region)
{
	unsigned index = region->index;
	bool inside = telling;
	bool owed, last;

	if (!inside) {
		pthread_mutex_lock(&mem_lock);
	}
	owed = index < EBB_MEM_REGIONS_MAX && set_has(subscriber->owed, index);
	if (!owed) {
		if (!inside) {
			pthread_mutex_unlock(&mem_lock);
		}
		ebb_error("memory",
			  "ebb_mem_region_released(): region %u was released before, or does not "
			  "leave; refused",
			  index);
		return;
	}
	subscriber->owed[index / 64] &= ~(1ull << (index % 64));
	last = region_unhold_locked(index);
	if (inside) {
		ebb_assert(!last); /* another region than the one that removed() is about */
		return;
	}
	pthread_mutex_unlock(&mem_lock);
	if (last) {
		region_unmap(index);
	}
}

int ebb_mem_subscribe(struct ebb_mem_subscriber *subscriber)
{
	struct ebb_mem_region region;
	int rc = 0;

	memset(subscriber->owed, 0, sizeof(subscriber->owed));
	pthread_mutex_lock(&mem_lock);
	ebb_list_push_back(&regions.subscribers, &subscriber->link);
	for (region.index = 0; region.index < EBB_MEM_REGIONS_MAX && rc == 0; region.index++) {
		if (region_get_state(region.index) == REGION_PRESENT) {
			region.base = mem_region_base(region.index);
			rc = subscriber->added(subscriber, &region);
		}
	}
	if (rc < 0) {
		ebb_list_remove(&subscriber->link);
	}
	pthread_mutex_unlock(&mem_lock);
	return rc;
}

void ebb_mem_unsubscribe(struct ebb_mem_subscriber *subscriber)
{
	struct mem_region_set owed = {0};

	pthread_mutex_lock(&mem_lock);
	ebb_list_remove(&subscriber->link);
	regions.refused = 0;
	memcpy(owed.bits, subscriber->owed, sizeof(owed.bits));
	memset(subscriber->owed, 0, sizeof(subscriber->owed));
	pthread_mutex_unlock(&mem_lock);
	mem_regions_let_go(&owed);
}
