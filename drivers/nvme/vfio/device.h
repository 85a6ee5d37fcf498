/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_DEVICE_H
#define DRIVERS_NVME_VFIO_DEVICE_H

/*
 * A PCI function held through VFIO, as a driver sees it: registers, interrupts, and what address
 * the device has to use for a piece of pool memory. It knows nothing of NVMe.
 */

#include <stdatomic.h>
#include <stdbool.h>

#include <ebb/memory.h>

struct vfio_device;

/* Where a test puts a device of its own in place of a real one. */
struct vfio_device_ops {
	/*
	 * @eventfd is written for every interrupt of @vector; -1: the vector is given up. Blocks.
	 */
	int (*set_vector)(struct vfio_device *device, unsigned vector, int eventfd);
	/* Function level reset. Blocks. */
	int (*reset)(struct vfio_device *device);
	/* Lets go of everything: no DMA can come any more. Blocks. */
	void (*close)(struct vfio_device *device);
};

struct vfio_device {
	const struct vfio_device_ops *ops;
	char bdf[16];        /* "0000:01:00.0" */
	volatile void *bar0; /* mapped, or a test's memory */
	size_t bar0_bytes;
	unsigned num_vectors; /* of MSI-X; 1: MSI or a single one only */
	int request_fd;       /* eventfd: the system asks for the device back; -1: none */
	int error_fd;         /* eventfd: an unrecoverable error of the link; -1: none */
	/*
	 * Bus addresses of the pool's regions; 0: not mapped. Pairs with the subscriber's stores.
	 */
	_Atomic uint64_t region_iova[EBB_MEM_REGIONS_MAX];
};

/**
 * vfio_device_open() - take hold of the function at @bdf, which vfio-pci has
 * Bus mastering is on, BAR 0 is mapped, every region of the pool is and will be.
 * @ret_error: why not, and the remedy, for people
 * Thread: the helper (blocks).
 * Return: 0; -ENODEV no such function; -EBUSY another program, or a driver of another device of its
 *	group, has it; -EPERM; -ENOMEM RLIMIT_MEMLOCK is too low; -ENOTSUP no IOMMU; -errno.
 */
int vfio_device_open(const char *bdf, struct vfio_device **ret_device, char *ret_error,
		     size_t error_size);

/**
 * vfio_device_iova() - the bus address of @addr, which lies in the pool
 * Thread: any, lock-free. Return: the address; 0: not mapped.
 */
static inline uint64_t vfio_device_iova(struct vfio_device *device, const void *addr)
{
	int region = ebb_mem_region_index(addr);
	uint64_t iova = region < 0 ? 0
				   : atomic_load_explicit(&device->region_iova[region],
							  memory_order_acquire);

	return iova == 0 ? 0 : iova + ((uintptr_t)addr & (EBB_MEM_REGION_SIZE - 1));
}

#endif
