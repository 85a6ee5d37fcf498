/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/uring.h"

/*
 * The reactor's io_uring.
 *
 * With DEFER_TASKRUN the kernel finishes a request only when the reactor enters it to ask; until
 * then it raises IORING_SQ_TASKRUN in shared memory. So while the reactor polls it reads two words,
 * the flags and the completion queue's tail, and enters the kernel only when the flag is up.
 *
 * While requests are outstanding the reactor sleeps in the ring itself: one system call submits
 * what the turn has prepared and waits for a completion, so a wakeup for a request costs one.
 * Everything else that may wake it (messages, timers, fds) is in its epoll set, and a one-shot poll
 * request on that set stands in the ring beside the I/O. When it fires, the next sleep is a look
 * into the epoll set that does not wait; the one after that puts a new poll request into the ring.
 * A poll request looks at the set as it is made, so what has happened meanwhile completes it at
 * once. Nothing has to be armed for completions: the kernel counts them before it sleeps.
 *
 * Pool memory is registered region by region, as regions come, each at the index the pool gave it,
 * and unregistered as they leave. Only the reactor may do either (SINGLE_ISSUER), while the pool
 * tells of regions on any thread; so what the pool wants is stored per region, and a message brings
 * the ring there: COMING becomes REGISTERED, unless the region has begun to leave meanwhile, and
 * LEAVING becomes NONE, and is released after that, for the next region at that index may come as
 * soon as it is. Where RLIMIT_MEMLOCK is too low, a region stays COMING, and requests simply go
 * without; when one has left there may be room again.
 */

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ebb/assert.h>
#include <ebb/log.h>
#include <ebb/memory.h>
#include <ebb/violation.h>

#include "core/event/reactor.h"
#include "core/event/thread.h"

#define URING_SQ_ENTRIES 512
#define URING_CQ_ENTRIES 4096
#define URING_KIB        (URING_SQ_ENTRIES * 64 / 1024 + URING_CQ_ENTRIES * 16 / 1024 + 4)
#define URING_SHRINK_MAX 4 /* halvings, where RLIMIT_MEMLOCK is too low for the ring itself */
#define URING_FILES      1024
#define URING_REAP_MAX   256 /* completions in one turn */
#define URING_REGIONS    4   /* registered or unregistered in one turn: each pins 512 pages */

#define URING_REFUSED_MAX_NS (5 * EBB_NS_PER_S)

/* What the ring has of a region of the pool. */
enum uring_region_state {
	URING_REGION_NONE,
	URING_REGION_COMING,     /* not registered, yet or for want of locked memory */
	URING_REGION_REGISTERED, /* set by the reactor, as NONE is; the others are the pool's */
	URING_REGION_LEAVING,    /* registered or not: it has to be released */
};

struct uring_region {
	_Atomic(enum uring_region_state) state;
	bool registered; /* the kernel has it; the reactor's own */
	void *base;      /* set before COMING */
};

struct ebb_uring {
	struct io_uring ring;
	struct ebb_reactor *reactor;
	bool defer;           /* completions wait for us to enter the kernel */
	bool epoll_polled;    /* the ring has a poll request on the epoll set */
	bool epoll_pending;   /* it has fired */
	uint32_t outstanding; /* requests; the poll request and cancellations do not count */

	bool files_registered;
	uint64_t files_used[URING_FILES / 64];

	bool bufs_table; /* the kernel has one for buffers */
	bool bufs_full;  /* the limit has been hit, and no region has left since */
	struct ebb_mem_subscriber subscriber;
	struct ebb_msg region_msg;
	_Atomic bool region_msg_sent;
	struct uring_region regions[EBB_MEM_REGIONS_MAX];
};

/* From the best that the kernel may have to what every kernel has. */
static const unsigned uring_flags[] = {
	IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
	IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
	0,
};

