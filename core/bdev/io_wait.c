/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for a free request. A request that is done in parts, and waits for one for its next part, has
 * begun; clients want to begin. So parts come first: else clients could take all that become free, for
 * writes that wait for somebody's lock of a range, who waits for just this one to end, or who is it
 * (range_lock.c).
 */
#include "core/bdev/io_wait.h"

#include <ebb/violation.h>

#include "core/bdev/pool.h"

static void kick_deferred(struct event_deferred *deferred)
{
	struct bdev_channel *ch = ebb_container_of(deferred, struct bdev_channel, kick);

	ch->kicked = false;
	bdev_io_wait_wake(ch);
}

static bool waiters_waking(const struct bdev_channel *ch)
{
	return ch->part_waiters.waking || ch->waiters.waking;
}

static bool waiters_empty(const struct bdev_channel *ch)
{
	return base_wait_list_empty(&ch->part_waiters) && base_wait_list_empty(&ch->waiters);
}

/* Somebody waits for what is there: he is served at the end of the turn. */
static void waiters_kick(struct bdev_channel *ch)
{
	if (!bdev_pool_empty(ch) && !ch->kicked && !waiters_waking(ch)) {
		ch->kicked = true;
		ch->kick.fn = kick_deferred;
		event_turn_defer(&ch->kick);
	}
}

/* @reserve: those kept for parts are for these, too */
static void list_wake(struct bdev_channel *ch, struct base_wait_list *list, bool reserve)
{
	struct ebb_list *node;

	if (!base_wait_list_begin(list)) {
		return;
	}
	while ((!bdev_pool_empty(ch) || (reserve && ch->reserve != NULL)) &&
	       (node = base_wait_list_next(list)) != NULL) {
		struct ebb_bdev_io_wait *wait = ebb_list_entry(node, struct ebb_bdev_io_wait, link);

		wait->fn(wait->arg);
	}
	base_wait_list_end(list);
}

void bdev_io_wait_wake(struct bdev_channel *ch)
{
	if (waiters_waking(ch)) {
		return;
	}
	list_wake(ch, &ch->part_waiters, true);
	list_wake(ch, &ch->waiters, false);
	if (waiters_empty(ch)) {
		ch->attention &= (uint8_t)~BDEV_CH_WAITERS;
	} else {
		waiters_kick(ch);
	}
}

static void wait_in(struct bdev_channel *ch, struct base_wait_list *list,
		    struct ebb_bdev_io_wait *wait)
{
	base_wait_list_add(list, &wait->link);
	ch->attention |= BDEV_CH_WAITERS;
	waiters_kick(ch);
}

void bdev_io_wait_queue_part(struct bdev_channel *ch, struct ebb_bdev_io_wait *wait)
{
	wait_in(ch, &ch->part_waiters, wait);
}

EBB_REPORTS void ebb_bdev_queue_io_wait(struct ebb_io_channel *channel,
					struct ebb_bdev_io_wait *wait)
{
	struct bdev_channel *ch = ebb_io_channel_ctx(channel);

	if (ch->thread != event_turn.thread) {
		ebb_violation(2, "ebb_bdev_queue_io_wait", ch->bdev->name, ch->thread,
			      ebb_thread_current());
		return;
	}
	wait_in(ch, &ch->waiters, wait);
}
