/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queueing requests. Reads and writes of one piece of memory that the driver can take as it is go
 * the short way: a handful of comparisons, a request from the free list, the driver. Everything
 * else goes by submit_checked(), which says what is wrong with a request, or finds out what it
 * takes.
 */
#include <ebb/bdev_module.h>

#include <errno.h>

#include <ebb/violation.h>

#include "core/bdev/claim.h"
#include "core/bdev/complete.h"
#include "core/bdev/desc.h"
#include "core/bdev/iov.h"
#include "core/bdev/parts.h"
#include "core/bdev/pool.h"
#include "core/bdev/submit.h"

/* A request as its client states it. */
struct submit_request {
	enum ebb_bdev_io_type type;
	uint32_t flags;
	const struct iovec *iov;
	int iovcnt;
	struct ebb_bdev_extents *extents;
	uint64_t offset_blocks;
	uint64_t num_blocks;
	ebb_bdev_io_cb cb;
	void *arg;
};

/* @site: the caller of the public function, so that each wrong one is reported. */
static int __attribute__((cold, noinline))
submit_foreign(const struct bdev_channel *ch, const char *function, const void *site)
{
	ebb_violation_at(2, function, ch->bdev->name, ch->thread, ebb_thread_current(), site);
	return -EPERM;
}

/* The flags that a request of @type may have. */
static uint32_t flags_known(enum ebb_bdev_io_type type)
{
	switch (type) {
	case EBB_BDEV_WRITE:
		return EBB_BDEV_FUA;
	case EBB_BDEV_WRITE_ZEROES:
		return EBB_BDEV_FUA | EBB_BDEV_NO_HOLE | EBB_BDEV_FAST_ZERO;
	default:
		return 0;
	}
}

int bdev_submit_check_flags(const struct ebb_bdev *bdev, enum ebb_bdev_io_type type, uint32_t flags)
{
	if ((flags & ~flags_known(type)) != 0) {
		return -EINVAL;
	}
	if ((flags & ~bdev->zero_flags & EBB_BDEV_NO_HOLE) != 0 &&
	    (bdev->io_types & EBB_BIT(EBB_BDEV_WRITE)) == 0) {
		return -ENOTSUP;
	}
	if ((flags & EBB_BDEV_FAST_ZERO) != 0 && !ebb_bdev_fast_zero_supported(bdev, flags)) {
		return -ENOTSUP;
	}
	return 0;
}

static int request_check(const struct ebb_bdev_desc *desc, const struct bdev_channel *ch,
			 const struct submit_request *request)
{
	const struct ebb_bdev *bdev = ch->bdev;
	uint64_t total = ebb_bdev_num_blocks(bdev);
	int rc;

	if (!desc->write && bdev_range_type_writes(request->type)) {
		return -EBADF;
	}
	if (!ebb_bdev_io_type_supported(bdev, request->type)) {
		return -ENOTSUP;
	}
	if (request->num_blocks == 0 || request->num_blocks > total ||
	    request->offset_blocks > total - request->num_blocks) {
		return -EINVAL;
	}
	if (request->flags != 0) {
		rc = bdev_submit_check_flags(bdev, request->type, request->flags);
		if (rc < 0) {
			return rc;
		}
	}
	if (request->type == EBB_BDEV_BLOCK_STATUS &&
	    (request->extents == NULL || request->extents->max == 0 ||
	     request->extents->extent == NULL)) {
		return -EINVAL;
	}
	if (bdev_type_has_memory(request->type) && bdev_iov_bytes(request->iov, request->iovcnt) !=
							   request->num_blocks << ch->block_shift) {
		return -EINVAL;
	}
	return 0;
}

static void request_memory(struct bdev_req *req, const struct submit_request *request)
{
	req->io.iovcnt = request->iovcnt;
	req->io.iov = request->iov;
	if (request->type == EBB_BDEV_BLOCK_STATUS) {
		req->io.extents = request->extents;
		req->io.extents->count = 0;
	} else if (request->iovcnt > 0 && request->iovcnt <= BDEV_IOV_EMBEDDED) {
		struct iovec *to = &req->iov[BDEV_IOV_EMBEDDED - request->iovcnt];
		int i;

		for (i = 0; i < request->iovcnt; i++) {
			to[i] = request->iov[i];
		}
		req->io.iov = to;
	}
}

/*
 * Others than who has claimed the bdev leave him half of the requests while the channel holds theirs:
 * he needs some to end what is under way, and the channel becomes quiet by that alone.
 */
