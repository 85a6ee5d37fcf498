/* SPDX-License-Identifier: Apache-2.0 */
#include "config/loader/compat.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/method/param.h"

/*
 * Each row says of one parameter of one method which values change nothing in ebb. Names are shell
 * patterns; the first row that matches counts.
 */
enum compat_rule {
	COMPAT_ANY,      /* tunes something that ebb does not have */
	COMPAT_OFF,      /* 0, false, "", [] or null */
	COMPAT_NEGATIVE, /* the same, or less than 0: "not set" */
	COMPAT_LIKE,     /* 0, or the same as parameter @other */
	COMPAT_WORD,     /* the word @other */
};

struct compat_row {
	const char *method;
	const char *param;
	enum compat_rule rule;
	const char *other;
	const char *why; /* what ebb does not have, for a refusal */
};

#define ALL "*"

/*
 * Calls that may be left out where ebb does not have them. Where it has, it may lack some of their
 * parameters: the rows that name these count then, too.
 */
static const struct compat_row compat_calls[] = {
	{"bdev_wait_for_examine", ALL, COMPAT_ANY, NULL, NULL},
	{"bdev_examine", ALL, COMPAT_ANY, NULL, NULL},
	{"bdev_set_options", "bdev_io_cache_size", COMPAT_ANY, NULL, NULL},
	{"bdev_set_options", "bdev_auto_examine", COMPAT_ANY, NULL, NULL},
	{"bdev_set_options", "iobuf_*_cache_size", COMPAT_ANY, NULL, NULL},
	{"bdev_set_options", "*_buf_pool_size", COMPAT_ANY, NULL, NULL},
	{"bdev_raid_set_options", ALL, COMPAT_ANY, NULL, NULL},
	{"bdev_iscsi_set_options", ALL, COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_set_hotplug", "enable", COMPAT_OFF, NULL, "watch for new NVMe devices"},
	{"bdev_nvme_set_hotplug", ALL, COMPAT_ANY, NULL, NULL},
	{"bdev_enable_histogram", "enable", COMPAT_OFF, NULL, "keep histograms"},
	{"bdev_enable_histogram", ALL, COMPAT_ANY, NULL, NULL},
	{"framework_set_scheduler", "name", COMPAT_WORD, "static", "move threads by load"},
	{"framework_set_scheduler", ALL, COMPAT_ANY, NULL, NULL},
	{"iobuf_set_options", ALL, COMPAT_ANY, NULL, NULL},
	{"sock_*", ALL, COMPAT_ANY, NULL, NULL},
	{"accel_*", ALL, COMPAT_ANY, NULL, NULL},
};

/* Parameters that ebb does not have, of calls that it has. */
static const struct compat_row compat_parameters[] = {
	{"bdev_*_create", "md_size", COMPAT_OFF, NULL, "keep metadata beside the blocks"},
	{"bdev_*_create", "dif_type", COMPAT_OFF, NULL, "protect blocks by DIF"},
	{"bdev_*_create", "dif_is_head_of_md", COMPAT_ANY, NULL, NULL},
	{"bdev_*_create", "dif_pi_format", COMPAT_ANY, NULL, NULL},
	{"bdev_*_create", "physical_block_size", COMPAT_LIKE, "block_size",
	 "have a physical block size of its own"},
	{"bdev_*_create", "optimal_io_boundary", COMPAT_OFF, NULL, "split at a boundary"},
	{"bdev_*_create", "numa_id", COMPAT_NEGATIVE, NULL, "choose a NUMA node"},
	{"bdev_*_create", "preferred_*", COMPAT_OFF, NULL, "advertise preferred sizes"},
	{"bdev_*_create", "optimal_write_size", COMPAT_OFF, NULL, "advertise preferred sizes"},
	{"bdev_aio_create", "fallocate", COMPAT_OFF, NULL, "unmap by fallocate"},
	{"bdev_aio_create", "nowait", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_attach_controller", "prchk_*", COMPAT_OFF, NULL,
	 "check protection information"},
	{"bdev_nvme_attach_controller", "[hd]dgst", COMPAT_OFF, NULL, "use digests"},
	{"bdev_nvme_attach_controller", "psk", COMPAT_OFF, NULL, "use keys"},
	{"bdev_nvme_attach_controller", "ctrlr_loss_timeout_sec", COMPAT_NEGATIVE, NULL,
	 "give a lost controller up after a time"},
	{"bdev_nvme_attach_controller", "reconnect_delay_sec", COMPAT_OFF, NULL,
	 "reconnect after a time"},
	{"bdev_nvme_attach_controller", "fast_io_fail_timeout_sec", COMPAT_OFF, NULL,
	 "fail I/O before the controller is given up"},
	{"bdev_nvme_attach_controller", "multipath", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_attach_controller", "fabrics_connect_timeout_us", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_attach_controller", "dhchap_*", COMPAT_OFF, NULL, "authenticate"},
	{"bdev_nvme_attach_controller", "allow_unrecognized_csi", COMPAT_OFF, NULL,
	 "use namespaces of unknown command sets"},
	{"bdev_nvme_attach_controller", "max_bdevs", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_attach_controller", "priority", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_attach_controller", "hostaddr", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_attach_controller", "hostsvcid", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_attach_controller", "disable_sq_flow_control", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_attach_controller", "hostnqn", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_attach_controller", "subnqn", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_attach_controller", "adrfam", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_attach_controller", "trsvcid", COMPAT_ANY, NULL, NULL},
	/* Queues are polled, or asleep; a timeout has fixed stages; a lost device is detached. */
	{"bdev_nvme_set_options", "action_on_timeout", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_set_options", "timeout_admin_us", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_set_options", "keep_alive_timeout_ms", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_set_options", "arbitration_burst", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_set_options", "*_priority_weight", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_set_options", "nvme_*_poll_period_us", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_set_options", "io_queue_requests", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_set_options", "delay_cmd_submit", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_set_options", "transport_ack_timeout", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_set_options", "transport_tos", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_set_options", "ctrlr_loss_timeout_sec", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_set_options", "reconnect_delay_sec", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_set_options", "fast_io_fail_timeout_sec", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_set_options", "disable_auto_failback", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_set_options", "generate_uuids", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_set_options", "nvme_error_stat", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_set_options", "io_path_stat", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_set_options", "allow_accel_sequence", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_set_options", "enable_flush", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_set_options", "rdma_*", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_set_options", "tcp_*", COMPAT_ANY, NULL, NULL},
	{"bdev_nvme_set_options", "dhchap_*", COMPAT_ANY, NULL, NULL},
};

static bool value_off(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		return true;
	case json_type_boolean:
		return !json_object_get_boolean(value);
	case json_type_int:
		return json_object_get_int64(value) == 0;
	case json_type_string:
		return json_object_get_string_len(value) == 0;
	case json_type_array:
		return json_object_array_length(value) == 0;
	default:
		return false;
	}
}

