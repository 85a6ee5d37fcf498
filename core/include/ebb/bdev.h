/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_BDEV_H
#define EBB_BDEV_H

/*
 * Block devices, as their users see them: open a descriptor, get a channel for each thread, queue
 * requests. Drivers' side: ebb/bdev_module.h.
 */

#include <stdbool.h>
#include <sys/uio.h>

#include <ebb/base.h>
#include <ebb/list.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebb_bdev;
struct ebb_bdev_desc;
struct ebb_io_channel;

enum ebb_bdev_io_type {
	EBB_BDEV_READ,
	EBB_BDEV_WRITE,
	EBB_BDEV_FLUSH,
	EBB_BDEV_UNMAP,
	EBB_BDEV_WRITE_ZEROES,
	EBB_BDEV_COMPARE,
	EBB_BDEV_BLOCK_STATUS,
	EBB_BDEV_IO_TYPE_COUNT,
};

/* The type's name as in supported_io_types: "read", "write", "flush", "unmap", "write_zeroes",
 * "compare", "block_status". */
const char *ebb_bdev_io_type_name(enum ebb_bdev_io_type type);

/* The write is durable when it completes, as if a flush of its blocks had followed. */
#define EBB_BDEV_FUA EBB_BIT(0)
/* Zeroes that have room of their own afterwards: a later write does not fail for want of it. */
#define EBB_BDEV_NO_HOLE EBB_BIT(1)
/* Zeroes only if they are made without writing them. */
#define EBB_BDEV_FAST_ZERO EBB_BIT(2)

enum ebb_bdev_event {
	EBB_BDEV_EVENT_REMOVE, /* the bdev is going: end your I/O, put the channels, close */
	EBB_BDEV_EVENT_RESIZE, /* ebb_bdev_num_blocks() is another one now */
};

typedef void (*ebb_bdev_event_cb)(struct ebb_bdev *bdev, enum ebb_bdev_event event, void *arg);

/**
 * ebb_bdev_open() - open the bdev of that name or alias
 * @write: also for writing; refused while the bdev is read-only
 * @event: called on the opening thread; NULL: @desc is told nothing
 * Thread: an ebb thread; the one that closes, too.
 * Return: 0; -ENODEV no such bdev, or it is going; -EROFS; -EPERM for writing, and somebody has
 *	claimed it (logged; a virtual bdev stands on it), or no ebb thread (reported); -ENOMEM.
 */
int ebb_bdev_open(const char *name, bool write, ebb_bdev_event_cb event, void *arg,
		  struct ebb_bdev_desc **ret_desc);

/*
 * All channels that were got through @desc must have been put. A second close is reported and refused.
 * Thread: the one that opened.
 */
void ebb_bdev_close(struct ebb_bdev_desc *desc);

/**
 * ebb_bdev_claim_holder() - who has claimed @bdev
 * Thread: app. Return: its name, most often a virtual bdev's; it is the claimer's, and goes with
 *	the claim. NULL: nobody.
 */
const char *ebb_bdev_claim_holder(const struct ebb_bdev *bdev);

/**
 * ebb_bdev_waits_for() - the base that a virtual bdev waits for
 * Thread: app. Return: the name of the base that is not there; NULL: no bdev of that name waits, or
 *	this is another thread (reported).
 */
const char *ebb_bdev_waits_for(const char *name);

struct ebb_bdev *ebb_bdev_desc_bdev(const struct ebb_bdev_desc *desc);

const char *ebb_bdev_name(const struct ebb_bdev *bdev);
uint32_t ebb_bdev_block_size(const struct ebb_bdev *bdev); /* bytes, a power of two */
uint64_t ebb_bdev_num_blocks(const struct ebb_bdev *bdev);
uint32_t ebb_bdev_buf_align(const struct ebb_bdev *bdev); /* bytes; what is not is bounced */
bool ebb_bdev_read_only(const struct ebb_bdev *bdev);
bool ebb_bdev_io_type_supported(const struct ebb_bdev *bdev, enum ebb_bdev_io_type type);

/* May EBB_BDEV_FAST_ZERO with @flags (0, EBB_BDEV_NO_HOLE) succeed? False: it is -ENOTSUP for sure. */
bool ebb_bdev_fast_zero_supported(const struct ebb_bdev *bdev, uint32_t flags);

/**
 * ebb_bdev_channel_get() - the calling thread's channel to the bdev of @desc
 * Thread: any ebb thread. Put it with ebb_io_channel_put() when its last request has completed: in its
 *	callback is late enough, before is refused (and reported).
 * Return: the channel, or NULL (logged).
 */
struct ebb_io_channel *ebb_bdev_channel_get(struct ebb_bdev_desc *desc);

/* @status: 0, or negative errno. The request is gone when this is entered. */
typedef void (*ebb_bdev_io_cb)(void *arg, int status);

