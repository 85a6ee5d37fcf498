/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/uring/internal.h"

/* Which of the kernel's controllers a user means, and what its queues take. */

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

/* Where sysfs is silent: what every controller takes (one page more than a page-aligned 128 KiB). */
#define DEFAULT_IO_BYTES (128u << 10)
#define DEFAULT_SEGMENTS 33u
#define DEFAULT_ALIGN    4u
#define PAGE_BYTES       4096u
#define VECTOR_MAX       1024u /* UIO_MAXIOV */

static int find_fail(int rc, char *ret_error, size_t error_size, const char *format, ...)
	EBB_PRINTF(4, 5);

static int find_fail(int rc, char *ret_error, size_t error_size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ret_error, error_size, format, args);
	va_end(args);
	return rc;
}

static int find_pci(const char *root, const char *bdf, struct ebb_nvme_uring_where *where,
		    char *ret_error, size_t error_size)
{
	char driver[EBB_PCI_DRIVER_SIZE];

	if (!ebb_pci_exists(root, bdf)) {
		return find_fail(-ENODEV, ret_error, error_size, "there is no PCI function %s",
				 bdf);
	}
	if (ebb_nvme_topology_of_pci(root, bdf, where->ctrlr) == 0) {
		return 0;
	}
	if (ebb_pci_driver(root, bdf, driver) < 0) {
		return find_fail(-ENODEV, ret_error, error_size,
				 "PCI function %s has no driver; give it to the kernel's nvme, or "
				 "attach it with trtype PCIe",
				 bdf);
	}
	if (ebb_pci_driver_is_vfio(driver)) {
		return find_fail(
			-ENODEV, ret_error, error_size,
			"PCI function %s belongs to %s; attach it with trtype PCIe, or give "
			"it back to the kernel's nvme",
			bdf, driver);
	}
	return find_fail(-ENODEV, ret_error, error_size,
			 "PCI function %s (driver %s) has no NVMe controller of the kernel's", bdf,
			 driver);
}

struct owner {
	const char *root;
	const char *block;
	char *ctrlr;
};

static int owner_ns(const struct ebb_nvme_sysfs_ns *ns, void *arg)
{
	const struct owner *owner = arg;

	return strcmp(ns->block, owner->block) == 0;
}

/* The first live controller that has the namespace. */
static int owner_ctrlr(const char *ctrlr, void *arg)
{
	struct owner *owner = arg;
	char state[32];

	if (ebb_nvme_topology_namespaces(owner->root, ctrlr, owner_ns, owner) != 1 ||
	    ebb_sysfs_read(state, sizeof(state), "%s/sys/class/nvme/%s/state", owner->root, ctrlr) <
		    0 ||
	    strcmp(state, "live") != 0) {
		return 0;
	}
	snprintf(owner->ctrlr, EBB_NVME_NAME_SIZE, "%s", ctrlr);
	return 1;
}

/* "/dev/nvme0", or a namespace's device, or a link to one of them. */
static int find_device(const char *root, const char *path, struct ebb_nvme_uring_where *where,
		       char *ret_error, size_t error_size)
{
	struct owner owner = {.root = root, .ctrlr = where->ctrlr};
	char full[PATH_MAX], real[PATH_MAX];
	struct ebb_nvme_sysfs_ns ns;
	unsigned number;
	int end = 0, rc;

	snprintf(full, sizeof(full), "%s%s", root, path);
	if (realpath(full, real) == NULL) {
		return find_fail(-errno, ret_error, error_size,
				 "'%s': %s; ebbctl nvme list shows what there is", path,
				 strerror(errno));
	}
	if (sscanf(strrchr(real, '/'), "/nvme%u%n", &number, &end) == 1 &&
	    strrchr(real, '/')[end] == '\0') {
		snprintf(where->ctrlr, sizeof(where->ctrlr), "nvme%u", number);
		return 0;
	}
	rc = ebb_nvme_topology_find(root, path, &ns);
	if (rc < 0) {
		return find_fail(
			rc, ret_error, error_size,
			"'%s' is no NVMe controller (/dev/nvme0) and no whole namespace of "
			"one (/dev/ng0n1, /dev/nvme0n1)",
			path);
	}
	owner.block = ns.block;
	if (ebb_nvme_topology_controllers(root, owner_ctrlr, &owner) != 1) {
		return find_fail(-ENODEV, ret_error, error_size,
				 "no controller that leads to '%s' is live", path);
	}
	snprintf(where->only, sizeof(where->only), "%s", ns.block);
	return 0;
}

/* The folder of the subsystem's has one of the controller's name. */
static void find_subsystem(const char *root, struct ebb_nvme_uring_where *where)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sys/class/nvme-subsystem", root);
	dir = opendir(path);
	while (dir != NULL && where->subsystem[0] == '\0' && (entry = readdir(dir)) != NULL) {
		unsigned number;

		snprintf(path, sizeof(path), "%s/sys/class/nvme-subsystem/%s/%s", root,
			 entry->d_name, where->ctrlr);
		if (sscanf(entry->d_name, "nvme-subsys%u", &number) == 1 &&
		    access(path, F_OK) == 0) {
			snprintf(where->subsystem, sizeof(where->subsystem), "nvme-subsys%u",
				 number);
		}
	}
	if (dir != NULL) {
		closedir(dir);
	}
}

