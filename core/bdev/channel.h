/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_CHANNEL_H
#define CORE_BDEV_CHANNEL_H

/*
 * A bdev's channel and its requests, private to core/bdev. Both are laid out for the I/O path: what
 * one short read or write touches is two lines of the request and three of the channel.
 */

#include <stdatomic.h>

#include <ebb/assert.h>
#include <ebb/bdev_module.h>
#include <ebb/io_channel.h>
#include <ebb/thread.h>

#include "core/base/wait_list.h"
#include "core/bdev/histogram.h"
#include "core/bdev/iov.h"
#include "core/bdev/qos.h"
#include "core/bdev/range_lock.h"
#include "core/event/turn.h"

/* Vectors of up to this many elements are copied into the request. */
#define BDEV_IOV_EMBEDDED 4

/* Requests a channel has by default, and those that only children of split requests may take. */
#define BDEV_POOL_SIZE_DEFAULT 1024u
#define BDEV_POOL_RESERVE      8u

/* Children of one split request in flight, and bytes of one bounce buffer. */
#define BDEV_CHILDREN_MAX 8u
#define BDEV_BOUNCE_MAX   (1u << 20)

/* What makes a completion take the long way. */
enum {
	BDEV_REQ_CHILD = 1u << 0,
	BDEV_REQ_FUA = 1u << 1,      /* a flush has to follow */
	BDEV_REQ_FLUSHING = 1u << 2, /* it is under way */
	BDEV_REQ_BYTES = 1u << 3,    /* of bytes: it takes several steps */
};

struct bdev_req {
	/* What only the long ways use. */
	struct ebb_list link; /* of held requests */
	struct ebb_msg msg;   /* a completion from a foreign thread: see complete.c */
	struct {
		const void *site;
		int status;
		uint16_t generation;
		bool under_way; /* @msg has been sent */
	} carried;
	uint32_t free_walk; /* the last one that has found it free: see pool.c */
	bool reserve;       /* goes back to the channel's reserve */
	union {
		struct { /* a request that is done in parts */
			struct ebb_bdev_io_wait wait;
			struct bdev_iov_pos pos; /* the next part's */
			uint64_t next_blocks;    /* parts begun */
			uint16_t children;       /* in flight */
			bool bounce : 1;
			bool bare : 1;  /* its parts have no memory */
			bool asked : 1; /* a part has ended */
			int error;      /* the first */
		} parent;
		struct { /* one of the parts */
			struct bdev_req *parent;
			void *bounce; /* buffer, or NULL */
			size_t bounce_size;
			struct bdev_iov_pos pos; /* where it came from */
		} child;
	} u;

	char pad[8];

	/* A vector takes the last ones of these, so that a single element begins the hot lines. */
	struct iovec iov[BDEV_IOV_EMBEDDED];
	union {
		struct event_deferred deferred;
		struct bdev_req *next_free; /* lies over deferred.next; deferred.fn stays */
	};
	ebb_bdev_io_cb cb;
	void *arg;
	uint64_t start_ns;
	struct bdev_channel *ch;
	int status;
	/*
	 * Of the handle that the driver has; and, as soon as it has used it, of the one that it
	 * gets next. So only a request that the driver has is found by any handle.
	 */
	uint16_t generation;
	uint8_t special; /* BDEV_REQ_… */
	uint8_t type;    /* as the client asked; io.type may differ */
	struct ebb_bdev_io io;
	/* The driver's context follows. */
} __attribute__((aligned(EBB_CACHE_LINE)));

#define BDEV_REQ_HOT offsetof(struct bdev_req, iov[BDEV_IOV_EMBEDDED - 1])

static_assert(BDEV_REQ_HOT % EBB_CACHE_LINE == 0, "the hot part begins a line");
static_assert(offsetof(struct bdev_req, ch) == BDEV_REQ_HOT + EBB_CACHE_LINE, "two hot lines");
static_assert(sizeof(struct bdev_req) == BDEV_REQ_HOT + 2 * EBB_CACHE_LINE, "two hot lines");
static_assert(offsetof(struct bdev_req, io) + sizeof(struct ebb_bdev_io) == sizeof(struct bdev_req),
	      "the driver's context follows io");

/*
 * In an order that keeps sums apart: side by side a compiler adds them as a vector, which is
 * slower.
 */
