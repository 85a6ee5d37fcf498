/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/ring/uring.h"

/*
 * One io_uring. Which of its rings a reactor uses for what is in uring_set.c.
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
 * A draining ring is not slept in. It has an eventfd, which the kernel writes when there is
 * something to ask for, before it can be seen to be done; and only if a bit in shared memory does
 * not forbid it. Allowing it and looking at the flags follow each other in that order, as the
 * kernel raises the flag and then looks at the bit.
 *
 * A polled ring raises no flag. Each entry into the kernel has it look into the device once, so
 * while something is outstanding the end of every turn enters it.
 *
 * What a turn prepares is submitted at its end, in one call. But where much of what was under way
 * has completed at once, the device is idle until the last new request is prepared. So when enough
 * of them are ready, the next one has them submitted at once, and the device begins. Enough is a
 * share of what is under way, and a least number (uring_early[]): for a file a 64th and 2, as a
 * system call costs little beside an idle disk; for an NVMe command half and 2, as each submission
 * rings the device's doorbell; for a socket, where no device is idle, a quarter and 8.
 */

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <ebb/assert.h>
#include <ebb/log.h>

#include "core/event/callback.h"
#include "core/event/reactor.h"
#include "core/event/thread.h"
#include "core/event/ring/uring_buffers.h"

#define URING_SQ_ENTRIES 512
#define URING_CQ_ENTRIES 4096
#define URING_KIB        (URING_SQ_ENTRIES * 64 / 1024 + URING_CQ_ENTRIES * 16 / 1024 + 4)
#define URING_SHRINK_MAX 4   /* halvings, where RLIMIT_MEMLOCK is too low for the ring itself */
#define URING_REAP_MAX   256 /* completions in one turn */

#define URING_REFUSED_MAX_NS (5 * EBB_NS_PER_S)

/* What stands in the ring beside the I/O: a poll request on the reactor's epoll set. */
enum uring_epoll {
	URING_EPOLL_NONE,
	URING_EPOLL_POLLED, /* the request is prepared or outstanding */
	URING_EPOLL_READY,  /* it has completed: the set has an event */
	URING_EPOLL_COUNT,
};

static const uint32_t uring_epoll_next[URING_EPOLL_COUNT] = {
	[URING_EPOLL_NONE] = EBB_BIT(URING_EPOLL_POLLED),
	[URING_EPOLL_POLLED] = EBB_BIT(URING_EPOLL_READY),
	[URING_EPOLL_READY] = EBB_BIT(URING_EPOLL_NONE),
};

enum uring_state {
	URING_OPEN,
	URING_DRAINING, /* takes no request, and has an eventfd for those that end */
	URING_ENDED,    /* none is outstanding, and the pool's memory is let go of */
	URING_STATE_COUNT,
};

static const uint32_t uring_next[URING_STATE_COUNT] = {
	[URING_OPEN] = EBB_BIT(URING_DRAINING),
	[URING_DRAINING] = EBB_BIT(URING_ENDED),
};

struct event_uring {
	struct io_uring ring;
	struct event_reactor *reactor;
	enum ebb_uring_shape shape;
	enum uring_state state;
	bool defer; /* completions wait for us to enter the kernel */
	enum uring_epoll epoll;
	uint32_t outstanding; /* requests; the poll request and cancellations do not count */

	bool files_registered;

	struct event_source source; /* of a draining ring: its eventfd; fd -1: it has none */

	struct event_uring_buffers buffers;
};

static const unsigned uring_shape_flags[] = {
	[EBB_URING_PLAIN] = 0,
	[EBB_URING_BIG] = IORING_SETUP_SQE128 | IORING_SETUP_CQE32,
	[EBB_URING_POLLED] = IORING_SETUP_SQE128 | IORING_SETUP_CQE32 | IORING_SETUP_IOPOLL,
};

/* From the best that the kernel may have to what every kernel has. */
static const unsigned uring_flags[] = {
	IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
	IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
	0,
};

static void uring_set_epoll(struct event_uring *uring, enum uring_epoll epoll)
{
	ebb_assert(uring_epoll_next[uring->epoll] & EBB_BIT(epoll));
	uring->epoll = epoll;
}

static void uring_set_state(struct event_uring *uring, enum uring_state state)
{
	ebb_assert(uring_next[uring->state] & EBB_BIT(state));
	uring->state = state;
}

/* Who can do without it does, and is slower. */
#define URING_WITHOUT "files and sockets are served without it, and slower"