static bool row_accepts(const struct compat_row *row, struct json_object *params,
			struct json_object *value)
{
	switch (row->rule) {
	case COMPAT_ANY:
		return true;
	case COMPAT_OFF:
		return value_off(value);
	case COMPAT_NEGATIVE:
		return value_off(value) || (json_object_is_type(value, json_type_int) &&
					    json_object_get_int64(value) < 0);
	case COMPAT_LIKE:
		return value_off(value) ||
		       json_object_equal(value, json_object_object_get(params, row->other));
	case COMPAT_WORD:
		return json_object_is_type(value, json_type_string) &&
		       strcmp(json_object_get_string(value), row->other) == 0;
	}
	return false;
}

static const struct compat_row *row_find(const struct compat_row *rows, size_t num_rows,
					 const char *method, const char *param)
{
	size_t index;

	for (index = 0; index < num_rows; index++) {
		if (fnmatch(rows[index].method, method, 0) == 0 &&
		    (param == NULL || fnmatch(rows[index].param, param, 0) == 0)) {
			return &rows[index];
		}
	}
	return NULL;
}

/* The row of a call that may be left out; @param: NULL for any row of it. */
static const struct compat_row *row_find_call(const char *method, const char *param)
{
	return row_find(compat_calls, EBB_ARRAY_SIZE(compat_calls), method, param);
}

/* The row of a parameter that a method of ours does not have. */
static const struct compat_row *row_find_parameter(const char *method, const char *param)
{
	const struct compat_row *row;

	row = row_find(compat_parameters, EBB_ARRAY_SIZE(compat_parameters), method, param);
	if (row == NULL) {
		row = row_find_call(method, param);
	}
	return row != NULL && strcmp(row->param, ALL) != 0 ? row : NULL;
}

static int row_refuse(const struct compat_row *row, const char *param, struct json_object *value,
		      char *ret_error, size_t size)
{
	static const char *const legal[] = {
		[COMPAT_OFF] = "only 0 or false is taken",
		[COMPAT_NEGATIVE] = "only 0 or less is taken",
		[COMPAT_LIKE] = "only 0 or the same as",
		[COMPAT_WORD] = "only the word",
	};

	snprintf(ret_error, size, "parameter \"%s\" is %s: ebb cannot %s, %s%s%s", param,
		 json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN), row->why,
		 legal[row->rule], row->other != NULL ? " " : "",
		 row->other != NULL ? row->other : "");
	return -EINVAL;
}

int config_compat_method(const char *method, struct json_object *params, char *ret_error,
			 size_t size)
{
	const struct compat_row *row;

	if (row_find_call(method, NULL) == NULL) {
		return -ENOENT;
	}
	if (params == NULL) {
		return 0;
	}
	json_object_object_foreach(params, name, value)
	{
		row = row_find_call(method, name);
		if (row == NULL) {
			snprintf(ret_error, size, "parameter \"%s\" is not known", name);
			return -EINVAL;
		}
		if (!row_accepts(row, params, value)) {
			return row_refuse(row, name, value, ret_error, size);
		}
	}
	return 0;
}

int config_compat_params(const struct ebb_method *method, struct json_object *params,
			 struct json_object **ret_params, char *ret_error, size_t size)
{
	const struct compat_row *row;
	struct json_object *kept;
	int rc = 0;

	if (params == NULL) {
		*ret_params = NULL;
		return 0;
	}
	kept = json_object_new_object();
	if (kept == NULL) {
		return -ENOMEM;
	}
	json_object_object_foreach(params, name, value)
	{
		row = method_param_find(method, name) != NULL
			      ? NULL
			      : row_find_parameter(method->name, name);
		if (row == NULL) {
			if (json_object_object_add(kept, name, json_object_get(value)) < 0) {
				json_object_put(value);
				rc = -ENOMEM;
				break;
			}
		} else if (!row_accepts(row, params, value)) {
			rc = row_refuse(row, name, value, ret_error, size);
			break;
		}
	}
	if (rc < 0) {
		json_object_put(kept);
		return rc;
	}
	*ret_params = kept;
	return 0;
}
