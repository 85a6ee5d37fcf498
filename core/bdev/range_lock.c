/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks of ranges of blocks.
 *
 * Who reads blocks, changes some bytes of them and writes them back must be alone: a write of another
 * that came in between would be lost. So he locks the blocks against all who write them, by whichever
 * channel of the bdev, on whichever thread: writes, zeroes and unmaps that were begun before are
 * waited for, and those that come later wait for the unlock. Reads go on. A lock is of the bdev whose
 * channel it came by: what stands on a base locks nothing of the base, which nobody else may write.
 *
 * **While nothing is locked, nobody pays.** No request is counted or listed for this. What is under
 * way is found by a walk over the channel's requests, when there is a lock to ask for; and what has to
 * wait is found because a channel that knows of a lock has its short way of writing closed
 * (bdev_channel.whole_blocks), so that its writes come by here.
 *
 * **Who announces, and who answers.** The locks of a bdev are in a table of slots, under a mutex. A
 * channel that writes is entered in the table. Who locks fills a slot and sends every entered channel
 * but his own a message, all at once; the message says no more than "look at the table", so one is
 * enough for many locks, its memory is the channel's, and sending it cannot fail. The channel looks,
 * on its own thread: it takes a copy of what is locked (a view), which closes its short way, and then
 * walks over its requests. If none that writes overlaps, it answers at once, that is, it counts the
 * lock's "unanswered" down; otherwise when the last of those has ended. Who counts down to zero sends
 * the owner of the lock the same message, and the owner finds what it has been granted. On his own
 * channel the owner does all that inside the call. Nobody waits here but requests: no thread does.
 *
 * **Who does not write is not asked.** A channel begins outside the table, with its short way closed;
 * its first write takes it in, together with all locks that there are (nothing of it is under way, so
 * it owes no answer). One that is asked and has no writes under way leaves again. So reading channels,
 * and idle ones, whose reactor sleeps, are never woken for a lock, or once.
 *
 * **Unlocking.** The slot is free; only channels in which writes wait are told. The others see that
 * their views are old (bdev_ranges.used) at their next write, and open their short way.
 *
 * **Order.** A lock that overlaps one that is held, or waits and came earlier, waits; so does one that
 * finds no free slot. Those who wait come in order, and a request has one lock at most, which covers
 * all that it will write: nobody who has one waits for another, so there is no circle. Writes that
 * waited for an unlock begin before the channel takes note of the next lock, which then waits for
 * them: a stream of locks starves no writer, and a stream of writes no lock.
 *
 * **What else may happen meanwhile:**
 * - A channel is made: it is not entered, see above. A channel goes: it has nothing under way, so it
 *   answers what it owes, and leaves; its message, if that is under way, finds that it has gone. One
 *   whose thread has been forced to exit cannot be told, and is not waited for.
 * - A thread moves to another reactor: messages follow it. The owner's request is outstanding, so his
 *   channel becomes quiet only after the unlock. Writes that wait for an unlock are not begun, and do
 *   not keep their channel from becoming quiet; they go on when it does. In a bdev that is claimed they
 *   belong to requests of a virtual bdev, which become quiet by their end, and go on at once.
 * - Requests that a move or a rate limit holds back have not begun: they are not waited for, and come
 *   by here when they begin.
 * - A request done in parts is under way from its first part to its last; parts never come by here.
 * - No request is free: the owner needs none but the one that he has, and those kept for parts, which
 *   are served before clients that wait for one (io_wait.c): else those could take all there are for
 *   writes that wait for this very lock.
 * - The bdev is removed, or shrinks: requests go on, or fail, as the driver has it; who has a lock
 *   unlocks at the end of his request, whatever its status. The last channel goes after that.
 */
#include "core/bdev/range_lock.h"

#include <ebb/assert.h>
#include <ebb/bdev_module.h>

#include "core/bdev/channel.h"
#include "core/bdev/range_view.h"
#include "core/bdev/table.h"

/* Locks that wait and are looked at, after an unlock, whether it was for that. */
#define WAITING_LOOK 32u