static bool must_leave_room(const struct ebb_bdev_desc *desc, const struct bdev_channel *ch)
{
	return ch->holding && !desc->claims && ch->num_held >= ch->pool_size / 2 &&
	       bdev_claim_is_held(ch->internal);
}

static inline struct bdev_req *submit_get(const struct ebb_bdev_desc *desc, struct bdev_channel *ch)
{
	return must_leave_room(desc, ch) ? NULL : bdev_pool_get(ch);
}

struct bdev_req *bdev_submit_get(const struct ebb_bdev_desc *desc, struct bdev_channel *ch)
{
	return submit_get(desc, ch);
}

static inline void submit_begin(struct bdev_channel *ch, struct bdev_req *req)
{
	if (ebb_unlikely(ch->ranges_closed) && bdev_range_type_writes(req->type) &&
	    bdev_range_hold(ch, req)) {
		return;
	}
	ch->outstanding++;
	if (ebb_unlikely((req->special & BDEV_REQ_BYTES) != 0)) {
		bdev_complete_bytes(ch, req);
	} else if (bdev_parts_needed(ch, req)) {
		bdev_complete_parts(req, bdev_parts_begin(ch, req));
	} else {
		bdev_req_issue(ch, req);
	}
}

void bdev_submit_begin(struct bdev_channel *ch, struct bdev_req *req)
{
	submit_begin(ch, req);
}

static inline void submit_queue(const struct ebb_bdev_desc *desc, struct bdev_channel *ch,
				struct bdev_req *req)
{
	/* Who has claimed the bdev holds his requests back himself, and ends those under way. */
	if (ch->holding && !desc->claims) {
		ebb_list_push_back(&ch->held, &req->link);
		ch->num_held++;
		return;
	}
	if (ch->holding || !ch->qos.active || !bdev_qos_hold(ch, req)) {
		submit_begin(ch, req);
	}
}

void bdev_submit_queue(const struct ebb_bdev_desc *desc, struct bdev_channel *ch,
		       struct bdev_req *req)
{
	submit_queue(desc, ch, req);
}

static int __attribute__((noinline))
submit_checked(struct ebb_bdev_desc *desc, struct bdev_channel *ch,
	       const struct submit_request *request)
{
	const struct ebb_bdev *bdev = ch->bdev;
	struct bdev_req *req;
	int rc;

	rc = request_check(desc, ch, request);
	if (rc < 0) {
		return rc;
	}
	req = submit_get(desc, ch);
	if (req == NULL) {
		return -ENOMEM;
	}
	req->cb = request->cb;
	req->arg = request->arg;
	req->start_ns = event_turn.now_ns;
	req->type = (uint8_t)request->type;
	req->special = 0;
	req->io.type = request->type;
	req->io.flags = request->flags;
	req->io.offset_blocks = request->offset_blocks;
	req->io.num_blocks = request->num_blocks;
	request_memory(req, request);
	if ((request->flags & EBB_BDEV_FUA) != 0 && !bdev->fua) {
		req->io.flags &= ~EBB_BDEV_FUA;
		/* Without a flush there is nothing volatile to flush. */
		if ((bdev->io_types & EBB_BIT(EBB_BDEV_FLUSH)) != 0) {
			req->special = BDEV_REQ_FUA;
		}
	}
	submit_queue(desc, ch, req);
	return 0;
}

