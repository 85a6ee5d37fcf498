/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pool memory is registered region by region, as regions come, each at the index the pool gave it,
 * and unregistered as they leave. Only the reactor may do either (SINGLE_ISSUER), while the pool
 * tells of regions on any thread; so what the pool wants is stored per region, and a message brings
 * the ring there: COMING becomes REGISTERED, unless the region has begun to leave meanwhile, and
 * LEAVING becomes NONE, and is released after that, for the next region at that index may come as
 * soon as it is. Where RLIMIT_MEMLOCK is too low, a region stays COMING, and requests simply go
 * without; when one has left there may be room again.
 *
 * A ring that carries NVMe commands registers each page as a buffer of its own. Of a registered
 * buffer, the kernel's NVMe driver (6.1's) is given all pages from where the data begins to the
 * buffer's end. They are counted against the most segments that a request may have, and walked
 * through again and again, so that a short request in a large buffer costs more than one without a
 * registered buffer. So requests within a page use the page's buffer, and all others none. The
 * kernel's table has room for the pages of 32 regions; what lies in later ones uses none, too.
 */
#include "core/event/ring/uring_buffers.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include <ebb/log.h>

#include "core/event/reactor.h"
#include "core/event/send.h"

#define REGIONS_A_TURN 4          /* registered or unregistered in one: each pins 512 pages */
#define TABLE_MAX      (1u << 14) /* entries: the kernel's limit */

/* Without the privilege to lock memory as it likes, the process has a limit; say which it needs. */
static void buffers_refused(int rc)
{
	static _Atomic bool told;
	struct rlimit limit = {0};
	struct ebb_mem_stats stats;

	if (atomic_exchange(&told, true)) {
		return;
	}
	if (rc != -ENOMEM && rc != -EPERM) {
		ebb_warn("uring", "I/O memory stays unregistered, which costs some CPU: %s",
			 strerror(-rc));
		return;
	}
	ebb_mem_get_stats(&stats);
	getrlimit(RLIMIT_MEMLOCK, &limit);
	ebb_warn("uring",
		 "I/O memory stays unregistered (%s), which costs some CPU: RLIMIT_MEMLOCK is %llu "
		 "KiB, and %llu KiB are needed (ulimit -l, or LimitMEMLOCK= of the unit)",
		 strerror(-rc), (unsigned long long)limit.rlim_cur / 1024,
		 (unsigned long long)stats.mapped_bytes * event_num_reactors / 1024);
}

/* The entries of region @index become [@base, @base + 2 MiB); NULL: empty. Return: 0; -errno. */
static int buffers_set(struct event_uring_buffers *buffers, unsigned index, char *base)
{
	size_t piece = EBB_MEM_REGION_SIZE / buffers->num_pieces;
	struct iovec iovs[EVENT_URING_PIECES];
	__u64 tags[EVENT_URING_PIECES] = {0};
	int rc;

	for (unsigned i = 0; i < buffers->num_pieces; i++) {
		iovs[i] = (struct iovec){
			.iov_base = base != NULL ? base + i * piece : NULL,
			.iov_len = base != NULL ? piece : 0,
		};
	}
	do {
		rc = io_uring_register_buffers_update_tag(buffers->ring,
							  index * buffers->num_pieces, iovs, tags,
							  buffers->num_pieces);
	} while (rc == -EINTR);
	if (rc >= 0 && rc < (int)buffers->num_pieces) { /* the limit was hit on the way */
		if (base != NULL) {
			buffers_set(buffers, index, NULL);
		}
		return -ENOMEM;
	}
	return rc < 0 ? rc : 0;
}

static void region_register(struct event_uring_buffers *buffers, unsigned index)
{
	struct event_uring_buffer *region = &buffers->regions[index];
	enum event_uring_buffer_state coming = EVENT_URING_BUFFER_COMING;
	int rc = buffers_set(buffers, index, region->base);

	if (rc != 0) {
		buffers->full = true;
		buffers_refused(rc);
		return;
	}
	region->registered = true;
	/* If it has begun to leave, another message is on its way. */
	atomic_compare_exchange_strong(&region->state, &coming, EVENT_URING_BUFFER_REGISTERED);
}

