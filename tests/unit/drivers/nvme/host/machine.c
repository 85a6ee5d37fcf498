/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/drivers/nvme/host/machine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include "drivers/nvme/host/pci.h"
#include "drivers/nvme/host/sysfs.h"
#include "tests/unit/core/base/scratch.h"

#define CTRLRS_MAX 8u

static struct {
	char bdf[16];
	char ctrlr[16];
} ctrlrs[CTRLRS_MAX];
static unsigned num_ctrlrs;
static const char *broken;
static unsigned fail_nth;
static int fail_rc;
static unsigned num_writes;

static void text(const char *content, const char *format, ...) EBB_PRINTF(2, 3);
static void text(const char *content, const char *format, ...)
{
	char name[200];
	va_list args;

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	scratch_text(name, content);
}

/* @target: below the root. */
static void link_to(const char *target, const char *format, ...) EBB_PRINTF(2, 3);
static void link_to(const char *target, const char *format, ...)
{
	char name[200];
	va_list args;

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	scratch_link(name, scratch_path(target));
}

static void driver_set(const char *bdf, const char *driver)
{
	char name[200], target[100];

	snprintf(name, sizeof(name), "sys/bus/pci/devices/%s/driver", bdf);
	unlink(scratch_path(name));
	if (driver != NULL) {
		snprintf(target, sizeof(target), "sys/bus/pci/drivers/%s", driver);
		scratch_link(name, scratch_path(target));
	}
}

/* The kernel's controller of @bdf is there, or is not. */
static void ctrlr_show(const char *bdf, bool on)
{
	char from[200], to[200];
	unsigned i;

	for (i = 0; i < num_ctrlrs; i++) {
		if (strcmp(ctrlrs[i].bdf, bdf) != 0) {
			continue;
		}
		snprintf(from, sizeof(from), "sys/class/nvme/%s", ctrlrs[i].ctrlr);
		snprintf(to, sizeof(to), "sys/gone/%s", ctrlrs[i].ctrlr);
		rename(scratch_path(on ? to : from), scratch_path(on ? from : to));
		snprintf(from, sizeof(from), "sys/bus/pci/devices/%s/nvme", bdf);
		snprintf(to, sizeof(to), "sys/gone/%s", bdf);
		rename(scratch_path(on ? to : from), scratch_path(on ? from : to));
	}
}

static void kernel_probe(const char *bdf)
{
	const char *driver = machine_override(bdf);
	char path[200];

	if (machine_driver(bdf)[0] != '\0') {
		return;
	}
	driver = driver[0] == '\0' ? "nvme" : driver;
	snprintf(path, sizeof(path), "sys/bus/pci/drivers/%s", driver);
	if (access(scratch_path(path), F_OK) == 0 &&
	    (broken == NULL || strcmp(broken, driver) != 0)) {
		driver_set(bdf, driver);
		ctrlr_show(bdf, strcmp(driver, "nvme") == 0);
	}
}

/* What the kernel does when a file is written to. */
static int kernel_write(const char *path, const char *content)
{
	char bdf[16], driver[32], name[200];
	const char *rest = path + strlen(scratch_dir());

	num_writes++;
	if (fail_nth > 0 && --fail_nth == 0) {
		return fail_rc;
	}
	if (sscanf(rest, "/sys/bus/pci/devices/%15[^/]/driver_override", bdf) == 1) {
		snprintf(name, sizeof(name), "sys/bus/pci/devices/%s/driver_override", bdf);
		scratch_text(name, strcmp(content, "\n") == 0 ? "(null)\n" : content);
		return 0;
	}
	if (sscanf(rest, "/sys/bus/pci/drivers/%31[^/]/unbind", driver) == 1) {
		if (strcmp(machine_driver(content), driver) != 0) {
			return -ENODEV;
		}
		driver_set(content, NULL);
		ctrlr_show(content, false);
		return 0;
	}
	if (strcmp(rest, "/sys/bus/pci/drivers_probe") == 0) {
		kernel_probe(content);
		return 0;
	}
	return -ENOENT;
}

void machine_begin(void)
{
	scratch_begin();
	num_ctrlrs = 0;
	broken = NULL;
	fail_nth = 0;
	num_writes = 0;
	scratch_text("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n");
	scratch_text("proc/self/mountinfo", "21 1 9:9 / / rw - ext4 /dev/root rw\n");
	scratch_text("sys/bus/pci/drivers/nvme/module", "");
	scratch_text("sys/bus/pci/drivers/vfio-pci/module", "");
	scratch_text("sys/gone/nothing", "");
	scratch_text("sys/class/nvme-generic/.keep", "");
	scratch_text("sys/class/block/.keep", "");
	host_sysfs_set_observer(kernel_write);
}

void machine_end(void)
{
	host_sysfs_set_observer(NULL);
	scratch_end();
}

const char *machine_root(void)
{
	return scratch_dir();
}

