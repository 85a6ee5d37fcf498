/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NBD_BUFFERS_H
#define DRIVERS_NBD_BUFFERS_H

/*
 * Memory of the pool for the data of one request, counted against what the clients of its thread
 * may use.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <ebb/memory.h>

#include "drivers/nbd/poll_group.h"

#define NBD_CHUNK_SIZE  EBB_MEM_ALLOC_MAX
#define NBD_BUFFERS_MAX (32u << 20) /* bytes of one request */
#define NBD_CHUNKS_MAX  (NBD_BUFFERS_MAX / NBD_CHUNK_SIZE)

/* What one client uses of its poll group's memory. */
struct nbd_share {
	struct nbd_poll_group *group;
	uint32_t used_bytes;
};

struct nbd_buffers {
	uint32_t used_bytes; /* as the pool rounds them */
	int iovcnt;          /* 0: there are none */
	struct iovec iov[NBD_CHUNKS_MAX];
};

/**
 * nbd_buffers_alloc() - buffers for @len_bytes, of a chunk each but for the last: all or none
 * @buffers: has none
 * @entitled: whatever the thread's clients use; a client that uses nothing always is
 * Thread: the poll group's.
 * Return: 0; -EBUSY the clients use as much as they may: one of this client's own requests ends
 *	first; -ENOMEM the pool is empty.
 */
int nbd_buffers_alloc(struct nbd_buffers *buffers, struct nbd_share *share, uint32_t len_bytes,
		      bool entitled);

/**
 * nbd_buffers_free() - give them back
 * Thread: the poll group's. Who waits for memory is woken by nbd_poll_group_wake_waiters().
 */
void nbd_buffers_free(struct nbd_buffers *buffers, struct nbd_share *share);

/* The pieces behind the first @skip bytes. Return: their number, at most @max. */
int nbd_buffers_iov(const struct nbd_buffers *buffers, size_t skip, struct iovec *iov, int max);

#endif
