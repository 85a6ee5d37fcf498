/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_INTERNAL_H
#define DRIVERS_NVME_VFIO_INTERNAL_H

/* What the files behind device.h share. */

#include <linux/vfio.h>

#include <ebb/memory.h>

#include "drivers/nvme/vfio/device.h"
#include "drivers/nvme/vfio/error.h"

#define VFIO_VECTORS_MAX 128u /* more than there will be queues; they cost the system interrupts */

struct vfio_kernel_device {
	struct vfio_device device;
	int container_fd;
	int group_fd;
	int device_fd;
	unsigned group;
	uint32_t irq_index;     /* of VFIO's: MSI-X or MSI */
	uint64_t config_offset; /* in device_fd */

	/* dma.c */
	struct ebb_mem_subscriber subscriber;
	bool subscribed;
	uint64_t iova_base;
	bool refused; /* a region, and that has been told; under the pool's lock */
};

/* group.c: from an address to an open device. On failure, all fds that are open are in @device. */
int vfio_group_attach(struct vfio_kernel_device *device, const struct vfio_error *error);

/* irq.c */
int vfio_irq_init(struct vfio_kernel_device *device, const struct vfio_error *error);
int vfio_irq_set(struct vfio_device *device, unsigned vector, int eventfd);
void vfio_irq_fini(struct vfio_kernel_device *device);

/* dma.c */
int vfio_dma_init(struct vfio_kernel_device *device, const struct vfio_error *error);
void vfio_dma_fini(struct vfio_kernel_device *device);

/* Where the pool's window of addresses goes. Return: its first; 0: no range has room. */
uint64_t vfio_dma_place(const struct vfio_iova_range *ranges, unsigned num);

#endif
