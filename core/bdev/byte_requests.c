/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queueing requests of bytes. One of whole blocks is a request of blocks; what is said of these holds
 * for it. How the others are done: bytes.c.
 */
#include <ebb/bdev_module.h>

#include <errno.h>

#include <ebb/violation.h>

#include "core/bdev/bytes.h"
#include "core/bdev/desc.h"
#include "core/bdev/submit.h"

/* As its client states it. */
struct byte_request {
	enum ebb_bdev_io_type type;
	uint32_t flags;
	const struct iovec *iov;
	int iovcnt;
	uint64_t offset_bytes;
	uint64_t len_bytes;
	ebb_bdev_io_cb cb;
	void *arg;
};

/* Are they whole blocks? */
static bool blocks_whole(const struct bdev_channel *ch, uint64_t offset_bytes, uint64_t len_bytes)
{
	return ((offset_bytes | len_bytes) & (((uint64_t)1 << ch->block_shift) - 1)) == 0;
}

static bool bytes_in_range(const struct ebb_bdev *bdev, uint64_t offset_bytes, uint64_t len_bytes)
{
	uint64_t total = ebb_bdev_num_blocks(bdev) * bdev->block_size;

	return len_bytes != 0 && len_bytes <= total && offset_bytes <= total - len_bytes;
}

/* The first whole block. */
static uint64_t whole_first(const struct bdev_channel *ch, const struct byte_request *request)
{
	uint64_t block = (uint64_t)1 << ch->block_shift;

	return (request->offset_bytes + block - 1) >> ch->block_shift;
}

static uint64_t whole_blocks(const struct bdev_channel *ch, const struct byte_request *request)
{
	uint64_t end = (request->offset_bytes + request->len_bytes) >> ch->block_shift;
	uint64_t first = whole_first(ch, request);

	return first < end ? end - first : 0;
}

static int request_check(const struct ebb_bdev_desc *desc, const struct bdev_channel *ch,
			 const struct byte_request *request)
{
	const struct ebb_bdev *bdev = ch->bdev;
	int rc;

	if (request->type != EBB_BDEV_READ && !desc->write) {
		return -EBADF;
	}
	/* Edges are read, and written. */
	if (!ebb_bdev_io_type_supported(bdev, request->type) ||
	    (request->type != EBB_BDEV_UNMAP && !ebb_bdev_io_type_supported(bdev, EBB_BDEV_READ)) ||
	    (request->type == EBB_BDEV_WRITE_ZEROES &&
	     !ebb_bdev_io_type_supported(bdev, EBB_BDEV_WRITE))) {
		return -ENOTSUP;
	}
	if (!bytes_in_range(bdev, request->offset_bytes, request->len_bytes)) {
		return -EINVAL;
	}
	rc = bdev_submit_check_flags(bdev, request->type, request->flags);
	if (rc < 0) {
		return rc;
	}
	/* What is all written is no faster than a write. */
	if ((request->flags & EBB_BDEV_FAST_ZERO) != 0 && whole_blocks(ch, request) == 0) {
		return -ENOTSUP;
	}
	if (bdev_type_has_memory(request->type) &&
	    (request->iovcnt > BDEV_BYTES_IOV_MAX ||
	     bdev_iov_bytes(request->iov, request->iovcnt) != request->len_bytes)) {
		return -EINVAL;
	}
	return 0;
}

/* @site: the caller of the public function, so that each wrong one is reported. */
static bool thread_is_foreign(const struct bdev_channel *ch, const char *function, const void *site)
{
	if (ebb_likely(ch->thread == event_turn.thread)) {
		return false;
	}
	ebb_violation_at(2, function, ch->bdev->name, ch->thread, ebb_thread_current(), site);
	return true;
}

static int request_submit(const struct ebb_bdev_desc *desc, struct bdev_channel *ch,
			  const struct byte_request *request)
{
	int rc = request_check(desc, ch, request);
	struct bdev_req *req;

	if (rc < 0) {
		return rc;
	}
	req = bdev_submit_get(desc, ch);
	if (req == NULL) {
		return -ENOMEM;
	}
	req->cb = request->cb;
	req->arg = request->arg;
	req->start_ns = event_turn.now_ns;
	bdev_bytes_fill(req, request->type, request->iov, request->iovcnt, request->offset_bytes,
			request->len_bytes, request->flags);
	bdev_submit_queue(desc, ch, req);
	return 0;
}

