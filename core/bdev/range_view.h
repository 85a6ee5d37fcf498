/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_RANGE_VIEW_H
#define CORE_BDEV_RANGE_VIEW_H

/*
 * What a channel knows of its bdev's locked ranges, and which of its requests they concern. The idea:
 * range_lock.c. Thread: the channel's.
 */

#include "core/bdev/channel.h"
#include "core/bdev/range_lock.h"
#include "core/bdev/table.h"

static inline struct bdev_ranges *bdev_range_table(const struct bdev_channel *ch)
{
	return &ch->internal->ranges;
}

/* The slots in use. Without the mutex it is a hint. */
static inline uint32_t bdev_range_used(struct bdev_ranges *ranges)
{
	return atomic_load_explicit(&ranges->used, memory_order_relaxed);
}

/* Does @req change blocks, and is it no owner's of a lock, who is alone already? */
bool bdev_range_is_subject(const struct bdev_req *req);

/* The slots of @mask whose views overlap @req. */
uint32_t bdev_range_overlapping(const struct bdev_channel *ch, const struct bdev_req *req,
				uint32_t mask);

/* Does any lock that @ch knows overlap @req? */
bool bdev_range_is_locked(const struct bdev_channel *ch, const struct bdev_req *req);

/* What a walk over the requests under way looks for, and finds. */
struct bdev_range_walk {
	uint32_t slots;
	uint32_t overlapping;
	bool writes; /* any */
};

struct bdev_range_walk bdev_range_walk_requests(struct bdev_channel *ch, uint32_t slots);

/* Closes the channel's short way of writing, or opens it, as what it knows has it. */
void bdev_range_set_closed(struct bdev_channel *ch);

/* @slots: those whose locks wait for writes of @ch */
void bdev_range_set_unanswered(struct bdev_channel *ch, uint32_t slots);

/* These are called under the table's mutex. */

/* Return: the slots of whose locks @ch has an old view, or none. */
uint32_t bdev_range_unknown(const struct bdev_channel *ch);

/* Views @slots. */
void bdev_range_take(struct bdev_channel *ch, uint32_t slots);

/* Forgets what is not locked any more. */
void bdev_range_forget(struct bdev_channel *ch);

/* Nothing of @ch is under way that writes, and it is asked no more. */
void bdev_range_depart(struct bdev_channel *ch);

/*
 * Takes note of @slots, which are new to @ch; or departs, if nothing of it is under way that writes, or
 * waits. Return: those that writes under way overlap.
 */
uint32_t bdev_range_note(struct bdev_channel *ch, uint32_t slots);

#endif