static const uint32_t state_next[BDEV_RANGE_STATE_COUNT] = {
	[BDEV_RANGE_UNLOCKED] = EBB_BIT(BDEV_RANGE_WAITING),
	[BDEV_RANGE_WAITING] = EBB_BIT(BDEV_RANGE_ANNOUNCED),
	[BDEV_RANGE_ANNOUNCED] = EBB_BIT(BDEV_RANGE_GRANTED),
	[BDEV_RANGE_GRANTED] = EBB_BIT(BDEV_RANGE_HELD),
	[BDEV_RANGE_HELD] = EBB_BIT(BDEV_RANGE_UNLOCKED),
};

static void lock_set_state(struct bdev_range_lock *lock, enum bdev_range_state state)
{
	ebb_assert((state_next[lock->state] & EBB_BIT(state)) != 0);
	lock->state = state;
}

/* Under the mutex. */
static void ranges_set_used(struct bdev_ranges *ranges, uint32_t used)
{
	/* Read without the mutex as a hint only, see bdev_range_hold(). */
	atomic_store_explicit(&ranges->used, used, memory_order_relaxed);
}

void bdev_ranges_init(struct bdev_ranges *ranges)
{
	pthread_mutex_init(&ranges->mutex, NULL);
	ebb_list_init(&ranges->channels);
	ebb_list_init(&ranges->waiting);
}

void bdev_ranges_fini(struct bdev_ranges *ranges)
{
	ebb_assert(bdev_range_used(ranges) == 0 && ebb_list_empty(&ranges->waiting));
	pthread_mutex_destroy(&ranges->mutex);
}

static bool locks_overlap(const struct bdev_range_lock *a, const struct bdev_range_lock *b)
{
	return a->first <= b->last && b->first <= a->last;
}

/* Under the mutex. Return: false: its thread has exited. */
static bool channel_tell(struct bdev_channel *ch)
{
	struct bdev_range_mailbox *mailbox = ch->range.mailbox;

	if (!mailbox->under_way) {
		mailbox->under_way = ebb_thread_send(ch->thread, &mailbox->msg) == 0;
	}
	return mailbox->under_way;
}

/* Under the mutex. */
static void lock_grant(struct bdev_range_lock *lock)
{
	lock_set_state(lock, BDEV_RANGE_GRANTED);
	ebb_list_push_back(&lock->ch->range.granted, &lock->link);
	channel_tell(lock->ch);
}

/* Under the mutex: one of those who were asked has no write under way that overlaps. */
static void lock_answer(struct bdev_range_lock *lock)
{
	ebb_assert(lock->state == BDEV_RANGE_ANNOUNCED && lock->unanswered > 0);
	if (--lock->unanswered == 0) {
		lock_grant(lock);
	}
}

static void slots_answer(struct bdev_ranges *ranges, uint32_t slots)
{
	for (; slots != 0; slots &= slots - 1) {
		lock_answer(ranges->slots[__builtin_ctz(slots)].lock);
	}
}

/*
 * Under the mutex: as by a message, at once. Others' locks that it has not seen yet are answered, too.
 * Return: @lock waits for a write of @ch.
 */
static bool channel_note_now(struct bdev_channel *ch, const struct bdev_range_lock *lock)
{
	uint32_t slots = bdev_range_unknown(ch);
	uint32_t overlapping = bdev_range_note(ch, slots);

	slots_answer(bdev_range_table(ch), slots & ~overlapping & ~EBB_BIT(lock->slot));
	bdev_range_set_closed(ch);
	return (overlapping & EBB_BIT(lock->slot)) != 0;
}

/* Under the mutex. @here: a channel of the calling thread, which need not be sent a message. */
static void lock_ask(struct bdev_ranges *ranges, struct bdev_range_lock *lock,
		     struct bdev_channel *here)
{
	struct ebb_list *node, *next;

	ebb_list_for_each_safe(node, next, &ranges->channels) {
		struct bdev_channel *ch = ebb_list_entry(node, struct bdev_channel, range.link);

		/* Where writes wait, these begin first: by a message. */
		if (ch == here && ebb_list_empty(&ch->range.held)) {
			lock->unanswered += channel_note_now(ch, lock);
		} else if (channel_tell(ch)) {
			lock->unanswered++;
		} else {
			ebb_list_remove(node);
		}
	}
}

/* Under the mutex. There is a free slot. */
static void lock_announce(struct bdev_ranges *ranges, struct bdev_range_lock *lock,
			  struct bdev_channel *here)
{
	uint32_t used = bdev_range_used(ranges);