static void uring_refused(int rc)
{
	static _Atomic bool told;

	if (atomic_exchange(&told, true)) {
		return;
	}
	if (rc == -EPERM) {
		ebb_error("uring", "io_uring is forbidden here: set the sysctl "
				   "kernel.io_uring_disabled to 0, or let the container's seccomp "
				   "profile pass io_uring_setup");
	} else if (rc == -ENOSYS) {
		ebb_error("uring",
			  "io_uring is missing: the kernel is too old (6.1 is wanted), or a "
			  "seccomp profile hides it");
	} else if (rc == -ENOMEM) {
		ebb_error("uring",
			  "no io_uring can be made: RLIMIT_MEMLOCK is too low for its %u KiB "
			  "(ulimit -l, or LimitMEMLOCK= of the unit)",
			  URING_KIB >> URING_SHRINK_MAX);
	} else {
		ebb_error("uring", "no io_uring can be made: %s", strerror(-rc));
	}
}

static int uring_setup(struct ebb_uring *uring)
{
	unsigned shift = 0;
	int rc = -EINVAL;

	for (unsigned i = 0; i < EBB_ARRAY_SIZE(uring_flags) && rc == -EINVAL; i++) {
		for (shift = 0, rc = -ENOMEM; shift <= URING_SHRINK_MAX && rc == -ENOMEM; shift++) {
			struct io_uring_params params = {
				.flags = uring_flags[i] | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
				.cq_entries = URING_CQ_ENTRIES >> shift,
			};

			uring->defer = uring_flags[i] & IORING_SETUP_DEFER_TASKRUN;
			rc = io_uring_queue_init_params(URING_SQ_ENTRIES >> shift, &uring->ring,
							&params);
		}
	}
	return rc;
}

/* Without the privilege to lock memory as it likes, the process has a limit; say which it needs. */
static void uring_bufs_refused(int rc)
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
		 (unsigned long long)stats.mapped_bytes * ebb_num_reactors / 1024);
}

/* The entry at @index becomes [@base, @base + 2 MiB); NULL: empty. Return: 0; -errno. */
static int uring_set_buf(struct ebb_uring *uring, unsigned index, void *base)
{
	struct iovec iov = {.iov_base = base, .iov_len = base != NULL ? EBB_MEM_REGION_SIZE : 0};
	__u64 tag = 0;
	int rc;

	do {
		rc = io_uring_register_buffers_update_tag(&uring->ring, index, &iov, &tag, 1);
	} while (rc == -EINTR);
	return rc < 0 ? rc : 0;
}

static void uring_region_register(struct ebb_uring *uring, unsigned index)
{
	struct uring_region *region = &uring->regions[index];
	enum uring_region_state coming = URING_REGION_COMING;
	int rc = uring_set_buf(uring, index, region->base);

	if (rc != 0) {
		uring->bufs_full = true;
		uring_bufs_refused(rc);
		return;
	}
	region->registered = true;
	/* If it has begun to leave, another message is on its way. */
	atomic_compare_exchange_strong(&region->state, &coming, URING_REGION_REGISTERED);
}

static void uring_region_release(struct ebb_uring *uring, unsigned index)
{
	struct uring_region *region = &uring->regions[index];
	struct ebb_mem_region released = {.index = index, .base = region->base};
	int rc = region->registered ? uring_set_buf(uring, index, NULL) : 0;

	if (rc != 0) {
		/* The kernel keeps the old pages until the next region comes there; nobody asks. */
		ebb_warn("uring", "I/O memory stays registered: %s", strerror(-rc));
	}
	region->registered = false;
	uring->bufs_full = false;
	atomic_store(&region->state, URING_REGION_NONE);
	ebb_mem_region_released(&uring->subscriber, &released);
}

static void uring_tell_regions(struct ebb_uring *uring);

/* Brings the ring to where the pool wants it, a few regions a turn. */
static void uring_update_regions(void *arg)
{
	struct ebb_uring *uring = arg;
	unsigned done = 0;

	atomic_store(&uring->region_msg_sent, false);
	for (unsigned i = 0; i < EBB_MEM_REGIONS_MAX; i++) {
		enum uring_region_state state = atomic_load(&uring->regions[i].state);
		bool wants = state == URING_REGION_COMING && uring->bufs_table && !uring->bufs_full;

		if (state != URING_REGION_LEAVING && !wants) {
			continue;
		}
		if (done++ == URING_REGIONS) {
			uring_tell_regions(uring);
			return;
		}
		if (wants) {
			uring_region_register(uring, i);
		} else {
			uring_region_release(uring, i);
		}
	}
}

