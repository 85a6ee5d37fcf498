/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bdev's request as an NVMe command, and back. Reads and writes go the short way: a dozen stores
 * into the request's own memory, and the transport. The bdev layer has split and bounced already,
 * so each request is one command.
 */
#include "drivers/nvme/channel.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include <ebb/log.h>
#include <ebb/memory.h>

#include <nvme/types.h>

#include "drivers/nvme/status.h"

#define DSM_RANGES_BYTES EBB_MEM_ALLOC_MIN /* 256 ranges of 16 bytes: what one command can have */

static void io_ranges_free(struct nvme_io *nio)
{
	ebb_mem_free(nio->ranges.iov_base, DSM_RANGES_BYTES);
}

static void io_log_error(const struct nvme_request *request, const struct ebb_bdev_io *io)
{
	static struct ebb_ratelimit limit;

	if (!ebb_ratelimit_ok(&limit)) {
		return;
	}
	ebb_warn("nvme", "%s: a %s of %llu blocks at %llu has failed: %s (status %04xh, %u tries)",
		 io->bdev->name, ebb_bdev_io_type_name(io->type),
		 (unsigned long long)io->num_blocks, (unsigned long long)io->offset_blocks,
		 request->rc < 0 ? strerror(-request->rc) : nvme_status_text(request->status),
		 request->status, request->tries + 1u);
}

static void io_retry_or_fail(struct nvme_io *nio, struct ebb_bdev_io_handle handle)
{
	struct nvme_request *request = &nio->request;
	struct nvme_channel *ch = nio->ch;
	struct nvme_path *path = ch->queue->path;
	int error;

	if (nvme_retry_wanted(&ch->retry, request, path)) {
		return;
	}
	error = request->rc < 0 ? request->rc : nvme_status_errno(request->status);
	if (handle.io->type == EBB_BDEV_UNMAP) {
		io_ranges_free(nio);
	}
	/* That the device has gone is told once, not for each request. */
	if (error != -EILSEQ && error != -ENODEV) {
		io_log_error(request, handle.io);
	}
	if (request->rc == 0 && nvme_status_doubts_ns(request->status)) {
		nvme_worker_look(path);
	}
	ebb_bdev_io_complete(handle, error);
}

/* The rare ends: @nio has failed, has ranges to free, or is another request's by now. */
static void __attribute__((cold, noinline))
io_done_rare(struct nvme_io *nio, struct ebb_bdev_io_handle handle)
{
	const struct nvme_request *request = &nio->request;

	if (handle.generation != request->use) {
		ebb_bdev_io_complete(handle, -EIO); /* answered before: that is reported there */
		return;
	}
	if ((request->rc | request->status) != 0) {
		io_retry_or_fail(nio, handle);
		return;
	}
	io_ranges_free(nio);
	ebb_bdev_io_complete(handle, 0);
}

static inline struct ebb_bdev_io_handle io_handle(struct nvme_io *nio, uint16_t use)
{
	return (struct ebb_bdev_io_handle){.io = ebb_bdev_io_from_ctx(nio), .generation = use};
}

static void io_done(struct nvme_request *request, uint16_t use)
{
	struct nvme_io *nio = ebb_container_of(request, struct nvme_io, request);
	struct ebb_bdev_io_handle handle = io_handle(nio, use);

	if (ebb_unlikely((request->rc | request->status) != 0)) {
		io_done_rare(nio, handle);
		return;
	}
	ebb_bdev_io_complete(handle, 0);
}

/* A dataset management command, whose ranges have to be freed. */
static void io_ranges_done(struct nvme_request *request, uint16_t use)
{
	struct nvme_io *nio = ebb_container_of(request, struct nvme_io, request);

	io_done_rare(nio, io_handle(nio, use));
}

void nvme_io_again(struct nvme_retry *retry, struct nvme_request *request)
{
	struct nvme_channel *ch = ebb_container_of(retry, struct nvme_channel, retry);

	ch->submit(ch->queue, request);
}

/* Return: how many ranges; 0: no memory. NVM Command Set 1.0, 3.2.3 "Dataset Management". */
static uint32_t io_ranges_make(struct nvme_io *nio, const struct nvme_ns *ns,
			       const struct ebb_bdev_io *io)
{
	uint64_t offset = io->offset_blocks;
	uint64_t left = io->num_blocks;
	struct nvme_dsm_range *ranges = ebb_mem_alloc(DSM_RANGES_BYTES);
	uint32_t count;

	nio->ranges.iov_base = ranges;
	if (ranges == NULL) {
		return 0;
	}
	for (count = 0; left > 0; count++) {
		uint32_t blocks = left < ns->range_blocks ? (uint32_t)left : ns->range_blocks;

		ranges[count] = (struct nvme_dsm_range){
			.nlb = htole32(blocks),
			.slba = htole64(offset),
		};
		offset += blocks;
		left -= blocks;
	}
	nio->ranges.iov_len = count * sizeof(*ranges);
	return count;
}

