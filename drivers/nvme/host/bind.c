/* SPDX-License-Identifier: Apache-2.0 */
/*
 * To rebind is to write three files: driver_override, which decides who shall have the device
 * (nobody else will be offered it, and it takes part in no race with a driver that is being
 * loaded); driver/unbind; and drivers_probe. The kernel answers by where the link "driver" then
 * leads, and that alone is believed.
 *
 * Whatever fails on the way: driver_override is put back to what it was, and the device is offered
 * again, so that its old driver takes it back.
 *
 * What must not happen is that a namespace is in use while its driver goes. So all its block
 * devices are claimed first (claim.h), with all checks made under the claim. The other way round it
 * is the group in /dev/vfio, which only one process can have open: whoever has it uses the device.
 * It is held while the device is given back. (unbind would wait in the kernel until the user lets
 * go.)
 */
#include "drivers/nvme/host/bind.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/os/fd_owner.h"
#include "drivers/nvme/host/sysfs.h"
#include "drivers/nvme/host/topology.h"
#include "drivers/nvme/vfio/check.h"

#define CLASS_NVME 0x010802ul /* NVMe 1.4, 2.1.5 "Offset 09h: CC - Class Code" */

struct bind {
	const char *root;
	const char *bdf;
	char *error;
	size_t error_size;
	char driver[HOST_PCI_DRIVER_SIZE]; /* before */
	char override[HOST_PCI_DRIVER_SIZE];
};

static int EBB_PRINTF(3, 4) bind_fail(const struct bind *bind, int rc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(bind->error, bind->error_size, format, args);
	va_end(args);
	return rc;
}

static int bind_look(struct bind *bind)
{
	char text[32];

	if (!host_pci_exists(bind->root, bind->bdf)) {
		return bind_fail(bind, -ENODEV,
				 "%s: there is no such PCI function; ebbctl nvme list shows what "
				 "there is",
				 bind->bdf);
	}
	host_sysfs_read(text, sizeof(text), "%s/sys/bus/pci/devices/%s/class", bind->root,
			bind->bdf);
	if (strtoul(text, NULL, 16) != CLASS_NVME) {
		return bind_fail(bind, -EINVAL, "%s is no NVMe controller (its PCI class is %s)",
				 bind->bdf, text);
	}
	host_pci_driver(bind->root, bind->bdf, bind->driver);
	host_sysfs_read(bind->override, sizeof(bind->override),
			"%s/sys/bus/pci/devices/%s/driver_override", bind->root, bind->bdf);
	if (strcmp(bind->override, "(null)") == 0) {
		bind->override[0] = '\0';
	}
	return 0;
}

static int bind_write(const struct bind *bind, const char *file, const char *text)
{
	int rc = host_sysfs_write(text, "%s/sys/bus/pci/%s", bind->root, file);

	if (rc == -EACCES || rc == -EPERM || rc == -EROFS) {
		return bind_fail(bind, -EPERM,
				 "%s: not permitted to change its driver (/sys/bus/pci/%s): run "
				 "ebbctl nvme bind %s as root, once, before ebbd starts",
				 bind->bdf, file, bind->bdf);
	}
	if (rc < 0) {
		return bind_fail(bind, rc, "%s: the kernel refuses \"%s\" in /sys/bus/pci/%s: %s",
				 bind->bdf, strcmp(text, "\n") == 0 ? "" : text, file,
				 strerror(-rc));
	}
	return 0;
}

/* @driver: which shall have it; empty: whoever wants it. */
static int bind_override(const struct bind *bind, const char *driver)
{
	char file[64];

	snprintf(file, sizeof(file), "devices/%s/driver_override", bind->bdf);
	return bind_write(bind, file, driver[0] == '\0' ? "\n" : driver);
}

static int bind_unbind(const struct bind *bind)
{
	char file[HOST_PCI_DRIVER_SIZE + 32];

	if (bind->driver[0] == '\0') {
		return 0;
	}
	snprintf(file, sizeof(file), "drivers/%s/unbind", bind->driver);
	return bind_write(bind, file, bind->bdf);
}

/* Offers it to drivers; @good: whose taking it is success. */
static int bind_probe(const struct bind *bind, const char *good)
{
	char now[HOST_PCI_DRIVER_SIZE];
	int rc = bind_write(bind, "drivers_probe", bind->bdf);

	host_pci_driver(bind->root, bind->bdf, now);
	if (strcmp(now, good) == 0) {
		return 0;
	}
	if (rc == 0) {
		rc = bind_fail(bind, -EIO, "%s: %s has not taken it (%s has); dmesg may say why",
			       bind->bdf, good, now[0] == '\0' ? "no driver" : now);
	}
	return rc;
}

/* After a failure, whose text is kept. */
static void bind_undo(struct bind *bind)
{
	const struct bind quiet = {.root = bind->root,
				   .bdf = bind->bdf,
				   .error = (char[256]){""},
				   .error_size = 256};
	char now[HOST_PCI_DRIVER_SIZE];
	size_t len = strlen(bind->error);
	int rc;

	bind_override(&quiet, bind->override);
	host_pci_driver(bind->root, bind->bdf, now);
	if (bind->driver[0] == '\0' || strcmp(now, bind->driver) == 0) {
		return;
	}
	rc = bind_probe(&quiet, bind->driver);
	snprintf(
		bind->error + len, bind->error_size - len,
		rc == 0 ? "; %s has it again"
			: "; and %s has not taken it back: look at dmesg, and write the address to "
			  "/sys/bus/pci/drivers_probe",
		bind->driver);
}

