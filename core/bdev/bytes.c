/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of bytes. The blocks at the two ends of one (its edges), of which only a part is asked for,
 * go by memory of the layer; the whole blocks between them go from or to the client's memory as it is.
 *
 *	read	one read of all blocks, into a vector: edge, the client's, edge; then the edges' part
 *		is copied out
 *	write	lock; read the edges; merge what is written into them; one write of all blocks
 *	zeroes	lock; read the edges; merge zeroes into them; whole blocks by write_zeroes, which may
 *		punch them; the edges by writes. Whole blocks come first: they are what may be refused,
 *		before anything has changed.
 *	unmap	whole blocks only, as a request of blocks: edges keep their contents, which a hint may
 *		do. Here comes only one that has no whole block, and ends.
 *
 * **The lock** is of all blocks that are touched, also of those that are written whole: so one lock is
 * all that a request needs, and two requests that need each other's blocks cannot wait for each other
 * (range_lock.c). It costs nobody much: who writes these blocks at the same time would not know whose
 * write was the last anyhow.
 *
 * **Flags.** Durability is asked of each write, where the driver knows that, otherwise a flush follows
 * the last. What concerns the making of zeroes is for whole blocks; edges are written.
 *
 * **What it takes.** A request of bytes is one of the pool from its beginning to its end, and its steps
 * are that same request, filled in anew: so there is none to wait for while it has the lock. Memory for
 * the edges is taken before the lock, from the pool of all; of that a channel has so much at a time, and
 * the rest waits for it here, first come first served.
 */
#include "core/bdev/bytes.h"

#include <errno.h>
#include <string.h>

#include <ebb/memory.h>

/* In this order. */
enum {
	STEP_READ_ALL = 1u << 0,
	STEP_READ_HEAD = 1u << 1, /* with the tail, if that is the next block */
	STEP_READ_TAIL = 1u << 2,
	STEP_ZERO_WHOLE = 1u << 3,
	STEP_WRITE_HEAD = 1u << 4,
	STEP_WRITE_TAIL = 1u << 5,
	STEP_WRITE_ALL = 1u << 6,
};

static struct bdev_bytes *bytes_of(const struct bdev_req *req)
{
	const struct bdev_channel *ch = req->ch;
	size_t index = (size_t)((const char *)req - ch->pool) / ch->pool_stride;

	return &ch->bytes[index];
}

static size_t block_bytes(const struct bdev_bytes *bytes)
{
	return (size_t)1 << bytes->req->ch->block_shift;
}

static uint64_t whole_blocks(const struct bdev_bytes *bytes)
{
	return bytes->num_blocks - bytes->head - bytes->tail;
}

static size_t edges_bytes(const struct bdev_bytes *bytes)
{
	return block_bytes(bytes) * ((size_t)bytes->head + bytes->tail);
}

static char *tail_of(const struct bdev_bytes *bytes)
{
	return bytes->edges + (bytes->head ? block_bytes(bytes) : 0);
}

static uint8_t steps_of(const struct bdev_bytes *bytes)
{
	bool together = bytes->head && whole_blocks(bytes) == 0;
	unsigned steps = 0;

	if (bytes->type == EBB_BDEV_READ) {
		return STEP_READ_ALL;
	}
	if (bytes->type == EBB_BDEV_UNMAP) {
		return 0;
	}
	if (bytes->head) {
		steps |= STEP_READ_HEAD;
	}
	if (bytes->tail && !together) {
		steps |= STEP_READ_TAIL;
	}
	if (bytes->type == EBB_BDEV_WRITE || whole_blocks(bytes) == 0) {
		return (uint8_t)(steps | STEP_WRITE_ALL);
	}
	steps |= STEP_ZERO_WHOLE;
	steps |= bytes->head ? STEP_WRITE_HEAD : 0u;
	steps |= bytes->tail ? STEP_WRITE_TAIL : 0u;
	return (uint8_t)steps;
}