struct bdev_type_stat {
	uint64_t ops;
	uint64_t max_latency_ns;
	uint64_t bytes;
	uint64_t min_latency_ns; /* UINT64_MAX: none */
	uint64_t latency_ns;
	uint64_t errors;
};

/* Reasons to look twice after a completion. */
enum {
	BDEV_CH_WAITERS = 1u << 0,
	BDEV_CH_QUIESCING = 1u << 1,
	BDEV_CH_HISTOGRAM = 1u << 2,
	BDEV_CH_RANGES = 1u << 3,
};

struct bdev_channel {
	struct bdev_req *free; /* last in, first out */
	struct ebb_thread *thread;
	struct ebb_bdev *bdev;
	void *driver_ctx;
	void (*submit)(void *ctx, struct ebb_bdev_io_handle handle);
	uint64_t boundary_mask; /* bits of a block number that a request may not cross */
	uintptr_t align_mask;
	uint32_t outstanding; /* begun and not called back; held ones and children not counted */
	uint8_t block_shift;
	bool in_submit;    /* a completion now is put off to the end of the turn */
	bool holding;      /* quiesced, or becoming so */
	uint8_t attention; /* BDEV_CH_… */

	/*
	 * Longest read and write that the short way may take, in blocks. 0: none, because they are
	 * not supported, or because the channel holds new requests back, or limits their rate; of
	 * writes, also because it knows of locked ranges, or would not be told of any.
	 */
	uint32_t whole_blocks[EBB_BDEV_WRITE + 1];
	bool ranges_closed; /* writes come by bdev_range_hold() */

	/* Where memory may lie that the driver gets as it is: the pool, or anywhere but at 0. */
	uintptr_t memory_base;
	uintptr_t memory_bytes;

	/* The requests; those from @pool_bump on have never been touched and cost nothing. */
	uint32_t pool_bump;
	uint32_t pool_size;
	size_t pool_stride;
	char *pool;
	size_t pool_bytes;
	struct bdev_req *reserve;
	void (*pool_deferred)(struct event_deferred *deferred); /* of each request */
	uint16_t pool_generation;                               /* that each begins with */
	struct bdev_bytes *bytes;                               /* beside each request */
	uint32_t pool_walk;                                     /* the last one's number */

	struct ebb_bdev_internal *internal;
	struct ebb_io_channel *driver_channel;
	struct base_wait_list waiters; /* for a free request */
	struct ebb_list held;
	uint32_t num_held;
	struct event_deferred kick; /* looks after waiters that nothing in flight would wake */
	bool kicked;
	struct bdev_qos_channel qos;
	struct bdev_range_channel range;
	struct ebb_list bytes_waiting;    /* requests of bytes, for memory */
	size_t bytes_memory;              /* that those under way have */
	struct bdev_histogram *histogram; /* NULL: none; see BDEV_CH_HISTOGRAM */

	struct bdev_type_stat stats[EBB_BDEV_IO_TYPE_COUNT];
	struct bdev_type_stat reported[EBB_BDEV_IO_TYPE_COUNT]; /* in the bdev's totals already */
};

extern const struct ebb_io_device_ops bdev_channel_ops;

static inline struct bdev_req *bdev_req_from_io(struct ebb_bdev_io *io)
{
	return ebb_container_of(io, struct bdev_req, io);
}

/* Opens the short way, or closes it, as the channel is now. */
static inline void bdev_channel_set_short_way(struct bdev_channel *ch)
{
	uint32_t whole = ch->bdev->max_io_blocks == 0 ? UINT32_MAX : ch->bdev->max_io_blocks;
	unsigned type;

	for (type = EBB_BDEV_READ; type <= EBB_BDEV_WRITE; type++) {
		bool open = !ch->holding && !ch->qos.active &&
			    (type != EBB_BDEV_WRITE || !ch->ranges_closed) &&
			    (ch->bdev->io_types & EBB_BIT(type)) != 0;

		ch->whole_blocks[type] = open ? whole : 0;
	}
}

/* Hands @req to the driver. */
static inline void bdev_req_issue(struct bdev_channel *ch, struct bdev_req *req)
{
	struct ebb_bdev_io_handle handle = {.io = &req->io, .generation = req->generation};

	ch->in_submit = true;
	ch->submit(ch->driver_ctx, handle);
	ch->in_submit = false;
}

/* Does a request of that type have memory? */
static inline bool bdev_type_has_memory(unsigned type)
{
	return type <= EBB_BDEV_WRITE || type == EBB_BDEV_COMPARE;
}

#endif
