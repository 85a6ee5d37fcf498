/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_CHECK_H
#define DRIVERS_NVME_VFIO_CHECK_H

/*
 * Whether a PCI function can be had through VFIO, by what sysfs says, and if not, why. @root: ""
 * but in tests, before /sys. On the helper.
 */

#include <stddef.h>

/**
 * vfio_check_possible() - could it, once vfio-pci has it?
 * @ret_group: its IOMMU group
 * @ret_error: why not, and the remedy
 * Return: 0; -ENODEV no such function; -ENOTSUP no IOMMU; -EBUSY a driver of another device of its
 *	group is in the way; -ENOENT vfio-pci is not loaded.
 */
int vfio_check_possible(const char *root, const char *bdf, unsigned *ret_group, char *ret_error,
			size_t error_size);

/* And has vfio-pci got it? Return: as above; -EBUSY another driver has it; -ENODEV none has. */
int vfio_check_bound(const char *root, const char *bdf, unsigned *ret_group, char *ret_error,
		     size_t error_size);

/**
 * vfio_check_denied() - the error for a file that may not be opened, with what lets ebb in
 * Return: -EPERM.
 */
int vfio_check_denied(const char *bdf, const char *path, char *ret_error, size_t error_size);

#endif
