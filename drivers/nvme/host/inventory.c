/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/host/inventory.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <json-c/json.h>

#include "core/os/fd_owner.h"
#include "core/os/blkdev_users.h"
#include "drivers/nvme/host/pci.h"
#include "drivers/nvme/host/sysfs.h"
#include "drivers/nvme/host/topology.h"
#include "drivers/nvme/vfio/check.h"

#define CLASS_NVME 0x010802ul
#define TEXT_SIZE  512u

/* One controller being looked at. */
struct look {
	const char *root;
	struct json_object *attached;
	struct json_object *controllers; /* the result's */
	struct json_object *object;      /* this controller's */
	struct json_object *namespaces;
	char address[HOST_PCI_BDF_SIZE]; /* empty: no PCI function */
	char ctrlr[NVME_NAME_SIZE];      /* empty: not the kernel's */
	char driver[HOST_PCI_DRIVER_SIZE];
	char holder[TEXT_SIZE]; /* who has all of it; empty: nobody */
	char used[TEXT_SIZE];   /* the first namespace in use; empty: none */
	unsigned num_used;
};

static void add_string(struct json_object *object, const char *key, const char *value)
{
	if (value[0] != '\0') {
		json_object_object_add(object, key, json_object_new_string(value));
	}
}

static void add_verdict(struct look *look, const char *key, const char *state, const char *format,
			...) EBB_PRINTF(4, 5);
