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
	if (bdev->read_only) {
		mask &= EBB_BIT(EBB_BDEV_READ) | EBB_BIT(EBB_BDEV_FLUSH) |
			EBB_BIT(EBB_BDEV_COMPARE);
	}
	return (mask & EBB_BIT(type)) != 0;
}