	lock_set_state(lock, BDEV_RANGE_ANNOUNCED);
	lock->slot = (unsigned)__builtin_ctz(~used);
	lock->unanswered = 0;
	ranges->slots[lock->slot] =
		(struct bdev_range_slot){.lock = lock, .serial = ++ranges->serials};
	ranges_set_used(ranges, used | EBB_BIT(lock->slot));
	lock_ask(ranges, lock, here);
	if (lock->unanswered == 0) {
		lock_set_state(lock, BDEV_RANGE_GRANTED);
	}
}

/* Under the mutex. */
static bool lock_has_room(struct bdev_ranges *ranges, const struct bdev_range_lock *lock)
{
	uint32_t used = bdev_range_used(ranges);

	if (used == UINT32_MAX) {
		return false;
	}
	for (; used != 0; used &= used - 1) {
		if (locks_overlap(ranges->slots[__builtin_ctz(used)].lock, lock)) {
			return false;
		}
	}
	return true;
}

/* Under the mutex: does one that waits, and came before @lock, overlap it? */
static bool lock_is_behind(const struct bdev_ranges *ranges, const struct bdev_range_lock *lock)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &ranges->waiting) {
		const struct bdev_range_lock *other =
			ebb_list_entry(node, struct bdev_range_lock, link);

		if (other == lock) {
			break;
		}
		if (locks_overlap(other, lock)) {
			return true;
		}
	}
	return false;
}

/* Under the mutex: announces those who wait and need wait no longer. */
static void waiting_go_on(struct bdev_ranges *ranges, struct bdev_channel *here)
{
	struct ebb_list *node, *next;
	unsigned looks = 0;

	ebb_list_for_each_safe(node, next, &ranges->waiting) {
		struct bdev_range_lock *lock = ebb_list_entry(node, struct bdev_range_lock, link);

		if (looks++ == WAITING_LOOK || bdev_range_used(ranges) == UINT32_MAX) {
			break;
		}
		if (lock_is_behind(ranges, lock) || !lock_has_room(ranges, lock)) {
			continue;
		}
		ebb_list_remove(node);
		lock_announce(ranges, lock, here);
		if (lock->state == BDEV_RANGE_GRANTED) {
			ebb_list_push_back(&lock->ch->range.granted, &lock->link);
			channel_tell(lock->ch);
		}
	}
}

bool bdev_range_lock(struct bdev_range_lock *lock)
{
	struct bdev_ranges *ranges = bdev_range_table(lock->ch);
	bool held = false;

	ebb_list_init(&lock->link);
	pthread_mutex_lock(&ranges->mutex);
	lock_set_state(lock, BDEV_RANGE_WAITING);
	if (!ebb_list_empty(&ranges->waiting) || !lock_has_room(ranges, lock)) {
		ebb_list_push_back(&ranges->waiting, &lock->link);
		waiting_go_on(ranges, lock->ch);
	} else {
		lock_announce(ranges, lock, lock->ch);
		held = lock->state == BDEV_RANGE_GRANTED;
		if (held) {
			lock_set_state(lock, BDEV_RANGE_HELD);
		}
	}
	pthread_mutex_unlock(&ranges->mutex);
	return held;
}

void bdev_range_unlock(struct bdev_range_lock *lock)
{
	struct bdev_channel *here = lock->ch;
	struct bdev_ranges *ranges = bdev_range_table(here);
	struct ebb_list *node;

	pthread_mutex_lock(&ranges->mutex);
	lock_set_state(lock, BDEV_RANGE_UNLOCKED);
	ranges->slots[lock->slot].lock = NULL;
	ranges_set_used(ranges, bdev_range_used(ranges) & ~EBB_BIT(lock->slot));
	ebb_list_for_each(node, &ranges->channels) {
		struct bdev_channel *ch = ebb_list_entry(node, struct bdev_channel, range.link);

		if (ch->range.waits) {
			channel_tell(ch);
		}
	}
	waiting_go_on(ranges, here);
	pthread_mutex_unlock(&ranges->mutex);
}

/* Under the mutex. It has no writes under way, so it knows all locks, and owes no answer. */
static void channel_enter(struct bdev_channel *ch)
{
	struct bdev_ranges *ranges = bdev_range_table(ch);

	ch->range.entered = true;
	ebb_list_push_back(&ranges->channels, &ch->range.link);
	bdev_range_take(ch, bdev_range_used(ranges));
}