static void add_verdict(struct look *look, const char *key, const char *state, const char *format,
			...)
{
	struct json_object *verdict = json_object_new_object();
	char reason[2 * TEXT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	add_string(verdict, "state", state);
	add_string(verdict, "reason", reason);
	json_object_object_add(look->object, key, verdict);
}

/* The one path of a daemon's controller. */
static struct json_object *attached_path(struct json_object *attached)
{
	struct json_object *list;

	if (json_object_object_get_ex(attached, "ctrlrs", &list) &&
	    json_object_is_type(list, json_type_array) && json_object_array_length(list) > 0) {
		attached = json_object_array_get_idx(list, 0);
	}
	return attached;
}

/* Where a daemon's controller is: "0000:01:00.0", "/dev/nvme0". */
static const char *attached_traddr(struct json_object *attached)
{
	struct json_object *trid = NULL, *traddr = NULL;

	if (json_object_object_get_ex(attached_path(attached), "trid", &trid)) {
		json_object_object_get_ex(trid, "traddr", &traddr);
	}
	return traddr == NULL ? "" : json_object_get_string(traddr);
}

/* True if @traddr is the controller looked at. */
static bool is_this(const struct look *look, const char *traddr)
{
	static const char prefix[] = "/dev/";
	char bdf[HOST_PCI_BDF_SIZE];

	if (host_pci_bdf_parse(traddr, bdf)) {
		return strcmp(bdf, look->address) == 0;
	}
	if (strncmp(traddr, prefix, sizeof(prefix) - 1) == 0) {
		traddr += sizeof(prefix) - 1;
	}
	return traddr[0] != '\0' && strcmp(traddr, look->ctrlr) == 0;
}

/* vfio-pci knows no more than an address; who drives the controller knows what it is. */
static void add_attached(struct look *look, struct json_object *attached)
{
	static const char *const keys[] = {"model", "serial"};
	static const char *const theirs[] = {"model_number", "serial_number"};
	struct json_object *value;
	unsigned i;

	for (i = 0; i < EBB_ARRAY_SIZE(keys) && look->ctrlr[0] == '\0'; i++) {
		if (json_object_object_get_ex(attached_path(attached), theirs[i], &value) &&
		    json_object_is_type(value, json_type_string)) {
			add_string(look->object, keys[i], json_object_get_string(value));
		}
	}
}

/* The daemon's name of the controller; NULL: the daemon has not got it. */
static const char *attached_name(struct look *look)
{
	struct json_object *one, *name = NULL;
	size_t i, num;

	num = json_object_is_type(look->attached, json_type_array)
		      ? json_object_array_length(look->attached)
		      : 0;
	for (i = 0; i < num; i++) {
		one = json_object_array_get_idx(look->attached, i);
		if (is_this(look, attached_traddr(one)) &&
		    json_object_object_get_ex(one, "name", &name)) {
			add_attached(look, one);
			return json_object_get_string(name);
		}
	}
	return NULL;
}

/* Which process has one of the namespace's devices open. */
static bool is_open(const struct look *look, const char *name, char *ret_who, size_t size)
{
	char path[PATH_MAX], holder[96];

	if (name[0] == '\0') {
		return false;
	}
	snprintf(path, sizeof(path), "%s/dev/%s", look->root, name);
	if (!os_fd_owner(look->root, path, holder, sizeof(holder))) {
		return false;
	}
	snprintf(ret_who, size, "open in %s; end that", holder);
	return true;
}

static int look_at_namespace(const struct host_sysfs_ns *ns, void *arg)
{
	struct look *look = arg;
	struct json_object *object = json_object_new_object();
	char why[320] = "", text[32];

	add_string(object, "name", ns->block);
	add_string(object, "generic", ns->generic);
	json_object_object_add(object, "nsid", json_object_new_uint64(ns->nsid));
	json_object_object_add(object, "size_bytes", json_object_new_uint64(ns->bytes));
	if (host_sysfs_read(text, sizeof(text), "%s/sys/class/block/%s/queue/logical_block_size",
			    look->root, ns->block) == 0) {
		json_object_object_add(object, "block_size",
				       json_object_new_uint64(strtoull(text, NULL, 10)));
	}
	if (os_blkdev_users_find(look->root, ns->dev, 0, why, sizeof(why)) ||
	    is_open(look, ns->block, why, sizeof(why)) ||
	    is_open(look, ns->generic, why, sizeof(why))) {
		add_string(object, "holder", why);
		if (look->num_used++ == 0) {
			snprintf(look->used, sizeof(look->used), "%s is %s first", ns->block, why);
		}
	}
	json_object_array_add(look->namespaces, object);
	return 0;
}

static void look_at_ctrlr(struct look *look)
{
	static const char *const keys[] = {"model", "serial", "firmware", "state", "transport"};
	static const char *const files[] = {"model", "serial", "firmware_rev", "state",
					    "transport"};
	char text[128];
	unsigned i;

	add_string(look->object, "controller", look->ctrlr);
	for (i = 0; i < EBB_ARRAY_SIZE(keys); i++) {
		if (host_sysfs_read(text, sizeof(text), "%s/sys/class/nvme/%s/%s", look->root,
				    look->ctrlr, files[i]) == 0) {
			add_string(look->object, keys[i], text);
		}
	}
	host_topology_namespaces(look->root, look->ctrlr, look_at_namespace, look);
}

/* Who has it, as a whole: a daemon that answers, or a process that has its group open. */
static void look_for_holder(struct look *look, int group)
{
	const char *name = attached_name(look);
	char path[PATH_MAX], process[96] = "ebbd";

	if (group >= 0) {
		snprintf(path, sizeof(path), "%s/dev/vfio/%d", look->root, group);
		if (!os_fd_owner(look->root, path, process, sizeof(process))) {
			snprintf(process, sizeof(process), "ebbd");
			path[0] = '\0';
		}
	}
	if (name != NULL) {
		snprintf(look->holder, sizeof(look->holder), "%s, as %s", process, name);
	} else if (group >= 0 && path[0] != '\0') {
		snprintf(look->holder, sizeof(look->holder), "%s", process);
	}
	add_string(look->object, "holder", look->holder);
}

static void judge_hot(struct look *look)
{
	const char *bare;
	char why[TEXT_SIZE];
	unsigned group;
	bool vfio = host_pci_driver_is_vfio(look->driver);

	if (look->address[0] == '\0') {
		add_verdict(look, "hot", "no",
			    "it is no PCI function: only the kernel's driver reaches it");
	} else if (vfio_check_possible(look->root, look->address, &group, why, sizeof(why)) < 0) {
		bare = strchr(why, ' ');
		add_verdict(look, "hot", "no", "%s", bare == NULL ? why : bare + 1);
	} else if (!vfio && look->driver[0] != '\0' && strcmp(look->driver, "nvme") != 0) {
		add_verdict(look, "hot", "no", "the driver %s has it: unbind it there first",
			    look->driver);
	} else if (look->holder[0] != '\0') {
		add_verdict(look, "hot", "no", "in use by %s", look->holder);
	} else if (look->used[0] != '\0') {
		add_verdict(look, "hot", "no", "%s", look->used);
	} else if (!vfio) {
		add_verdict(look, "hot", "bind", "ebbctl nvme bind %s", look->address);
	} else {
		add_verdict(look, "hot", "yes", "%s", "");
	}
}

static void judge_cold(struct look *look)
{
	size_t num = json_object_array_length(look->namespaces);
	char state[32];

	host_sysfs_read(state, sizeof(state), "%s/sys/class/nvme/%s/state", look->root,
			look->ctrlr[0] == '\0' ? "none" : look->ctrlr);
	if (look->holder[0] != '\0') {
		add_verdict(look, "cold", "no", "in use by %s", look->holder);
	} else if (look->ctrlr[0] == '\0' &&
		   (look->driver[0] == '\0' || host_pci_driver_is_vfio(look->driver))) {
		add_verdict(look, "cold", "unbind", "ebbctl nvme unbind %s", look->address);
	} else if (look->ctrlr[0] == '\0' && strcmp(look->driver, "nvme") != 0) {
		add_verdict(look, "cold", "no", "the driver %s has it: unbind it there first",
			    look->driver);
	} else if (strcmp(state, "live") != 0) {
		add_verdict(look, "cold", "no", "the kernel's driver has it, and it is %s",
			    state[0] == '\0' ? "not started" : state);
	} else if (num == 0) {
		add_verdict(look, "cold", "no", "it has no namespace");
	} else if (look->num_used == 0) {
		add_verdict(look, "cold", "yes", "%s", "");
	} else {
		add_verdict(look, "cold", look->num_used < num ? "some" : "no", "%s", look->used);
	}
}

static void look_begin(struct look *look, const char *address, const char *ctrlr)
{
	look->object = json_object_new_object();
	look->namespaces = json_object_new_array();
	look->holder[0] = '\0';
	look->used[0] = '\0';
	look->num_used = 0;
	look->driver[0] = '\0';
	snprintf(look->address, sizeof(look->address), "%s", address);
	snprintf(look->ctrlr, sizeof(look->ctrlr), "%s", ctrlr);
	add_string(look->object, "address", address);
}

static void look_end(struct look *look)
{
	judge_hot(look);
	judge_cold(look);
	json_object_object_add(look->object, "namespaces", look->namespaces);
	json_object_array_add(look->controllers, look->object);
}

/* The other functions of the IOMMU group, with their drivers. */
static void add_group(struct look *look, int group)
{
	struct json_object *members = json_object_new_array();
	char path[PATH_MAX], driver[HOST_PCI_DRIVER_SIZE];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sys/kernel/iommu_groups/%d/devices", look->root, group);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		struct json_object *member;

		if (entry->d_name[0] == '.' || strcmp(entry->d_name, look->address) == 0) {
			continue;
		}
		member = json_object_new_object();
		add_string(member, "address", entry->d_name);
		host_sysfs_link_name(driver, sizeof(driver), "%s/%s/driver", path, entry->d_name);
		add_string(member, "driver", driver);
		json_object_array_add(members, member);
	}
	if (dir != NULL) {
		closedir(dir);
	}
	json_object_object_add(look->object, "iommu_group", json_object_new_int(group));
	json_object_object_add(look->object, "group_members", members);
}