static void uring_refused(int rc)
{
	static _Atomic bool told;

	if (atomic_exchange(&told, true)) {
		return;
	}
	if (rc == -EPERM) {
		ebb_warn("uring", "io_uring is forbidden here: " URING_WITHOUT
				  "; set the sysctl kernel.io_uring_disabled to 0, or let the "
				  "container's seccomp profile pass io_uring_setup, io_uring_enter "
				  "and io_uring_register");
	} else if (rc == -ENOSYS) {
		ebb_warn("uring", "io_uring is missing: " URING_WITHOUT
				  "; the kernel is too old (6.1 is wanted), or a seccomp profile "
				  "hides it");
	} else if (rc == -ENOMEM) {
		ebb_warn("uring",
			 "no io_uring can be made: " URING_WITHOUT
			 "; RLIMIT_MEMLOCK is too low for its %u KiB (ulimit -l, or LimitMEMLOCK= "
			 "of the unit)",
			 URING_KIB >> URING_SHRINK_MAX);
	} else {
		ebb_warn("uring", "no io_uring can be made: %s: " URING_WITHOUT, strerror(-rc));
	}
}

static int uring_setup(struct event_uring *uring)
{
	unsigned shift = 0;
	int rc = -EINVAL;

	for (unsigned i = 0; i < EBB_ARRAY_SIZE(uring_flags) && rc == -EINVAL; i++) {
		for (shift = 0, rc = -ENOMEM; shift <= URING_SHRINK_MAX && rc == -ENOMEM; shift++) {
			struct io_uring_params params = {
				.flags = uring_flags[i] | uring_shape_flags[uring->shape] |
					 IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
				.cq_entries = URING_CQ_ENTRIES >> shift,
			};

			uring->defer = uring_flags[i] & IORING_SETUP_DEFER_TASKRUN;
			rc = io_uring_queue_init_params(URING_SQ_ENTRIES >> shift, &uring->ring,
							&params);
		}
	}
	if (rc != 0) {
		return rc;
	}
	/* A profile may pass the call that makes a ring, and not the one that uses it. */
	rc = io_uring_get_events(&uring->ring);
	if (rc < 0) {
		io_uring_queue_exit(&uring->ring);
	}
	return rc < 0 ? rc : 0;
}

int event_uring_create(enum ebb_uring_shape shape, struct event_uring **ret_uring)
{
	struct event_uring *uring = calloc(1, sizeof(*uring));
	int rc;

	if (uring == NULL) {
		return -ENOMEM;
	}
	uring->reactor = event_turn.reactor;
	uring->shape = shape;
	uring->source.fd = -1;
	rc = uring_setup(uring);
	if (rc != 0) {
		free(uring);
		if (rc == -EINVAL && shape != EBB_URING_PLAIN) {
			return -ENOTSUP;
		}
		uring_refused(rc);
		return rc;
	}
	io_uring_register_ring_fd(&uring->ring);
	uring->files_registered =
		io_uring_register_files_sparse(&uring->ring, EVENT_URING_FILES) == 0;
	event_uring_buffers_begin(&uring->buffers, &uring->ring,
				  shape == EBB_URING_PLAIN ? 1 : EVENT_URING_PIECES);
	*ret_uring = uring;
	return 0;
}

bool event_uring_is_big(const struct event_uring *uring)
{
	return uring->shape != EBB_URING_PLAIN;
}

static unsigned uring_sq_flags(struct event_uring *uring)
{
	return __atomic_load_n(uring->ring.sq.kflags, __ATOMIC_SEQ_CST);
}

static bool uring_cq_waiting(struct event_uring *uring)
{
	return *uring->ring.cq.khead != __atomic_load_n(uring->ring.cq.ktail, __ATOMIC_SEQ_CST);
}

/* Logs what an entry into the kernel says, unless it is to be tried again anyway. */
static void uring_check(struct event_uring *uring, int rc)
{
	static struct ebb_ratelimit limit;

	if (rc < 0 && rc != -EAGAIN && rc != -EBUSY && rc != -EINTR && ebb_ratelimit_ok(&limit)) {
		ebb_error("uring", "reactor %d: submission fails: %s", uring->reactor->core,
			  strerror(-rc));
	}
}

void event_uring_submit(struct event_uring *uring)
{
	bool polled = uring->shape == EBB_URING_POLLED;

	if (io_uring_sq_ready(&uring->ring) == 0 && (!polled || uring->outstanding == 0)) {
		return;
	}
	/* The same entry finishes what has completed meanwhile. */
	uring_check(uring, uring->defer || polled ? io_uring_submit_and_get_events(&uring->ring)
						  : io_uring_submit(&uring->ring));
}

static struct io_uring_sqe *uring_sqe(struct event_uring *uring, uint64_t data)
{
	struct io_uring_sqe *sqe;
	uint64_t begin_ns = 0;

