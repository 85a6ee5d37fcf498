/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that the driver cannot take as they are: too long, across a boundary it cares about, in
 * too many pieces of memory, in memory it cannot reach (foreign, not aligned, or in pieces that do
 * not meet where they have to), or zeroes it cannot write. Such a request
 * (the parent) is done in parts (its children), each of which the driver can take. A child is a
 * request from the same pool; a few are in flight at a time, and the end of each begins the next.
 *
 * Memory that the driver cannot use is bounced: the child uses a buffer from the memory pool,
 * copied to before a write or a compare, or from after a read. Zeroes that the driver cannot make, or
 * would give no room, are bounced writes, too. Where a driver cannot say what its blocks are, they are
 * data, and nothing is asked of it.
 *
 * When the pool of requests is empty, a parent waits for one like any client. That alone could
 * deadlock, with every request a parent: so a few requests are kept for children only. Whoever has
 * one gives it back at its end, and ends sooner or later, so all get on.
 */
#include "core/bdev/parts.h"

#include <errno.h>
#include <string.h>

#include <ebb/memory.h>

#include "core/bdev/iov.h"
#include "core/bdev/pool.h"

/* A child's elements; more than BDEV_IOV_EMBEDDED would have to be kept somewhere. */
static int child_segments(const struct ebb_bdev *bdev)
{
	if (bdev->max_segments == 0 || bdev->max_segments > BDEV_IOV_EMBEDDED) {
		return BDEV_IOV_EMBEDDED;
	}
	return (int)bdev->max_segments;
}

static bool memory_usable(const struct bdev_channel *ch, const struct iovec *iov)
{
	uintptr_t offset = (uintptr_t)iov->iov_base - ch->memory_base;

	return (((uintptr_t)iov->iov_base | iov->iov_len) & ch->align_mask) == 0 &&
	       offset < ch->memory_bytes && iov->iov_len <= ch->memory_bytes - offset &&
	       (!ch->bdev->pool_memory || ebb_mem_contains(iov->iov_base, iov->iov_len));
}

/* Can the driver use all of the memory, in these pieces? */
static bool iov_usable(const struct bdev_channel *ch, const struct ebb_bdev_io *io)
{
	uintptr_t segment_mask = ch->bdev->segment_align > 1 ? ch->bdev->segment_align - 1 : 0;
	int i;

	for (i = 0; i < io->iovcnt; i++) {
		uintptr_t begin = (uintptr_t)io->iov[i].iov_base;
		uintptr_t end = begin + io->iov[i].iov_len;

		if (!memory_usable(ch, &io->iov[i]) || (i > 0 && (begin & segment_mask) != 0) ||
		    (i < io->iovcnt - 1 && (end & segment_mask) != 0)) {
			return false;
		}
	}
	return true;
}

/* Has the driver no request for these zeroes, or none that gives them room? */
static bool zeroes_to_write(const struct bdev_req *req)
{
	const struct ebb_bdev *bdev = req->io.bdev;

	return req->type == EBB_BDEV_WRITE_ZEROES &&
	       ((bdev->io_types & EBB_BIT(EBB_BDEV_WRITE_ZEROES)) == 0 ||
		(req->io.flags & ~bdev->zero_flags & EBB_BDEV_NO_HOLE) != 0);
}

/* Does the driver know nothing of what its blocks are? */
static bool status_to_answer(const struct bdev_req *req)
{
	return req->type == EBB_BDEV_BLOCK_STATUS &&
	       (req->io.bdev->io_types & EBB_BIT(EBB_BDEV_BLOCK_STATUS)) == 0;
}

/* The longest request that the driver takes for @req's type; 0: any. */
static uint64_t longest(const struct bdev_req *req)
{
	const struct ebb_bdev *bdev = req->io.bdev;

	if (bdev_type_has_memory(req->type) || zeroes_to_write(req)) {
		return bdev->max_io_blocks;
	}
	switch (req->type) {
	case EBB_BDEV_UNMAP:
		return bdev->max_unmap_blocks;
	case EBB_BDEV_WRITE_ZEROES:
		return bdev->max_write_zeroes_blocks;
	default:
		return 0;
	}
}

bool bdev_parts_needed(const struct bdev_channel *ch, const struct bdev_req *req)
{
	const struct ebb_bdev *bdev = ch->bdev;
	const struct ebb_bdev_io *io = &req->io;
	uint64_t last = io->offset_blocks + io->num_blocks - 1;
	uint64_t limit = longest(req);

	if (limit != 0 && io->num_blocks > limit) {
		return true;
	}
	if (!bdev_type_has_memory(req->type)) {
		return zeroes_to_write(req) || status_to_answer(req);
	}
	return ((io->offset_blocks ^ last) & ch->boundary_mask) != 0 ||
	       (bdev->max_segments != 0 && (uint32_t)io->iovcnt > bdev->max_segments) ||
	       !iov_usable(ch, io);
}

