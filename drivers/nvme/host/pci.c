/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/host/pci.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/nvme/host/sysfs.h"

bool host_pci_bdf_parse(const char *text, char ret_bdf[HOST_PCI_BDF_SIZE])
{
	unsigned domain = 0, bus, device, function;
	int end = 0;

	if (sscanf(text, "%8x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &end) != 4 ||
	    text[end] != '\0') {
		domain = 0;
		end = 0;
		if (sscanf(text, "%2x:%2x.%1x%n", &bus, &device, &function, &end) != 3 ||
		    text[end] != '\0') {
			return false;
		}
	}
	/* sscanf() takes blanks and signs where we want digits alone. */
	if (strspn(text, "0123456789abcdefABCDEF:.") != strlen(text) || device > 0x1f ||
	    function > 7) {
		return false;
	}
	snprintf(ret_bdf, HOST_PCI_BDF_SIZE, "%04x:%02x:%02x.%x", domain, bus, device, function);
	return true;
}

bool host_pci_exists(const char *root, const char *bdf)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s", root, bdf);
	return access(path, F_OK) == 0;
}

int host_pci_driver(const char *root, const char *bdf, char ret_driver[HOST_PCI_DRIVER_SIZE])
{
	int rc = host_sysfs_link_name(ret_driver, HOST_PCI_DRIVER_SIZE,
				      "%s/sys/bus/pci/devices/%s/driver", root, bdf);

	return rc < 0 ? -ENOENT : 0;
}

int host_pci_group(const char *root, const char *bdf)
{
	char name[16];
	char *end;
	long group;

	if (host_sysfs_link_name(name, sizeof(name), "%s/sys/bus/pci/devices/%s/iommu_group", root,
				 bdf) < 0) {
		return -ENOTSUP;
	}
	group = strtol(name, &end, 10);
	return end == name || *end != '\0' || group < 0 || group > INT_MAX ? -ENOTSUP : (int)group;
}

bool host_pci_driver_is_vfio(const char *driver)
{
	static const char suffix[] = "vfio-pci";
	size_t len = strlen(driver);

	return len >= sizeof(suffix) - 1 &&
	       strcmp(driver + len - (sizeof(suffix) - 1), suffix) == 0;
}

bool host_pci_driver_is_harmless(const char *driver)
{
	return driver[0] == '\0' || strcmp(driver, "pci-stub") == 0 ||
	       strcmp(driver, "pcieport") == 0 || host_pci_driver_is_vfio(driver);
}

bool host_pci_group_blocker(const char *root, int group, const char *bdf,
			    char ret_bdf[HOST_PCI_BDF_SIZE], char ret_driver[HOST_PCI_DRIVER_SIZE])
{
	char path[PATH_MAX], driver[HOST_PCI_DRIVER_SIZE];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sys/kernel/iommu_groups/%d/devices", root, group);
	dir = opendir(path);
	while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' || strcmp(entry->d_name, bdf) == 0) {
			continue;
		}
		host_sysfs_link_name(driver, sizeof(driver), "%s/%s/driver", path, entry->d_name);
		if (!host_pci_driver_is_harmless(driver)) {
			snprintf(ret_bdf, HOST_PCI_BDF_SIZE, "%.15s", entry->d_name);
			snprintf(ret_driver, HOST_PCI_DRIVER_SIZE, "%s", driver);
			found = true;
		}
	}
	if (dir != NULL) {
		closedir(dir);
	}
	return found;
}
