/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_URING_RESOLVE_H
#define DRIVERS_NVME_URING_RESOLVE_H

/* From what a user writes to one of the kernel's controllers. */

#include "drivers/nvme/host/topology.h"

/* Which controller it is. */
struct uring_target {
	char ctrlr[NVME_NAME_SIZE];     /* "nvme0" */
	char subsystem[NVME_NAME_SIZE]; /* "nvme-subsys0"; empty: not known */
	char only[NVME_NAME_SIZE]; /* the block device of the only namespace wanted; or empty */
};

/**
 * uring_resolve() - find the controller that @traddr means, by sysfs
 * @root: "" but in tests
 * @traddr: "/dev/nvme0", a namespace's device, a link to one of them, or a PCI address
 * @ret_error: why not, and the remedy
 * Thread: the helper (blocks).
 * Return: 0; -ENODEV; -EAGAIN it is not live; -EINVAL; -errno.
 */
int uring_resolve(const char *root, const char *traddr, struct uring_target *ret_target,
		  char *ret_error, size_t error_size);

#endif
