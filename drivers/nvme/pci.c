/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/pci.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool ebb_pci_bdf_parse(const char *text, char ret_bdf[EBB_PCI_BDF_SIZE])
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
	snprintf(ret_bdf, EBB_PCI_BDF_SIZE, "%04x:%02x:%02x.%x", domain, bus, device, function);
	return true;
}

int ebb_sysfs_read(char *ret_text, size_t size, const char *path_format, ...)
{
	char path[PATH_MAX];
	va_list args;
	ssize_t got;
	int fd;

	ret_text[0] = '\0';
	va_start(args, path_format);
	vsnprintf(path, sizeof(path), path_format, args);
	va_end(args);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return -errno;
	}
	got = read(fd, ret_text, size - 1);
	if (got < 0) {
		got = -errno;
		close(fd);
		return (int)got;
	}
	close(fd);
	ret_text[got] = '\0';
	ret_text[strcspn(ret_text, "\n")] = '\0';
	for (got = (ssize_t)strlen(ret_text); got > 0 && isspace((unsigned char)ret_text[got - 1]);
	     got--) {
		ret_text[got - 1] = '\0';
	}
	return 0;
}

static int (*write_observer)(const char *path, const char *text);

void ebb_sysfs_set_observer(int (*observer)(const char *path, const char *text))
{
	write_observer = observer;
}

int ebb_sysfs_write(const char *text, const char *path_format, ...)
{
	char path[PATH_MAX];
	va_list args;
	int fd, rc = 0;

	va_start(args, path_format);
	vsnprintf(path, sizeof(path), path_format, args);
	va_end(args);
	if (write_observer != NULL) {
		return write_observer(path, text);
	}
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		return -errno;
	}
	if (write(fd, text, strlen(text)) < 0) {
		rc = -errno;
	}
	close(fd);
	return rc;
}

int ebb_sysfs_link_name(char *ret_name, size_t size, const char *path_format, ...)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *slash;
	va_list args;
	ssize_t len;

	ret_name[0] = '\0';
	va_start(args, path_format);
	vsnprintf(path, sizeof(path), path_format, args);
	va_end(args);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0) {
		return -errno;
	}
	target[len] = '\0';
	slash = strrchr(target, '/');
	snprintf(ret_name, size, "%s", slash == NULL ? target : slash + 1);
	return 0;
}

bool ebb_pci_exists(const char *root, const char *bdf)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s", root, bdf);
	return access(path, F_OK) == 0;
}

int ebb_pci_driver(const char *root, const char *bdf, char ret_driver[EBB_PCI_DRIVER_SIZE])
{
	int rc = ebb_sysfs_link_name(ret_driver, EBB_PCI_DRIVER_SIZE,
				     "%s/sys/bus/pci/devices/%s/driver", root, bdf);

	return rc < 0 ? -ENOENT : 0;
}

int ebb_pci_group(const char *root, const char *bdf)
{
	char name[16];
	char *end;
	long group;

	if (ebb_sysfs_link_name(name, sizeof(name), "%s/sys/bus/pci/devices/%s/iommu_group", root,
				bdf) < 0) {
		return -ENOTSUP;
	}
	group = strtol(name, &end, 10);
	return end == name || *end != '\0' || group < 0 || group > INT_MAX ? -ENOTSUP : (int)group;
}

bool ebb_pci_driver_is_vfio(const char *driver)
{
	static const char suffix[] = "vfio-pci";
	size_t len = strlen(driver);

	return len >= sizeof(suffix) - 1 &&
	       strcmp(driver + len - (sizeof(suffix) - 1), suffix) == 0;
}

bool ebb_pci_driver_is_harmless(const char *driver)
{
	return driver[0] == '\0' || strcmp(driver, "pci-stub") == 0 ||
	       strcmp(driver, "pcieport") == 0 || ebb_pci_driver_is_vfio(driver);
}

bool ebb_pci_group_blocker(const char *root, int group, const char *bdf,
			   char ret_bdf[EBB_PCI_BDF_SIZE], char ret_driver[EBB_PCI_DRIVER_SIZE])
{
	char path[PATH_MAX], driver[EBB_PCI_DRIVER_SIZE];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sys/kernel/iommu_groups/%d/devices", root, group);
	dir = opendir(path);
	while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' || strcmp(entry->d_name, bdf) == 0) {
			continue;
		}
		ebb_sysfs_link_name(driver, sizeof(driver), "%s/%s/driver", path, entry->d_name);
		if (!ebb_pci_driver_is_harmless(driver)) {
			snprintf(ret_bdf, EBB_PCI_BDF_SIZE, "%.15s", entry->d_name);
			snprintf(ret_driver, EBB_PCI_DRIVER_SIZE, "%s", driver);
			found = true;
		}
	}
	if (dir != NULL) {
		closedir(dir);
	}
	return found;
}
