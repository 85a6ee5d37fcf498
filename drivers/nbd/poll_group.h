/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NBD_POLL_GROUP_H
#define NBD_POLL_GROUP_H

/*
 * A group is one thread's share of the NBD server: the io_channel of the device "nbd" on that
 * thread. Everything that the thread's sockets ask of its reactor's io_uring goes through here, so
 * that a thread can be moved: what is outstanding is cancelled on the old ring, nothing is asked
 * while held, and everybody asks again on the new one.
 */

#include <stdbool.h>

#include <ebb/list.h>
#include <ebb/uring.h>

struct ebb_io_channel;
struct ebb_poller;
struct nbd_poll_group;

/* One request to the ring, inside the object it is for. */
struct nbd_op {
	struct ebb_uring_op uring;
	void (*done)(struct nbd_op *op, int32_t res, uint32_t flags);
	struct nbd_poll_group *group; /* NULL: not outstanding */
	struct ebb_list link;         /* in the group's ops, while outstanding */
};

/* Somebody who has sockets on this thread. */
struct nbd_member {
	void (*resume)(struct nbd_member *member); /* the thread has moved: ask again */
	struct ebb_list link;
};

/* Somebody who waits for memory of the pool. */
struct nbd_mem_waiter {
	void (*retry)(struct nbd_mem_waiter *waiter);
	struct ebb_list link;
};

struct nbd_poll_group {
	struct ebb_io_channel *channel;
	struct ebb_list members;
	struct ebb_list ops;           /* outstanding */
	struct ebb_list mem_waiters;   /* first come, first served */
	struct ebb_poller *mem_poller; /* only while somebody waits */
	uint32_t held_bytes;           /* buffers of all its connections' requests */
	bool freed;     /* buffers have been given back since nbd_poll_group_wake_waiters() */
	bool held;      /* the thread is being moved, or was moved to where there is no ring */
	bool quiescing; /* being moved, and waits for @ops to end */
	bool broken;    /* the reactor it was moved to has no ring: hang up */
};

/**
 * nbd_poll_group_get() - the calling thread's group
 * Thread: an ebb thread. Owns: the caller has a reference, for nbd_poll_group_put().
 * Return: NULL: there is no io_uring.
 */
struct nbd_poll_group *nbd_poll_group_get(void);

/**
 * nbd_poll_group_put() - give a reference back; the last one frees the group
 * Thread: the group's.
 */
void nbd_poll_group_put(struct nbd_poll_group *group);

/* True if the ring may be asked now; if not, the member's resume() will come. */
static inline bool nbd_poll_group_ready(const struct nbd_poll_group *group)
{
	return !group->held;
}

static inline bool nbd_op_busy(const struct nbd_op *op)
{
	return op->group != NULL;
}

/**
 * nbd_op_sqe() - a submission queue entry for @op
 * @op: not outstanding; @op->done is called once. -ECANCELED: the thread is being moved, or
 *	nbd_op_cancel(); ask again when nbd_poll_group_ready() says so.
 * Thread: the group's. Owns: @op must live until then.
 * Return: the entry, to be filled in at once.
 */
struct io_uring_sqe *nbd_op_sqe(struct nbd_poll_group *group, struct nbd_op *op);

/**
 * nbd_op_cancel() - end @op soon
 * @op: outstanding; its done() comes as ever, perhaps with a result that was there already
 * Thread: its group's.
 */
void nbd_op_cancel(struct nbd_op *op);

/**
 * nbd_poll_group_wait_mem() - call @waiter->retry once, when buffers are back or a moment has passed
 * Thread: the group's. Owns: @waiter must live until then, or be taken off its list.
 */
void nbd_poll_group_wait_mem(struct nbd_poll_group *group, struct nbd_mem_waiter *waiter);

/**
 * nbd_poll_group_wake_waiters() - let those who wait for memory try again if buffers have been given back
 * Thread: the group's. It runs other connections, so it is the last thing that a callback from
 * outside does.
 */
void nbd_poll_group_wake_waiters(struct nbd_poll_group *group);

/**
 * nbd_poll_group_register() - make the io_device of the groups
 * Thread: app.
 * Return: 0; or negative errno.
 */
int nbd_poll_group_register(void);

/**
 * nbd_poll_group_unregister() - undo that
 * @done: when the last group has gone
 * Thread: app.
 */
void nbd_poll_group_unregister(void (*done)(void *device));

#endif