static void fill_edges(struct bdev_bytes *bytes, uint64_t offset_bytes, uint64_t len_bytes)
{
	const struct bdev_channel *ch = bytes->req->ch;
	size_t block = block_bytes(bytes);
	uint64_t end = offset_bytes + len_bytes;
	uint64_t last = (end - 1) >> ch->block_shift;
	size_t end_bytes = (size_t)(end & (block - 1));

	bytes->len_bytes = len_bytes;
	bytes->skip_bytes = (uint32_t)(offset_bytes & (block - 1));
	bytes->first = offset_bytes >> ch->block_shift;
	bytes->num_blocks = last - bytes->first + 1;
	bytes->head = bytes->skip_bytes != 0 || (bytes->num_blocks == 1 && end_bytes != 0);
	bytes->tail = bytes->num_blocks > 1 && end_bytes != 0;
	bytes->head_bytes = bytes->head ? block - bytes->skip_bytes : 0;
	if (bytes->head_bytes > len_bytes) {
		bytes->head_bytes = (size_t)len_bytes;
	}
	bytes->tail_bytes = bytes->tail ? end_bytes : 0;
}

static void fill_iov(struct bdev_bytes *bytes, const struct iovec *iov, int iovcnt)
{
	struct bdev_req *req = bytes->req;
	int i;

	bytes->iov = iov;
	bytes->iovcnt = iovcnt;
	if (iovcnt <= BDEV_IOV_EMBEDDED) {
		for (i = 0; i < iovcnt; i++) {
			req->iov[i] = iov[i];
		}
		bytes->iov = req->iov;
	}
}

/* As its client sees it: so it waits, counts and ends. */
static void req_restore(struct bdev_req *req, const struct bdev_bytes *bytes)
{
	req->type = bytes->type;
	req->special = BDEV_REQ_BYTES;
	req->io.type = (enum ebb_bdev_io_type)bytes->type;
	req->io.flags = 0;
	req->io.offset_blocks = bytes->first;
	req->io.num_blocks = bytes->num_blocks;
	req->io.iov = NULL;
	req->io.iovcnt = 0;
}

void bdev_bytes_fill(struct bdev_req *req, enum ebb_bdev_io_type type, const struct iovec *iov,
		     int iovcnt, uint64_t offset_bytes, uint64_t len_bytes, uint32_t flags)
{
	struct bdev_bytes *bytes = bytes_of(req);

	*bytes = (struct bdev_bytes){.req = req, .type = (uint8_t)type, .flags = flags};
	ebb_list_init(&bytes->link);
	fill_edges(bytes, offset_bytes, len_bytes);
	fill_iov(bytes, iov, iovcnt);
	bytes->steps = steps_of(bytes);
	if (bytes->steps == 0) {
		bytes->num_blocks = 0;
	}
	req->status = 0;
	req_restore(req, bytes);
}

static void vector_add(struct bdev_bytes *bytes, void *base, size_t len)
{
	bytes->vector[bytes->vector_count++] = (struct iovec){.iov_base = base, .iov_len = len};
}

/* The memory of all blocks of a read or a write. */
static void vector_fill(struct bdev_bytes *bytes)
{
	size_t left =
		bytes->iovcnt == 0 ? 0 : (size_t)whole_blocks(bytes) << bytes->req->ch->block_shift;
	struct bdev_iov_pos pos = {.iov = bytes->iov};

	if (bytes->head) {
		vector_add(bytes, bytes->edges, block_bytes(bytes));
	}
	if (left > 0) {
		bdev_iov_advance(&pos, bytes->head_bytes);
	}
	while (left > 0) {
		size_t chunk = pos.iov->iov_len - pos.offset;

		chunk = chunk < left ? chunk : left;
		vector_add(bytes, (char *)pos.iov->iov_base + pos.offset, chunk);
		left -= chunk;
		pos.iov++;
		pos.offset = 0;
	}
	if (bytes->tail) {
		vector_add(bytes, tail_of(bytes), block_bytes(bytes));
	}
}

/* Copies the client's part of the edges out of them, or into them. */
static void edges_copy(struct bdev_bytes *bytes, bool into)
{
	struct bdev_iov_pos pos = {.iov = bytes->iov};
	size_t between = (size_t)(bytes->len_bytes - bytes->head_bytes - bytes->tail_bytes);

	if (bytes->head) {
		bdev_iov_copy(&pos, bytes->edges + bytes->skip_bytes, bytes->head_bytes, into);
	}
	if (bytes->tail) {
		bdev_iov_advance(&pos, between);
		bdev_iov_copy(&pos, tail_of(bytes), bytes->tail_bytes, into);
	}
}