/* A read or write of one piece of memory. */
static inline __attribute__((always_inline)) int submit_one(
	struct ebb_bdev_desc *desc, struct bdev_channel *ch, enum ebb_bdev_io_type type, void *buf,
	uint64_t len_bytes, uint64_t offset_blocks, uint64_t num_blocks, uint32_t flags,
	ebb_bdev_io_cb cb, void *arg)
{
	uint64_t total = __atomic_load_n(&ch->bdev->num_blocks, __ATOMIC_RELAXED);
	struct bdev_req *req;
	struct iovec *iov;

	if (ebb_unlikely(ch->thread != event_turn.thread)) {
		return submit_foreign(ch,
				      type == EBB_BDEV_READ ? "ebb_bdev_read" : "ebb_bdev_write",
				      __builtin_return_address(0));
	}
	if (ebb_unlikely(num_blocks - 1 >= ch->whole_blocks[type] || num_blocks > total ||
			 offset_blocks > total - num_blocks ||
			 len_bytes != num_blocks << ch->block_shift ||
			 (uintptr_t)buf - ch->memory_base >= ch->memory_bytes ||
			 ((uintptr_t)buf & ch->align_mask) != 0 ||
			 ((offset_blocks ^ (offset_blocks + num_blocks - 1)) & ch->boundary_mask) !=
				 0 ||
			 flags != 0 || (type == EBB_BDEV_WRITE && !desc->write))) {
		struct iovec one = {.iov_base = buf, .iov_len = len_bytes};
		struct submit_request request = {.type = type,
						 .flags = flags,
						 .iov = &one,
						 .iovcnt = 1,
						 .offset_blocks = offset_blocks,
						 .num_blocks = num_blocks,
						 .cb = cb,
						 .arg = arg};

		return submit_checked(desc, ch, &request);
	}
	req = bdev_pool_get(ch);
	if (ebb_unlikely(req == NULL)) {
		return -ENOMEM;
	}
	iov = &req->iov[BDEV_IOV_EMBEDDED - 1];
	iov->iov_base = buf;
	iov->iov_len = len_bytes;
	req->cb = cb;
	req->arg = arg;
	req->start_ns = event_turn.now_ns;
	req->special = 0;
	req->type = (uint8_t)type;
	req->io.type = type;
	req->io.flags = 0;
	req->io.offset_blocks = offset_blocks;
	req->io.num_blocks = num_blocks;
	req->io.iov = iov;
	req->io.iovcnt = 1;
	ch->outstanding++;
	bdev_req_issue(ch, req);
	return 0;
}

int ebb_bdev_read(struct ebb_bdev_desc *desc, struct ebb_io_channel *ch, void *buf,
		  uint64_t offset_blocks, uint64_t num_blocks, ebb_bdev_io_cb cb, void *arg)
{
	struct bdev_channel *bdev_ch = ebb_io_channel_ctx(ch);

	return submit_one(desc, bdev_ch, EBB_BDEV_READ, buf, num_blocks << bdev_ch->block_shift,
			  offset_blocks, num_blocks, 0, cb, arg);
}

int ebb_bdev_write(struct ebb_bdev_desc *desc, struct ebb_io_channel *ch, const void *buf,
		   uint64_t offset_blocks, uint64_t num_blocks, uint32_t flags, ebb_bdev_io_cb cb,
		   void *arg)
{
	struct bdev_channel *bdev_ch = ebb_io_channel_ctx(ch);

	return submit_one(desc, bdev_ch, EBB_BDEV_WRITE, (void *)(uintptr_t)buf,
			  num_blocks << bdev_ch->block_shift, offset_blocks, num_blocks, flags, cb,
			  arg);
}

static int submit_vector(struct ebb_bdev_desc *desc, struct ebb_io_channel *channel,
			 const struct submit_request *request, const char *function,
			 const void *site)
{
	struct bdev_channel *ch = ebb_io_channel_ctx(channel);

	if (ebb_unlikely(ch->thread != event_turn.thread)) {
		return submit_foreign(ch, function, site);
	}
	return submit_checked(desc, ch, request);
}

int ebb_bdev_readv(struct ebb_bdev_desc *desc, struct ebb_io_channel *ch, const struct iovec *iov,
		   int iovcnt, uint64_t offset_blocks, uint64_t num_blocks, ebb_bdev_io_cb cb,
		   void *arg)
{
	struct submit_request request = {.type = EBB_BDEV_READ,
					 .iov = iov,
					 .iovcnt = iovcnt,
					 .offset_blocks = offset_blocks,
					 .num_blocks = num_blocks,
					 .cb = cb,
					 .arg = arg};

	if (ebb_likely(iovcnt == 1)) {
		return submit_one(desc, ebb_io_channel_ctx(ch), EBB_BDEV_READ, iov->iov_base,
				  iov->iov_len, offset_blocks, num_blocks, 0, cb, arg);
	}
	return submit_vector(desc, ch, &request, "ebb_bdev_readv", __builtin_return_address(0));
}