/* Blocks the next part may have, by the limits of the driver. */
static uint64_t part_limit(const struct bdev_channel *ch, const struct bdev_req *parent)
{
	uint64_t offset = parent->io.offset_blocks + parent->u.parent.next_blocks;
	uint64_t blocks = parent->io.num_blocks - parent->u.parent.next_blocks;
	uint64_t limit = longest(parent);

	if (limit != 0 && blocks > limit) {
		blocks = limit;
	}
	if (ch->boundary_mask != 0 && !parent->u.parent.bare) {
		uint64_t room = (offset & ch->boundary_mask) - ch->boundary_mask - offset;

		if (blocks > room) {
			blocks = room;
		}
	}
	return blocks;
}

/*
 * Points @child at up to @blocks of its parent's memory.
 * Parts end where memory is aligned, as far as that goes, so that the next one's is too.
 * Return: blocks; 0: not a block fits into the segments a child may have, or not aligned.
 */
static uint64_t child_map(const struct bdev_channel *ch, struct bdev_req *child,
			  struct bdev_iov_pos pos, uint64_t blocks)
{
	size_t want = (size_t)(blocks << ch->block_shift);
	int segments = child_segments(ch->bdev);
	size_t got = 0, excess;
	int count = 0;

	if ((pos.offset & ch->align_mask) != 0) {
		return 0; /* after one that was too short to end well */
	}
	while (got < want && count < segments) {
		size_t chunk = pos.iov->iov_len - pos.offset;

		chunk = chunk < want - got ? chunk : want - got;
		child->iov[count].iov_base = (char *)pos.iov->iov_base + pos.offset;
		child->iov[count].iov_len = chunk;
		count++;
		got += chunk;
		pos.iov++;
		pos.offset = 0;
	}
	excess = got & ((((size_t)1 << ch->block_shift) - 1) | ch->align_mask);
	got -= excess;
	while (excess > 0 && count > 0) {
		struct iovec *last = &child->iov[count - 1];
		size_t cut = excess < last->iov_len ? excess : last->iov_len;

		last->iov_len -= cut;
		excess -= cut;
		if (last->iov_len == 0) {
			count--;
		}
	}
	child->io.iov = child->iov;
	child->io.iovcnt = count;
	return got >> ch->block_shift;
}

/* Return: blocks; 0: no memory. */
static uint64_t child_bounce(const struct bdev_channel *ch, struct bdev_req *child,
			     const struct bdev_req *parent, uint64_t blocks)
{
	struct bdev_iov_pos pos = parent->u.parent.pos;
	size_t size;

	if (blocks > BDEV_BOUNCE_MAX >> ch->block_shift) {
		blocks = BDEV_BOUNCE_MAX >> ch->block_shift;
	}
	size = (size_t)(blocks << ch->block_shift);
	child->u.child.bounce = ebb_mem_alloc(size);
	if (child->u.child.bounce == NULL) {
		return 0;
	}
	child->u.child.bounce_size = size;
	child->u.child.pos = pos;
	if (parent->type == EBB_BDEV_WRITE_ZEROES) {
		memset(child->u.child.bounce, 0, size);
	} else if (parent->type != EBB_BDEV_READ) {
		bdev_iov_copy(&pos, child->u.child.bounce, size, true);
	}
	child->iov[0].iov_base = child->u.child.bounce;
	child->iov[0].iov_len = size;
	child->io.iov = child->iov;
	child->io.iovcnt = 1;
	return blocks;
}

/* What a part of @parent is to the driver: zeroes that have to be written are a write. */
static enum ebb_bdev_io_type child_type(const struct bdev_req *parent)
{
	return zeroes_to_write(parent) ? EBB_BDEV_WRITE : (enum ebb_bdev_io_type)parent->type;
}

/*
 * And with which flags. Fast zeroes may be refused as long as no block has changed: so the first part
 * asks, and when it has been done the others are, whatever that takes.
 */
static uint32_t child_flags(const struct bdev_req *parent)
{
	uint32_t flags = parent->io.flags;

	if (zeroes_to_write(parent)) {
		flags &= ~(EBB_BDEV_NO_HOLE | EBB_BDEV_FAST_ZERO);
	}
	return parent->u.parent.next_blocks == 0 ? flags : flags & ~EBB_BDEV_FAST_ZERO;
}