/* The edges have been read: what is written changes its part of them. */
static void edges_merge(struct bdev_bytes *bytes)
{
	if (bytes->type == EBB_BDEV_WRITE) {
		edges_copy(bytes, true);
	} else {
		memset(bytes->edges + bytes->skip_bytes, 0, bytes->head_bytes);
		memset(tail_of(bytes), 0, bytes->tail_bytes);
	}
	bytes->merged = true;
}

static size_t edges_size(const struct bdev_bytes *bytes)
{
	size_t size = edges_bytes(bytes);

	if (bytes->iovcnt > BDEV_IOV_EMBEDDED) {
		size += ((size_t)bytes->iovcnt + 2) * sizeof(struct iovec);
	}
	return size;
}

/* What the pool gives for @size. */
static size_t taken_bytes(size_t size)
{
	size_t taken = EBB_MEM_ALLOC_MIN;

	while (taken < size) {
		taken *= 2;
	}
	return taken;
}

/* Return: 0; -EAGAIN: others have to end first; -ENOMEM. */
static int edges_take(struct bdev_channel *ch, struct bdev_bytes *bytes)
{
	size_t size = edges_size(bytes);

	if (ch->bytes_memory > 0 && ch->bytes_memory + taken_bytes(size) > BDEV_BYTES_MEMORY_MAX) {
		return -EAGAIN;
	}
	bytes->edges = ebb_mem_alloc(size);
	if (bytes->edges == NULL) {
		return ch->bytes_memory > 0 ? -EAGAIN : -ENOMEM;
	}
	bytes->edges_size = size;
	ch->bytes_memory += taken_bytes(size);
	bytes->vector = bytes->vector_short;
	if (bytes->iovcnt > BDEV_IOV_EMBEDDED) {
		bytes->vector = (struct iovec *)(void *)(bytes->edges + edges_bytes(bytes));
	}
	return 0;
}

static void edges_give(struct bdev_channel *ch, struct bdev_bytes *bytes)
{
	ebb_mem_free(bytes->edges, bytes->edges_size);
	ch->bytes_memory -= taken_bytes(bytes->edges_size);
	bytes->edges = NULL;
}

/* Fills the request in anew: @num_blocks from @first, from or to @iov; then it may be issued. */
static enum bdev_bytes_next step_set(struct bdev_bytes *bytes, enum ebb_bdev_io_type type,
				     uint64_t first, uint64_t num_blocks, struct iovec *iov,
				     int iovcnt)
{
	const struct ebb_bdev *bdev = bytes->req->ch->bdev;
	struct bdev_req *req = bytes->req;
	bool durable = type != EBB_BDEV_READ && (bytes->flags & EBB_BDEV_FUA) != 0;

	req->type = (uint8_t)type;
	req->special = BDEV_REQ_BYTES;
	req->io.type = type;
	req->io.flags = durable && bdev->fua ? EBB_BDEV_FUA : 0;
	if (type == EBB_BDEV_WRITE_ZEROES) {
		req->io.flags |= bytes->flags & ~EBB_BDEV_FUA;
	}
	if (durable && !bdev->fua && bytes->steps == 0 &&
	    (bdev->io_types & EBB_BIT(EBB_BDEV_FLUSH)) != 0) {
		req->special |= BDEV_REQ_FUA;
	}
	req->io.offset_blocks = first;
	req->io.num_blocks = num_blocks;
	req->io.iov = iov;
	req->io.iovcnt = iovcnt;
	return BDEV_BYTES_ISSUE;
}

/* An edge, or two that are side by side. */
static enum bdev_bytes_next step_set_edge(struct bdev_bytes *bytes, enum ebb_bdev_io_type type,
					  bool tail, uint64_t num_blocks)
{
	uint64_t last = bytes->first + bytes->num_blocks - 1;
	struct iovec *iov = bytes->vector_edge;

	iov->iov_base = tail ? tail_of(bytes) : bytes->edges;
	iov->iov_len = (size_t)num_blocks << bytes->req->ch->block_shift;
	return step_set(bytes, type, tail ? last : bytes->first, num_blocks, iov, 1);
}