int ebb_bdev_writev(struct ebb_bdev_desc *desc, struct ebb_io_channel *ch, const struct iovec *iov,
		    int iovcnt, uint64_t offset_blocks, uint64_t num_blocks, uint32_t flags,
		    ebb_bdev_io_cb cb, void *arg)
{
	struct submit_request request = {.type = EBB_BDEV_WRITE,
					 .flags = flags,
					 .iov = iov,
					 .iovcnt = iovcnt,
					 .offset_blocks = offset_blocks,
					 .num_blocks = num_blocks,
					 .cb = cb,
					 .arg = arg};

	if (ebb_likely(iovcnt == 1)) {
		return submit_one(desc, ebb_io_channel_ctx(ch), EBB_BDEV_WRITE, iov->iov_base,
				  iov->iov_len, offset_blocks, num_blocks, flags, cb, arg);
	}
	return submit_vector(desc, ch, &request, "ebb_bdev_writev", __builtin_return_address(0));
}

int ebb_bdev_flush(struct ebb_bdev_desc *desc, struct ebb_io_channel *ch, ebb_bdev_io_cb cb,
		   void *arg)
{
	struct submit_request request = {.type = EBB_BDEV_FLUSH,
					 .num_blocks = ebb_bdev_num_blocks(desc->bdev),
					 .cb = cb,
					 .arg = arg};

	return submit_vector(desc, ch, &request, "ebb_bdev_flush", __builtin_return_address(0));
}

int ebb_bdev_unmap(struct ebb_bdev_desc *desc, struct ebb_io_channel *ch, uint64_t offset_blocks,
		   uint64_t num_blocks, ebb_bdev_io_cb cb, void *arg)
{
	struct submit_request request = {.type = EBB_BDEV_UNMAP,
					 .offset_blocks = offset_blocks,
					 .num_blocks = num_blocks,
					 .cb = cb,
					 .arg = arg};

	return submit_vector(desc, ch, &request, "ebb_bdev_unmap", __builtin_return_address(0));
}

int ebb_bdev_write_zeroes(struct ebb_bdev_desc *desc, struct ebb_io_channel *ch,
			  uint64_t offset_blocks, uint64_t num_blocks, uint32_t flags,
			  ebb_bdev_io_cb cb, void *arg)
{
	struct submit_request request = {.type = EBB_BDEV_WRITE_ZEROES,
					 .flags = flags,
					 .offset_blocks = offset_blocks,
					 .num_blocks = num_blocks,
					 .cb = cb,
					 .arg = arg};

	return submit_vector(desc, ch, &request, "ebb_bdev_write_zeroes",
			     __builtin_return_address(0));
}

int ebb_bdev_block_status(struct ebb_bdev_desc *desc, struct ebb_io_channel *ch,
			  uint64_t offset_blocks, uint64_t num_blocks,
			  struct ebb_bdev_extents *extents, ebb_bdev_io_cb cb, void *arg)
{
	struct submit_request request = {.type = EBB_BDEV_BLOCK_STATUS,
					 .extents = extents,
					 .offset_blocks = offset_blocks,
					 .num_blocks = num_blocks,
					 .cb = cb,
					 .arg = arg};

	return submit_vector(desc, ch, &request, "ebb_bdev_block_status",
			     __builtin_return_address(0));
}

int ebb_bdev_comparev(struct ebb_bdev_desc *desc, struct ebb_io_channel *ch,
		      const struct iovec *iov, int iovcnt, uint64_t offset_blocks,
		      uint64_t num_blocks, ebb_bdev_io_cb cb, void *arg)
{
	struct submit_request request = {.type = EBB_BDEV_COMPARE,
					 .iov = iov,
					 .iovcnt = iovcnt,
					 .offset_blocks = offset_blocks,
					 .num_blocks = num_blocks,
					 .cb = cb,
					 .arg = arg};

	return submit_vector(desc, ch, &request, "ebb_bdev_comparev", __builtin_return_address(0));
}

int ebb_bdev_compare(struct ebb_bdev_desc *desc, struct ebb_io_channel *ch, const void *buf,
		     uint64_t offset_blocks, uint64_t num_blocks, ebb_bdev_io_cb cb, void *arg)
{
	const struct bdev_channel *bdev_ch = ebb_io_channel_ctx(ch);
	struct iovec one = {.iov_base = (void *)(uintptr_t)buf,
			    .iov_len = num_blocks << bdev_ch->block_shift};
	struct submit_request request = {.type = EBB_BDEV_COMPARE,
					 .iov = &one,
					 .iovcnt = 1,
					 .offset_blocks = offset_blocks,
					 .num_blocks = num_blocks,
					 .cb = cb,
					 .arg = arg};

	return submit_vector(desc, ch, &request, "ebb_bdev_compare", __builtin_return_address(0));
}