void machine_add_pci(const char *bdf, const char *class, int group, const char *driver)
{
	char name[64], target[64];

	text(class, "sys/bus/pci/devices/%s/class", bdf);
	text("(null)\n", "sys/bus/pci/devices/%s/driver_override", bdf);
	text("0x1234\n", "sys/bus/pci/devices/%s/vendor", bdf);
	text("0x5678\n", "sys/bus/pci/devices/%s/device", bdf);
	if (group >= 0) {
		snprintf(name, sizeof(name), "sys/kernel/iommu_groups/%d", group);
		snprintf(target, sizeof(target), "sys/bus/pci/devices/%s", bdf);
		link_to(target, "%s/devices/%s", name, bdf);
		link_to(name, "sys/bus/pci/devices/%s/iommu_group", bdf);
	}
	driver_set(bdf, driver);
}

void machine_add_ctrlr(const char *bdf, const char *ctrlr, const char *subsystem)
{
	char nqn[64];

	ck_assert_uint_lt(num_ctrlrs, CTRLRS_MAX);
	snprintf(ctrlrs[num_ctrlrs].bdf, sizeof(ctrlrs[0].bdf), "%s", bdf);
	snprintf(ctrlrs[num_ctrlrs].ctrlr, sizeof(ctrlrs[0].ctrlr), "%s", ctrlr);
	num_ctrlrs++;
	snprintf(nqn, sizeof(nqn), "nqn.2014-08.org:%s\n", subsystem);
	text("live\n", "sys/class/nvme/%s/state", ctrlr);
	text("pcie\n", "sys/class/nvme/%s/transport", ctrlr);
	text(bdf, "sys/class/nvme/%s/address", ctrlr);
	text(nqn, "sys/class/nvme/%s/subsysnqn", ctrlr);
	text("Model One   \n", "sys/class/nvme/%s/model", ctrlr);
	text("S1\n", "sys/class/nvme/%s/serial", ctrlr);
	text("1.0\n", "sys/class/nvme/%s/firmware_rev", ctrlr);
	text("", "sys/bus/pci/devices/%s/nvme/%s/here", bdf, ctrlr);
}

static void add_block(const char *folder, const char *block, const char *generic,
		      const char *parent, unsigned nsid, unsigned minor)
{
	char number[32], content[64], dev_link[64], generic_dir[100];

	snprintf(number, sizeof(number), "259:%u", minor);
	text(number, "%s/dev", folder);
	snprintf(content, sizeof(content), "%u\n", nsid);
	text(content, "%s/nsid", folder);
	text("2097152\n", "%s/size", folder);
	snprintf(content, sizeof(content), "eui.%08u\n", nsid);
	text(content, "%s/wwid", folder);
	snprintf(content, sizeof(content), "DEVNAME=%s\n", block);
	text(content, "%s/uevent", folder);
	link_to(parent, "%s/device", folder);
	link_to(folder, "sys/class/block/%s", block);
	snprintf(dev_link, sizeof(dev_link), "sys/dev/block/%s", number);
	link_to(folder, "%s", dev_link);
	snprintf(generic_dir, sizeof(generic_dir), "sys/class/nvme-generic/%s", generic);
	link_to(parent, "%s/device", generic_dir);
	text("", "dev/%s", block);
	text("", "dev/%s", generic);
}

void machine_add_ns(const char *ctrlr, const char *block, const char *generic, unsigned nsid,
		    unsigned minor)
{
	char folder[100], parent[64];

	snprintf(parent, sizeof(parent), "sys/class/nvme/%s", ctrlr);
	snprintf(folder, sizeof(folder), "%s/%s", parent, block);
	add_block(folder, block, generic, parent, nsid, minor);
}

void machine_add_shared_ns(const char *subsystem, const char *ctrlr, const char *hidden,
			   const char *block, const char *generic, unsigned nsid, unsigned minor)
{
	char folder[100], parent[64];

	text("", "sys/class/nvme/%s/%s/hidden", ctrlr, hidden);
	snprintf(parent, sizeof(parent), "sys/class/nvme-subsystem/%s", subsystem);
	snprintf(folder, sizeof(folder), "%s/%s", parent, block);
	add_block(folder, block, generic, parent, nsid, minor);
}

void machine_unload(const char *driver)
{
	char from[100], to[100];

	snprintf(from, sizeof(from), "sys/bus/pci/drivers/%s", driver);
	snprintf(to, sizeof(to), "sys/gone/driver-%s", driver);
	ck_assert_int_eq(rename(scratch_path(from), scratch_path(to)), 0);
}

void machine_set_broken(const char *driver)
{
	broken = driver;
}

void machine_fail_write(unsigned nth, int rc)
{
	fail_nth = nth;
	fail_rc = rc;
}

unsigned machine_num_writes(void)
{
	return num_writes;
}

const char *machine_driver(const char *bdf)
{
	static char driver[HOST_PCI_DRIVER_SIZE];

	host_pci_driver(scratch_dir(), bdf, driver);
	return driver;
}

const char *machine_override(const char *bdf)
{
	static char override[64];

	host_sysfs_read(override, sizeof(override), "%s/sys/bus/pci/devices/%s/driver_override",
			scratch_dir(), bdf);
	return strcmp(override, "(null)") == 0 ? "" : override;
}

void machine_mount(unsigned minor, const char *where)
{
	char line[200];

	snprintf(line, sizeof(line), "22 21 259:%u / %s rw - ext4 /dev/none rw\n", minor, where);
	scratch_text("proc/self/mountinfo", line);
}
