/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bdev/iov.h"

#include <string.h>

void bdev_iov_advance(struct bdev_iov_pos *pos, size_t len_bytes)
{
	pos->offset += len_bytes;
	while (pos->offset > 0 && pos->offset >= pos->iov->iov_len) {
		pos->offset -= pos->iov->iov_len;
		pos->iov++;
	}
}

void bdev_iov_copy(struct bdev_iov_pos *pos, char *buf, size_t len_bytes, bool to_buf)
{
	while (len_bytes > 0) {
		size_t chunk = pos->iov->iov_len - pos->offset;
		char *memory = (char *)pos->iov->iov_base + pos->offset;

		chunk = chunk < len_bytes ? chunk : len_bytes;
		if (to_buf) {
			memcpy(buf, memory, chunk);
		} else {
			memcpy(memory, buf, chunk);
		}
		buf += chunk;
		len_bytes -= chunk;
		pos->offset += chunk;
		if (pos->offset == pos->iov->iov_len) {
			pos->iov++;
			pos->offset = 0;
		}
	}
}
