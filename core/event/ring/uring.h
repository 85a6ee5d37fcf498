/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_RING_URING_H
#define CORE_EVENT_RING_URING_H

/* One io_uring of a reactor. What a reactor has of them is in uring_set.h. */

#include <ebb/uring.h>

struct event_reactor;
struct event_uring;

#define EVENT_URING_FILES 1024 /* places in each ring's table of registered files */

/**
 * event_uring_create() - a ring of the calling reactor
 * Return: 0; -ENOTSUP: the kernel has no ring of @shape; -EPERM or -ENOSYS: none at all (logged
 *	once with the remedy); -ENOMEM.
 */
int event_uring_create(enum ebb_uring_shape shape, struct event_uring **ret_uring);

/* Cancels what is outstanding, and frees the ring. */
void event_uring_close(struct event_uring *uring);

/*
 * Nothing is outstanding in this draining ring: it lets go of the pool's memory. From now on
 * nothing but closing it is allowed, in a later turn: a message of the pool's may still be on its
 * way to the ring, before any that is sent to the reactor from here on.
 * Return: true; false: it has been ended before.
 */
bool event_uring_end(struct event_uring *uring);

bool event_uring_is_big(const struct event_uring *uring);

/*
 * An entry's user_data: where @op is, and in the bits above what user space can have as an address
 * (47 bits, or 48 on some machines; more only if a program asks the kernel for it), its tag.
 */
#define EVENT_URING_TAG_SHIFT 48

static inline uint64_t event_uring_data(const struct ebb_uring_op *op)
{
	return (uint64_t)(uintptr_t)op | (uint64_t)op->tag << EVENT_URING_TAG_SHIFT;
}

static inline void *event_uring_data_addr(uint64_t data)
{
	return (void *)(uintptr_t)(data & (((uint64_t)1 << EVENT_URING_TAG_SHIFT) - 1));
}

/* An entry for @op, of the thread that runs; see ebb_uring_sqe(). */
struct io_uring_sqe *event_uring_prepare(struct event_uring *uring, struct ebb_uring_op *op,
					 enum ebb_uring_kind kind);

/* Prepares the cancellation of @op; harmless if this ring does not have it. */
void event_uring_prepare_cancel(struct event_uring *uring, struct ebb_uring_op *op);

/* One submission for all that was prepared since the last: at the end of a turn, or in a sleep. */
void event_uring_submit(struct event_uring *uring);

/* True if a request is prepared or outstanding. */
bool event_uring_pending(const struct event_uring *uring);

/* Runs what has completed. */
void event_uring_reap(struct event_uring *uring);

/* True if requests are outstanding: then the reactor sleeps in the ring. */
bool event_uring_busy(const struct event_uring *uring);

/**
 * event_uring_sleep() - submit, and sleep until a request completes or the epoll set has an event
 * @bound_ns: sleep at most so long; EBB_REACTOR_FOREVER: until then
 * @ret_expired: that time has passed; set if it returns true
 * Return: true; or false without having slept: the epoll set has an event, look there.
 */
bool event_uring_sleep(struct event_uring *uring, uint64_t bound_ns, bool *ret_expired);

/* Gives the ring an eventfd in the reactor's epoll set. Nothing is slept in it any more. */
int event_uring_drain(struct event_uring *uring);

/* As struct ebb_poller_wake's, of a draining ring. */
int event_uring_arm(struct event_uring *uring);
void event_uring_disarm(struct event_uring *uring);

/* Place @index of the ring's table of files becomes @fd; -1: empty. */
int event_uring_update_file(struct event_uring *uring, unsigned index, int fd);

/* The registered buffer that holds [@addr, @addr + @len_bytes); -1: none. */
int event_uring_find_buf(const struct event_uring *uring, const void *addr, size_t len_bytes);

/* For tests: what has been prepared, and not been submitted yet, can be looked at there. */
struct io_uring *event_uring_ring(struct event_uring *uring);

#endif