int ebb_bdev_readv_bytes(struct ebb_bdev_desc *desc, struct ebb_io_channel *channel,
			 const struct iovec *iov, int iovcnt, uint64_t offset_bytes,
			 uint64_t len_bytes, ebb_bdev_io_cb cb, void *arg)
{
	struct bdev_channel *ch = ebb_io_channel_ctx(channel);

	if (thread_is_foreign(ch, __func__, __builtin_return_address(0))) {
		return -EPERM;
	}
	if (blocks_whole(ch, offset_bytes, len_bytes)) {
		return ebb_bdev_readv(desc, channel, iov, iovcnt, offset_bytes >> ch->block_shift,
				      len_bytes >> ch->block_shift, cb, arg);
	}
	return request_submit(desc, ch,
			      &(struct byte_request){.type = EBB_BDEV_READ,
						     .iov = iov,
						     .iovcnt = iovcnt,
						     .offset_bytes = offset_bytes,
						     .len_bytes = len_bytes,
						     .cb = cb,
						     .arg = arg});
}

int ebb_bdev_writev_bytes(struct ebb_bdev_desc *desc, struct ebb_io_channel *channel,
			  const struct iovec *iov, int iovcnt, uint64_t offset_bytes,
			  uint64_t len_bytes, uint32_t flags, ebb_bdev_io_cb cb, void *arg)
{
	struct bdev_channel *ch = ebb_io_channel_ctx(channel);

	if (thread_is_foreign(ch, __func__, __builtin_return_address(0))) {
		return -EPERM;
	}
	if (blocks_whole(ch, offset_bytes, len_bytes)) {
		return ebb_bdev_writev(desc, channel, iov, iovcnt, offset_bytes >> ch->block_shift,
				       len_bytes >> ch->block_shift, flags, cb, arg);
	}
	return request_submit(desc, ch,
			      &(struct byte_request){.type = EBB_BDEV_WRITE,
						     .flags = flags,
						     .iov = iov,
						     .iovcnt = iovcnt,
						     .offset_bytes = offset_bytes,
						     .len_bytes = len_bytes,
						     .cb = cb,
						     .arg = arg});
}

int ebb_bdev_write_zeroes_bytes(struct ebb_bdev_desc *desc, struct ebb_io_channel *channel,
				uint64_t offset_bytes, uint64_t len_bytes, uint32_t flags,
				ebb_bdev_io_cb cb, void *arg)
{
	struct bdev_channel *ch = ebb_io_channel_ctx(channel);

	if (thread_is_foreign(ch, __func__, __builtin_return_address(0))) {
		return -EPERM;
	}
	if (blocks_whole(ch, offset_bytes, len_bytes)) {
		return ebb_bdev_write_zeroes(desc, channel, offset_bytes >> ch->block_shift,
					     len_bytes >> ch->block_shift, flags, cb, arg);
	}
	return request_submit(desc, ch,
			      &(struct byte_request){.type = EBB_BDEV_WRITE_ZEROES,
						     .flags = flags,
						     .offset_bytes = offset_bytes,
						     .len_bytes = len_bytes,
						     .cb = cb,
						     .arg = arg});
}

int ebb_bdev_unmap_bytes(struct ebb_bdev_desc *desc, struct ebb_io_channel *channel,
			 uint64_t offset_bytes, uint64_t len_bytes, ebb_bdev_io_cb cb, void *arg)
{
	struct bdev_channel *ch = ebb_io_channel_ctx(channel);
	struct byte_request request = {.type = EBB_BDEV_UNMAP,
				       .offset_bytes = offset_bytes,
				       .len_bytes = len_bytes,
				       .cb = cb,
				       .arg = arg};
	int rc;

	if (thread_is_foreign(ch, __func__, __builtin_return_address(0))) {
		return -EPERM;
	}
	rc = request_check(desc, ch, &request);
	if (rc < 0) {
		return rc;
	}
	if (whole_blocks(ch, &request) != 0) {
		return ebb_bdev_unmap(desc, channel, whole_first(ch, &request),
				      whole_blocks(ch, &request), cb, arg);
	}
	return request_submit(desc, ch, &request); /* it ends, and that is all */
}