static void io_submit_unmap(struct nvme_channel *ch, struct nvme_ns *ns, struct nvme_io *nio,
			    struct ebb_bdev_io_handle handle)
{
	struct nvme_request *request = &nio->request;
	uint32_t count = io_ranges_make(nio, ns, handle.io);

	if (count == 0) {
		ebb_bdev_io_complete(handle, -ENOMEM);
		return;
	}
	request->opcode = nvme_cmd_dsm;
	request->cdw10 = count - 1;
	request->cdw11 = EBB_BIT(2); /* AD: deallocate */
	request->iov = &nio->ranges;
	request->iovcnt = 1;
	request->len_bytes = (uint32_t)nio->ranges.iov_len;
	request->done = io_ranges_done;
	ch->submit(ch->queue, request);
}

/* Dwords 10 to 12: which blocks, and FUA. */
static inline void io_set_blocks(struct nvme_request *request, const struct nvme_ns *ns,
				 const struct ebb_bdev_io *io)
{
	request->cdw10 = (uint32_t)io->offset_blocks;
	request->cdw11 = (uint32_t)(io->offset_blocks >> 32);
	request->cdw12 = (uint32_t)(io->num_blocks - 1);
	if (ebb_unlikely(io->flags != 0)) {
		request->cdw12 |= ns->fua_cdw12;
	}
}

/* Everything but reads and writes. */
static void __attribute__((noinline))
io_submit_other(struct nvme_channel *ch, struct nvme_ns *ns, struct nvme_io *nio,
		struct ebb_bdev_io_handle handle)
{
	struct nvme_request *request = &nio->request;
	const struct ebb_bdev_io *io = handle.io;

	memset(request, 0, sizeof(*request));
	request->nsid = ns->nsid;
	request->ns = ns;
	request->done = io_done;
	request->use = handle.generation;
	switch (io->type) {
	case EBB_BDEV_FLUSH:
		if (!ns->flushes) {
			ebb_bdev_io_complete(handle, 0); /* what is written is safe */
			return;
		}
		request->opcode = nvme_cmd_flush;
		break;
	case EBB_BDEV_UNMAP:
		io_submit_unmap(ch, ns, nio, handle);
		return;
	case EBB_BDEV_WRITE_ZEROES:
		request->opcode = nvme_cmd_write_zeroes;
		io_set_blocks(request, ns, io);
		break;
	case EBB_BDEV_COMPARE:
		request->opcode = nvme_cmd_compare;
		io_set_blocks(request, ns, io);
		request->iov = io->iov;
		request->iovcnt = io->iovcnt;
		request->len_bytes = (uint32_t)(io->num_blocks << ns->block_shift);
		break;
	case EBB_BDEV_READ:
	case EBB_BDEV_WRITE:
	case EBB_BDEV_BLOCK_STATUS:
	case EBB_BDEV_IO_TYPE_COUNT:
	default:
		ebb_bdev_io_complete(handle, -ENOTSUP);
		return;
	}
	ch->submit(ch->queue, request);
}

void nvme_io_submit(void *ctx, struct ebb_bdev_io_handle handle)
{
	struct nvme_channel *ch = ctx;
	struct ebb_bdev_io *io = handle.io;
	struct nvme_ns *ns = ebb_container_of(io->bdev, struct nvme_ns, bdev);
	struct nvme_io *nio = ebb_bdev_io_ctx(io);
	struct nvme_request *request = &nio->request;

	nio->ch = ch;
	if (ebb_unlikely(io->type > EBB_BDEV_WRITE)) {
		io_submit_other(ch, ns, nio, handle);
		return;
	}
	static_assert(nvme_cmd_read - EBB_BDEV_READ == 2 && nvme_cmd_write + EBB_BDEV_WRITE == 2,
		      "a read's opcode is 2 less its type, a write's too");
	request->opcode = (uint8_t)(2 - (unsigned)io->type);
	request->tries = 0;
	request->nsid = ns->nsid;
	io_set_blocks(request, ns, io);
	request->cdw13 = 0;
	request->cdw14 = 0;
	request->cdw15 = 0;
	request->iov = io->iov;
	request->iovcnt = io->iovcnt;
	request->len_bytes = (uint32_t)(io->num_blocks << ns->block_shift);
	request->ns = ns;
	request->done = io_done;
	request->use = handle.generation;
	ch->submit(ch->queue, request);
}
