/* SPDX-License-Identifier: Apache-2.0 */
/* What a bdev is, as everybody may ask it. */
#include <ebb/bdev_module.h>

const char *ebb_bdev_io_type_name(enum ebb_bdev_io_type type)
{
	static const char *const names[EBB_BDEV_IO_TYPE_COUNT] = {
		[EBB_BDEV_READ] = "read",
		[EBB_BDEV_WRITE] = "write",
		[EBB_BDEV_FLUSH] = "flush",
		[EBB_BDEV_UNMAP] = "unmap",
		[EBB_BDEV_WRITE_ZEROES] = "write_zeroes",
		[EBB_BDEV_COMPARE] = "compare",
		[EBB_BDEV_BLOCK_STATUS] = "block_status",
	};

	return (unsigned)type < EBB_BDEV_IO_TYPE_COUNT ? names[type] : "unknown";
}

const char *ebb_bdev_name(const struct ebb_bdev *bdev)
{
	return bdev->name;
}

uint32_t ebb_bdev_block_size(const struct ebb_bdev *bdev)
{
	return bdev->block_size;
}

uint64_t ebb_bdev_num_blocks(const struct ebb_bdev *bdev)
{
	return __atomic_load_n(&bdev->num_blocks, __ATOMIC_RELAXED);
}

uint32_t ebb_bdev_buf_align(const struct ebb_bdev *bdev)
{
	return bdev->buf_align > 1 ? bdev->buf_align : 1;
}

bool ebb_bdev_read_only(const struct ebb_bdev *bdev)
{
	return bdev->read_only;
}

bool ebb_bdev_io_type_supported(const struct ebb_bdev *bdev, enum ebb_bdev_io_type type)
{
	uint32_t mask = bdev->io_types;

	if ((unsigned)type >= EBB_BDEV_IO_TYPE_COUNT) {
		return false;
	}
	/* Zeroes can be written. */
	if ((mask & EBB_BIT(EBB_BDEV_WRITE)) != 0) {
		mask |= EBB_BIT(EBB_BDEV_WRITE_ZEROES);
	}
	/* What is not known to be anything else is data. */
	if ((mask & EBB_BIT(EBB_BDEV_READ)) != 0) {
		mask |= EBB_BIT(EBB_BDEV_BLOCK_STATUS);
	}
	if (bdev->read_only) {
		mask &= EBB_BIT(EBB_BDEV_READ) | EBB_BIT(EBB_BDEV_FLUSH) |
			EBB_BIT(EBB_BDEV_COMPARE) | EBB_BIT(EBB_BDEV_BLOCK_STATUS);
	}
	return (mask & EBB_BIT(type)) != 0;
}

bool ebb_bdev_fast_zero_supported(const struct ebb_bdev *bdev, uint32_t flags)
{
	uint32_t needed = EBB_BDEV_FAST_ZERO | (flags & EBB_BDEV_NO_HOLE);

	return (bdev->io_types & EBB_BIT(EBB_BDEV_WRITE_ZEROES)) != 0 && !bdev->read_only &&
	       (bdev->zero_flags & needed) == needed;
}

bool ebb_bdev_extents_add(struct ebb_bdev_extents *extents, uint64_t num_blocks, uint32_t flags)
{
	struct ebb_bdev_extent *last = extents->extent + extents->count;

	if (num_blocks == 0) {
		return true;
	}
	if (extents->count > 0 && last[-1].flags == flags) {
		last[-1].num_blocks += num_blocks;
		return true;
	}
	if (extents->count == extents->max) {
		return false;
	}
	*last = (struct ebb_bdev_extent){.num_blocks = num_blocks, .flags = flags};
	extents->count++;
	return true;
}