static void look_at_pci(struct look *look, const char *bdf)
{
	char vendor[16], device[16], id[32], ctrlr[NVME_NAME_SIZE];
	int group;

	host_topology_of_pci(look->root, bdf, ctrlr);
	look_begin(look, bdf, ctrlr);
	host_sysfs_read(vendor, sizeof(vendor), "%s/sys/bus/pci/devices/%s/vendor", look->root,
			bdf);
	host_sysfs_read(device, sizeof(device), "%s/sys/bus/pci/devices/%s/device", look->root,
			bdf);
	snprintf(id, sizeof(id), "%04lx:%04lx", strtoul(vendor, NULL, 16) & 0xffff,
		 strtoul(device, NULL, 16) & 0xffff);
	add_string(look->object, "pci_id", id);
	host_pci_driver(look->root, bdf, look->driver);
	add_string(look->object, "driver", look->driver);
	group = host_pci_group(look->root, bdf);
	if (group >= 0) {
		add_group(look, group);
	}
	look_for_holder(look, group);
	if (ctrlr[0] != '\0') {
		look_at_ctrlr(look);
	}
	look_end(look);
}

/* What the kernel's driver reaches otherwise. */
static int look_at_other(const char *ctrlr, void *arg)
{
	struct look *look = arg;
	char transport[32];

	host_sysfs_read(transport, sizeof(transport), "%s/sys/class/nvme/%s/transport", look->root,
			ctrlr);
	if (strcmp(transport, "pcie") != 0) {
		look_begin(look, "", ctrlr);
		snprintf(look->driver, sizeof(look->driver), "nvme-%s", transport);
		add_string(look->object, "driver", look->driver);
		look_for_holder(look, -1);
		look_at_ctrlr(look);
		look_end(look);
	}
	return 0;
}

static void look_at_all(struct look *look)
{
	struct dirent **entries;
	char path[PATH_MAX], class[32];
	int num, i;

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices", look->root);
	num = scandir(path, &entries, NULL, alphasort);
	for (i = 0; i < num; i++) {
		host_sysfs_read(class, sizeof(class), "%s/%s/class", path, entries[i]->d_name);
		if (strtoul(class, NULL, 16) == CLASS_NVME) {
			look_at_pci(look, entries[i]->d_name);
		}
		free(entries[i]);
	}
	if (num >= 0) {
		free(entries);
	}
	host_topology_controllers(look->root, look_at_other, look);
}

struct json_object *host_inventory(const char *root, struct json_object *attached)
{
	struct look look = {.root = root, .attached = attached};
	struct json_object *inventory = json_object_new_object();
	char path[PATH_MAX], text[32];

	snprintf(path, sizeof(path), "%s/sys/bus/pci/drivers/vfio-pci", root);
	json_object_object_add(inventory, "vfio_pci_loaded",
			       json_object_new_boolean(access(path, F_OK) == 0));
	if (host_sysfs_read(text, sizeof(text), "%s/sys/module/nvme/parameters/poll_queues",
			    root) == 0) {
		json_object_object_add(inventory, "poll_queues",
				       json_object_new_int((int)strtol(text, NULL, 10)));
	}
	look.controllers = json_object_new_array();
	look_at_all(&look);
	json_object_object_add(inventory, "controllers", look.controllers);
	return inventory;
}
