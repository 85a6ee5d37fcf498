/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/vfio/check.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/nvme/host/pci.h"
#include "drivers/nvme/vfio/error.h"

static bool vfio_pci_is_loaded(const char *root)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/sys/bus/pci/drivers/vfio-pci", root);
	return access(path, F_OK) == 0;
}

int vfio_check_possible(const char *root, const char *bdf, unsigned *ret_group, char *ret_error,
			size_t error_size)
{
	const struct vfio_error error = {.text = ret_error, .size = error_size};
	char driver[HOST_PCI_DRIVER_SIZE], mate[HOST_PCI_BDF_SIZE];
	int group;

	if (!host_pci_exists(root, bdf)) {
		return vfio_error_set(
			&error, -ENODEV,
			"%s: there is no such PCI function; ebbctl nvme list shows what "
			"there is",
			bdf);
	}
	group = host_pci_group(root, bdf);
	if (group < 0) {
		return vfio_error_set(
			&error, -ENOTSUP,
			"%s: it is in no IOMMU group: turn the IOMMU on, in the firmware "
			"(VT-d, AMD-Vi) and for the kernel (intel_iommu=on)",
			bdf);
	}
	if (host_pci_group_blocker(root, group, bdf, mate, driver)) {
		return vfio_error_set(
			&error, -EBUSY,
			"%s: its IOMMU group %d is shared with %s, which the kernel's "
			"driver %s has: that device must go to vfio-pci too, or be without "
			"a driver",
			bdf, group, mate, driver);
	}
	if (!vfio_pci_is_loaded(root)) {
		return vfio_error_set(
			&error, -ENOENT,
			"%s: the kernel's vfio-pci driver is not loaded: modprobe vfio-pci", bdf);
	}
	*ret_group = (unsigned)group;
	return 0;
}

int vfio_check_bound(const char *root, const char *bdf, unsigned *ret_group, char *ret_error,
		     size_t error_size)
{
	const struct vfio_error error = {.text = ret_error, .size = error_size};
	char driver[HOST_PCI_DRIVER_SIZE];
	int rc = vfio_check_possible(root, bdf, ret_group, ret_error, error_size);

	if (rc < 0) {
		return rc;
	}
	host_pci_driver(root, bdf, driver);
	if (driver[0] == '\0') {
		return vfio_error_set(
			&error, -ENODEV,
			"%s: no driver has it; give it to vfio-pci: ebbctl nvme bind %s", bdf, bdf);
	}
	if (!host_pci_driver_is_vfio(driver)) {
		return vfio_error_set(
			&error, -EBUSY,
			"%s: the kernel's driver %s has it; give it to vfio-pci (ebbctl "
			"nvme bind %s), or attach with rebind=true",
			bdf, driver, bdf);
	}
	return 0;
}

int vfio_check_denied(const char *bdf, const char *path, char *ret_error, size_t error_size)
{
	const struct vfio_error error = {.text = ret_error, .size = error_size};
	const struct passwd *user;
	const struct group *group;
	struct stat st;

	if (stat(path, &st) < 0) {
		return vfio_error_set(&error, -EPERM, "%s: cannot open %s: not permitted", bdf,
				      path);
	}
	user = getpwuid(st.st_uid);
	group = getgrgid(st.st_gid);
	return vfio_error_set(
		&error, -EPERM,
		"%s: not permitted to open %s (mode %04o, %s:%s): a udev rule lets a group "
		"in: SUBSYSTEM==\"vfio\", GROUP=\"ebb\", MODE=\"0660\" in "
		"/etc/udev/rules.d/60-ebb-vfio.rules",
		bdf, path, (unsigned)st.st_mode & 07777u, user == NULL ? "?" : user->pw_name,
		group == NULL ? "?" : group->gr_name);
}
