/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_URING_H
#define EBB_URING_H

/*
 * The reactor's io_uring, shared by all channels of its threads. What is prepared during a turn is
 * submitted by one system call at its end (or by a few, if it is much). A reactor may have more
 * than one; files and buffers are registered with all of them, under the same numbers. Never submit
 * what io_uring must punt to its worker threads (fsync, buffered file I/O): they keep waking. That
 * is the helper's.
 */

#include <liburing.h>

#include <ebb/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebb_thread;

struct ebb_uring_op {
	/*
	 * Called once, on the thread that prepared it. @res as in the CQE; @flags likewise.
	 * Multishot requests are not supported.
	 */
	void (*complete)(struct ebb_uring_op *op, int32_t res, uint32_t flags);
	struct ebb_thread *thread;
	/*
	 * The driver's, from ebb_uring_sqe() to @complete: ebb_uring_tag() gives it back as it was
	 * when the entry was made, whatever @op holds by then. 0, if not used.
	 */
	uint16_t tag;
};

/* What a ring is for. */
enum ebb_uring_shape {
	EBB_URING_PLAIN,
	EBB_URING_BIG,    /* submission entries of 128 bytes, completion entries of 32 */
	EBB_URING_POLLED, /* and completions that are polled for (IORING_SETUP_IOPOLL) */
};

/**
 * ebb_uring_open() - make sure that the calling reactor has its ring
 * Call it once before the first ebb_uring_sqe() on a thread (a channel's create() does).
 * @shape: EBB_URING_PLAIN; or EBB_URING_BIG, and from here on the reactor's ring takes requests of
 *	both kinds, without disturbing what is outstanding; or EBB_URING_POLLED, besides the big one,
 *	by whoever knows that the device's driver can be polled (-EINVAL: not without the big one).
 * Thread: an ebb thread.
 * Return: 0; -EPERM or -ENOSYS: io_uring is disabled here (logged once, with the remedy: the
 *	caller does without it, if it can); -ENOMEM;
 *	-ENOTSUP: the kernel has no rings of @shape (5.19 and later do).
 */
int ebb_uring_open(enum ebb_uring_shape shape);

/* What a request is, which says how soon it is submitted. */
enum ebb_uring_kind {
	EBB_URING_OTHER,   /* a socket, as a rule */
	EBB_URING_FILE,    /* a read or write of a file: its disk is told of it sooner */
	EBB_URING_COMMAND, /* to an NVMe controller: an entry of 128 bytes, of a big ring */
};

/**
 * ebb_uring_sqe() - a submission queue entry for @op, to be filled with io_uring_prep_…()
 * The entry's user_data is the ring's: set nothing there. @op is outstanding from here on: a
 * caller that changes its mind makes it a no-op (io_uring_prep_nop()).
 * Thread: an ebb thread whose reactor has its ring.
 * Owns: @op and what it points to must live until @op->complete.
 * Return: the entry (a full queue is submitted first); NULL: not on an ebb thread, or its reactor has
 *	no such ring (reported).
 */
struct io_uring_sqe *ebb_uring_sqe(struct ebb_uring_op *op, enum ebb_uring_kind kind);

/**
 * ebb_uring_sqe_polled() - for a command that had better be polled for
 * The reactor does not sleep before @op has completed, and nothing can cancel it.
 * Return: the entry; NULL: the reactor has no such ring, or it sleeps, or soon may.
 */
struct io_uring_sqe *ebb_uring_sqe_polled(struct ebb_uring_op *op);

/* Inside ebb_uring_op.complete(): the 64 bits beside @res of a big completion entry. */
uint64_t ebb_uring_result(void);

/* Inside ebb_uring_op.complete(): the tag that its entry was made with. The kernel has kept it. */
uint16_t ebb_uring_tag(void);

/* Prepares the cancellation of @op, which then completes with -ECANCELED unless it is faster. */
void ebb_uring_cancel(struct ebb_uring_op *op);

/**
 * ebb_uring_file_register() - @fd as a registered file of the calling reactor's rings
 * It must stay open until it is unregistered. Entries that were prepared before then have it.
 * Return: its index (for IOSQE_FIXED_FILE); < 0: not possible, use the fd itself (-EPERM: not on an
 *	ebb thread whose reactor has its ring, which is reported).
 */
int ebb_uring_file_register(int fd);
void ebb_uring_file_unregister(int index);

/**
 * ebb_uring_buf_index() - the registered buffer that holds [@addr, @addr + @len_bytes)
 * Pool memory (ebb/memory.h) is registered with every ring as it comes.
 * Return: its index for io_uring_prep_read_fixed(); -1: not registered, use the plain forms.
 */
int ebb_uring_buf_index(const void *addr, size_t len_bytes);

#ifdef __cplusplus
}
#endif

#endif
