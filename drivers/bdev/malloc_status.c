/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which blocks of a disk of memory are holes. The kernel knows: of a page that was never written, or
 * was given back, it has neither memory nor a copy on a swap device, and it reads as zeroes. So nothing
 * is noted when blocks are written. A page that was only read may have memory, and is data then. Where
 * the kernel does not tell, all is data.
 */
#include "drivers/bdev/malloc_status.h"

#include <fcntl.h>
#include <unistd.h>

#define PAGE_BYTES 4096u

/* Bytes that one answer is about at most. */
#define LOOK_MAX (16u << 20)

/* Pages that are asked about at a time; a block is of at most 16. */
#define PAGES_MAX 512u

/* Linux, admin-guide/mm/pagemap.rst: bits of what there is of a page. */
#define PAGE_PRESENT (1ull << 63)
#define PAGE_SWAPPED (1ull << 62)

/* A cell is a block, or a page if blocks are smaller: it is a hole or not as a whole. */
struct look {
	int fd; /* of the page map */
	uint64_t first_page;
	unsigned cell_pages;
	unsigned cell_blocks;
};

static bool cell_is_hole(const uint64_t *pages, unsigned count)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < count; i++) {
		all |= pages[i];
	}
	return (all & (PAGE_PRESENT | PAGE_SWAPPED)) == 0;
}

/* Return: how many cells from @cell on, at most @wanted, are known; their pages are in @pages. */
static uint64_t cells_read(const struct look *look, uint64_t cell, uint64_t wanted,
			   uint64_t pages[PAGES_MAX])
{
	uint64_t first = look->first_page + cell * look->cell_pages;
	uint64_t room = PAGES_MAX / look->cell_pages;
	size_t bytes;
	ssize_t got;

	bytes = (size_t)((wanted < room ? wanted : room) * look->cell_pages * sizeof(pages[0]));
	got = pread(look->fd, pages, bytes, (off_t)(first * sizeof(pages[0])));
	return got < 0 ? 0 : (uint64_t)got / sizeof(pages[0]) / look->cell_pages;
}

/* Return: the first block that is not in the answer. */
static uint64_t look_from(const struct look *look, struct ebb_bdev_extents *extents, uint64_t block,
			  uint64_t end)
{
	uint64_t pages[PAGES_MAX];
	uint64_t cell = block / look->cell_blocks;
	uint64_t last = (end - 1) / look->cell_blocks;
	uint64_t known = cells_read(look, cell, last - cell + 1, pages);

	for (uint64_t i = 0; i < known; i++) {
		uint64_t next = (cell + i + 1) * look->cell_blocks;
		bool hole = cell_is_hole(&pages[i * look->cell_pages], look->cell_pages);

		next = next < end ? next : end;
		if (!ebb_bdev_extents_add(extents, next - block,
					  hole ? EBB_BDEV_EXTENT_HOLE | EBB_BDEV_EXTENT_ZERO : 0)) {
			break;
		}
		block = next;
	}
	return block;
}

void malloc_status_answer(const char *memory, const struct ebb_bdev_io *io)
{
	uint32_t block_size = io->bdev->block_size;
	struct look look = {
		.fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC),
		.first_page = (uintptr_t)memory / PAGE_BYTES,
		.cell_pages = block_size > PAGE_BYTES ? block_size / PAGE_BYTES : 1,
		.cell_blocks = block_size < PAGE_BYTES ? PAGE_BYTES / block_size : 1,
	};
	uint64_t block = io->offset_blocks, end = block + io->num_blocks, next;

	if (end - block > LOOK_MAX / block_size) {
		end = block + LOOK_MAX / block_size;
	}
	while (look.fd >= 0 && block < end) {
		next = look_from(&look, io->extents, block, end);
		if (next == block) {
			break;
		}
		block = next;
	}
	if (io->extents->count == 0) {
		ebb_bdev_extents_add(io->extents, io->num_blocks, 0);
	}
	if (look.fd >= 0) {
		close(look.fd);
	}
}
