/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BDEV_IOV_H
#define CORE_BDEV_IOV_H

/* Vectors of memory, and places in them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* A place in a vector. */
struct bdev_iov_pos {
	const struct iovec *iov;
	size_t offset;
};

/* Return: bytes; 0 if an element is empty or nowhere, or the sum is absurd. */
static inline uint64_t bdev_iov_bytes(const struct iovec *iov, int iovcnt)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < iovcnt; i++) {
		if (iov[i].iov_base == NULL || iov[i].iov_len == 0 || iov[i].iov_len > UINT32_MAX ||
		    sum > UINT64_MAX / 2) {
			return 0;
		}
		sum += iov[i].iov_len;
	}
	return sum;
}

/* The vector goes on for at least @len_bytes from @pos. */
void bdev_iov_advance(struct bdev_iov_pos *pos, size_t len_bytes);

/* Copies between the vector at @pos and @buf, and advances @pos. */
void bdev_iov_copy(struct bdev_iov_pos *pos, char *buf, size_t len_bytes, bool to_buf);

#endif
