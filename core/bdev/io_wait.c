/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bdev/io_wait.h"

#include <ebb/violation.h>

#include "core/bdev/pool.h"

static void kick_deferred(struct event_deferred *deferred)
{
	struct bdev_channel *ch = ebb_container_of(deferred, struct bdev_channel, kick);

	ch->kicked = false;
	bdev_io_wait_wake(ch);
}

/* Somebody waits for what is there: he is served at the end of the turn. */
static void waiters_kick(struct bdev_channel *ch)
{
	if (!bdev_pool_empty(ch) && !ch->kicked && !ch->waiters.waking) {
		ch->kicked = true;
		ch->kick.fn = kick_deferred;
		event_turn_defer(&ch->kick);
	}
}

void bdev_io_wait_wake(struct bdev_channel *ch)
{
	struct ebb_list *node;

	if (!base_wait_list_begin(&ch->waiters)) {
		return;
	}
	while (!bdev_pool_empty(ch) && (node = base_wait_list_next(&ch->waiters)) != NULL) {
		struct ebb_bdev_io_wait *wait = ebb_list_entry(node, struct ebb_bdev_io_wait, link);

		wait->fn(wait->arg);
	}
	base_wait_list_end(&ch->waiters);
	if (base_wait_list_empty(&ch->waiters)) {
		ch->attention &= (uint8_t)~BDEV_CH_WAITERS;
	} else {
		waiters_kick(ch);
	}
}

void bdev_io_wait_queue(struct bdev_channel *ch, struct ebb_bdev_io_wait *wait)
{
	base_wait_list_add(&ch->waiters, &wait->link);
	ch->attention |= BDEV_CH_WAITERS;
	waiters_kick(ch);
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
	bdev_io_wait_queue(ch, wait);
}