	/* Full: make room now. The kernel refuses for want of memory only, and that passes. */
	while ((sqe = io_uring_get_sqe(&uring->ring)) == NULL) {
		event_uring_submit(uring);
		if (begin_ns == 0) {
			begin_ns = ebb_clock_now_ns();
		} else if (ebb_clock_now_ns() - begin_ns > URING_REFUSED_MAX_NS) {
			ebb_error("uring", "reactor %d: the kernel has taken no request for 5 s",
				  uring->reactor->core);
			abort();
		}
	}
	io_uring_sqe_set_data64(sqe, data);
	uring->reactor->urings.pending = true;
	return sqe;
}

bool event_uring_busy(const struct event_uring *uring)
{
	return uring->outstanding != 0;
}

bool event_uring_pending(const struct event_uring *uring)
{
	return uring->outstanding != 0 || io_uring_sq_ready(&uring->ring) != 0;
}

/*
 * Return: as io_uring_submit_and_wait(). Where @bound_ns have passed that is -ETIME, unless something
 * has been submitted.
 */
static int uring_wait(struct event_uring *uring, uint64_t bound_ns)
{
	struct __kernel_timespec bound = {
		.tv_sec = (int64_t)(bound_ns / EBB_NS_PER_S),
		.tv_nsec = (long long)(bound_ns % EBB_NS_PER_S),
	};
	struct io_uring_cqe *cqe;

	if (bound_ns == EBB_REACTOR_FOREVER) {
		return io_uring_submit_and_wait(&uring->ring, 1);
	}
	return io_uring_submit_and_wait_timeout(&uring->ring, &cqe, 1, &bound, NULL);
}

bool event_uring_sleep(struct event_uring *uring, uint64_t bound_ns, bool *ret_expired)
{
	int rc;

	if (uring->epoll == URING_EPOLL_READY) {
		uring_set_epoll(uring, URING_EPOLL_NONE);
		return false;
	}
	if (uring->epoll == URING_EPOLL_NONE) {
		struct io_uring_sqe *sqe = uring_sqe(uring, (uintptr_t)&uring->epoll);

		io_uring_prep_poll_add(sqe, uring->reactor->epoll_fd, POLLIN);
		uring_set_epoll(uring, URING_EPOLL_POLLED);
	}
	rc = uring_wait(uring, bound_ns);
	*ret_expired = bound_ns != EBB_REACTOR_FOREVER && (rc >= 0 || rc == -ETIME) &&
		       !uring_cq_waiting(uring);
	if (rc != -ETIME) {
		uring_check(uring, rc);
	}
	return true;
}

/* Runs one completion. */
static void uring_complete(struct event_uring *uring, void *data, int32_t res, uint32_t flags)
{
	struct ebb_uring_op *op = data;

	if (data == &uring->epoll) {
		uring_set_epoll(uring, URING_EPOLL_READY);
	} else if (data != NULL) { /* NULL: a cancellation's own */
		uring->outstanding--;
		if (atomic_load_explicit(&op->thread->state, memory_order_relaxed) ==
		    EVENT_THREAD_EXITED) {
			return; /* its end was forced; what the request used has been leaked */
		}
		op->thread->uring_ops--;
		event_callback_batch_begin(uring->reactor, op->thread, event_reaped_name);
		op->complete(op, res, flags);
	}
}