static void uring_tell_regions(struct ebb_uring *uring)
{
	if (!atomic_exchange(&uring->region_msg_sent, true)) {
		ebb_msg_init(&uring->region_msg, uring_update_regions, uring);
		ebb_reactor_send(uring->reactor, &uring->region_msg);
	}
}

/* These two are called on whichever thread grows or trims the pool. */
static void uring_region_added(struct ebb_mem_subscriber *subscriber,
			       const struct ebb_mem_region *region)
{
	struct ebb_uring *uring = ebb_container_of(subscriber, struct ebb_uring, subscriber);

	uring->regions[region->index].base = region->base;
	atomic_store(&uring->regions[region->index].state, URING_REGION_COMING);
	uring_tell_regions(uring);
}

static void uring_region_removed(struct ebb_mem_subscriber *subscriber,
				 const struct ebb_mem_region *region)
{
	struct ebb_uring *uring = ebb_container_of(subscriber, struct ebb_uring, subscriber);

	atomic_store(&uring->regions[region->index].state, URING_REGION_LEAVING);
	uring_tell_regions(uring);
}

int ebb_uring_open(void)
{
	struct ebb_reactor *reactor = ebb_turn.reactor;
	struct ebb_uring *uring;
	int rc;

	if (reactor == NULL) {
		ebb_violation(4, __func__, "io_uring", NULL, NULL);
		return -EPERM;
	}
	if (reactor->uring != NULL) {
		return 0;
	}
	uring = calloc(1, sizeof(*uring));
	if (uring == NULL) {
		return -ENOMEM;
	}
	uring->reactor = reactor;
	rc = uring_setup(uring);
	if (rc != 0) {
		uring_refused(rc);
		free(uring);
		return rc;
	}
	io_uring_register_ring_fd(&uring->ring);
	uring->files_registered = io_uring_register_files_sparse(&uring->ring, URING_FILES) == 0;
	uring->bufs_table =
		io_uring_register_buffers_sparse(&uring->ring, EBB_MEM_REGIONS_MAX) == 0;
	uring->subscriber.added = uring_region_added;
	uring->subscriber.removed = uring_region_removed;
	reactor->uring = uring;
	ebb_mem_subscribe(&uring->subscriber);
	return 0;
}

static unsigned uring_sq_flags(struct ebb_uring *uring)
{
	return __atomic_load_n(uring->ring.sq.kflags, __ATOMIC_SEQ_CST);
}

static bool uring_cq_waiting(struct ebb_uring *uring)
{
	return *uring->ring.cq.khead != __atomic_load_n(uring->ring.cq.ktail, __ATOMIC_SEQ_CST);
}

/* Logs what an entry into the kernel says, unless it is to be tried again anyway. */
static void uring_check(struct ebb_uring *uring, int rc)
{
	static struct ebb_ratelimit limit;

	if (rc < 0 && rc != -EAGAIN && rc != -EBUSY && rc != -EINTR && ebb_ratelimit_ok(&limit)) {
		ebb_error("uring", "reactor %d: submission fails: %s", uring->reactor->core,
			  strerror(-rc));
	}
}

void ebb_uring_submit(struct ebb_uring *uring)
{
	if (io_uring_sq_ready(&uring->ring) == 0) {
		return;
	}
	/* The same entry finishes what has completed meanwhile. */
	uring_check(uring, uring->defer ? io_uring_submit_and_get_events(&uring->ring)
					: io_uring_submit(&uring->ring));
}

static struct io_uring_sqe *uring_sqe(struct ebb_uring *uring, void *data)
{
	struct io_uring_sqe *sqe;
	uint64_t begin_ns = 0;

	/* Full: make room now. The kernel refuses for want of memory only, and that passes. */
	while ((sqe = io_uring_get_sqe(&uring->ring)) == NULL) {
		ebb_uring_submit(uring);
		if (begin_ns == 0) {
			begin_ns = ebb_clock_now_ns();
		} else if (ebb_clock_now_ns() - begin_ns > URING_REFUSED_MAX_NS) {
			ebb_error("uring", "reactor %d: the kernel has taken no request for 5 s",
				  uring->reactor->core);
			abort();
		}
	}
	io_uring_sqe_set_data(sqe, data);
	return sqe;
}

bool ebb_uring_busy(const struct ebb_uring *uring)
{
	return uring->outstanding != 0;
}

