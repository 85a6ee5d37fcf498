/* SPDX-License-Identifier: Apache-2.0 */
/* sources: drivers/nvme/vfio/data.c */
/* sources: core/base/assert.c core/base/log.c core/base/log_flag.c core/base/clock.c */
/*
 * A command says where its data lies by PRPs or an SGL. Whatever the elements are, a device that
 * reads them by the book finds the same bytes in the same order, and names nothing else. The input is
 * a list of elements; the device is below, and shares no code with the driver.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>

#include "drivers/nvme/vfio/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REGION_BYTES  ((uintptr_t)EBB_MEM_REGION_SIZE)
#define DATA_REGIONS  4u /* at these addresses there is nothing: data is never read */
#define UNMAPPED      2u /* the region of them that the device does not see */
#define LISTS_REGION  DATA_REGIONS
#define ELEMENTS_MAX  VFIO_SEGMENTS_MAX
#define PIECES_MAX    (VFIO_IO_BYTES_MAX / VFIO_PAGE + 2 * ELEMENTS_MAX)
#define ELEMENT_BYTES 5u

int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct vfio_device *device;
static struct vfio_data_lists lists;
static void *lists_memory;

/* In place of the pool: an allocation of its own, so that a step past it is seen. */
void *ebb_mem_alloc(size_t size)
{
	return posix_memalign(&lists_memory, REGION_BYTES, size) == 0 ? lists_memory : NULL;
}

void ebb_mem_free(void *buf, size_t size)
{
	(void)size;
	free(buf);
}

int ebb_mem_region_index(const void *addr)
{
	uintptr_t index = (uintptr_t)addr / REGION_BYTES;

	if (index >= 1 && index <= DATA_REGIONS) {
		return (int)index - 1;
	}
	return lists_memory != NULL && index == (uintptr_t)lists_memory / REGION_BYTES
		       ? (int)LISTS_REGION
		       : -1;
}

/* What lies where, by bus addresses; neighbours that go on are one piece. */
struct layout {
	struct {
		uint64_t begin;
		uint64_t len;
	} piece[PIECES_MAX];
	unsigned num;
};

static void layout_add(struct layout *layout, uint64_t begin, uint64_t len)
{
	if (layout->num > 0 &&
	    layout->piece[layout->num - 1].begin + layout->piece[layout->num - 1].len == begin) {
		layout->piece[layout->num - 1].len += len;
		return;
	}
	ebb_assert(layout->num < PIECES_MAX);
	layout->piece[layout->num].begin = begin;
	layout->piece[layout->num++].len = len;
}

/* ---- the device ---- */

/* Its view of the memory of lists. */
static const void *device_read(uint64_t address, size_t len)
{
	uint64_t base = device->region_iova[LISTS_REGION];

	ebb_assert(address >= base && address + len <= base + REGION_BYTES);
	ebb_assert(address % VFIO_PAGE + len <= VFIO_PAGE); /* a list never crosses a page */
	return (const char *)lists_memory + (address - base);
}

static void device_read_prps(const struct vfio_sqe *sqe, uint32_t len, struct layout *layout)
{
	uint64_t first = VFIO_PAGE - sqe->prp1 % VFIO_PAGE;
	const uint64_t *list;
	size_t num;

	first = first < len ? first : len;
	layout_add(layout, sqe->prp1, first);
	len -= (uint32_t)first;
	if (len == 0) {
		ebb_assert(sqe->prp2 == 0);
		return;
	}
	if (len <= VFIO_PAGE) {
		ebb_assert(sqe->prp2 % VFIO_PAGE == 0);
		layout_add(layout, sqe->prp2, len);
		return;
	}
	num = (len + VFIO_PAGE - 1) / VFIO_PAGE;
	list = device_read(sqe->prp2, num * sizeof(*list));
	for (size_t i = 0; i < num; i++) {
		uint32_t piece = len < VFIO_PAGE ? len : VFIO_PAGE;

		ebb_assert(list[i] % VFIO_PAGE == 0);
		layout_add(layout, list[i], piece);
		len -= piece;
	}
}

static void device_read_sgl(const struct vfio_sqe *sqe, uint32_t len, struct layout *layout)
{
	const struct vfio_sgl *block = &sqe->sgl;
	size_t num = 1;

	if (sqe->sgl.type == VFIO_SGL_LAST_SEGMENT) {
		ebb_assert(sqe->sgl.len_bytes % sizeof(*block) == 0);
		num = sqe->sgl.len_bytes / sizeof(*block);
		block = device_read(sqe->sgl.address, sqe->sgl.len_bytes);
	}
	for (size_t i = 0; i < num; i++) {
		ebb_assert(block[i].type == VFIO_SGL_DATA_BLOCK && block[i].len_bytes <= len);
		layout_add(layout, block[i].address, block[i].len_bytes);
		len -= block[i].len_bytes;
	}
	ebb_assert(len == 0);
}