void event_uring_reap(struct event_uring *uring)
{
	unsigned shift = uring->shape == EBB_URING_PLAIN ? 0 : 1;
	unsigned count = 0;

	if (uring->outstanding == 0) {
		return;
	}
	if ((uring_sq_flags(uring) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0) {
		io_uring_get_events(&uring->ring);
	}
	while (count < URING_REAP_MAX && uring_cq_waiting(uring)) {
		unsigned index = *uring->ring.cq.khead & *uring->ring.cq.kring_mask;
		const struct io_uring_cqe *cqe = &uring->ring.cq.cqes[index << shift];
		uint64_t data = io_uring_cqe_get_data64(cqe);
		uint32_t flags = cqe->flags;
		int32_t res = cqe->res;

		uring->reactor->urings.result = shift == 0 ? 0 : cqe->big_cqe[0];
		uring->reactor->urings.tag = (uint16_t)(data >> EVENT_URING_TAG_SHIFT);
		io_uring_cq_advance(&uring->ring, 1);
		count++;
		uring_complete(uring, event_uring_data_addr(data), res, flags);
		if (event_callback_closely(uring->reactor) && event_turn.thread != NULL) {
			event_callback_batch_end(uring->reactor);
		}
	}
	if (event_turn.thread != NULL) {
		event_callback_batch_end(uring->reactor);
	}
}

/* What is worth a submission of its own before the turn's end. */
static const struct {
	unsigned min;
	unsigned share; /* of what is under way: one in so many */
} uring_early[] = {
	[EBB_URING_OTHER] = {.min = 8, .share = 4},
	[EBB_URING_FILE] = {.min = 2, .share = 64},
	[EBB_URING_COMMAND] = {.min = 2, .share = 2},
};

static void uring_submit_early(struct event_uring *uring, enum ebb_uring_kind kind)
{
	unsigned ready = io_uring_sq_ready(&uring->ring);

	if (ready >= uring_early[kind].min &&
	    ready >= uring->outstanding / uring_early[kind].share) {
		uring_check(uring, io_uring_submit(&uring->ring));
	}
}

struct io_uring_sqe *event_uring_prepare(struct event_uring *uring, struct ebb_uring_op *op,
					 enum ebb_uring_kind kind)
{
	uring_submit_early(uring, kind);
	op->thread = event_turn.thread;
	op->thread->uring_ops++;
	uring->outstanding++;
	return uring_sqe(uring, event_uring_data(op));
}

void event_uring_prepare_cancel(struct event_uring *uring, struct ebb_uring_op *op)
{
	struct io_uring_sqe *sqe = uring_sqe(uring, 0);

	io_uring_prep_cancel64(sqe, event_uring_data(op), 0);
}

int event_uring_update_file(struct event_uring *uring, unsigned index, int fd)
{
	int rc;

	if (!uring->files_registered) {
		return -ENFILE;
	}
	rc = io_uring_register_files_update(&uring->ring, index, &fd, 1);
	return rc < 0 ? rc : 0;
}

int event_uring_find_buf(const struct event_uring *uring, const void *addr, size_t len_bytes)
{
	return event_uring_buffers_find(&uring->buffers, addr, len_bytes);
}

struct io_uring *event_uring_ring(struct event_uring *uring)
{
	return &uring->ring;
}

/* ---- a draining ring ---- */

/* The kernel reads the bit after it has raised the flag: this is the other side. */
static void uring_allow_event(struct event_uring *uring, bool on)
{
	unsigned *flags = uring->ring.cq.kflags;

	if (flags != NULL) { /* NULL: the kernel has no such bit, and writes each time */
		__atomic_store_n(flags, on ? 0u : IORING_CQ_EVENTFD_DISABLED, __ATOMIC_SEQ_CST);
	}
}

int event_uring_drain(struct event_uring *uring)
{
	struct event_reactor *reactor = uring->reactor;
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int rc;

	if (fd < 0) {
		return -errno;
	}
	uring->source = (struct event_source){
		.fd = fd,
		.events = EPOLLIN | EPOLLET,
		.name = "io_uring",
	};
	rc = io_uring_register_eventfd(&uring->ring, fd);
	if (rc == 0) {
		rc = event_source_add(&reactor->sources, reactor->epoll_fd, &uring->source);
		if (rc != 0) {
			io_uring_unregister_eventfd(&uring->ring);
		}
	}
	if (rc != 0) {
		close(fd);
		uring->source.fd = -1;
		return rc;
	}
	uring_allow_event(uring, false);
	if (uring->epoll == URING_EPOLL_POLLED) { /* it would report what is heard of anyway */
		io_uring_prep_cancel(uring_sqe(uring, 0), &uring->epoll, 0);
	}
	uring_set_state(uring, URING_DRAINING);
	return 0;
}

int event_uring_arm(struct event_uring *uring)
{
	uring_allow_event(uring, true);
	if (uring_cq_waiting(uring) ||
	    (uring_sq_flags(uring) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0) {
		return -EAGAIN;
	}
	return 0;
}

void event_uring_disarm(struct event_uring *uring)
{
	uring_allow_event(uring, false);
}

bool event_uring_end(struct event_uring *uring)
{
	if (uring->state == URING_ENDED) {
		return false;
	}
	uring_set_state(uring, URING_ENDED);
	io_uring_unregister_buffers(&uring->ring);
	event_uring_buffers_end(&uring->buffers);
	return true;
}

void event_uring_close(struct event_uring *uring)
{
	if (uring->source.fd >= 0) {
		event_source_remove(&uring->reactor->sources, uring->reactor->epoll_fd,
				    &uring->source);
		close(uring->source.fd);
	}
	/* First the kernel lets go of the memory. What is still in the inbox never runs. */
	io_uring_queue_exit(&uring->ring);
	event_uring_buffers_end(&uring->buffers);
	free(uring);
}