bool bdev_range_hold(struct bdev_channel *ch, struct bdev_req *req)
{
	struct bdev_ranges *ranges = bdev_range_table(ch);
	bool locked = false;

	if (!bdev_range_is_subject(req)) {
		return false;
	}
	/* What it knows keeps others from this one, as long as it is not old. */
	if (ch->range.entered && (ch->range.known & ~bdev_range_used(ranges)) == 0 &&
	    !bdev_range_is_locked(ch, req)) {
		return false;
	}
	pthread_mutex_lock(&ranges->mutex);
	if (!ch->range.entered) {
		channel_enter(ch);
	} else {
		bdev_range_forget(ch);
	}
	locked = bdev_range_is_locked(ch, req);
	if (locked) {
		ebb_list_push_back(&ch->range.held, &req->link);
		ch->range.waits = true;
	}
	bdev_range_set_closed(ch);
	pthread_mutex_unlock(&ranges->mutex);
	return locked;
}

void bdev_range_request_ended(struct bdev_channel *ch, const struct bdev_req *req)
{
	struct bdev_ranges *ranges = bdev_range_table(ch);
	uint32_t slots = ch->range.unanswered;

	if (!bdev_range_is_subject(req) || bdev_range_overlapping(ch, req, slots) == 0) {
		return;
	}
	slots &= ~bdev_range_walk_requests(ch, slots).overlapping;
	bdev_range_set_unanswered(ch, ch->range.unanswered & ~slots);
	pthread_mutex_lock(&ranges->mutex);
	slots_answer(ranges, slots);
	pthread_mutex_unlock(&ranges->mutex);
}

/* Under the mutex: takes note of what is new, and answers what can be answered. */
static void channel_catch_up(struct bdev_channel *ch)
{
	uint32_t slots = bdev_range_unknown(ch);

	if (ch->range.entered && slots != 0) {
		slots_answer(bdev_range_table(ch), slots & ~bdev_range_note(ch, slots));
	}
	ch->range.waits = !ebb_list_empty(&ch->range.held);
}

/* Is there a write that waits for nothing any more? */
static bool channel_may_go_on(const struct bdev_channel *ch)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &ch->range.held) {
		if (!bdev_range_is_locked(ch, ebb_list_entry(node, struct bdev_req, link))) {
			return true;
		}
	}
	return false;
}

void bdev_range_mailbox_empty(struct bdev_channel *ch)
{
	struct bdev_ranges *ranges = bdev_range_table(ch);

	pthread_mutex_lock(&ranges->mutex);
	ch->range.mailbox->under_way = false;
	pthread_mutex_unlock(&ranges->mutex);
}

bool bdev_range_forget_or_note(struct bdev_channel *ch, bool may_go_on)
{
	struct bdev_ranges *ranges = bdev_range_table(ch);
	bool go_on;

	pthread_mutex_lock(&ranges->mutex);
	bdev_range_forget(ch);
	go_on = may_go_on && channel_may_go_on(ch);
	if (!go_on) {
		channel_catch_up(ch);
	}
	bdev_range_set_closed(ch);
	pthread_mutex_unlock(&ranges->mutex);
	return go_on;
}

struct bdev_range_lock *bdev_range_next_granted(struct bdev_channel *ch)
{
	struct bdev_ranges *ranges = bdev_range_table(ch);
	struct bdev_range_lock *lock = NULL;
	struct ebb_list *node;

	pthread_mutex_lock(&ranges->mutex);
	node = ebb_list_pop_front(&ch->range.granted);
	if (node != NULL) {
		lock = ebb_list_entry(node, struct bdev_range_lock, link);
		lock_set_state(lock, BDEV_RANGE_HELD);
	}
	pthread_mutex_unlock(&ranges->mutex);
	return lock;
}

bool bdev_range_leave(struct bdev_channel *ch)
{
	struct bdev_ranges *ranges = bdev_range_table(ch);
	bool under_way;

	pthread_mutex_lock(&ranges->mutex);
	/* One that could not be told any more is not in the table, and owes no answers. */
	if (!ebb_list_empty(&ch->range.link)) {
		channel_catch_up(ch);
	}
	if (!ebb_list_empty(&ch->range.link)) {
		bdev_range_depart(ch);
	}
	under_way = ch->range.mailbox->under_way;
	pthread_mutex_unlock(&ranges->mutex);
	return under_way;
}
