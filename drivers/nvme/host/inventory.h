/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_HOST_INVENTORY_H
#define DRIVERS_NVME_HOST_INVENTORY_H

/*
 * All NVMe controllers of the machine, whoever has them, and what ebb could do with each: drive it
 * in user space (hot), or go through the kernel's driver (cold), and if not, why. It only looks:
 * what is told may have changed when it is acted upon, and bind and attach decide anew.
 */

#include <stdio.h>

struct json_object;

/**
 * host_inventory() - look at sysfs and /proc
 * @root: "" but in tests, before /sys, /proc and /dev
 * @attached: what bdev_nvme_get_controllers of a daemon has answered; NULL: there is none
 * Thread: one that may block.
 * Return: {"poll_queues", "vfio_pci_loaded", "controllers": [{"address", "controller", "transport",
 *	"model", "serial", "firmware", "pci_id", "driver", "iommu_group", "group_members", "holder",
 *	"namespaces": [{"name", "generic", "nsid", "size_bytes", "block_size", "holder"}],
 *	"hot": {"state", "reason"}, "cold": {"state", "reason"}}]}; what is not known is missing.
 *	States: hot "yes", "bind" (once vfio-pci has it), "no"; cold "yes", "some" (of its namespaces),
 *	"unbind" (once nvme has it), "no". The caller's to put.
 */
struct json_object *host_inventory(const char *root, struct json_object *attached);

/* The same for people, in at most 100 columns. */
void host_inventory_print(struct json_object *inventory, FILE *out);

#endif
