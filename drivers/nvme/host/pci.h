/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_HOST_PCI_H
#define DRIVERS_NVME_HOST_PCI_H

/*
 * PCI functions as sysfs tells of them. Everywhere here, @root is "" but in tests, where it stands
 * before /sys. All of it reads files: on the helper, or in a command-line tool.
 */

#include <stdbool.h>
#include <stddef.h>

#define HOST_PCI_BDF_SIZE    16u /* "0000:01:00.0" */
#define HOST_PCI_DRIVER_SIZE 64u

/**
 * host_pci_bdf_parse() - the address of a PCI function, as people and SPDK's files write it
 * @text: "0000:01:00.0", "01:00.0" (domain 0), hexadecimal digits of any case
 * Return: true: it is one, @ret_bdf is as sysfs has it.
 */
bool host_pci_bdf_parse(const char *text, char ret_bdf[HOST_PCI_BDF_SIZE]);

bool host_pci_exists(const char *root, const char *bdf);

/* The driver that has the function. Return: 0; -ENOENT none has, and @ret_driver is empty. */
int host_pci_driver(const char *root, const char *bdf, char ret_driver[HOST_PCI_DRIVER_SIZE]);

/* Return: the IOMMU group; -ENOTSUP: none, there is no IOMMU that is on. */
int host_pci_group(const char *root, const char *bdf);

/* vfio-pci, or a variant of it for a vendor's devices ("mlx5-vfio-pci"). */
bool host_pci_driver_is_vfio(const char *driver);

/* True for a driver that leaves a group's isolation whole, as VFIO judges it. */
bool host_pci_driver_is_harmless(const char *driver);

/**
 * host_pci_group_blocker() - who of @bdf's group keeps it from being given to user space
 * @ret_bdf: another function of @group that a kernel driver has; @ret_driver: that driver
 * Return: true if there is one.
 */
bool host_pci_group_blocker(const char *root, int group, const char *bdf,
			    char ret_bdf[HOST_PCI_BDF_SIZE], char ret_driver[HOST_PCI_DRIVER_SIZE]);

#endif
