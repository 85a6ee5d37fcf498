/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EXPORTER_BUFFERS_H
#define CORE_EXPORTER_BUFFERS_H

/*
 * Memory of the pool for the data of one request, or of one part of it, counted as its client's
 * share. It is one piece, and there before the first byte is put in it: two clients that each had
 * half of what they need would wait for each other for ever.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "core/exporter/share.h"

struct exporter_buffers {
	struct iovec iov;    /* iov_len 0: there are none */
	uint32_t used_bytes; /* as the pool rounds them */
	bool reserve;        /* they are the share's reserve */
};

/**
 * exporter_buffers_alloc() - buffers for @len_bytes, at most EXPORTER_CHUNK_SIZE
 * exporter_buffers_try() - the same for who can do without: it does not wait
 * @buffers: has none
 * Thread: the poll group's.
 * Return: 0; -EBUSY the client uses as much as it may for now; -ENOMEM the pool is empty. Then the
 *	share waits, if it does, as exporter_share_take() says: begin again in its retry().
 */
int exporter_buffers_alloc(struct exporter_buffers *buffers, struct exporter_share *share,
			   uint32_t len_bytes);
int exporter_buffers_try(struct exporter_buffers *buffers, struct exporter_share *share,
			 uint32_t len_bytes);

/**
 * exporter_buffers_alloc_reserve() - for what the client sends, at most EXPORTER_RESERVE bytes
 * To be asked for when exporter_buffers_alloc() was -EBUSY.
 * Return: 0; -EBUSY it is in use; -ENOMEM as above.
 */
int exporter_buffers_alloc_reserve(struct exporter_buffers *buffers, struct exporter_share *share,
				   uint32_t len_bytes);

/**
 * exporter_buffers_free() - give them back, if there are any
 * exporter_buffers_yield() - the same, because of the share's yield()
 * Thread: the poll group's. Who waits is woken by exporter_poll_group_wake_waiters().
 */
void exporter_buffers_free(struct exporter_buffers *buffers, struct exporter_share *share);
void exporter_buffers_yield(struct exporter_buffers *buffers, struct exporter_share *share);

/* What is behind the first @skip bytes. Return: the number of pieces, 0 or 1. */
static inline int exporter_buffers_iov(const struct exporter_buffers *buffers, size_t skip,
				       struct iovec *iov)
{
	if (skip >= buffers->iov.iov_len) {
		return 0;
	}
	iov->iov_base = (char *)buffers->iov.iov_base + skip;
	iov->iov_len = buffers->iov.iov_len - skip;
	return 1;
}

#endif