static void region_release(struct event_uring_buffers *buffers, unsigned index)
{
	struct event_uring_buffer *region = &buffers->regions[index];
	struct ebb_mem_region released = {.index = index, .base = region->base};
	int rc = region->registered ? buffers_set(buffers, index, NULL) : 0;

	if (rc != 0) {
		/* The kernel keeps the old pages until the next region comes there; nobody asks. */
		ebb_warn("uring", "I/O memory stays registered: %s", strerror(-rc));
	}
	region->registered = false;
	buffers->full = false;
	atomic_store(&region->state, EVENT_URING_BUFFER_NONE);
	ebb_mem_region_released(&buffers->subscriber, &released);
}

static void buffers_tell(struct event_uring_buffers *buffers);

/* Brings the ring to where the pool wants it, a few regions a turn. */
static void buffers_update(void *arg)
{
	struct event_uring_buffers *buffers = arg;
	unsigned done = 0;

	atomic_store(&buffers->msg_sent, false);
	for (unsigned i = 0; i < EBB_MEM_REGIONS_MAX && !buffers->ended; i++) {
		enum event_uring_buffer_state state = atomic_load(&buffers->regions[i].state);
		bool wants = state == EVENT_URING_BUFFER_COMING && i < buffers->num_regions &&
			     !buffers->full;

		if (state != EVENT_URING_BUFFER_LEAVING && !wants) {
			continue;
		}
		if (done++ == REGIONS_A_TURN) {
			buffers_tell(buffers);
			return;
		}
		if (wants) {
			region_register(buffers, i);
		} else {
			region_release(buffers, i);
		}
	}
}

static void buffers_tell(struct event_uring_buffers *buffers)
{
	if (!atomic_exchange(&buffers->msg_sent, true)) {
		ebb_msg_init(&buffers->msg, buffers_update, buffers);
		event_reactor_send(buffers->reactor, &buffers->msg);
	}
}

/* These two are called on whichever thread grows or trims the pool. */
static int region_added(struct ebb_mem_subscriber *subscriber, const struct ebb_mem_region *region)
{
	struct event_uring_buffers *buffers =
		ebb_container_of(subscriber, struct event_uring_buffers, subscriber);

	buffers->regions[region->index].base = region->base;
	atomic_store(&buffers->regions[region->index].state, EVENT_URING_BUFFER_COMING);
	buffers_tell(buffers);
	return 0;
}

static void region_removed(struct ebb_mem_subscriber *subscriber,
			   const struct ebb_mem_region *region)
{
	struct event_uring_buffers *buffers =
		ebb_container_of(subscriber, struct event_uring_buffers, subscriber);

	atomic_store(&buffers->regions[region->index].state, EVENT_URING_BUFFER_LEAVING);
	buffers_tell(buffers);
}

void event_uring_buffers_begin(struct event_uring_buffers *buffers, struct io_uring *ring,
			       unsigned num_pieces)
{
	buffers->ring = ring;
	buffers->reactor = event_turn.reactor;
	buffers->num_pieces = num_pieces;
	buffers->num_regions = TABLE_MAX / num_pieces < EBB_MEM_REGIONS_MAX ? TABLE_MAX / num_pieces
									    : EBB_MEM_REGIONS_MAX;
	if (io_uring_register_buffers_sparse(ring, buffers->num_regions * num_pieces) != 0) {
		buffers->num_regions = 0;
	}
	buffers->subscriber.added = region_added;
	buffers->subscriber.removed = region_removed;
	(void)ebb_mem_subscribe(&buffers->subscriber); /* it refuses nothing */
}

void event_uring_buffers_end(struct event_uring_buffers *buffers)
{
	if (!buffers->ended) {
		buffers->ended = true;
		ebb_mem_unsubscribe(&buffers->subscriber);
	}
}

int event_uring_buffers_find(const struct event_uring_buffers *buffers, const void *addr,
			     size_t len_bytes)
{
	size_t piece = EBB_MEM_REGION_SIZE / buffers->num_pieces;
	size_t offset = (uintptr_t)addr % EBB_MEM_REGION_SIZE;
	int region = ebb_mem_region_index(addr);

	if (region < 0 || !buffers->regions[region].registered || len_bytes > piece ||
	    offset % piece > piece - len_bytes) {
		return -1;
	}
	return region * (int)buffers->num_pieces + (int)(offset / piece);
}
