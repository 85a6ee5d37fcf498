/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/host/topology.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "drivers/nvme/host/sysfs.h"

#define SECTOR_BYTES 512u /* sysfs counts in these, whatever the device's blocks */

static bool is_block_name(const char *name, unsigned numbers[3])
{
	int end = 0;

	return sscanf(name, "nvme%un%u%n", &numbers[0], &numbers[1], &end) == 2 &&
	       name[end] == '\0';
}

static bool is_generic_name(const char *name, unsigned numbers[3])
{
	int end = 0;

	return sscanf(name, "ng%un%u%n", &numbers[0], &numbers[1], &end) == 2 && name[end] == '\0';
}

/* A path of a namespace that is shared: not to be opened. */
static bool is_hidden_name(const char *name, unsigned numbers[3])
{
	int end = 0;

	return sscanf(name, "nvme%uc%un%u%n", &numbers[0], &numbers[1], &numbers[2], &end) == 3 &&
	       name[end] == '\0';
}

static bool exists(const char *root, const char *folder, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/sys/class/%s/%s", root, folder, name);
	return access(path, F_OK) == 0;
}

static void ns_read(const char *root, struct host_sysfs_ns *ns)
{
	unsigned major_num, minor_num;
	char text[64];

	host_sysfs_read(text, sizeof(text), "%s/sys/class/block/%s/dev", root, ns->block);
	if (sscanf(text, "%u:%u", &major_num, &minor_num) == 2) {
		ns->dev = makedev(major_num, minor_num);
	}
	host_sysfs_read(text, sizeof(text), "%s/sys/class/block/%s/nsid", root, ns->block);
	ns->nsid = (uint32_t)strtoul(text, NULL, 10);
	host_sysfs_read(text, sizeof(text), "%s/sys/class/block/%s/size", root, ns->block);
	ns->bytes = strtoull(text, NULL, 10) * SECTOR_BYTES;
	if (!exists(root, "nvme-generic", ns->generic)) {
		ns->generic[0] = '\0';
	}
}

/* The namespace that entry @name in the folder of controller @ctrlr stands for, if it is one. */
static bool ns_of_entry(const char *root, const char *ctrlr, const char *name,
			struct host_sysfs_ns *ret_ns)
{
	struct host_sysfs_ns ns = {.shared = false};
	unsigned numbers[3];

	if (is_hidden_name(name, numbers)) {
		ns.shared = true;
		snprintf(ns.block, sizeof(ns.block), "nvme%un%u", numbers[0], numbers[2]);
		snprintf(ns.generic, sizeof(ns.generic), "ng%un%u", numbers[0], numbers[2]);
	} else if (is_block_name(name, numbers)) {
		snprintf(ns.block, sizeof(ns.block), "nvme%un%u", numbers[0], numbers[1]);
		snprintf(ns.generic, sizeof(ns.generic), "ng%sn%u", ctrlr + strlen("nvme"),
			 numbers[1]);
	} else {
		return false;
	}
	ns_read(root, &ns);
	*ret_ns = ns;
	return true;
}

bool host_topology_exists(const char *root, const char *ctrlr)
{
	return exists(root, "nvme", ctrlr);
}

int host_topology_namespaces(const char *root, const char *ctrlr,
			     int (*each)(const struct host_sysfs_ns *ns, void *arg), void *arg)
{
	struct host_sysfs_ns ns;
	struct dirent **entries;
	char path[PATH_MAX];
	int num, i, rc = 0;

	snprintf(path, sizeof(path), "%s/sys/class/nvme/%s", root, ctrlr);
	num = scandir(path, &entries, NULL, versionsort);
	if (num < 0) {
		return 0;
	}
	for (i = 0; i < num; i++) {
		if (rc == 0 && ns_of_entry(root, ctrlr, entries[i]->d_name, &ns)) {
			rc = each(&ns, arg);
		}
		free(entries[i]);
	}
	free(entries);
	return rc;
}

struct find {
	const char *generic;
	const char *block;
	struct host_sysfs_ns *ret_ns;
};

static int find_each(const struct host_sysfs_ns *ns, void *arg)
{
	struct find *find = arg;

	if ((find->generic != NULL && strcmp(ns->generic, find->generic) == 0) ||
	    (find->block != NULL && strcmp(ns->block, find->block) == 0)) {
		*find->ret_ns = *ns;
		return 1;
	}
	return 0;
}

/* A device of the controller's own, by its parent in sysfs. */
static int find_private(const char *root, const char *ctrlr, const struct find *find)
{
	int rc = host_topology_namespaces(root, ctrlr, find_each, (void *)find);

	return rc == 1 ? 0 : -ENODEV;
}

