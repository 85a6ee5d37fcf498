/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_EVENT_URING_H
#define EBB_EVENT_URING_H

/* One io_uring of a reactor. The reactor that has them is urings.h. */

#include <ebb/uring.h>

struct ebb_reactor;
struct ebb_uring;

#define EBB_URING_FILES 1024 /* places in each ring's table of registered files */

enum ebb_uring_shape {
	EBB_URING_PLAIN,
	EBB_URING_BIG,    /* 128 byte submission and 32 byte completion queue entries */
	EBB_URING_POLLED, /* and completions that are looked for in the device, not waited for */
};

/**
 * ebb_uring_create() - a ring of the calling reactor
 * Return: 0; -ENOTSUP: the kernel has no ring of @shape; -EPERM or -ENOSYS: none at all (logged
 *	once with the remedy); -ENOMEM.
 */
int ebb_uring_create(enum ebb_uring_shape shape, struct ebb_uring **ret_uring);

/* Cancels what is outstanding, and frees the ring. */
void ebb_uring_close(struct ebb_uring *uring);

/*
 * Nothing is outstanding in this retired ring: @ended is called in a later turn, once, to close it.
 * Until then nothing but closing it is allowed. A second call is ignored.
 */
void ebb_uring_end(struct ebb_uring *uring, void (*ended)(void *reactor));

bool ebb_uring_is_big(const struct ebb_uring *uring);

/* What a request is for, which says how soon it is submitted. */
enum ebb_uring_kind {
	EBB_URING_OTHER,   /* a socket, as a rule */
	EBB_URING_FILE,    /* a read or write of a file */
	EBB_URING_COMMAND, /* to an NVMe controller */
};

/* An entry for @op, of the thread that runs; see ebb_uring_sqe(). */
struct io_uring_sqe *ebb_uring_prepare(struct ebb_uring *uring, struct ebb_uring_op *op,
				       enum ebb_uring_kind kind);

/* Prepares the cancellation of @op; harmless if this ring does not have it. */
void ebb_uring_prepare_cancel(struct ebb_uring *uring, struct ebb_uring_op *op);

/* One submission for all that was prepared since the last: at the end of a turn, or in a sleep. */
void ebb_uring_submit(struct ebb_uring *uring);

/* True if a request is prepared or outstanding. */
bool ebb_uring_stirs(const struct ebb_uring *uring);

/* Runs what has completed. */
void ebb_uring_reap(struct ebb_uring *uring);

/* True if requests are outstanding: then the reactor sleeps in the ring. */
bool ebb_uring_busy(const struct ebb_uring *uring);

/**
 * ebb_uring_sleep() - submit, and sleep until a request completes or the epoll set has an event
 * Return: true; or false without having slept: the epoll set has an event, look there.
 */
bool ebb_uring_sleep(struct ebb_uring *uring);

/* Gives the ring an eventfd in the reactor's epoll set. Nothing is slept in it any more. */
int ebb_uring_retire(struct ebb_uring *uring);

/* As struct ebb_poller_wake's, of a retired ring. */
int ebb_uring_arm(struct ebb_uring *uring);
void ebb_uring_disarm(struct ebb_uring *uring);

/* Place @index of the ring's table of files becomes @fd; -1: empty. */
int ebb_uring_set_file(struct ebb_uring *uring, unsigned index, int fd);

/* The registered buffer that holds [@addr, @addr + @len_bytes); -1: none. */
int ebb_uring_find_buf(const struct ebb_uring *uring, const void *addr, size_t len_bytes);

/* For tests: what has been prepared, and not been submitted yet, can be looked at there. */
struct io_uring *ebb_uring_ring(struct ebb_uring *uring);

#endif
