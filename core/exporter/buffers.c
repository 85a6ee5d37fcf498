/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A request gets all of its buffers before the first byte is put in them, or none: two clients that
 * each had half of what they need would wait for each other for ever.
 */

#include "core/exporter/buffers.h"

#include <errno.h>

/* What the pool makes of @len_bytes. */
static uint32_t pool_size(uint32_t len_bytes)
{
	uint32_t chunks = len_bytes / EXPORTER_CHUNK_SIZE * EXPORTER_CHUNK_SIZE;
	uint32_t rest = len_bytes - chunks;

	if (rest == 0) {
		return chunks;
	}
	if (rest <= EBB_MEM_ALLOC_MIN) {
		return chunks + EBB_MEM_ALLOC_MIN;
	}
	return chunks + (1u << (32 - __builtin_clz(rest - 1)));
}

int exporter_buffers_alloc(struct exporter_buffers *buffers, struct exporter_share *share,
			   uint32_t len_bytes, bool entitled)
{
	struct exporter_poll_group *group = share->group;
	uint32_t used = pool_size(len_bytes);
	bool freed = group->freed;

	/* Who waits goes on when what it uses has been answered, at the latest. */
	if (share->used_bytes != 0 && !entitled &&
	    group->used_bytes + used > EXPORTER_POLL_GROUP_BUFFERS_MAX) {
		return -EBUSY;
	}
	share->used_bytes += used;
	group->used_bytes += used;
	buffers->used_bytes = used;
	while (len_bytes > 0) {
		uint32_t len = len_bytes < EXPORTER_CHUNK_SIZE ? len_bytes : EXPORTER_CHUNK_SIZE;
		void *buf = ebb_mem_alloc(len);

		if (ebb_unlikely(buf == NULL)) {
			exporter_buffers_free(buffers, share);
			/* Nobody is woken for it: there is no more now than before. */
			group->freed = freed;
			return -ENOMEM;
		}
		buffers->iov[buffers->iovcnt] = (struct iovec){.iov_base = buf, .iov_len = len};
		buffers->iovcnt++;
		len_bytes -= len;
	}
	return 0;
}

void exporter_buffers_free(struct exporter_buffers *buffers, struct exporter_share *share)
{
	struct exporter_poll_group *group = share->group;
	int i;

	for (i = 0; i < buffers->iovcnt; i++) {
		ebb_mem_free(buffers->iov[i].iov_base, buffers->iov[i].iov_len);
	}
	buffers->iovcnt = 0;
	share->used_bytes -= buffers->used_bytes;
	group->used_bytes -= buffers->used_bytes;
	buffers->used_bytes = 0;
	if (ebb_unlikely(!base_wait_list_empty(&group->mem_waiters))) {
		group->freed = true;
	}
}

int exporter_buffers_iov(const struct exporter_buffers *buffers, size_t skip, struct iovec *iov,
			 int max)
{
	int i, count = 0;

	for (i = (int)(skip / EXPORTER_CHUNK_SIZE); i < buffers->iovcnt && count < max; i++) {
		size_t into = skip - (size_t)i * EXPORTER_CHUNK_SIZE;

		iov[count].iov_base = (char *)buffers->iov[i].iov_base + into;
		iov[count].iov_len = buffers->iov[i].iov_len - into;
		skip += iov[count].iov_len;
		count++;
	}
	return count;
}
