/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/describe.h"

#include <stdio.h>
#include <strings.h>

#include <json-c/json.h>

#include <nvme/types.h>

#include "core/bdev/uuid.h"
#include "drivers/nvme/path.h"

static void add_string(struct json_object *object, const char *name, const char *value)
{
	json_object_object_add(object, name, json_object_new_string(value));
}

static void add_uint(struct json_object *object, const char *name, uint64_t value)
{
	json_object_object_add(object, name, json_object_new_uint64(value));
}

static void add_bool(struct json_object *object, const char *name, bool value)
{
	json_object_object_add(object, name, json_object_new_boolean(value));
}

static struct json_object *trid_json(const struct nvme_path *path)
{
	struct json_object *object = json_object_new_object();

	add_string(object, "trtype", path->transport->trtype);
	add_string(object, "traddr", path->traddr);
	return object;
}

static struct json_object *ctrlr_data_json(const struct nvme_ctrlr_info *info)
{
	struct json_object *object = json_object_new_object();
	struct json_object *oacs = json_object_new_object();
	char vendor[16];

	snprintf(vendor, sizeof(vendor), "0x%04x", info->vendor_id);
	add_uint(object, "cntlid", info->cntlid);
	add_string(object, "vendor_id", vendor);
	add_string(object, "model_number", info->model);
	add_string(object, "serial_number", info->serial);
	add_string(object, "firmware_revision", info->firmware);
	if (info->subnqn[0] != '\0') {
		add_string(object, "subnqn", info->subnqn);
	}
	add_uint(oacs, "security", (info->oacs & NVME_CTRL_OACS_SECURITY) != 0);
	add_uint(oacs, "format", (info->oacs & NVME_CTRL_OACS_FORMAT) != 0);
	add_uint(oacs, "firmware", (info->oacs & NVME_CTRL_OACS_FW) != 0);
	add_uint(oacs, "ns_manage", (info->oacs & NVME_CTRL_OACS_NS_MGMT) != 0);
	json_object_object_add(object, "oacs", oacs);
	add_bool(object, "multi_ctrlr", (info->cmic & NVME_CTRL_CMIC_MULTI_CTRL) != 0);
	add_bool(object, "ana_reporting", (info->cmic & NVME_CTRL_CMIC_MULTI_ANA_REPORTING) != 0);
	add_bool(object, "volatile_write_cache", info->volatile_cache);
	return object;
}

static void add_hex(struct json_object *object, const char *name, const uint8_t *bytes,
		    size_t count)
{
	char text[33];
	size_t i;

	for (i = 0; i < count; i++) {
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	}
	add_string(object, name, text);
}

static struct json_object *ns_data_json(const struct nvme_ns *ns)
{
	const struct nvme_ns_info *info = &ns->info;
	struct json_object *object = json_object_new_object();
	char uuid[BDEV_UUID_TEXT_SIZE];

	add_uint(object, "id", ns->nsid);
	add_bool(object, "can_share", info->shared);
	if (info->has_uuid) {
		bdev_uuid_format(info->uuid, uuid);
		add_string(object, "uuid", uuid);
	}
	if (info->has_nguid) {
		add_hex(object, "nguid", info->nguid, sizeof(info->nguid));
	}
	if (info->has_eui64) {
		add_hex(object, "eui64", info->eui64, sizeof(info->eui64));
	}
	add_bool(object, "write_protected", info->write_protected);
	if (info->write_granularity_blocks != 0) {
		add_uint(object, "preferred_write_granularity", info->write_granularity_blocks);
	}
	return object;
}

static struct json_object *limits_json(const struct ebb_bdev *bdev)
{
	struct json_object *object = json_object_new_object();

	add_uint(object, "max_io_blocks", bdev->max_io_blocks);
	add_uint(object, "max_segments", bdev->max_segments);
	add_uint(object, "optimal_io_boundary", bdev->optimal_io_boundary);
	return object;
}

void nvme_describe_bdev(const struct ebb_bdev *bdev, struct json_object *into)
{
	const struct nvme_ns *ns = ebb_container_of(bdev, const struct nvme_ns, bdev);
	struct nvme_path *path = ns->on_path->path;
	struct json_object *array = json_object_new_array();
	struct json_object *object = json_object_new_object();
	struct json_object *vs = json_object_new_object();
	char version[32];

	snprintf(version, sizeof(version), "%u.%u", path->info.version >> 16,
		 (path->info.version >> 8) & 0xff);
	if (strcasecmp(path->transport->trtype, "PCIe") == 0) {
		add_string(object, "pci_address", path->traddr);
	}
	json_object_object_add(object, "trid", trid_json(path));
	json_object_object_add(object, "ctrlr_data", ctrlr_data_json(&path->info));
	add_string(vs, "nvme_version", version);
	json_object_object_add(object, "vs", vs);
	json_object_object_add(object, "ns_data", ns_data_json(ns));
	json_object_object_add(object, "limits", limits_json(bdev));
	if (path->transport->describe != NULL) {
		path->transport->describe(path, object);
	}
	json_object_array_add(array, object);
	json_object_object_add(into, "nvme", array);
}

struct json_object *nvme_describe_names(const struct nvme_drive *drive)
{
	struct json_object *names = json_object_new_array();
	struct ebb_list *node;

	ebb_list_for_each(node, &drive->namespaces) {
		const struct nvme_ns *ns = ebb_list_entry(node, struct nvme_ns, link);

		if (ns->state == NVME_NS_ONLINE) {
			json_object_array_add(names, json_object_new_string(ns->bdev.name));
		}
	}
	return names;
}

/* Clients know the states of a controller; one whose device has left is on its way out. */
static const char *state_text(const struct nvme_path *path)
{
	return nvme_path_state_name(path->state == NVME_PATH_GONE ? NVME_PATH_DELETING
								  : path->state);
}

/* The path of @drive as an element of "ctrlrs". */
static struct json_object *path_json(const struct nvme_drive *drive)
{
	struct json_object *object = json_object_new_object();
	struct nvme_path *path = drive->path;

	add_string(object, "state", state_text(path));
	json_object_object_add(object, "trid", trid_json(path));
	add_uint(object, "cntlid", path->info.cntlid);
	add_string(object, "model_number", path->info.model);
	add_string(object, "serial_number", path->info.serial);
	if (path->transport->describe != NULL && path->state != NVME_PATH_ATTACHING &&
	    drive->state != NVME_DRIVE_CLOSING) {
		path->transport->describe(path, object);
	}
	return object;
}

struct json_object *nvme_describe_drive(const struct nvme_drive *drive)
{
	struct json_object *object = json_object_new_object();
	struct json_object *paths = json_object_new_array();

	json_object_array_add(paths, path_json(drive));
	add_string(object, "name", drive->name);
	json_object_object_add(object, "ctrlrs", paths);
	json_object_object_add(object, "bdevs", nvme_describe_names(drive));
	return object;
}