/* How many parts may be in flight. */
static unsigned children_max(const struct bdev_req *parent)
{
	bool asks = (parent->io.flags & EBB_BDEV_FAST_ZERO) != 0;

	return asks && !parent->u.parent.asked ? 1 : BDEV_CHILDREN_MAX;
}

/* Gives @child its memory, if it has any. Return: blocks; 0: no memory. */
static uint64_t child_memory(const struct bdev_channel *ch, struct bdev_req *child,
			     const struct bdev_req *parent, uint64_t blocks)
{
	uint64_t mapped = 0;

	if (parent->u.parent.bare) {
		child->io.iov = NULL;
		child->io.iovcnt = 0;
		return blocks;
	}
	if (!parent->u.parent.bounce) {
		mapped = child_map(ch, child, parent->u.parent.pos, blocks);
	}
	return mapped != 0 ? mapped : child_bounce(ch, child, parent, blocks);
}

/* Begins one part. Return: 0; -ENOMEM: no request or no memory now. */
static int part_issue(struct bdev_channel *ch, struct bdev_req *parent)
{
	uint64_t mapped;
	struct bdev_req *child;

	child = bdev_pool_get_child(ch);
	if (child == NULL) {
		return -ENOMEM;
	}
	child->u.child.parent = parent;
	child->u.child.bounce = NULL;
	mapped = child_memory(ch, child, parent, part_limit(ch, parent));
	if (mapped == 0) {
		bdev_pool_put_child(ch, child);
		return -ENOMEM;
	}
	child->special = BDEV_REQ_CHILD;
	child->type = parent->type;
	child->start_ns = event_turn.now_ns;
	child->io.type = child_type(parent);
	child->io.flags = child_flags(parent);
	child->io.offset_blocks = parent->io.offset_blocks + parent->u.parent.next_blocks;
	child->io.num_blocks = mapped;
	parent->u.parent.next_blocks += mapped;
	if (bdev_type_has_memory(parent->type)) {
		bdev_iov_advance(&parent->u.parent.pos, (size_t)(mapped << ch->block_shift));
	}
	parent->u.parent.children++;
	bdev_req_issue(ch, child);
	return 0;
}

enum bdev_parts_next bdev_parts_go_on(struct bdev_req *parent)
{
	struct bdev_channel *ch = parent->ch;
	int rc = 0;

	while (rc == 0 && parent->u.parent.error == 0 &&
	       parent->u.parent.next_blocks < parent->io.num_blocks &&
	       parent->u.parent.children < children_max(parent)) {
		rc = part_issue(ch, parent);
	}
	if (parent->u.parent.children > 0) {
		return BDEV_PARTS_UNDER_WAY;
	}
	if (rc < 0) {
		if (bdev_pool_empty(ch) && ch->reserve == NULL) {
			return BDEV_PARTS_WAIT;
		}
		parent->u.parent.error = rc; /* requests there are: it was the memory */
	}
	parent->status = parent->u.parent.error;
	return BDEV_PARTS_ENDED;
}

enum bdev_parts_next bdev_parts_begin(const struct bdev_channel *ch, struct bdev_req *req)
{
	if (status_to_answer(req)) {
		ebb_bdev_extents_add(req->io.extents, req->io.num_blocks, 0);
		req->status = 0;
		return BDEV_PARTS_ENDED;
	}
	req->u.parent.pos = (struct bdev_iov_pos){.iov = req->io.iov};
	req->u.parent.next_blocks = 0;
	req->u.parent.children = 0;
	req->u.parent.bare = !bdev_type_has_memory(req->type) && !zeroes_to_write(req);
	req->u.parent.bounce = zeroes_to_write(req) || !iov_usable(ch, &req->io);
	req->u.parent.asked = false;
	req->u.parent.error = 0;
	return bdev_parts_go_on(req);
}

struct bdev_req *bdev_parts_end_child(struct bdev_req *child)
{
	struct bdev_req *parent = child->u.child.parent;

	if (child->u.child.bounce != NULL) {
		if (parent->type == EBB_BDEV_READ && child->status == 0) {
			bdev_iov_copy(&child->u.child.pos, child->u.child.bounce,
				      child->u.child.bounce_size, false);
		}
		ebb_mem_free(child->u.child.bounce, child->u.child.bounce_size);
	}
	if (child->status != 0 && parent->u.parent.error == 0) {
		parent->u.parent.error = child->status;
	}
	bdev_pool_put_child(child->ch, child);
	parent->u.parent.asked = true;
	parent->u.parent.children--;
	return parent;
}