int ebb_nvme_uring_find(const char *root, const char *traddr,
			struct ebb_nvme_uring_where *ret_where, char *ret_error, size_t error_size)
{
	struct ebb_nvme_uring_where where = {.only = ""};
	char bdf[EBB_PCI_BDF_SIZE], state[32];
	int rc;

	if (ebb_pci_bdf_parse(traddr, bdf)) {
		rc = find_pci(root, bdf, &where, ret_error, error_size);
	} else if (traddr[0] == '/') {
		rc = find_device(root, traddr, &where, ret_error, error_size);
	} else {
		rc = find_fail(
			-EINVAL, ret_error, error_size,
			"traddr '%s' is neither a device file (/dev/nvme0) nor a PCI address "
			"(0000:01:00.0)",
			traddr);
	}
	if (rc < 0) {
		return rc;
	}
	rc = ebb_sysfs_read(state, sizeof(state), "%s/sys/class/nvme/%s/state", root, where.ctrlr);
	if (rc < 0) {
		return find_fail(-ENODEV, ret_error, error_size,
				 "the kernel has no NVMe controller %s", where.ctrlr);
	}
	if (strcmp(state, "live") != 0) {
		return find_fail(-EAGAIN, ret_error, error_size,
				 "controller %s is not ready, its state is \"%s\"; try again when "
				 "the kernel has it \"live\"",
				 where.ctrlr, state);
	}
	find_subsystem(root, &where);
	*ret_where = where;
	return 0;
}

/* A number of the queue's, or @missing. */
static uint32_t read_number(const char *root, const char *block, const char *name, uint32_t missing)
{
	unsigned long long value;
	char text[32], *end;

	if (ebb_sysfs_read(text, sizeof(text), "%s/sys/class/block/%s/queue/%s", root, block,
			   name) < 0) {
		return missing;
	}
	value = strtoull(text, &end, 10);
	if (end == text || value > UINT32_MAX) {
		return missing;
	}
	return (uint32_t)value;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

void ebb_nvme_uring_read_limits(const char *root, const char *block,
				struct ebb_nvme_uring_limits *ret_limits)
{
	uint32_t kib = read_number(root, block, "max_hw_sectors_kb", DEFAULT_IO_BYTES >> 10);
	uint32_t segments = read_number(root, block, "max_segments", DEFAULT_SEGMENTS);
	uint32_t align = read_number(root, block, "dma_alignment", DEFAULT_ALIGN - 1) + 1;
	uint32_t boundary = read_number(root, block, "virt_boundary_mask", PAGE_BYTES - 1);
	uint32_t requests = read_number(root, block, "nr_requests", 0);

	*ret_limits = (struct ebb_nvme_uring_limits){
		.max_segments = segments < 2 ? 1 : least(segments, VECTOR_MAX),
		.buf_align = (align & (align - 1)) == 0 && align <= PAGE_BYTES ? align : PAGE_BYTES,
		.page_bytes = boundary == 0 ? 0 : boundary + 1,
		/* Others submit to the kernel's queue too. */
		.depth = requests == 1 ? 1 : requests / 2,
		.polled = read_number(root, block, "io_poll", 0) == 1,
	};
	/*
	 * The kernel counts pages that do not follow each other as segments. Data that begins inside
	 * a page has one more.
	 */
	ret_limits->max_io_bytes =
		least(kib > UINT32_MAX >> 10 ? UINT32_MAX : kib << 10,
		      ret_limits->max_segments < 2 ? PAGE_BYTES
						   : (ret_limits->max_segments - 1) * PAGE_BYTES);
}

struct limits_scan {
	const char *root;
	struct ebb_nvme_uring_limits *limits;
	bool any;
};

static int limits_scan_ns(const struct ebb_nvme_sysfs_ns *ns, void *arg)
{
	struct limits_scan *scan = arg;
	struct ebb_nvme_uring_limits *all = scan->limits, one;

	ebb_nvme_uring_read_limits(scan->root, ns->block, &one);
	if (!scan->any) {
		*all = one;
		scan->any = true;
		return 0;
	}
	all->max_io_bytes = least(all->max_io_bytes, one.max_io_bytes);
	all->max_segments = least(all->max_segments, one.max_segments);
	all->depth = least(all->depth, one.depth);
	all->buf_align = all->buf_align > one.buf_align ? all->buf_align : one.buf_align;
	all->page_bytes = all->page_bytes > one.page_bytes ? all->page_bytes : one.page_bytes;
	all->polled |= one.polled;
	return 0;
}

void ebb_nvme_uring_ctrlr_limits(const char *root, const char *ctrlr,
				 struct ebb_nvme_uring_limits *ret_limits)
{
	struct limits_scan scan = {.root = root, .limits = ret_limits};

	ebb_nvme_topology_namespaces(root, ctrlr, limits_scan_ns, &scan);
	if (!scan.any) {
		ebb_nvme_uring_read_limits(root, "-", ret_limits);
	}
}
