/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening and closing. Order of closing: interrupts, registers, the device (the kernel turns its
 * bus mastering off and resets it), the group, and with the container its mappings: the device
 * stops before its memory goes. Until then the pool keeps every region that it knows.
 */
#include "drivers/nvme/vfio/device.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "drivers/nvme/vfio/internal.h"

static int region_info(struct vfio_kernel_device *device, uint32_t index,
		       struct vfio_region_info *info)
{
	*info = (struct vfio_region_info){.argsz = sizeof(*info), .index = index};
	return ioctl(device->device_fd, VFIO_DEVICE_GET_REGION_INFO, info) < 0 ? -errno : 0;
}

static int bar_map(struct vfio_kernel_device *device, const struct vfio_error *error)
{
	struct vfio_region_info info;
	void *addr;
	int rc = region_info(device, VFIO_PCI_BAR0_REGION_INDEX, &info);

	if (rc < 0) {
		return vfio_error_set(error, rc, "%s: VFIO does not tell of its BAR 0: %s",
				      device->device.bdf, strerror(-rc));
	}
	if (info.size == 0 || (info.flags & VFIO_REGION_INFO_FLAG_MMAP) == 0) {
		return vfio_error_set(
			error, -ENOTSUP,
			"%s: its BAR 0 cannot be mapped: it is smaller than a page, or the "
			"kernel has kept it",
			device->device.bdf);
	}
	addr = mmap(NULL, (size_t)info.size, PROT_READ | PROT_WRITE, MAP_SHARED, device->device_fd,
		    (off_t)info.offset);
	if (addr == MAP_FAILED) {
		return vfio_error_set(error, -errno, "%s: cannot map its BAR 0: %s",
				      device->device.bdf, strerror(errno));
	}
	device->device.bar0 = addr;
	device->device.bar0_bytes = (size_t)info.size;
	return 0;
}

static int config_read16(struct vfio_kernel_device *device, unsigned offset, uint16_t *ret_value)
{
	ssize_t got = pread(device->device_fd, ret_value, sizeof(*ret_value),
			    (off_t)(device->config_offset + offset));

	return got == (ssize_t)sizeof(*ret_value) ? 0 : got < 0 ? -errno : -EIO;
}

static int config_write16(struct vfio_kernel_device *device, unsigned offset, uint16_t value)
{
	ssize_t got = pwrite(device->device_fd, &value, sizeof(value),
			     (off_t)(device->config_offset + offset));

	return got == (ssize_t)sizeof(value) ? 0 : got < 0 ? -errno : -EIO;
}

/* Memory accesses and bus mastering on, the pin's interrupt off. */
static int config_enable(struct vfio_kernel_device *device)
{
	uint16_t command;
	int rc = config_read16(device, PCI_COMMAND, &command);

	if (rc == 0) {
		command |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE;
		rc = config_write16(device, PCI_COMMAND, command);
	}
	return rc;
}

static int config_init(struct vfio_kernel_device *device, const struct vfio_error *error)
{
	struct vfio_region_info info;
	uint16_t vendor = 0;
	int rc = region_info(device, VFIO_PCI_CONFIG_REGION_INDEX, &info);

	device->config_offset = info.offset;
	if (rc == 0) {
		rc = config_read16(device, PCI_VENDOR_ID, &vendor);
	}
	if (rc == 0 && vendor == UINT16_MAX) {
		return vfio_error_set(
			error, -ENODEV,
			"%s: it does not answer (all ones): it has been removed, or has "
			"lost its power",
			device->device.bdf);
	}
	if (rc == 0) {
		rc = config_enable(device);
	}
	return rc == 0 ? 0
		       : vfio_error_set(error, rc, "%s: its configuration space cannot be used: %s",
					device->device.bdf, strerror(-rc));
}

static int device_reset(struct vfio_device *public)
{
	struct vfio_kernel_device *device =
		ebb_container_of(public, struct vfio_kernel_device, device);

	if (ioctl(device->device_fd, VFIO_DEVICE_RESET) < 0) {
		return -errno;
	}
	/* The kernel has put the configuration space back; this asks no more than before. */
	return config_enable(device);
}

static void device_close(struct vfio_device *public)
{
	struct vfio_kernel_device *device =
		ebb_container_of(public, struct vfio_kernel_device, device);
	uint16_t command;

	if (device->device_fd >= 0) {
		vfio_irq_fini(device);
		if (config_read16(device, PCI_COMMAND, &command) == 0) {
			command &= (uint16_t)~PCI_COMMAND_MASTER;
			config_write16(device, PCI_COMMAND, command);
		}
		if (public->bar0 != NULL) {
			munmap((void *)(uintptr_t) public->bar0, public->bar0_bytes);
		}
		close(device->device_fd);
	}
	vfio_dma_fini(device);
	if (device->group_fd >= 0) {
		close(device->group_fd);
	}
	if (device->container_fd >= 0) {
		close(device->container_fd);
	}
	free(device);
}

static const struct vfio_device_ops device_ops = {
	.set_vector = vfio_irq_set,
	.reset = device_reset,
	.close = device_close,
};

int vfio_device_open(const char *bdf, struct vfio_device **ret_device, char *ret_error,
		     size_t error_size)
{
	const struct vfio_error error = {.text = ret_error, .size = error_size};
	struct vfio_kernel_device *device = calloc(1, sizeof(*device));
	int rc;

	if (device == NULL) {
		return vfio_error_set(&error, -ENOMEM, "%s: out of memory", bdf);
	}
	device->device.ops = &device_ops;
	device->device.request_fd = -1;
	device->device.error_fd = -1;
	device->container_fd = -1;
	device->group_fd = -1;
	device->device_fd = -1;
	snprintf(device->device.bdf, sizeof(device->device.bdf), "%s", bdf);
	rc = vfio_group_attach(device, &error);
	if (rc == 0) {
		rc = config_init(device, &error);
	}
	if (rc == 0) {
		rc = bar_map(device, &error);
	}
	if (rc == 0) {
		rc = vfio_irq_init(device, &error);
	}
	if (rc == 0) {
		rc = vfio_dma_init(device, &error);
	}
	if (rc < 0) {
		device_close(&device->device);
		return rc;
	}
	*ret_device = &device->device;
	return 0;
}