/**
 * ebb_bdev_readv() - queue one read
 * @iov: the vector itself is copied if it has up to 4 elements; a longer one must live until @cb
 * @offset_blocks, @num_blocks: in logical blocks of the bdev; the vector's lengths must add up,
 *	and no element may be empty
 * @cb: called exactly once, on the calling thread, never before this returns
 * Thread: the one that got @ch.
 * Owns: the memory of @iov stays the caller's and must live until @cb.
 * Return: 0 queued, @cb will run; < 0 not queued, @cb never runs: -EINVAL out of range, or lengths
 *	that do not add up; -ENOTSUP; -EBADF not opened for writing; -EPERM not the thread of @ch
 *	(reported); -ENOMEM no free request now (wait with ebb_bdev_queue_io_wait()).
 */
int ebb_bdev_readv(struct ebb_bdev_desc *desc, struct ebb_io_channel *ch, const struct iovec *iov,
		   int iovcnt, uint64_t offset_blocks, uint64_t num_blocks, ebb_bdev_io_cb cb,
		   void *arg);

/* As ebb_bdev_readv(). @flags: 0 or EBB_BDEV_FUA. */
int ebb_bdev_writev(struct ebb_bdev_desc *desc, struct ebb_io_channel *ch, const struct iovec *iov,
		    int iovcnt, uint64_t offset_blocks, uint64_t num_blocks, uint32_t flags,
		    ebb_bdev_io_cb cb, void *arg);

/* As above, with one piece of memory. */
int ebb_bdev_read(struct ebb_bdev_desc *desc, struct ebb_io_channel *ch, void *buf,
		  uint64_t offset_blocks, uint64_t num_blocks, ebb_bdev_io_cb cb, void *arg);
int ebb_bdev_write(struct ebb_bdev_desc *desc, struct ebb_io_channel *ch, const void *buf,
		   uint64_t offset_blocks, uint64_t num_blocks, uint32_t flags, ebb_bdev_io_cb cb,
		   void *arg);

/* All writes that completed before this was queued are durable at @cb, whatever their channel. */
int ebb_bdev_flush(struct ebb_bdev_desc *desc, struct ebb_io_channel *ch, ebb_bdev_io_cb cb,
		   void *arg);

/* The blocks' contents may be given up. */
int ebb_bdev_unmap(struct ebb_bdev_desc *desc, struct ebb_io_channel *ch, uint64_t offset_blocks,
		   uint64_t num_blocks, ebb_bdev_io_cb cb, void *arg);

/**
 * ebb_bdev_write_zeroes() - queue zeroes: the blocks read as zeroes afterwards
 * @flags: EBB_BDEV_FUA, as for a write;
 *	EBB_BDEV_NO_HOLE: no room is given up, and what has none gets some: @status -ENOSPC if there is
 *	none; without it the blocks' room may be given up, and is where the driver can;
 *	EBB_BDEV_FAST_ZERO: -ENOTSUP, returned or as @status, before any block has changed, unless
 *	zeroes are made without writing them (ebb_bdev_fast_zero_supported())
 * What the driver cannot do by a request of this kind, the layer writes.
 * As ebb_bdev_readv() otherwise.
 */
int ebb_bdev_write_zeroes(struct ebb_bdev_desc *desc, struct ebb_io_channel *ch,
			  uint64_t offset_blocks, uint64_t num_blocks, uint32_t flags,
			  ebb_bdev_io_cb cb, void *arg);

/*
 * Are the blocks' contents those of @iov? @status -EILSEQ: they differ. As ebb_bdev_readv()
 * otherwise; only where the driver can (-ENOTSUP).
 */
int ebb_bdev_comparev(struct ebb_bdev_desc *desc, struct ebb_io_channel *ch,
		      const struct iovec *iov, int iovcnt, uint64_t offset_blocks,
		      uint64_t num_blocks, ebb_bdev_io_cb cb, void *arg);
int ebb_bdev_compare(struct ebb_bdev_desc *desc, struct ebb_io_channel *ch, const void *buf,
		     uint64_t offset_blocks, uint64_t num_blocks, ebb_bdev_io_cb cb, void *arg);

/* Nothing is stored for the blocks: a write may find no room. */
#define EBB_BDEV_EXTENT_HOLE EBB_BIT(0)
/* The blocks read as zeroes. Without it they may all the same. */
#define EBB_BDEV_EXTENT_ZERO EBB_BIT(1)

struct ebb_bdev_extent {
	uint64_t num_blocks; /* not 0 */
	uint32_t flags;      /* EBB_BDEV_EXTENT_…; 0: data, or not known */
};

/* Set @max and @extent; @count is the answer's. */
struct ebb_bdev_extents {
	uint32_t max; /* elements of @extent, at least 1 */
	uint32_t count;
	struct ebb_bdev_extent *extent;
};

