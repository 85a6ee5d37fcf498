/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NBD_STATUS_H
#define DRIVERS_NBD_STATUS_H

/* A bdev's extents as the wire shows them. */

#include <stdbool.h>
#include <stdint.h>

struct ebb_bdev_extents;

#define NBD_EXTENTS_MAX 1024u /* of one reply: a client asks again for the rest */

/**
 * nbd_status_encode() - write @extents over themselves as NBD has them
 * What the client has not asked for is cut off, and neighbours that are alike are one.
 * @skip_bytes: before the client's range, of the first block
 * @len_bytes: of the client's range, not 0
 * @block_size: of the bdev
 * @one: no more than the first of them
 * Return: bytes of struct nbd_wire_extent, at extents->extent.
 */
uint32_t nbd_status_encode(const struct ebb_bdev_extents *extents, uint32_t skip_bytes,
			   uint32_t len_bytes, uint32_t block_size, bool one);

#endif
