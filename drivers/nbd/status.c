/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nbd/status.h"

#include <endian.h>
#include <string.h>

#include <ebb/assert.h>
#include <ebb/bdev.h>

#include "drivers/nbd/wire.h"

static_assert(sizeof(struct nbd_wire_extent) <= sizeof(struct ebb_bdev_extent),
	      "what is written over is read before");

static uint32_t status_flags(uint32_t bdev_flags)
{
	return ((bdev_flags & EBB_BDEV_EXTENT_HOLE) != 0 ? NBD_STATE_HOLE : 0) |
	       ((bdev_flags & EBB_BDEV_EXTENT_ZERO) != 0 ? NBD_STATE_ZERO : 0);
}

static void status_put(void *base, uint32_t index, uint64_t len_bytes, uint32_t flags)
{
	struct nbd_wire_extent wire = {
		.len_bytes = htobe32((uint32_t)len_bytes),
		.flags = htobe32(flags),
	};

	memcpy((char *)base + index * sizeof(wire), &wire, sizeof(wire));
}

uint32_t nbd_status_encode(const struct ebb_bdev_extents *extents, uint32_t skip_bytes,
			   uint32_t len_bytes, uint32_t block_size, bool one)
{
	uint64_t left = len_bytes, run = 0; /* bytes; of the run of extents that are alike */
	uint32_t count = 0, run_flags = 0, i;
	uint64_t skip = skip_bytes;

	for (i = 0; i < extents->count && left > 0; i++) {
		struct ebb_bdev_extent extent;
		uint64_t len;
		uint32_t flags;

		memcpy(&extent, &extents->extent[i], sizeof(extent));
		len = extent.num_blocks * block_size - skip;
		len = len < left ? len : left;
		flags = status_flags(extent.flags);
		if (run > 0 && flags != run_flags) {
			status_put(extents->extent, count++, run, run_flags);
			run = 0;
			if (one) {
				break;
			}
		}
		run += len;
		run_flags = flags;
		left -= len;
		skip = 0;
	}
	if (run > 0) {
		status_put(extents->extent, count++, run, run_flags);
	}
	ebb_assert(count > 0);
	return count * (uint32_t)sizeof(struct nbd_wire_extent);
}
