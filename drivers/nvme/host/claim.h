/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_HOST_CLAIM_H
#define DRIVERS_NVME_HOST_CLAIM_H

/*
 * Namespaces kept from everybody else. Passthrough and rebinding go past the block layer, so they
 * first claim the block devices of what they touch (O_EXCL), and keep the claim as long as it
 * lasts: then nobody can mount, swap on or partition it meanwhile. All devices are claimed by which
 * a namespace can be reached: the subsystem's with native multipath, each controller's without.
 *
 * A process claims a device once, and claims may share it: of one namespace that is used by
 * passthrough and by VFIO, or of two controllers that are used by VFIO. Twice by passthrough, or
 * rebinding what passthrough uses, is refused.
 *
 * @root: "" but in tests, before /sys, /proc and /dev. On the helper.
 * @ret_error: "nvme0n1 is mounted on /mnt; unmount it first"
 * Return: 0; -EBUSY in use, and @ret_error says by whom; -ENODEV; -EPERM; -errno.
 */

#include <stddef.h>
#include <stdint.h>

struct host_claim;

/* One namespace. @path: "/dev/ng0n1" or "/dev/nvme0n1". */
int host_claim_namespace(const char *root, const char *path, struct host_claim **ret_claim,
			 char *ret_error, size_t error_size);

/* All namespaces of one of the kernel's controllers ("nvme0"). */
int host_claim_controller(const char *root, const char *ctrlr, struct host_claim **ret_claim,
			  char *ret_error, size_t error_size);

/**
 * host_claim_subsystem() - a namespace, as other controllers of its subsystem reach it
 * For a controller that is ours through VFIO, whose namespace @nsid is a shared one: the kernel may
 * have it too, by another controller.
 * @subnqn, @serial, @model: from Identify Controller, without padding; a subsystem is the same if
 *	all agree (drives are sold of which all have the same name). Empty: it has not told.
 * Return: 0 also if the kernel has none of it.
 */
int host_claim_subsystem(const char *root, const char *subnqn, const char *serial,
			 const char *model, uint32_t nsid, struct host_claim **ret_claim,
			 char *ret_error, size_t error_size);

/* Gives up what is gone by now: a device that left with its controller needs no claim. */
void host_claim_prune(const char *root, struct host_claim *claim);

void host_claim_release(struct host_claim *claim); /* NULL is ignored */

#endif