/* ---- the driver's side ---- */

struct elements {
	struct iovec iov[ELEMENTS_MAX];
	int num;
	uint32_t len_bytes;
	bool unmapped;    /* the device does not see one of them */
	bool page_border; /* between two of them there is the border of a page, on both sides */
};

/* Mostly what the layer above gives: blocks of 512 bytes; often whole pages. */
static void elements_add(struct elements *elements, const uint8_t *data)
{
	uintptr_t region = data[0] % DATA_REGIONS;
	uintptr_t offset = (uintptr_t)(data[1] | data[2] << 8) * 512 % REGION_BYTES;
	size_t len = ((size_t)data[3] + 1) * 512;
	struct iovec *iov = &elements->iov[elements->num];

	if (data[4] % 4 != 0) {
		offset &= ~(uintptr_t)(VFIO_PAGE - 1);
	}
	if (data[4] / 4 % 4 != 0) {
		len = (len + VFIO_PAGE - 1) & ~(size_t)(VFIO_PAGE - 1);
	}
	len = len < REGION_BYTES - offset ? len : REGION_BYTES - offset;
	if (elements->num == ELEMENTS_MAX || elements->len_bytes + len > VFIO_IO_BYTES_MAX) {
		return;
	}
	if (elements->num > 0) {
		uintptr_t before = (uintptr_t)iov[-1].iov_base + iov[-1].iov_len;

		elements->page_border = elements->page_border && (before | offset) % VFIO_PAGE == 0;
	}
	iov->iov_base = (void *)((region + 1) * REGION_BYTES + offset);
	iov->iov_len = len;
	elements->num++;
	elements->len_bytes += (uint32_t)len;
	elements->unmapped = elements->unmapped || region == UNMAPPED;
}

static void check_layout(const struct elements *elements, const struct vfio_sqe *sqe)
{
	struct layout expected = {.num = 0};
	struct layout found = {.num = 0};

	for (int i = 0; i < elements->num; i++) {
		uintptr_t addr = (uintptr_t)elements->iov[i].iov_base;

		layout_add(&expected,
			   device->region_iova[addr / REGION_BYTES - 1] + addr % REGION_BYTES,
			   elements->iov[i].iov_len);
	}
	if (sqe->flags == VFIO_PSDT_SGL) {
		device_read_sgl(sqe, elements->len_bytes, &found);
	} else {
		ebb_assert(sqe->flags == VFIO_PSDT_PRP);
		device_read_prps(sqe, elements->len_bytes, &found);
	}
	ebb_assert(found.num == expected.num);
	ebb_assert(memcmp(found.piece, expected.piece, found.num * sizeof(found.piece[0])) == 0);
}

static void check(bool sgl, const struct elements *elements)
{
	struct nvme_request request = {
		.iov = elements->iov,
		.iovcnt = elements->num,
		.len_bytes = elements->len_bytes,
	};
	struct vfio_sqe sqe = {.prp1 = 1, .prp2 = 1};
	uint16_t num_free = lists.num_free;
	uint16_t list = VFIO_LIST_NONE;
	int rc = vfio_data_set(device, &lists, sgl, &request, &sqe, &list);

	switch (rc) {
	case 0:
		ebb_assert(!elements->unmapped && (sgl || sqe.flags == VFIO_PSDT_PRP));
		check_layout(elements, &sqe);
		break;
	case -EFAULT:
		ebb_assert(elements->unmapped);
		break;
	case -EAGAIN:
		ebb_assert(num_free == 0);
		break;
	default:
		ebb_assert(rc == -EINVAL && !sgl && !elements->page_border);
		break;
	}
	ebb_assert(list == VFIO_LIST_NONE || (rc == 0 && list < lists.num));
	ebb_assert(lists.num_free + (list != VFIO_LIST_NONE) == num_free);
	if (list != VFIO_LIST_NONE) {
		vfio_data_list_put(&lists, list);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	device = calloc(1, sizeof(*device));
	for (unsigned i = 0; i <= LISTS_REGION; i++) {
		device->region_iova[i] = i == UNMAPPED ? 0 : (i * 7 + 3) * (uint64_t)REGION_BYTES;
	}
	return vfio_data_lists_init(&lists, device, 8, VFIO_IO_BYTES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elements elements = {.num = 0, .page_border = true};

	if (size < 1 + ELEMENT_BYTES) {
		return 0;
	}
	/* Some are in use, so that it is not always the same one. */
	lists.num_free = (uint16_t)(lists.num - data[0] / 2 % 9);
	for (size_t at = 1; at + ELEMENT_BYTES <= size; at += ELEMENT_BYTES) {
		elements_add(&elements, data + at);
		check(data[0] % 2 == 1, &elements);
	}
	return 0;
}