static enum bdev_bytes_next step_next(struct bdev_bytes *bytes)
{
	unsigned step = bytes->steps & (0u - bytes->steps);
	bool together = bytes->head && bytes->tail && whole_blocks(bytes) == 0;

	bytes->steps &= (uint8_t)~step;
	if (step >= STEP_ZERO_WHOLE && !bytes->merged) {
		edges_merge(bytes);
	}
	switch (step) {
	case STEP_READ_HEAD:
		return step_set_edge(bytes, EBB_BDEV_READ, false, together ? 2 : 1);
	case STEP_READ_TAIL:
		return step_set_edge(bytes, EBB_BDEV_READ, true, 1);
	case STEP_ZERO_WHOLE:
		return step_set(bytes, EBB_BDEV_WRITE_ZEROES, bytes->first + bytes->head,
				whole_blocks(bytes), NULL, 0);
	case STEP_WRITE_HEAD:
		return step_set_edge(bytes, EBB_BDEV_WRITE, false, 1);
	case STEP_WRITE_TAIL:
		return step_set_edge(bytes, EBB_BDEV_WRITE, true, 1);
	default:
		return step_set(bytes, step == STEP_READ_ALL ? EBB_BDEV_READ : EBB_BDEV_WRITE,
				bytes->first, bytes->num_blocks, bytes->vector,
				bytes->vector_count);
	}
}

enum bdev_bytes_next bdev_bytes_go_on(struct bdev_req *req)
{
	struct bdev_bytes *bytes = bytes_of(req);

	if (bytes->edges == NULL) {
		return BDEV_BYTES_ENDED; /* before it took anything */
	}
	if (req->status == 0 && bytes->steps != 0) {
		return step_next(bytes);
	}
	if (bytes->type == EBB_BDEV_READ && req->status == 0) {
		edges_copy(bytes, false);
	}
	if (bytes->type != EBB_BDEV_READ) {
		bdev_range_unlock(&bytes->lock);
	}
	edges_give(req->ch, bytes);
	req_restore(req, bytes);
	return BDEV_BYTES_ENDED;
}

enum bdev_bytes_next bdev_bytes_begin(struct bdev_channel *ch, struct bdev_req *req,
				      void (*granted)(struct bdev_range_lock *lock))
{
	struct bdev_bytes *bytes = bytes_of(req);
	int rc = 0;

	if (bytes->steps == 0) {
		return BDEV_BYTES_ENDED;
	}
	if (bytes->edges == NULL) {
		rc = ebb_list_empty(&ch->bytes_waiting) ? edges_take(ch, bytes) : -EAGAIN;
	}
	if (rc == -EAGAIN) {
		ebb_list_push_back(&ch->bytes_waiting, &bytes->link);
		return BDEV_BYTES_UNDER_WAY;
	}
	if (rc < 0) {
		req->status = rc;
		return BDEV_BYTES_ENDED;
	}
	vector_fill(bytes);
	if (bytes->type != EBB_BDEV_READ) {
		bytes->lock = (struct bdev_range_lock){
			.first = bytes->first,
			.last = bytes->first + bytes->num_blocks - 1,
			.ch = ch,
			.granted = granted,
		};
		if (!bdev_range_lock(&bytes->lock)) {
			return BDEV_BYTES_UNDER_WAY;
		}
	}
	return step_next(bytes);
}

struct bdev_req *bdev_bytes_of_lock(struct bdev_range_lock *lock)
{
	return ebb_container_of(lock, struct bdev_bytes, lock)->req;
}

struct bdev_req *bdev_bytes_next_waiting(struct bdev_channel *ch)
{
	struct bdev_bytes *bytes;
	int rc;

	if (ebb_list_empty(&ch->bytes_waiting)) {
		return NULL;
	}
	bytes = ebb_list_first(&ch->bytes_waiting, struct bdev_bytes, link);
	rc = edges_take(ch, bytes);
	if (rc == -EAGAIN) {
		return NULL;
	}
	ebb_list_remove(&bytes->link);
	bytes->req->status = rc;
	return bytes->req;
}
