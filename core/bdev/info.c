/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bdev/info.h"

#include <json-c/json.h>

#include <ebb/bdev_module.h>

#include "core/bdev/table.h"

/* What clients of SPDK look for, and what is ebb's name for it; -1: ebb has no such request. */
static const struct {
	const char *name;
	int type;
} io_type_names[] = {
	{"read", EBB_BDEV_READ},
	{"write", EBB_BDEV_WRITE},
	{"unmap", EBB_BDEV_UNMAP},
	{"flush", EBB_BDEV_FLUSH},
	{"reset", -1},
	{"nvme_admin", -1},
	{"nvme_io", -1},
	{"nvme_io_md", -1},
	{"write_zeroes", EBB_BDEV_WRITE_ZEROES},
	{"zcopy", -1},
	{"get_zone_info", -1},
	{"zone_management", -1},
	{"zone_append", -1},
	{"compare", EBB_BDEV_COMPARE},
	{"compare_and_write", -1},
	{"abort", -1},
	{"seek_hole", -1},
	{"seek_data", -1},
	{"copy", -1},
	{"nvme_iov_md", -1},
	{"block_status", EBB_BDEV_BLOCK_STATUS}, /* ebb's own */
};

static void add_bool(struct json_object *object, const char *name, bool value)
{
	json_object_object_add(object, name, json_object_new_boolean(value));
}

static void add_string(struct json_object *object, const char *name, const char *value)
{
	json_object_object_add(object, name, json_object_new_string(value));
}

static void add_uint(struct json_object *object, const char *name, uint64_t value)
{
	json_object_object_add(object, name, json_object_new_uint64(value));
}

static void add_claim(struct json_object *object, const char *holder)
{
	add_bool(object, "claimed", holder != NULL);
	if (holder != NULL) {
		add_string(object, "claim_type", "exclusive_write");
		add_string(object, "claimed_by", holder);
	}
}

static struct json_object *rate_limits_json(const struct bdev_qos *qos)
{
	struct json_object *limits = json_object_new_object();

	add_uint(limits, "rw_ios_per_sec", bdev_qos_rate(qos, BDEV_QOS_RW_IOS));
	add_uint(limits, "rw_mbytes_per_sec", bdev_qos_rate(qos, BDEV_QOS_RW_BYTES) >> 20);
	add_uint(limits, "r_mbytes_per_sec", bdev_qos_rate(qos, BDEV_QOS_R_BYTES) >> 20);
	add_uint(limits, "w_mbytes_per_sec", bdev_qos_rate(qos, BDEV_QOS_W_BYTES) >> 20);
	return limits;
}

/* What its own write zeroes can; what is missing there is written by the layer, or refused. */
static void add_zeroes(struct json_object *object, const struct ebb_bdev *bdev)
{
	struct json_object *flags = json_object_new_array();

	if ((bdev->zero_flags & EBB_BDEV_NO_HOLE) != 0) {
		json_object_array_add(flags, json_object_new_string("no_hole"));
	}
	if ((bdev->zero_flags & EBB_BDEV_FAST_ZERO) != 0) {
		json_object_array_add(flags, json_object_new_string("fast_zero"));
	}
	json_object_object_add(object, "zero_flags", flags);
	add_bool(object, "zeroes_unmap", bdev->zeroes_unmap);
}

struct json_object *bdev_info_json(const struct ebb_bdev *bdev)
{
	struct json_object *object = json_object_new_object();
	struct json_object *types = json_object_new_object();
	struct json_object *specific = json_object_new_object();
	struct json_object *aliases = json_object_new_array();
	size_t i;

	json_object_array_add(aliases, json_object_new_string(bdev->internal->uuid_text));
	add_string(object, "name", bdev->name);
	json_object_object_add(object, "aliases", aliases);
	add_string(object, "product_name", bdev->product_name);
	add_uint(object, "block_size", bdev->block_size);
	add_uint(object, "num_blocks", ebb_bdev_num_blocks(bdev));
	add_string(object, "uuid", bdev->internal->uuid_text);
	json_object_object_add(object, "assigned_rate_limits",
			       rate_limits_json(&bdev->internal->qos));
	add_claim(object, ebb_bdev_claim_holder(bdev));
	add_bool(object, "zoned", false);
	for (i = 0; i < EBB_ARRAY_SIZE(io_type_names); i++) {
		int type = io_type_names[i].type;

		add_bool(types, io_type_names[i].name,
			 type >= 0 &&
				 ebb_bdev_io_type_supported(bdev, (enum ebb_bdev_io_type)type));
	}
	json_object_object_add(object, "supported_io_types", types);
	add_zeroes(object, bdev);
	if (bdev->ops->dump_info != NULL) {
		bdev->ops->dump_info(bdev, specific);
	}
	json_object_object_add(object, "driver_specific", specific);
	return object;
}
