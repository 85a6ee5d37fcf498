/* SPDX-License-Identifier: Apache-2.0 */
#include "core/exporter/buffers.h"

#include <errno.h>

/* What the pool makes of @len_bytes. */
static uint32_t pool_size(uint32_t len_bytes)
{
	if (len_bytes <= EBB_MEM_ALLOC_MIN) {
		return EBB_MEM_ALLOC_MIN;
	}
	return 1u << (32 - __builtin_clz(len_bytes - 1));
}

static bool buffers_get(struct exporter_buffers *buffers, uint32_t len_bytes)
{
	buffers->iov.iov_base = ebb_mem_alloc(len_bytes);
	if (ebb_unlikely(buffers->iov.iov_base == NULL)) {
		return false;
	}
	buffers->iov.iov_len = len_bytes;
	return true;
}

int exporter_buffers_alloc(struct exporter_buffers *buffers, struct exporter_share *share,
			   uint32_t len_bytes)
{
	uint32_t used = pool_size(len_bytes);
	int rc = exporter_share_take(share, used);

	if (ebb_unlikely(rc != 0)) {
		return rc;
	}
	if (ebb_unlikely(!buffers_get(buffers, len_bytes))) {
		exporter_share_lack(share, used, false);
		return -ENOMEM;
	}
	buffers->used_bytes = used;
	buffers->reserve = false;
	return 0;
}

int exporter_buffers_try(struct exporter_buffers *buffers, struct exporter_share *share,
			 uint32_t len_bytes)
{
	uint32_t used = pool_size(len_bytes);
	int rc = exporter_share_try(share, used);

	if (rc == 0 && !buffers_get(buffers, len_bytes)) {
		exporter_share_untake(share, used);
		rc = -ENOMEM;
	}
	if (rc == 0) {
		buffers->used_bytes = used;
		buffers->reserve = false;
	}
	return rc;
}

int exporter_buffers_alloc_reserve(struct exporter_buffers *buffers, struct exporter_share *share,
				   uint32_t len_bytes)
{
	int rc = exporter_share_take_reserve(share);

	if (rc != 0) {
		return rc;
	}
	if (!buffers_get(buffers, len_bytes)) {
		exporter_share_lack(share, pool_size(len_bytes), true);
		return -ENOMEM;
	}
	buffers->used_bytes = pool_size(len_bytes);
	buffers->reserve = true;
	return 0;
}

static uint32_t buffers_put(struct exporter_buffers *buffers)
{
	uint32_t used = buffers->used_bytes;

	ebb_mem_free(buffers->iov.iov_base, used);
	buffers->iov.iov_len = 0;
	buffers->used_bytes = 0;
	return used;
}

void exporter_buffers_free(struct exporter_buffers *buffers, struct exporter_share *share)
{
	if (ebb_unlikely(buffers->used_bytes == 0)) {
		return;
	}
	if (ebb_unlikely(buffers->reserve)) {
		(void)buffers_put(buffers);
		exporter_share_give_reserve(share);
	} else {
		exporter_share_give(share, buffers_put(buffers));
	}
}

void exporter_buffers_yield(struct exporter_buffers *buffers, struct exporter_share *share)
{
	exporter_share_yield(share, buffers_put(buffers));
}
