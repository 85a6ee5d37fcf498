/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bdev/range_view.h"

#include <ebb/assert.h>

#include "core/bdev/pool.h"

static bool view_overlaps(const struct bdev_range_view *view, const struct bdev_req *req)
{
	return req->io.offset_blocks <= view->last &&
	       req->io.offset_blocks + req->io.num_blocks - 1 >= view->first;
}

uint32_t bdev_range_overlapping(const struct bdev_channel *ch, const struct bdev_req *req,
				uint32_t mask)
{
	uint32_t found = 0;

	for (; mask != 0; mask &= mask - 1) {
		unsigned slot = (unsigned)__builtin_ctz(mask);

		if (view_overlaps(&ch->range.views[slot], req)) {
			found |= EBB_BIT(slot);
		}
	}
	return found;
}

bool bdev_range_is_subject(const struct bdev_req *req)
{
	return bdev_range_type_writes(req->type) && (req->special & BDEV_REQ_BYTES) == 0;
}

static void walk_see(const struct bdev_req *req, void *arg)
{
	struct bdev_range_walk *walk = arg;

	if (bdev_range_is_subject(req)) {
		walk->writes = true;
		walk->overlapping |=
			bdev_range_overlapping(req->ch, req, walk->slots & ~walk->overlapping);
	}
}

struct bdev_range_walk bdev_range_walk_requests(struct bdev_channel *ch, uint32_t slots)
{
	struct bdev_range_walk walk = {.slots = slots};

	bdev_pool_for_each_begun(ch, walk_see, &walk);
	return walk;
}

void bdev_range_set_closed(struct bdev_channel *ch)
{
	ch->ranges_closed = !ch->range.entered || ch->range.known != 0;
	bdev_channel_set_short_way(ch);
}

void bdev_range_set_unanswered(struct bdev_channel *ch, uint32_t slots)
{
	ch->range.unanswered = slots;
	if (slots != 0) {
		ch->attention |= BDEV_CH_RANGES;
	} else {
		ch->attention &= (uint8_t)~BDEV_CH_RANGES;
	}
}

uint32_t bdev_range_unknown(const struct bdev_channel *ch)
{
	const struct bdev_ranges *ranges = bdev_range_table(ch);
	uint32_t used = bdev_range_used(bdev_range_table(ch));
	uint32_t unknown = used & ~ch->range.known;
	uint32_t mask;

	for (mask = used & ch->range.known; mask != 0; mask &= mask - 1) {
		unsigned slot = (unsigned)__builtin_ctz(mask);

		if (ch->range.views[slot].serial != ranges->slots[slot].serial) {
			unknown |= EBB_BIT(slot);
		}
	}
	return unknown;
}

void bdev_range_take(struct bdev_channel *ch, uint32_t slots)
{
	const struct bdev_ranges *ranges = bdev_range_table(ch);

	ch->range.known |= slots;
	for (; slots != 0; slots &= slots - 1) {
		unsigned slot = (unsigned)__builtin_ctz(slots);

		ch->range.views[slot] = (struct bdev_range_view){
			.first = ranges->slots[slot].lock->first,
			.last = ranges->slots[slot].lock->last,
			.serial = ranges->slots[slot].serial,
		};
	}
}

void bdev_range_forget(struct bdev_channel *ch)
{
	ch->range.known &= bdev_range_used(bdev_range_table(ch)) & ~bdev_range_unknown(ch);
}

void bdev_range_depart(struct bdev_channel *ch)
{
	ebb_assert(ch->range.unanswered == 0);
	ch->range.entered = false;
	ebb_list_remove(&ch->range.link);
	ch->range.known = 0;
}

uint32_t bdev_range_note(struct bdev_channel *ch, uint32_t slots)
{
	struct bdev_range_walk walk;

	bdev_range_take(ch, slots);
	walk = bdev_range_walk_requests(ch, slots);
	if (!walk.writes && ebb_list_empty(&ch->range.held)) {
		bdev_range_depart(ch);
	} else {
		bdev_range_set_unanswered(ch, ch->range.unanswered | walk.overlapping);
	}
	return walk.overlapping;
}

bool bdev_range_is_locked(const struct bdev_channel *ch, const struct bdev_req *req)
{
	return bdev_range_overlapping(ch, req, ch->range.known) != 0;
}