/* The subsystem's, reached through several controllers: both names have the same numbers. */
static int find_shared(const char *root, const unsigned numbers[3], struct host_sysfs_ns *ret_ns)
{
	struct host_sysfs_ns ns = {.shared = true};

	snprintf(ns.block, sizeof(ns.block), "nvme%un%u", numbers[0], numbers[1]);
	snprintf(ns.generic, sizeof(ns.generic), "ng%un%u", numbers[0], numbers[1]);
	if (!exists(root, "block", ns.block)) {
		return -ENODEV;
	}
	ns_read(root, &ns);
	*ret_ns = ns;
	return 0;
}

int host_topology_find(const char *root, const char *path, struct host_sysfs_ns *ret_ns)
{
	char full[PATH_MAX], real[PATH_MAX], parent[64];
	struct find find = {.ret_ns = ret_ns};
	const char *name, *folder;
	unsigned numbers[3];

	snprintf(full, sizeof(full), "%s%s", root, path);
	if (realpath(full, real) == NULL) {
		return -errno;
	}
	name = strrchr(real, '/') + 1;
	if (is_generic_name(name, numbers)) {
		find.generic = name;
		folder = "nvme-generic";
	} else if (is_block_name(name, numbers)) {
		find.block = name;
		folder = "block";
	} else {
		return -ENODEV;
	}
	if (host_sysfs_link_name(parent, sizeof(parent), "%s/sys/class/%s/%s/device", root, folder,
				 name) < 0) {
		return -ENODEV;
	}
	if (strncmp(parent, "nvme-subsys", strlen("nvme-subsys")) == 0) {
		return find_shared(root, numbers, ret_ns);
	}
	return find_private(root, parent, &find);
}

int host_topology_controllers(const char *root, int (*each)(const char *ctrlr, void *arg),
			      void *arg)
{
	struct dirent **entries;
	char path[PATH_MAX];
	int num, i, rc = 0;

	snprintf(path, sizeof(path), "%s/sys/class/nvme", root);
	num = scandir(path, &entries, NULL, versionsort);
	if (num < 0) {
		return 0;
	}
	for (i = 0; i < num; i++) {
		if (rc == 0 && entries[i]->d_name[0] != '.') {
			rc = each(entries[i]->d_name, arg);
		}
		free(entries[i]);
	}
	free(entries);
	return rc;
}

struct aliases {
	const char *root;
	const struct host_sysfs_ns *ns;
	char wwid[256];
	int (*each)(const struct host_sysfs_ns *alias, void *arg);
	void *arg;
};

static int aliases_namespace(const struct host_sysfs_ns *ns, void *arg)
{
	const struct aliases *aliases = arg;
	char wwid[256];

	if (ns->shared || ns->nsid != aliases->ns->nsid ||
	    strcmp(ns->block, aliases->ns->block) == 0 ||
	    host_sysfs_read(wwid, sizeof(wwid), "%s/sys/class/block/%s/wwid", aliases->root,
			    ns->block) < 0 ||
	    strcmp(wwid, aliases->wwid) != 0) {
		return 0;
	}
	return aliases->each(ns, aliases->arg);
}

static int aliases_controller(const char *ctrlr, void *arg)
{
	const struct aliases *aliases = arg;

	return host_topology_namespaces(aliases->root, ctrlr, aliases_namespace, arg);
}

int host_topology_aliases(const char *root, const struct host_sysfs_ns *ns,
			  int (*each)(const struct host_sysfs_ns *alias, void *arg), void *arg)
{
	struct aliases aliases = {.root = root, .ns = ns, .each = each, .arg = arg};

	if (ns->shared || host_sysfs_read(aliases.wwid, sizeof(aliases.wwid),
					  "%s/sys/class/block/%s/wwid", root, ns->block) < 0) {
		return 0;
	}
	return host_topology_controllers(root, aliases_controller, &aliases);
}

int host_topology_of_pci(const char *root, const char *bdf, char ret_ctrlr[NVME_NAME_SIZE])
{
	char path[PATH_MAX];
	struct dirent *entry;
	int rc = -ENOENT;
	unsigned number;
	DIR *dir;

	ret_ctrlr[0] = '\0';
	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/nvme", root, bdf);
	dir = opendir(path);
	while (dir != NULL && rc < 0 && (entry = readdir(dir)) != NULL) {
		if (sscanf(entry->d_name, "nvme%u", &number) == 1) {
			snprintf(ret_ctrlr, NVME_NAME_SIZE, "nvme%u", number);
			rc = 0;
		}
	}
	if (dir != NULL) {
		closedir(dir);
	}
	return rc;
}
