/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interrupts as eventfds. The kernel of Debian 12 allocates a device's vectors when the first of
 * them is set, as many as that call reaches, and can add none later: VFIO answers EINVAL then. So
 * all that may be needed are allocated while the device is opened, each without an eventfd, which
 * costs the system an interrupt number but no work; vfio_irq_set() then gives single ones an
 * eventfd and takes it away. (Kernels from 6.5 on could add them one by one; what is allocated here
 * works there too.)
 */
#include "drivers/nvme/vfio/internal.h"

#include <errno.h>
#include <linux/vfio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* A struct vfio_irq_set, which ends in a flexible array, and room for its eventfds. */
union irq_set {
	struct vfio_irq_set set;
	char room[sizeof(struct vfio_irq_set) + VFIO_VECTORS_MAX * sizeof(int32_t)];
};

/* Return: 0; -errno; > 0: the system has no more than so many vectors. */
static int irq_set_fds(struct vfio_kernel_device *device, uint32_t index, unsigned start,
		       unsigned count, int eventfd)
{
	union irq_set irq;
	unsigned i;
	int rc;

	irq.set = (struct vfio_irq_set){
		.argsz = (uint32_t)(sizeof(irq.set) + count * sizeof(eventfd)),
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = index,
		.start = start,
		.count = count,
	};
	for (i = 0; i < count; i++) {
		memcpy(irq.set.data + i * sizeof(eventfd), &eventfd, sizeof(eventfd));
	}
	rc = ioctl(device->device_fd, VFIO_DEVICE_SET_IRQS, &irq);
	return rc < 0 ? -errno : rc;
}

static unsigned irq_count(struct vfio_kernel_device *device, uint32_t index)
{
	struct vfio_irq_info info = {.argsz = sizeof(info), .index = index};

	if (ioctl(device->device_fd, VFIO_DEVICE_GET_IRQ_INFO, &info) < 0 ||
	    (info.flags & VFIO_IRQ_INFO_EVENTFD) == 0) {
		return 0;
	}
	return info.count;
}

/* An eventfd for one of the events that are no interrupts of the device's. -1: not to be had. */
static int irq_event_open(struct vfio_kernel_device *device, uint32_t index)
{
	int fd;

	if (irq_count(device, index) == 0) {
		return -1;
	}
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd >= 0 && irq_set_fds(device, index, 0, 1, fd) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Allocates the vectors of @index, fewer if the system has fewer. Return: how many; -errno. */
static int irq_allocate(struct vfio_kernel_device *device, uint32_t index)
{
	unsigned count = irq_count(device, index);
	int rc;

	if (count > VFIO_VECTORS_MAX) {
		count = VFIO_VECTORS_MAX;
	}
	while (count > 0) {
		rc = irq_set_fds(device, index, 0, count, -1);
		if (rc == 0) {
			return (int)count;
		}
		if (rc > 0 && (unsigned)rc < count) {
			count = (unsigned)rc;
		} else if (rc == -ENOSPC && count > 1) {
			count /= 2;
		} else {
			return rc < 0 ? rc : -EIO;
		}
	}
	return 0;
}

int vfio_irq_init(struct vfio_kernel_device *device, const struct vfio_error *error)
{
	int count;

	device->irq_index = VFIO_PCI_MSIX_IRQ_INDEX;
	count = irq_allocate(device, device->irq_index);
	if (count == 0) {
		device->irq_index = VFIO_PCI_MSI_IRQ_INDEX;
		count = irq_count(device, device->irq_index) > 0
				? irq_set_fds(device, device->irq_index, 0, 1, -1)
				: -ENOTSUP;
		count = count == 0 ? 1 : count;
	}
	if (count < 0) {
		return vfio_error_set(error, count,
				      "%s: its interrupts (MSI-X, MSI) cannot be had: %s",
				      device->device.bdf, strerror(-count));
	}
	device->device.num_vectors = (unsigned)count;
	device->device.request_fd = irq_event_open(device, VFIO_PCI_REQ_IRQ_INDEX);
	device->device.error_fd = irq_event_open(device, VFIO_PCI_ERR_IRQ_INDEX);
	return 0;
}

int vfio_irq_set(struct vfio_device *public, unsigned vector, int eventfd)
{
	struct vfio_kernel_device *device =
		ebb_container_of(public, struct vfio_kernel_device, device);
	int rc;

	if (vector >= public->num_vectors) {
		return -EINVAL;
	}
	rc = irq_set_fds(device, device->irq_index, vector, 1, eventfd);
	return rc > 0 ? -EIO : rc;
}

void vfio_irq_fini(struct vfio_kernel_device *device)
{
	struct vfio_irq_set none = {
		.argsz = sizeof(none),
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = device->irq_index,
	};

	if (device->device.num_vectors > 0) {
		ioctl(device->device_fd, VFIO_DEVICE_SET_IRQS, &none);
	}
	/* Closing the device takes these away from the kernel. */
	if (device->device.request_fd >= 0) {
		close(device->device.request_fd);
	}
	if (device->device.error_fd >= 0) {
		close(device->device.error_fd);
	}
}
