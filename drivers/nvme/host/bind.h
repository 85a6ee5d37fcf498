/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_HOST_BIND_H
#define DRIVERS_NVME_HOST_BIND_H

/*
 * Giving an NVMe controller from the kernel's driver to vfio-pci, and back. Nothing here happens by
 * itself: only whoever was told to by a user calls it. On the helper; 0.1 s and more.
 *
 * @root: "" but in tests, before /sys, /proc and /dev
 * @ret_error: why not, and the remedy, for people
 */

#include <stddef.h>

#include "drivers/nvme/host/claim.h"
#include "drivers/nvme/host/pci.h"

/**
 * host_bind_vfio() - to vfio-pci
 * Refused while a namespace is in use, and while anything else is in the way of using it then.
 * @ret_was: the driver before, for host_bind_back(); "vfio-pci": nothing was to be done
 * @ret_claim: the namespaces that other controllers still reach are kept from everybody until this is
 *	released (perhaps NULL: none); NULL: not wanted
 * Return: 0; -ENODEV no such function, -EINVAL no NVMe controller; -EBUSY; -ENOTSUP no IOMMU;
 *	-EPERM; -errno. On failure its old driver has it, or the text says that it could not be.
 */
int host_bind_vfio(const char *root, const char *bdf, char ret_was[HOST_PCI_DRIVER_SIZE],
		   struct host_claim **ret_claim, char *ret_error, size_t error_size);

/**
 * host_bind_back() - to the kernel's nvme
 * Refused while somebody has it open through VFIO.
 * Return: as above. 0 also if nvme has it already.
 */
int host_bind_back(const char *root, const char *bdf, char *ret_error, size_t error_size);

#endif
