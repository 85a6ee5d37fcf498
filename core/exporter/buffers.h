/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EXPORTER_BUFFERS_H
#define CORE_EXPORTER_BUFFERS_H

/*
 * Memory of the pool for the data of one request, counted against what the clients of its thread
 * may use.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <ebb/memory.h>

#include "core/exporter/poll_group.h"

#define EXPORTER_CHUNK_SIZE  EBB_MEM_ALLOC_MAX
#define EXPORTER_BUFFERS_MAX (32u << 20) /* bytes of one request */
#define EXPORTER_CHUNKS_MAX  (EXPORTER_BUFFERS_MAX / EXPORTER_CHUNK_SIZE)

/* What one client uses of its poll group's memory. */
struct exporter_share {
	struct exporter_poll_group *group;
	uint32_t used_bytes;
};

struct exporter_buffers {
	uint32_t used_bytes; /* as the pool rounds them */
	int iovcnt;          /* 0: there are none */
	struct iovec iov[EXPORTER_CHUNKS_MAX];
};

/**
 * exporter_buffers_alloc() - buffers for @len_bytes, of a chunk each but for the last: all or none
 * @buffers: has none
 * @entitled: whatever the thread's clients use; a client that uses nothing always is
 * Thread: the poll group's.
 * Return: 0; -EBUSY the clients use as much as they may: one of this client's own requests ends
 *	first; -ENOMEM the pool is empty.
 */
int exporter_buffers_alloc(struct exporter_buffers *buffers, struct exporter_share *share,
			   uint32_t len_bytes, bool entitled);

/**
 * exporter_buffers_free() - give them back
 * Thread: the poll group's. Who waits for memory is woken by exporter_poll_group_wake_waiters().
 */
void exporter_buffers_free(struct exporter_buffers *buffers, struct exporter_share *share);

/* The pieces behind the first @skip bytes. Return: their number, at most @max. */
int exporter_buffers_iov(const struct exporter_buffers *buffers, size_t skip, struct iovec *iov,
			 int max);

#endif