/* From one driver to another, or back to where it was. */
static int bind_move(struct bind *bind, const char *override, const char *driver)
{
	int rc = bind_override(bind, override);

	if (rc == 0) {
		rc = bind_unbind(bind);
	}
	if (rc == 0) {
		rc = bind_probe(bind, driver);
	}
	if (rc < 0) {
		bind_undo(bind);
	}
	return rc;
}

/* What the kernel's driver has of it is claimed. */
static int bind_claim(const struct bind *bind, struct host_claim **ret_claim)
{
	char ctrlr[NVME_NAME_SIZE], why[400];
	int rc;

	if (bind->driver[0] != '\0' && strcmp(bind->driver, "nvme") != 0) {
		return bind_fail(bind, -EBUSY,
				 "%s: the driver %s has it, not the kernel's nvme: unbind it there "
				 "first",
				 bind->bdf, bind->driver);
	}
	if (host_topology_of_pci(bind->root, bind->bdf, ctrlr) < 0) {
		return 0; /* a controller that nvme could not start has no namespaces */
	}
	rc = host_claim_controller(bind->root, ctrlr, ret_claim, why, sizeof(why));
	return rc < 0 ? bind_fail(bind, rc, "%s: %s", bind->bdf, why) : 0;
}

int host_bind_vfio(const char *root, const char *bdf, char ret_was[HOST_PCI_DRIVER_SIZE],
		   struct host_claim **ret_claim, char *ret_error, size_t error_size)
{
	struct bind bind = {.root = root, .bdf = bdf, .error = ret_error, .error_size = error_size};
	struct host_claim *claim = NULL;
	unsigned group;
	int rc = bind_look(&bind);

	if (rc == 0) {
		rc = vfio_check_possible(root, bdf, &group, ret_error, error_size);
	}
	if (rc == 0 && !host_pci_driver_is_vfio(bind.driver)) {
		rc = bind_claim(&bind, &claim);
		if (rc == 0) {
			rc = bind_move(&bind, "vfio-pci", "vfio-pci");
		}
	}
	if (claim != NULL && rc == 0 && ret_claim != NULL) {
		host_claim_prune(root, claim);
	} else {
		host_claim_release(claim);
		claim = NULL;
	}
	if (rc < 0) {
		return rc;
	}
	if (ret_claim != NULL) {
		*ret_claim = claim;
	}
	snprintf(ret_was, HOST_PCI_DRIVER_SIZE, "%s", bind.driver);
	return 0;
}

/* Claims the group. @ret_fd: -1: there is none to claim. */
static int group_claim(const struct bind *bind, int *ret_fd)
{
	int group = host_pci_group(bind->root, bind->bdf), rc;
	char path[300], holder[96];

	*ret_fd = -1;
	if (group < 0) {
		return 0;
	}
	snprintf(path, sizeof(path), "%s/dev/vfio/%d", bind->root, group);
	*ret_fd = open(path, O_RDWR | O_CLOEXEC);
	if (*ret_fd >= 0) {
		return 0;
	}
	rc = -errno;
	switch (rc) {
	case -ENOENT:
		return 0;
	case -EBUSY:
		os_fd_owner(bind->root, path, holder, sizeof(holder));
		return bind_fail(bind, rc, "%s: it is in use through %s by %s; end that first",
				 bind->bdf, path, holder);
	case -EACCES:
	case -EPERM:
		return vfio_check_denied(bind->bdf, path, bind->error, bind->error_size);
	default:
		return bind_fail(bind, rc, "%s: cannot open %s: %s", bind->bdf, path,
				 strerror(-rc));
	}
}

int host_bind_back(const char *root, const char *bdf, char *ret_error, size_t error_size)
{
	struct bind bind = {.root = root, .bdf = bdf, .error = ret_error, .error_size = error_size};
	char path[300];
	int fd, rc = bind_look(&bind);

	if (rc < 0 || strcmp(bind.driver, "nvme") == 0) {
		return rc;
	}
	if (bind.driver[0] != '\0' && !host_pci_driver_is_vfio(bind.driver)) {
		return bind_fail(&bind, -EBUSY,
				 "%s: the driver %s has it, not vfio-pci: unbind it there first",
				 bdf, bind.driver);
	}
	snprintf(path, sizeof(path), "%s/sys/bus/pci/drivers/nvme", root);
	if (access(path, F_OK) < 0) {
		return bind_fail(&bind, -ENOENT,
				 "%s: the kernel's nvme driver is not loaded: modprobe nvme", bdf);
	}
	rc = group_claim(&bind, &fd);
	if (rc < 0) {
		return rc;
	}
	rc = bind_move(&bind, "", "nvme");
	if (fd >= 0) {
		close(fd);
	}
	return rc;
}
