/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EXPORTER_POLL_GROUP_H
#define CORE_EXPORTER_POLL_GROUP_H

/*
 * A poll group is one thread's share of an exporter: the io_channel of the device "exporter" on that
 * thread. What the thread's sockets are asked for (op.h) it knows, so that the thread can be moved:
 * what is outstanding is cancelled on the old reactor, nothing is asked on the way, and everybody
 * asks again on the new one. It has the pot of memory that the thread's clients share (share.h), and
 * knows nothing of what they say.
 */

#include <stdbool.h>
#include <stdint.h>

#include <ebb/base.h>
#include <ebb/list.h>

#include "core/exporter/op.h"
#include "core/exporter/share.h"

struct ebb_io_channel;
struct ebb_poller;
struct exporter_poll_group;

/* Somebody who has sockets on this thread. */
struct exporter_member {
	void (*resume)(struct exporter_member *member); /* the thread has moved: ask again */
	struct ebb_list link;
};

enum exporter_poll_group_state {
	EXPORTER_POLL_GROUP_READY,     /* operations may begin */
	EXPORTER_POLL_GROUP_QUIESCING, /* the thread is to move: what is outstanding ends first */
	EXPORTER_POLL_GROUP_QUIET,     /* nothing is outstanding: the thread is on its way */
	EXPORTER_POLL_GROUP_BROKEN,    /* the reactor it was moved to has no ring: hang up */
	EXPORTER_POLL_GROUP_STATE_COUNT,
};

struct exporter_poll_group {
	enum exporter_poll_group_state state;
	struct ebb_io_channel *channel;
	struct ebb_list members;
	struct exporter_op_set ops;
	struct exporter_pot pot;
	struct ebb_poller *mem_poller; /* only while somebody waits for memory */
	uint64_t mem_period_us;        /* of that */
	uint64_t asked_ns;             /* when the other threads were asked for memory last */
};

/**
 * exporter_poll_group_get() - the calling thread's group
 * Thread: an ebb thread. Owns: the caller has a reference, for exporter_poll_group_put().
 * Return: NULL: there is no io_uring.
 */
struct exporter_poll_group *exporter_poll_group_get(void);

/**
 * exporter_poll_group_put() - give a reference back; the last one frees the group
 * Thread: the group's.
 */
void exporter_poll_group_put(struct exporter_poll_group *group);

/* The one way to change group->state. Asserts that the change is a legal one. */
void exporter_poll_group_set_state(struct exporter_poll_group *group,
				   enum exporter_poll_group_state state);

/* True if operations may begin now; if not, the member's resume() will come. */
static inline bool exporter_poll_group_ready(const struct exporter_poll_group *group)
{
	return group->state == EXPORTER_POLL_GROUP_READY;
}

/*
 * True if @op may begin, in group->ops. One that completes with -ECANCELED while it may not (the
 * thread is being moved) begins again when the member's resume() comes. op->complete() ends with
 * exporter_poll_group_end_callback().
 */
static inline bool exporter_poll_group_may_begin(const struct exporter_poll_group *group,
						 const struct exporter_op *op)
{
	return !exporter_op_busy(op) && exporter_poll_group_ready(group);
}

/**
 * exporter_poll_group_wait_mem() - a share has been refused memory: see to it that it gets some
 * Thread: the group's. Harmless if nobody waits.
 */
void exporter_poll_group_wait_mem(struct exporter_poll_group *group);

/* The rare parts of what follows. */
void exporter_poll_group_quiesced_if_idle(struct exporter_poll_group *group);

/**
 * exporter_poll_group_wake_waiters() - let those who wait for memory try again, if some has come back
 * Thread: the group's. It runs other clients, so it is the last thing that a callback from
 * outside does.
 */
static inline void exporter_poll_group_wake_waiters(struct exporter_poll_group *group)
{
	if (ebb_unlikely(group->pot.freed)) {
		exporter_pot_serve(&group->pot);
	}
}

/**
 * exporter_poll_group_end_callback() - the last thing that an operation's complete() does
 * @group: that the operation was in, which may be gone; the group is not: a channel outlives the
 *	turn of its last put
 * Thread: the group's. As exporter_poll_group_wake_waiters(), after the group's move, if it waits.
 */
static inline void exporter_poll_group_end_callback(struct exporter_poll_group *group)
{
	if (ebb_unlikely(group->state == EXPORTER_POLL_GROUP_QUIESCING)) {
		exporter_poll_group_quiesced_if_idle(group);
	}
	exporter_poll_group_wake_waiters(group);
}

/**
 * exporter_poll_group_register() - make the io_device of the groups
 * Thread: app.
 * Return: 0; or negative errno.
 */
int exporter_poll_group_register(void);

/**
 * exporter_poll_group_unregister() - undo that
 * @done: when the last group has gone
 * Thread: app.
 */
void exporter_poll_group_unregister(void (*done)(void *device));

#endif
