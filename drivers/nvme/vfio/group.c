/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an address to an open device. VFIO hands out devices by IOMMU group: the group is put into a
 * container, which is an I/O address space, and only then gives its devices away.
 *
 * Every device has a container of its own. The pool's pages are then pinned, and counted against
 * RLIMIT_MEMLOCK, once for each device, which is the price; for it, each device has a window of
 * addresses that suits its own IOMMU's reserved ranges and width, a device whose mapping fails
 * takes no other down, and closing the container is the one step after which no DMA of this device
 * can come, whatever its state.
 *
 * Most of what can go wrong VFIO reports as a bare EINVAL, or by a file that is not there. So sysfs
 * is asked first: it knows what is missing, and who is in the way.
 */
#include "drivers/nvme/vfio/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/os/fd_owner.h"
#include "drivers/nvme/vfio/check.h"

static int group_open(struct vfio_kernel_device *device, const struct vfio_error *error)
{
	struct vfio_group_status status = {.argsz = sizeof(status)};
	const char *bdf = device->device.bdf;
	char path[32], holder[96];

	snprintf(path, sizeof(path), "/dev/vfio/%u", device->group);
	device->group_fd = open(path, O_RDWR | O_CLOEXEC);
	if (device->group_fd < 0) {
		switch (errno) {
		case EBUSY:
			os_fd_owner("", path, holder, sizeof(holder));
			return vfio_error_set(
				error, -EBUSY,
				"%s: its IOMMU group, %s, is held by %s; end that first", bdf, path,
				holder);
		case EACCES:
		case EPERM:
			return vfio_check_denied(bdf, path, error->text, error->size);
		default:
			return vfio_error_set(error, -errno, "%s: cannot open %s: %s", bdf, path,
					      strerror(errno));
		}
	}
	if (ioctl(device->group_fd, VFIO_GROUP_GET_STATUS, &status) < 0) {
		return vfio_error_set(error, -errno, "%s: cannot ask for the state of %s: %s", bdf,
				      path, strerror(errno));
	}
	if ((status.flags & VFIO_GROUP_FLAGS_VIABLE) == 0) {
		return vfio_error_set(
			error, -EBUSY,
			"%s: not every device of IOMMU group %u has been given up by the "
			"kernel: ls /sys/kernel/iommu_groups/%u/devices",
			bdf, device->group, device->group);
	}
	return 0;
}

static int container_open(struct vfio_kernel_device *device, const struct vfio_error *error)
{
	static const char path[] = "/dev/vfio/vfio";
	const char *bdf = device->device.bdf;

	device->container_fd = open(path, O_RDWR | O_CLOEXEC);
	if (device->container_fd < 0) {
		if (errno == EACCES || errno == EPERM) {
			return vfio_check_denied(bdf, path, error->text, error->size);
		}
		return vfio_error_set(error, -errno, "%s: cannot open %s: %s; modprobe vfio", bdf,
				      path, strerror(errno));
	}
	if (ioctl(device->container_fd, VFIO_GET_API_VERSION) != VFIO_API_VERSION ||
	    ioctl(device->container_fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) <= 0) {
		return vfio_error_set(error, -ENOTSUP,
				      "%s: the kernel's VFIO has no type 1 IOMMU: modprobe "
				      "vfio_iommu_type1",
				      bdf);
	}
	return 0;
}

/* The first group decides what the container's address space is. */
static int container_fill(struct vfio_kernel_device *device, const struct vfio_error *error)
{
	const char *bdf = device->device.bdf;

	if (ioctl(device->group_fd, VFIO_GROUP_SET_CONTAINER, &device->container_fd) < 0) {
		return vfio_error_set(error, -errno, "%s: IOMMU group %u cannot be taken: %s", bdf,
				      device->group, strerror(errno));
	}
	if (ioctl(device->container_fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) == 0) {
		return 0;
	}
	if (errno == EPERM) {
		return vfio_error_set(
			error, -EPERM,
			"%s: the IOMMU does not remap interrupts, so that VFIO refuses the "
			"device: turn that on in the firmware (x2APIC, interrupt remapping)",
			bdf);
	}
	return vfio_error_set(error, -errno,
			      "%s: the IOMMU cannot serve it: %s; dmesg may say more", bdf,
			      strerror(errno));
}

int vfio_group_attach(struct vfio_kernel_device *device, const struct vfio_error *error)
{
	const char *bdf = device->device.bdf;
	int rc;

	rc = vfio_check_bound("", bdf, &device->group, error->text, error->size);
	if (rc == 0) {
		rc = container_open(device, error);
	}
	if (rc == 0) {
		rc = group_open(device, error);
	}
	if (rc == 0) {
		rc = container_fill(device, error);
	}
	if (rc < 0) {
		return rc;
	}
	device->device_fd = ioctl(device->group_fd, VFIO_GROUP_GET_DEVICE_FD, bdf);
	if (device->device_fd < 0) {
		return vfio_error_set(error, -errno,
				      "%s: vfio-pci cannot enable it: %s; dmesg may say more", bdf,
				      strerror(errno));
	}
	return 0;
}
