/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PRP 1 names the first page, from where the data begins in it. PRP 2 is the second page if there
 * are two, and a list of all but the first if there are more (NVMe Base 2.0, 4.3). So a page that
 * is not there must not be named, and a list of one page must not be made.
 *
 * An SGL names pieces of any length. It is used where PRPs would need a list and the controller
 * takes SGLs: one piece then needs no list at all, and a vector one entry for each element where
 * PRPs have one for each page. It also carries what PRPs cannot: elements that begin or end inside
 * a page.
 */
#include "drivers/nvme/vfio/data.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>

#define LIST_MIN_BYTES 512u

int vfio_data_lists_init(struct vfio_data_lists *lists, struct vfio_device *device, uint16_t num,
			 uint32_t io_bytes)
{
	uint32_t list_bytes = LIST_MIN_BYTES;

	while (list_bytes < io_bytes / VFIO_PAGE * sizeof(uint64_t)) {
		list_bytes *= 2;
	}
	ebb_assert(list_bytes <= VFIO_PAGE);
	static_assert(LIST_MIN_BYTES >= VFIO_SEGMENTS_MAX * sizeof(struct vfio_sgl), "a segment");
	*lists = (struct vfio_data_lists){
		.list_bytes = list_bytes,
		.memory_bytes = num * list_bytes,
		.num = num,
		.num_free = num,
	};
	lists->memory = ebb_mem_alloc(lists->memory_bytes);
	lists->free = calloc(num, sizeof(*lists->free));
	if (lists->memory == NULL || lists->free == NULL) {
		vfio_data_lists_fini(lists);
		return -ENOMEM;
	}
	for (uint16_t i = 0; i < num; i++) {
		lists->free[i] = i;
	}
	lists->iova = vfio_device_iova(device, lists->memory);
	if (lists->iova == 0) {
		vfio_data_lists_fini(lists);
		return -EFAULT;
	}
	return 0;
}

void vfio_data_lists_fini(struct vfio_data_lists *lists)
{
	ebb_mem_free(lists->memory, lists->memory_bytes);
	free(lists->free);
	*lists = (struct vfio_data_lists){0};
}

/* All elements but the first begin, and all but the last end, with a page. */
static bool data_in_pages(const struct nvme_request *request)
{
	uintptr_t bad = 0;

	for (int i = 0; i < request->iovcnt; i++) {
		uintptr_t begin = (uintptr_t)request->iov[i].iov_base;

		bad |= i == 0 ? 0 : begin;
		bad |= i == request->iovcnt - 1 ? 0 : begin + request->iov[i].iov_len;
	}
	return (bad & (VFIO_PAGE - 1)) == 0;
}

/* The pages of @request, as PRP entries. Return: how many; 0: more than @max; -EFAULT. */
static int data_pages(struct vfio_device *device, const struct nvme_request *request,
		      uint64_t *first, uint64_t *list, unsigned max)
{
	unsigned count = 0;

	for (int i = 0; i < request->iovcnt; i++) {
		uint64_t iova = vfio_device_iova(device, request->iov[i].iov_base);
		uint64_t end = iova + request->iov[i].iov_len;

		if (iova == 0) {
			return -EFAULT;
		}
		for (; iova < end; iova = (iova | (VFIO_PAGE - 1)) + 1) {
			if (count > max) {
				return 0;
			}
			if (count == 0) {
				*first = iova;
			} else {
				list[count - 1] = iova;
			}
			count++;
		}
	}
	return (int)count;
}

static int data_set_prps(struct vfio_device *device, struct vfio_data_lists *lists,
			 const struct nvme_request *request, struct vfio_sqe *sqe,
			 uint16_t *ret_list)
{
	uint16_t list = lists->free[lists->num_free - 1];
	uint64_t *entries = (uint64_t *)(lists->memory + (size_t)list * lists->list_bytes);
	unsigned max = lists->list_bytes / (unsigned)sizeof(uint64_t);
	int count = data_pages(device, request, &sqe->prp1, entries, max);

	if (count <= 0) {
		return count < 0 ? count : -EINVAL;
	}
	if (count <= 2) {
		sqe->prp2 = count == 2 ? entries[0] : 0;
		return 0;
	}
	sqe->prp2 = lists->iova + (uint64_t)list * lists->list_bytes;
	lists->num_free--;
	*ret_list = list;
	return 0;
}

static int data_set_block(struct vfio_device *device, const struct iovec *iov, struct vfio_sgl *sgl)
{
	*sgl = (struct vfio_sgl){
		.address = vfio_device_iova(device, iov->iov_base),
		.len_bytes = (uint32_t)iov->iov_len,
		.type = VFIO_SGL_DATA_BLOCK,
	};
	return sgl->address == 0 ? -EFAULT : 0;
}

static int data_set_segment(struct vfio_device *device, struct vfio_data_lists *lists,
			    const struct nvme_request *request, struct vfio_sqe *sqe,
			    uint16_t *ret_list)
{
	uint16_t list = lists->free[lists->num_free - 1];
	struct vfio_sgl *entries =
		(struct vfio_sgl *)(lists->memory + (size_t)list * lists->list_bytes);
	int rc = 0;

	if ((size_t)request->iovcnt > lists->list_bytes / sizeof(*entries)) {
		return -EINVAL;
	}
	for (int i = 0; i < request->iovcnt && rc == 0; i++) {
		rc = data_set_block(device, &request->iov[i], &entries[i]);
	}
	if (rc != 0) {
		return rc;
	}
	sqe->sgl = (struct vfio_sgl){
		.address = lists->iova + (uint64_t)list * lists->list_bytes,
		.len_bytes = (uint32_t)request->iovcnt * (uint32_t)sizeof(*entries),
		.type = VFIO_SGL_LAST_SEGMENT,
	};
	lists->num_free--;
	*ret_list = list;
	return 0;
}

int vfio_data_set_long(struct vfio_device *device, struct vfio_data_lists *lists, bool sgl,
		       const struct nvme_request *request, struct vfio_sqe *sqe, uint16_t *ret_list)
{
	if (sgl && request->iovcnt == 1) {
		sqe->flags = VFIO_PSDT_SGL;
		return data_set_block(device, request->iov, &sqe->sgl);
	}
	if (!sgl && !data_in_pages(request)) {
		return -EINVAL;
	}
	if (lists->num_free == 0) {
		return -EAGAIN;
	}
	if (sgl && (request->len_bytes > 2 * VFIO_PAGE || !data_in_pages(request))) {
		sqe->flags = VFIO_PSDT_SGL;
		return data_set_segment(device, lists, request, sqe, ret_list);
	}
	return data_set_prps(device, lists, request, sqe, ret_list);
}