bool ebb_uring_sleep(struct ebb_uring *uring)
{
	if (uring->epoll_pending) {
		uring->epoll_pending = false;
		return false;
	}
	if (!uring->epoll_polled) {
		struct io_uring_sqe *sqe = uring_sqe(uring, &uring->epoll_polled);

		io_uring_prep_poll_add(sqe, uring->reactor->epoll_fd, POLLIN);
		uring->epoll_polled = true;
	}
	uring_check(uring, io_uring_submit_and_wait(&uring->ring, 1));
	return true;
}

/* Runs one completion. */
static void uring_complete(struct ebb_uring *uring, void *data, int32_t res, uint32_t flags)
{
	struct ebb_uring_op *op = data;

	if (data == &uring->epoll_polled) {
		uring->epoll_polled = false;
		uring->epoll_pending = true;
	} else if (data != NULL) { /* NULL: a cancellation's own */
		uring->outstanding--;
		if (atomic_load_explicit(&op->thread->state, memory_order_relaxed) ==
		    EBB_THREAD_EXITED) {
			return; /* its end was forced; what the request used has been leaked */
		}
		op->thread->uring_ops--;
		ebb_batch_enter(uring->reactor, op->thread);
		op->complete(op, res, flags);
	}
}

bool ebb_uring_reap(struct ebb_uring *uring)
{
	unsigned count = 0;

	if (uring->outstanding == 0) {
		return false;
	}
	if ((uring_sq_flags(uring) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0) {
		io_uring_get_events(&uring->ring);
	}
	while (count < URING_REAP_MAX && uring_cq_waiting(uring)) {
		unsigned index = *uring->ring.cq.khead & *uring->ring.cq.kring_mask;
		struct io_uring_cqe cqe = uring->ring.cq.cqes[index];

		io_uring_cq_advance(&uring->ring, 1);
		count++;
		uring_complete(uring, io_uring_cqe_get_data(&cqe), cqe.res, cqe.flags);
	}
	if (ebb_turn.thread != NULL) {
		ebb_batch_leave(uring->reactor);
	}
	return count != 0;
}

struct io_uring_sqe *ebb_uring_sqe(struct ebb_uring_op *op)
{
	ebb_assert(ebb_turn.thread != NULL && ebb_turn.reactor->uring != NULL);
	op->thread = ebb_turn.thread;
	op->thread->uring_ops++;
	ebb_turn.reactor->uring->outstanding++;
	return uring_sqe(ebb_turn.reactor->uring, op);
}

void ebb_uring_cancel(struct ebb_uring_op *op)
{
	struct io_uring_sqe *sqe = uring_sqe(ebb_turn.reactor->uring, NULL);

	io_uring_prep_cancel(sqe, op, 0);
}

int ebb_uring_file_register(int fd)
{
	struct ebb_uring *uring = ebb_turn.reactor->uring;

	for (unsigned i = 0; i < URING_FILES && uring->files_registered; i++) {
		int rc;

		if (uring->files_used[i / 64] & (1ull << (i % 64))) {
			continue;
		}
		rc = io_uring_register_files_update(&uring->ring, i, &fd, 1);
		if (rc < 0) {
			return rc;
		}
		uring->files_used[i / 64] |= 1ull << (i % 64);
		return (int)i;
	}
	return -ENFILE;
}

void ebb_uring_file_unregister(int index)
{
	struct ebb_uring *uring = ebb_turn.reactor->uring;
	int none = -1;

	io_uring_register_files_update(&uring->ring, (unsigned)index, &none, 1);
	uring->files_used[index / 64] &= ~(1ull << (index % 64));
}

int ebb_uring_buf_index(const void *addr, size_t len_bytes)
{
	struct ebb_uring *uring = ebb_turn.reactor->uring;
	int index = ebb_mem_region_index(addr);

	if (index < 0 || !uring->regions[index].registered || !ebb_mem_contains(addr, len_bytes)) {
		return -1;
	}
	return index;
}

void ebb_uring_close(struct ebb_uring *uring)
{
	/* First the kernel lets go of the memory. What is still in the inbox never runs. */
	io_uring_queue_exit(&uring->ring);
	ebb_mem_unsubscribe(&uring->subscriber);
	free(uring);
}
