/* SPDX-License-Identifier: Apache-2.0 */
/* bdev_nvme_get_controller_health_info: the SMART log, read from the device when asked. */
#include <ebb/method.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nvme/types.h>

#include "drivers/nvme/health.h"
#include "drivers/nvme/path.h"

struct health_params {
	char *name;
};

static const struct ebb_param health_table[] = {
	EBB_PARAM(struct health_params, name, EBB_PARAM_STRING, .help = "of an NVMe controller"),
};

struct health_call {
	struct nvme_admin_command admin;
	struct ebb_call *call;
};

static void add_uint(struct json_object *object, const char *name, uint64_t value)
{
	json_object_object_add(object, name, json_object_new_uint64(value));
}

static void add_string(struct json_object *object, const char *name, const char *value)
{
	json_object_object_add(object, name, json_object_new_string(value));
}

static void add_counters(struct json_object *object, const struct nvme_health *health)
{
	add_uint(object, "available_spare_percentage", health->available_spare_percent);
	add_uint(object, "available_spare_threshold_percentage", health->spare_threshold_percent);
	add_uint(object, "percentage_used", health->used_percent);
	add_uint(object, "data_units_read", health->data_units_read);
	add_uint(object, "data_units_written", health->data_units_written);
	add_uint(object, "host_read_commands", health->host_reads);
	add_uint(object, "host_write_commands", health->host_writes);
	add_uint(object, "controller_busy_time", health->busy_minutes);
	add_uint(object, "power_cycles", health->power_cycles);
	add_uint(object, "power_on_hours", health->power_on_hours);
	add_uint(object, "unsafe_shutdowns", health->unsafe_shutdowns);
	add_uint(object, "media_errors", health->media_errors);
	add_uint(object, "num_err_log_entries", health->error_log_entries);
	add_uint(object, "warning_temperature_time_minutes", health->warning_minutes);
	add_uint(object, "critical_composite_temperature_time_minutes", health->critical_minutes);
}

static struct json_object *health_json(const struct nvme_drive *drive,
				       const struct nvme_health *health)
{
	struct json_object *object = json_object_new_object();
	struct json_object *sensors = json_object_new_array();
	char warnings[256];
	unsigned i;

	add_string(object, "model_number", drive->path->info.model);
	add_string(object, "serial_number", drive->path->info.serial);
	add_string(object, "firmware_revision", drive->path->info.firmware);
	add_string(object, "traddr", drive->path->traddr);
	add_uint(object, "critical_warning", health->critical_warning);
	nvme_health_warnings(health, warnings, sizeof(warnings));
	add_string(object, "critical_warning_text", warnings);
	json_object_object_add(object, "temperature_celsius",
			       json_object_new_int(health->temperature_celsius));
	add_counters(object, health);
	for (i = 0; i < health->num_sensors; i++) {
		json_object_array_add(sensors, json_object_new_int(health->sensors_celsius[i]));
	}
	json_object_object_add(object, "temperature_sensors_celsius", sensors);
	return object;
}

static void health_done(struct nvme_admin_command *admin, int rc)
{
	struct health_call *health_call = ebb_container_of(admin, struct health_call, admin);
	struct nvme_drive *drive = admin->path->drive;
	struct nvme_health health;

	if (rc < 0) {
		ebb_call_error(health_call->call, rc,
			       "NVMe controller '%s' (%s) does not tell its health: %s",
			       drive->name, drive->path->traddr, strerror(-rc));
	} else {
		nvme_health_parse(admin->buf, &health);
		ebb_call_result(health_call->call, health_json(drive, &health));
	}
	nvme_admin_command_fini(admin);
	free(health_call);
	nvme_drive_put(drive);
}

static void health_call(struct ebb_call *call, void *arg)
{
	const struct health_params *params = arg;
	struct nvme_drive *drive = nvme_drive_find(params->name);
	struct health_call *health;

	if (drive == NULL) {
		ebb_call_error(call, -ENODEV,
			       "no NVMe controller is named '%s'; bdev_nvme_get_controllers lists "
			       "them",
			       params->name);
		return;
	}
	if (!nvme_drive_get(drive)) {
		ebb_call_error(call, -EAGAIN, "NVMe controller '%s' is %s and cannot be asked now",
			       drive->name, nvme_path_state_name(drive->path->state));
		return;
	}
	health = calloc(1, sizeof(*health));
	if (health == NULL ||
	    nvme_admin_command_init(&health->admin, drive->path, health_done) < 0) {
		ebb_call_error(call, -ENOMEM, "out of memory for the health of '%s'", drive->name);
		free(health);
		nvme_drive_put(drive);
		return;
	}
	health->call = call;
	nvme_admin_command_get_log(&health->admin, NVME_LOG_LID_SMART, NVME_HEALTH_BYTES);
}

static struct ebb_method health_method = {
	.name = "bdev_nvme_get_controller_health_info",
	.states = EBB_METHOD_RUNTIME,
	.help = "what an NVMe controller says of its health (SMART)",
	.params = health_table,
	.num_params = EBB_ARRAY_SIZE(health_table),
	.params_size = sizeof(struct health_params),
	.fn = health_call,
};

EBB_METHOD_REGISTER(health_method)
