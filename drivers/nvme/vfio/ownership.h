/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_OWNERSHIP_H
#define DRIVERS_NVME_VFIO_OWNERSHIP_H

/*
 * How a function is come by, and given up: by its address, from the kernel's driver if told so; and
 * how its shared namespaces are kept from those who reach them by another controller.
 */

#include "drivers/nvme/host/bind.h"
#include "drivers/nvme/identify.h"
#include "drivers/nvme/vfio/device.h"

struct vfio_ownership {
	struct vfio_device *device; /* NULL: closed */
	char bdf[HOST_PCI_BDF_SIZE];
	struct host_claim *claim; /* of what other controllers reach */
	bool give_back;           /* to the kernel's driver */
};

/**
 * vfio_ownership_begin() - open the function at @traddr
 * @rebind: take it from the kernel's driver, and give it back at the end
 * Thread: the helper (blocks).
 * Return: 0; -EINVAL no PCI address; otherwise as host_bind_vfio(), vfio_device_open().
 *	@ret_error: why, and the remedy; nothing is left.
 */
int vfio_ownership_begin(struct vfio_ownership *ownership, const char *traddr, bool rebind,
			 char *ret_error, size_t error_size);

/**
 * vfio_ownership_claim() - claim shared namespace @nsid where the kernel has it by another
 * controller
 * @info: as Identify Controller has told
 * Thread: the helper (blocks). Return: as host_claim_subsystem().
 */
int vfio_ownership_claim(const struct nvme_ctrlr_info *info, uint32_t nsid,
			 struct host_claim **ret_hold, char *ret_error, size_t error_size);

/* Thread: the helper (blocks). NULL is ignored. */
void vfio_ownership_release(struct host_claim *claim);

/* Closes it: no DMA can come any more. Thread: the helper (blocks). */
void vfio_ownership_end(struct vfio_ownership *ownership);

#endif
