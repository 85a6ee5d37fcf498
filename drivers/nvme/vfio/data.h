/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_DATA_H
#define DRIVERS_NVME_VFIO_DATA_H

/* Where a command's data lies, as its DPTR says it: PRPs, or an SGL. */

#include "drivers/nvme/request.h"
#include "drivers/nvme/vfio/device.h"
#include "drivers/nvme/vfio/wire.h"

/* Longest command, and so the longest list: a page for each 4 KiB but the first. */
#define VFIO_IO_BYTES_MAX (1u << 20)

/* Elements of one command that always fit a list. */
#define VFIO_SEGMENTS_MAX 32u

#define VFIO_LIST_NONE UINT16_MAX

/* Lists of one size, in memory that the device sees. A list never crosses a page. */
struct vfio_data_lists {
	char *memory;
	uint64_t iova;
	uint32_t memory_bytes;
	uint32_t list_bytes;
	uint16_t num;
	uint16_t num_free;
	uint16_t *free; /* a stack */
};

/**
 * vfio_data_lists_init() - @num lists, each for commands of up to @io_bytes
 * Return: 0; -ENOMEM; -EFAULT the device does not see the pool's memory.
 */
int vfio_data_lists_init(struct vfio_data_lists *lists, struct vfio_device *device, uint16_t num,
			 uint32_t io_bytes);
void vfio_data_lists_fini(struct vfio_data_lists *lists);

static inline void vfio_data_list_put(struct vfio_data_lists *lists, uint16_t list)
{
	lists->free[lists->num_free++] = list;
}

/* All that is not one element within two pages. */
int vfio_data_set_long(struct vfio_device *device, struct vfio_data_lists *lists, bool sgl,
		       const struct nvme_request *request, struct vfio_sqe *sqe,
		       uint16_t *ret_list);

/**
 * vfio_data_set() - write the DPTR, and the flags, of @sqe
 * @sgl: SGLs may be used
 * @ret_list: set to a list of @lists that the command needs until it is done, otherwise untouched
 * Return: 0; -EAGAIN no list is free; -EFAULT the device does not see that memory; -EINVAL the
 *	elements keep to no limits.
 */
static inline int vfio_data_set(struct vfio_device *device, struct vfio_data_lists *lists, bool sgl,
				const struct nvme_request *request, struct vfio_sqe *sqe,
				uint16_t *ret_list)
{
	uint64_t iova, end, second;

	sqe->flags = VFIO_PSDT_PRP;
	if (request->iovcnt == 0) {
		sqe->prp1 = 0;
		sqe->prp2 = 0;
		return 0;
	}
	if (ebb_unlikely(request->iovcnt != 1)) {
		return vfio_data_set_long(device, lists, sgl, request, sqe, ret_list);
	}
	iova = vfio_device_iova(device, request->iov->iov_base);
	if (ebb_unlikely(iova == 0)) {
		return -EFAULT;
	}
	end = iova + request->len_bytes;
	second = (iova | (VFIO_PAGE - 1)) + 1;
	if (ebb_unlikely(end > second + VFIO_PAGE)) {
		return vfio_data_set_long(device, lists, sgl, request, sqe, ret_list);
	}
	sqe->prp1 = iova;
	sqe->prp2 = end > second ? second : 0;
	return 0;
}

#endif
