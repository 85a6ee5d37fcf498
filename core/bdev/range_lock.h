/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_RANGE_LOCK_H
#define CORE_BDEV_RANGE_LOCK_H

/* Locks of ranges of blocks against all who write them. The idea: range_lock.c. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <ebb/bdev.h>
#include <ebb/list.h>
#include <ebb/msg.h>

struct bdev_channel;
struct bdev_req;

/* Ranges of one bdev that may be locked at a time; the bits of a uint32_t. */
#define BDEV_RANGE_SLOTS 32u

enum bdev_range_state {
	BDEV_RANGE_UNLOCKED,
	BDEV_RANGE_WAITING,   /* for another lock that overlaps, or for a free slot */
	BDEV_RANGE_ANNOUNCED, /* for writes that were begun before */
	BDEV_RANGE_GRANTED,   /* and its owner is to be told so */
	BDEV_RANGE_HELD,
	BDEV_RANGE_STATE_COUNT,
};

/* The owner's storage, from bdev_range_lock() to bdev_range_unlock(). */
struct bdev_range_lock {
	uint64_t first; /* blocks */
	uint64_t last;
	struct bdev_channel *ch; /* of the owner */
	/* Thread: that of @ch. */
	void (*granted)(struct bdev_range_lock *lock);

	/* The table's, under its mutex: */
	enum bdev_range_state state;
	unsigned slot;
	unsigned unanswered;  /* channels that have still to answer */
	struct ebb_list link; /* of those that wait, or of what @ch has been granted */
};

struct bdev_range_slot {
	struct bdev_range_lock *lock; /* NULL: free */
	uint64_t serial;              /* of the lock; no two have the same */
};

/* A bdev's. Everything under the mutex, which no request takes unless a range is locked. */
struct bdev_ranges {
	pthread_mutex_t mutex;
	struct ebb_list channels; /* that write, and have to be asked */
	struct ebb_list waiting;  /* locks, in the order in which they were asked for */
	struct bdev_range_slot slots[BDEV_RANGE_SLOTS];
	_Atomic uint32_t used; /* slots; read without the mutex by who only wants a hint */
	uint64_t serials;
};

/* A channel's copy of a lock. */
struct bdev_range_view {
	uint64_t first;
	uint64_t last;
	uint64_t serial;
};

/*
 * The message by which a channel is asked to look at the table. It may be under way when its channel
 * goes, so it is memory of its own.
 */
struct bdev_range_mailbox {
	struct ebb_msg msg;
	struct bdev_channel *ch; /* NULL: it has gone */
	bool under_way;          /* under the mutex */
};

/* A channel's part. Thread: the channel's; what is marked is the table's, under its mutex. */
struct bdev_range_channel {
	bool entered;            /* the table's: it is in bdev_ranges.channels */
	bool waits;              /* the table's: it has to be told of an unlock */
	uint32_t known;          /* slots of which it has a view */
	uint32_t unanswered;     /* of these, slots whose locks wait for writes of this channel */
	struct ebb_list held;    /* writes that wait for an unlock */
	struct ebb_list link;    /* the table's */
	struct ebb_list granted; /* the table's: locks whose owner is to be told */
	struct bdev_range_mailbox *mailbox;
	struct bdev_range_view views[BDEV_RANGE_SLOTS];
};

/* Does a request of that type change blocks? */
static inline bool bdev_range_type_writes(unsigned type)
{
	return type == EBB_BDEV_WRITE || type == EBB_BDEV_UNMAP || type == EBB_BDEV_WRITE_ZEROES;
}

void bdev_ranges_init(struct bdev_ranges *ranges);
void bdev_ranges_fini(struct bdev_ranges *ranges);

/**
 * bdev_range_lock() - keep others from writing @lock->first to @lock->last
 * @lock: with its first three fields, and granted(), set
 * Until the unlock nobody else has a write, zeroes or an unmap of any of these blocks under way. Reads
 * go on. Who has one lock must not wait for another.
 * Thread: that of @lock->ch, which has a request outstanding until the unlock.
 * Return: true: it is held; false: granted() will be called, never inside this.
 */
bool bdev_range_lock(struct bdev_range_lock *lock);

/* @lock is held. Thread: as above. */
void bdev_range_unlock(struct bdev_range_lock *lock);

/**
 * bdev_range_hold() - has @req, which is to begin, to wait for an unlock?
 * Called while @ch->ranges_closed, for one that changes blocks. Thread: the channel's.
 * Return: true: it does, in @ch->range.held.
 */
bool bdev_range_hold(struct bdev_channel *ch, struct bdev_req *req);

/* @req, which is free already, has ended, and locks wait for writes of @ch. Thread: the same. */
void bdev_range_request_ended(struct bdev_channel *ch, const struct bdev_req *req);

/* The mailbox's message has arrived, and may be sent again: what comes from now on needs another look. */
void bdev_range_mailbox_empty(struct bdev_channel *ch);

/**
 * bdev_range_forget_or_note() - look at the table
 * @may_go_on: writes that no lock keeps any more may begin
 * Return: true: there are such writes, in @ch->range.held: begin them, and look again. false: @ch has
 *	taken note of all that is locked, and answered what it could.
 */
bool bdev_range_forget_or_note(struct bdev_channel *ch, bool may_go_on);

/* Takes the next lock that was granted to @ch and whose owner does not know; it is held now. */
struct bdev_range_lock *bdev_range_next_granted(struct bdev_channel *ch);

/* The channel goes: it is not asked any more. Return: true: the mailbox's message is under way. */
bool bdev_range_leave(struct bdev_channel *ch);

#endif