/**
 * ebb_bdev_block_status() - ask which blocks are stored, and which read as zeroes
 * @extents: with status 0 the answer, at least one extent: in order from @offset_blocks on, each
 *	beginning where the one before it ends, none beyond @num_blocks. It may end before, if there is
 *	no room for more, or the driver has looked at enough: ask again for the rest. Neighbours may
 *	have the same flags.
 * The answer is of some time while this was under way. Of a bdev whose driver knows nothing all
 * blocks are data.
 * Owns: @extents stays the caller's and must live until @cb.
 * Return: as ebb_bdev_readv(), -EINVAL also for an @extents without room.
 */
int ebb_bdev_block_status(struct ebb_bdev_desc *desc, struct ebb_io_channel *ch,
			  uint64_t offset_blocks, uint64_t num_blocks,
			  struct ebb_bdev_extents *extents, ebb_bdev_io_cb cb, void *arg);

/**
 * ebb_bdev_readv_bytes() - queue one read of bytes, at any offset and of any length
 * @iov: copied if it has up to 4 elements; a longer one must live until @cb; at most 1,024 elements,
 *	if the bytes are no whole blocks. The lengths must add up to @len_bytes.
 * @offset_bytes, @len_bytes: in the bdev; not past its end
 * As ebb_bdev_readv() otherwise; if the bytes are whole blocks, it is that. Memory of the layer holds
 * the blocks of which a part is asked for: a channel has 1 MiB of that, and what goes beyond waits
 * there. @status -ENOMEM: there is none at all.
 */
int ebb_bdev_readv_bytes(struct ebb_bdev_desc *desc, struct ebb_io_channel *ch,
			 const struct iovec *iov, int iovcnt, uint64_t offset_bytes,
			 uint64_t len_bytes, ebb_bdev_io_cb cb, void *arg);

/*
 * As above. @flags: 0 or EBB_BDEV_FUA. Of blocks that are written in part the rest is read and written
 * back, alone: no write, zeroes or unmap of these blocks, by whatever channel of the bdev, is under
 * way meanwhile. What was written before stays, what is written meanwhile comes afterwards. After an
 * error, the blocks that are touched hold what they did or what was written, or, as after any write,
 * a part of it. -ENOTSUP: also, the bdev cannot be read.
 */
int ebb_bdev_writev_bytes(struct ebb_bdev_desc *desc, struct ebb_io_channel *ch,
			  const struct iovec *iov, int iovcnt, uint64_t offset_bytes,
			  uint64_t len_bytes, uint32_t flags, ebb_bdev_io_cb cb, void *arg);

/*
 * As above: whole blocks as by ebb_bdev_write_zeroes() with @flags, then parts of blocks by writing
 * them. EBB_BDEV_FAST_ZERO: -ENOTSUP also if there is no whole block.
 */
int ebb_bdev_write_zeroes_bytes(struct ebb_bdev_desc *desc, struct ebb_io_channel *ch,
				uint64_t offset_bytes, uint64_t len_bytes, uint32_t flags,
				ebb_bdev_io_cb cb, void *arg);

/* The whole blocks among the bytes, as by ebb_bdev_unmap(); parts of blocks keep their contents. */
int ebb_bdev_unmap_bytes(struct ebb_bdev_desc *desc, struct ebb_io_channel *ch,
			 uint64_t offset_bytes, uint64_t len_bytes, ebb_bdev_io_cb cb, void *arg);

/**
 * struct ebb_bdev_io_wait - somebody who got -ENOMEM and waits for a free request
 * The caller's storage; set @fn and @arg, leave @link alone.
 */
struct ebb_bdev_io_wait {
	void (*fn)(void *arg);
	void *arg;
	struct ebb_list link;
};

/* @wait->fn is called once, on this thread, when a request of @ch is free; in order of waiting. */
void ebb_bdev_queue_io_wait(struct ebb_io_channel *ch, struct ebb_bdev_io_wait *wait);

struct ebb_bdev_iostat {
	uint64_t ops[EBB_BDEV_IO_TYPE_COUNT];
	uint64_t bytes[EBB_BDEV_IO_TYPE_COUNT];
	uint64_t latency_ns[EBB_BDEV_IO_TYPE_COUNT]; /* summed */
	uint64_t max_latency_ns[EBB_BDEV_IO_TYPE_COUNT];
	uint64_t min_latency_ns[EBB_BDEV_IO_TYPE_COUNT]; /* UINT64_MAX: none */
	uint64_t errors[EBB_BDEV_IO_TYPE_COUNT];
};

/**
 * ebb_bdev_get_iostat() - the sum over all channels, those that have gone included
 * @done: once, on the calling thread, never inside this call
 * Thread: an ebb thread.
 * Return: 0; -ENODEV the bdev is going, -EPERM no ebb thread (reported), or -ENOMEM: @done will not
 *	run.
 */
typedef void (*ebb_bdev_iostat_cb)(void *arg, const struct ebb_bdev_iostat *stat, int rc);
int ebb_bdev_get_iostat(struct ebb_bdev *bdev, ebb_bdev_iostat_cb done, void *arg);

#ifdef __cplusplus
}
#endif

#endif
