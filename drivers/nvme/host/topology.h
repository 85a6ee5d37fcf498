/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_HOST_TOPOLOGY_H
#define DRIVERS_NVME_HOST_TOPOLOGY_H

/*
 * The kernel's NVMe controllers and their namespaces, from sysfs.
 *
 * With native multipath, a namespace that several controllers of a subsystem reach is one block
 * device, of the subsystem; each controller has a hidden one ("nvme0c1n1") that leads to it. And
 * the number in "nvme0n1" is then the subsystem's, that in "ng1n1" the controller's. What both
 * share is the last number, within one controller. Nothing else may be concluded from names.
 *
 * @root: "" but in tests, before /sys. All of it reads files: on the helper.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <ebb/base.h>

#define NVME_NAME_SIZE 32u

struct host_sysfs_ns {
	char block[NVME_NAME_SIZE];   /* "nvme0n1": of the subsystem, if it is shared */
	char generic[NVME_NAME_SIZE]; /* "ng0n1"; empty: there is none */
	dev_t dev;                    /* of the block device; 0: not known */
	uint32_t nsid;                /* 0: not known */
	uint64_t bytes;
	bool shared; /* reached through the subsystem: other controllers may lead to it too */
};

/* Has the kernel a controller of that name? */
bool host_topology_exists(const char *root, const char *ctrlr);

/**
 * host_topology_namespaces() - what a controller of the kernel's driver has
 * @ctrlr: "nvme0"
 * @each: called for each; it stops them by what is not 0
 * Return: 0; what @each has returned.
 */
int host_topology_namespaces(const char *root, const char *ctrlr,
			     int (*each)(const struct host_sysfs_ns *ns, void *arg), void *arg);

/**
 * host_topology_find() - the namespace that a device file is of
 * @path: "/dev/ng0n1", "/dev/nvme0n1", or a link to such (looked for below @root)
 * Return: 0; -ENODEV it is no namespace's; -errno.
 */
int host_topology_find(const char *root, const char *path, struct host_sysfs_ns *ret_ns);

/**
 * host_topology_aliases() - the same namespace as other block devices
 * Without native multipath, every controller of a subsystem that reaches a namespace has a block
 * device of it.
 * @ns: as one of the two above has found it
 * Return: 0; what @each has returned.
 */
int host_topology_aliases(const char *root, const struct host_sysfs_ns *ns,
			  int (*each)(const struct host_sysfs_ns *alias, void *arg), void *arg);

/* Calls @each for every controller of the kernel's. Return: 0; what @each has returned. */
int host_topology_controllers(const char *root, int (*each)(const char *ctrlr, void *arg),
			      void *arg);

/* The kernel's controller of a PCI function, "nvme0". Return: 0; -ENOENT none. */
int host_topology_of_pci(const char *root, const char *bdf, char ret_ctrlr[NVME_NAME_SIZE]);

#endif
