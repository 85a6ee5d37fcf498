/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the kernel's controllers a user means by an address. */
#include "drivers/nvme/uring/resolve.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/nvme/host/pci.h"
#include "drivers/nvme/host/sysfs.h"

static int resolve_fail(int rc, char *ret_error, size_t error_size, const char *format, ...)
	EBB_PRINTF(4, 5);

static int resolve_fail(int rc, char *ret_error, size_t error_size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ret_error, error_size, format, args);
	va_end(args);
	return rc;
}

static int resolve_pci(const char *root, const char *bdf, struct uring_target *target,
		       char *ret_error, size_t error_size)
{
	char driver[HOST_PCI_DRIVER_SIZE];

	if (!host_pci_exists(root, bdf)) {
		return resolve_fail(-ENODEV, ret_error, error_size, "there is no PCI function %s",
				    bdf);
	}
	if (host_topology_of_pci(root, bdf, target->ctrlr) == 0) {
		return 0;
	}
	if (host_pci_driver(root, bdf, driver) < 0) {
		return resolve_fail(
			-ENODEV, ret_error, error_size,
			"PCI function %s has no driver; give it to the kernel's nvme, or "
			"attach it with trtype PCIe",
			bdf);
	}
	if (host_pci_driver_is_vfio(driver)) {
		return resolve_fail(
			-ENODEV, ret_error, error_size,
			"PCI function %s belongs to %s; attach it with trtype PCIe, or give "
			"it back to the kernel's nvme",
			bdf, driver);
	}
	return resolve_fail(-ENODEV, ret_error, error_size,
			    "PCI function %s (driver %s) has no NVMe controller of the kernel's",
			    bdf, driver);
}

struct owner {
	const char *root;
	const char *block;
	char *ctrlr;
};

static int owner_ns(const struct host_sysfs_ns *ns, void *arg)
{
	const struct owner *owner = arg;

	return strcmp(ns->block, owner->block) == 0;
}

/* The first live controller that has the namespace. */
static int owner_ctrlr(const char *ctrlr, void *arg)
{
	struct owner *owner = arg;
	char state[32];

	if (host_topology_namespaces(owner->root, ctrlr, owner_ns, owner) != 1 ||
	    host_sysfs_read(state, sizeof(state), "%s/sys/class/nvme/%s/state", owner->root,
			    ctrlr) < 0 ||
	    strcmp(state, "live") != 0) {
		return 0;
	}
	snprintf(owner->ctrlr, NVME_NAME_SIZE, "%s", ctrlr);
	return 1;
}

/* "/dev/nvme0", or a namespace's device, or a link to one of them. */
static int resolve_device(const char *root, const char *path, struct uring_target *target,
			  char *ret_error, size_t error_size)
{
	struct owner owner = {.root = root, .ctrlr = target->ctrlr};
	char full[PATH_MAX], real[PATH_MAX];
	struct host_sysfs_ns ns;
	unsigned number;
	int end = 0, rc;

	snprintf(full, sizeof(full), "%s%s", root, path);
	if (realpath(full, real) == NULL) {
		return resolve_fail(-errno, ret_error, error_size,
				    "'%s': %s; ebbctl nvme list shows what there is", path,
				    strerror(errno));
	}
	if (sscanf(strrchr(real, '/'), "/nvme%u%n", &number, &end) == 1 &&
	    strrchr(real, '/')[end] == '\0') {
		snprintf(target->ctrlr, sizeof(target->ctrlr), "nvme%u", number);
		return 0;
	}
	rc = host_topology_find(root, path, &ns);
	if (rc < 0) {
		return resolve_fail(
			rc, ret_error, error_size,
			"'%s' is no NVMe controller (/dev/nvme0) and no whole namespace of "
			"one (/dev/ng0n1, /dev/nvme0n1)",
			path);
	}
	owner.block = ns.block;
	if (host_topology_controllers(root, owner_ctrlr, &owner) != 1) {
		return resolve_fail(-ENODEV, ret_error, error_size,
				    "no controller that leads to '%s' is live", path);
	}
	snprintf(target->only, sizeof(target->only), "%s", ns.block);
	return 0;
}

/* The folder of the subsystem's has one of the controller's name. */
static void resolve_subsystem(const char *root, struct uring_target *target)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sys/class/nvme-subsystem", root);
	dir = opendir(path);
	while (dir != NULL && target->subsystem[0] == '\0' && (entry = readdir(dir)) != NULL) {
		unsigned number;

		snprintf(path, sizeof(path), "%s/sys/class/nvme-subsystem/%s/%s", root,
			 entry->d_name, target->ctrlr);
		if (sscanf(entry->d_name, "nvme-subsys%u", &number) == 1 &&
		    access(path, F_OK) == 0) {
			snprintf(target->subsystem, sizeof(target->subsystem), "nvme-subsys%u",
				 number);
		}
	}
	if (dir != NULL) {
		closedir(dir);
	}
}

int uring_resolve(const char *root, const char *traddr, struct uring_target *ret_target,
		  char *ret_error, size_t error_size)
{
	struct uring_target target = {.only = ""};
	char bdf[HOST_PCI_BDF_SIZE], state[32];
	int rc;

	if (host_pci_bdf_parse(traddr, bdf)) {
		rc = resolve_pci(root, bdf, &target, ret_error, error_size);
	} else if (traddr[0] == '/') {
		rc = resolve_device(root, traddr, &target, ret_error, error_size);
	} else {
		rc = resolve_fail(
			-EINVAL, ret_error, error_size,
			"traddr '%s' is neither a device file (/dev/nvme0) nor a PCI address "
			"(0000:01:00.0)",
			traddr);
	}
	if (rc < 0) {
		return rc;
	}
	rc = host_sysfs_read(state, sizeof(state), "%s/sys/class/nvme/%s/state", root,
			     target.ctrlr);
	if (rc < 0) {
		return resolve_fail(-ENODEV, ret_error, error_size,
				    "the kernel has no NVMe controller %s", target.ctrlr);
	}
	if (strcmp(state, "live") != 0) {
		return resolve_fail(
			-EAGAIN, ret_error, error_size,
			"controller %s is not ready, its state is \"%s\"; try again when "
			"the kernel has it \"live\"",
			target.ctrlr, state);
	}
	resolve_subsystem(root, &target);
	*ret_target = target;
	return 0;
}
