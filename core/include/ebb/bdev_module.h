/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_BDEV_MODULE_H
#define EBB_BDEV_MODULE_H

/*
 * Block devices, as their drivers make them. A driver fills in a struct ebb_bdev, registers it, and
 * gets requests on the thread of the channel that they came by. It need know nothing of sleep: its
 * channel holds a poller with a wake source, or prepares io_uring requests, and that is all.
 */

#include <ebb/bdev.h>
#include <ebb/list.h>

#ifdef __cplusplus
extern "C" {
#endif

struct json_object;
struct ebb_bdev_io;
struct ebb_bdev_internal;

/*
 * A request that the driver has, and which one: the memory of a request is used again for the next
 * one as soon as it has been completed. A driver keeps the handle by value from submit() on, in
 * whatever memory of its own stands for the work under way (a device's tracker, the tag of an
 * io_uring request), and not in the request's own context, where the next request's handle will be.
 * There is no way to make one from an io: it would be the handle of whatever request is there now.
 */
struct ebb_bdev_io_handle {
	struct ebb_bdev_io *io;
	uint16_t generation;
};

struct ebb_bdev_ops {
	/*
	 * Begin handle.io (on the thread of @ctx, the driver's channel context). The driver
	 * completes it by ebb_bdev_io_complete(@handle), exactly once: inside this call, or later.
	 * It has been checked: range, support, alignment, sizes. io->iov is set for reads, writes,
	 * compares.
	 */
	void (*submit)(void *ctx, struct ebb_bdev_io_handle handle);

	/*
	 * Optional: ebb_bdev_unregister() has begun, and the holders are being told. Requests that
	 * the driver holds back must end from now on. App thread.
	 */
	void (*leaving)(struct ebb_bdev *bdev);

	/* After ebb_bdev_unregister() and the last close: free the device. App thread. */
	void (*destruct)(struct ebb_bdev *bdev);

	/* Optional: adds to "driver_specific" of bdev_get_bdevs. App thread. */
	void (*dump_info)(const struct ebb_bdev *bdev, struct json_object *into);
};

/* Embedded in the driver's own struct; the driver fills in all but @internal before registering. */
struct ebb_bdev {
	const char *name; /* unique; the driver's storage */
	const char *product_name;
	uint8_t uuid[16];    /* all zero: ebb_bdev_register() makes one up */
	uint32_t block_size; /* bytes, a power of two, 512 … 65536 */
	/*
	 * Once registered: read it by ebb_bdev_num_blocks(), change it by ebb_bdev_resize(). All
	 * threads read it while it changes, so core uses the compiler's __atomic functions on it;
	 * C++ has no _Atomic.
	 */
	uint64_t num_blocks;
	bool read_only;
	uint32_t io_types; /* mask of EBB_BIT(enum ebb_bdev_io_type) */
	bool fua;          /* knows EBB_BDEV_FUA; otherwise the layer follows with a flush */
	/*
	 * Of EBB_BDEV_NO_HOLE and EBB_BDEV_FAST_ZERO those that its write zeroes honour. Without the
	 * first, the layer writes zeroes that must have room; without the second, it refuses. With
	 * the second a request may still end with -ENOTSUP, with no block changed.
	 */
	uint32_t zero_flags;
	bool zeroes_unmap;  /* its write zeroes without EBB_BDEV_NO_HOLE give up room */
	uint32_t buf_align; /* bytes; a request with other memory is bounced; 0 or 1: any */
	bool pool_memory;   /* a request with memory that is not the pool's is bounced */
	/* Reads, writes and compares that go past these are done in parts. */
	uint32_t max_io_blocks;       /* the longest; 0: no limit */
	uint32_t optimal_io_boundary; /* in blocks, a power of two, not to be crossed; 0: none */
	uint32_t max_segments;        /* iovec elements in one request; 0: no limit */
	/* Elements but the first begin, and but the last end, at multiples of this; 0: anywhere. */
	uint32_t segment_align;
	/* These are done in parts past their own limits; 0: none. */
	uint64_t max_unmap_blocks;
	uint64_t max_write_zeroes_blocks;
	uint32_t io_ctx_size; /* bytes of driver context in each request */

	const struct ebb_bdev_ops *ops;
	/* The io_device whose channels carry the requests: the driver has registered it. */
	void *io_device;

	struct ebb_bdev_internal *internal;
};

/* A request, as the driver sees it. Read only but for the context. */
struct ebb_bdev_io {
	struct ebb_bdev *bdev;
	enum ebb_bdev_io_type type;
	uint32_t flags; /* EBB_BDEV_FUA if ebb_bdev.fua, and those of ebb_bdev.zero_flags */
	uint64_t offset_blocks;
	uint64_t num_blocks;
	union {
		const struct iovec *iov;
		struct ebb_bdev_extents *extents; /* of a block status; @count is 0 at submit */
	};
	int iovcnt;
} __attribute__((aligned(16)));

/*
 * Appends to the answer to a block status; joins the last extent if that is alike. Nothing happens if
 * @num_blocks is 0. Return: false: there was no room, the answer ends where it did before.
 */
bool ebb_bdev_extents_add(struct ebb_bdev_extents *extents, uint64_t num_blocks, uint32_t flags);

/*
 * The driver's io_ctx_size bytes, 16-byte aligned, undefined at submit; and back, which tells what
 * the request is, but not that it is still the same one: its completion takes the handle.
 */
static inline void *ebb_bdev_io_ctx(struct ebb_bdev_io *io)
{
	return io + 1;
}

static inline struct ebb_bdev_io *ebb_bdev_io_from_ctx(void *ctx)
{
	return (struct ebb_bdev_io *)ctx - 1;
}

/**
 * ebb_bdev_io_complete() - the driver is done with a request
 * @handle: what submit() got
 * @status: 0, or negative errno as the client shall see it
 * Inside submit() the completion is put off to the end of the turn; from another thread (any OS
 * thread) it is carried to the right one and reported as a breach of rule 3. A second completion
 * is reported as one, too, and refused, also when the memory is another request's by then, which
 * goes on undisturbed. Of a late one it takes a multiple of 65,536 uses of that memory to be taken
 * for another request's.
 * Thread: the one that @handle was submitted on. The channel that it came by is still there, for it
 * is kept while the driver has a request.
 */
void ebb_bdev_io_complete(struct ebb_bdev_io_handle handle, int status);

/**
 * ebb_bdev_register() - make @bdev usable
 * Thread: app. Owns: @bdev stays the driver's until ops->destruct().
 * Return: 0; -EEXIST the name is taken; -EINVAL impossible geometry, or no name or no functions
 *	(logged); -ESHUTDOWN the bdevs are being taken away for the end of the process; -EPERM not
 *	on the app thread (reported); -ENOMEM.
 */
int ebb_bdev_register(struct ebb_bdev *bdev);

/**
 * ebb_bdev_unregister() - take @bdev away
 * Opening is refused at once, holders are told to close, ops->destruct() follows the last close,
 * then @done(@arg).
 * Thread: app. Return: 0; or, and then @done will not run, -EBUSY it is going already; -ENODEV it is
 *	not registered; -EPERM not on the app thread (reported).
 */
int ebb_bdev_unregister(struct ebb_bdev *bdev, void (*done)(void *arg), void *arg);

/**
 * ebb_bdev_resize() - @bdev has @num_blocks blocks from now on
 * Requests that are under way are the driver's to fail. Holders are told (EBB_BDEV_EVENT_RESIZE).
 * Thread: app. Return: 0 (also if nothing changes); -EINVAL impossible; -EBUSY it is going; -ENODEV
 *	it is not registered; -EPERM not on the app thread (reported).
 */
int ebb_bdev_resize(struct ebb_bdev *bdev, uint64_t num_blocks);

/**
 * ebb_bdev_claim() - be the only one who writes to the bdev of @desc
 * For who stands on it: a virtual bdev. From now on others open it for reading only, and cannot
 * claim it. @desc may write from now on, if the bdev can be written to. While its thread moves, its
 * requests go on; so who stands on it must wait for them in a quiesce() of his own.
 * @holder: the claimer's name, for people; stays the caller's and must live as long as the claim
 * Thread: app, which has opened @desc and got no channel by it yet.
 * Return: 0; -EPERM another has claimed it, or has it open for writing (logged, with names), or this
 *	is another thread (reported).
 */
int ebb_bdev_claim(struct ebb_bdev_desc *desc, const char *holder);

/* Ends the claim of @desc, which may go on writing; closing it does so, too. Thread: app. */
void ebb_bdev_release(struct ebb_bdev_desc *desc);

/* The bdev of that name or alias, or NULL; NULL from elsewhere, too (reported). Thread: app. */
struct ebb_bdev *ebb_bdev_find(const char *name);

/* The next in order of registration; NULL gives the first, and ends. Thread: app (as above). */
struct ebb_bdev *ebb_bdev_next(struct ebb_bdev *previous);

#ifdef __cplusplus
}
#endif

#endif
