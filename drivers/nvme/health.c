/* SPDX-License-Identifier: Apache-2.0 */
/* NVMe Base 2.0, 5.16.1.3 "SMART / Health Information". */
#include "drivers/nvme/health.h"

#include <assert.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include <ebb/base.h>

#include <nvme/types.h>

static_assert(sizeof(struct nvme_smart_log) == NVME_HEALTH_BYTES, "health log page");
static_assert(offsetof(struct nvme_smart_log, data_units_read) == 32, "its counters");
static_assert(offsetof(struct nvme_smart_log, temp_sensor) == 200, "its sensors");

#define KELVIN 273

static uint64_t counter(const uint8_t bytes[16])
{
	uint64_t low, high;

	memcpy(&low, bytes, sizeof(low));
	memcpy(&high, bytes + sizeof(low), sizeof(high));
	return high != 0 ? UINT64_MAX : le64toh(low);
}

void nvme_health_parse(const void *data, struct nvme_health *ret_health)
{
	const struct nvme_smart_log *page = data;
	unsigned i;

	*ret_health = (struct nvme_health){
		.critical_warning = page->critical_warning,
		.available_spare_percent = page->avail_spare,
		.spare_threshold_percent = page->spare_thresh,
		.used_percent = page->percent_used,
		.temperature_celsius = (page->temperature[0] | page->temperature[1] << 8) - KELVIN,
		.data_units_read = counter(page->data_units_read),
		.data_units_written = counter(page->data_units_written),
		.host_reads = counter(page->host_reads),
		.host_writes = counter(page->host_writes),
		.busy_minutes = counter(page->ctrl_busy_time),
		.power_cycles = counter(page->power_cycles),
		.power_on_hours = counter(page->power_on_hours),
		.unsafe_shutdowns = counter(page->unsafe_shutdowns),
		.media_errors = counter(page->media_errors),
		.error_log_entries = counter(page->num_err_log_entries),
		.warning_minutes = le32toh(page->warning_temp_time),
		.critical_minutes = le32toh(page->critical_comp_time),
	};
	for (i = 0; i < EBB_ARRAY_SIZE(page->temp_sensor); i++) {
		unsigned kelvin = le16toh(page->temp_sensor[i]);

		if (kelvin != 0) { /* 0: there is no such sensor */
			ret_health->sensors_celsius[ret_health->num_sensors++] =
				(int)kelvin - KELVIN;
		}
	}
}

void nvme_health_warnings(const struct nvme_health *health, char *ret_text, size_t size)
{
	static const char *const names[] = {
		"spare capacity is below its threshold",
		"a temperature is past its threshold",
		"reliability is degraded",
		"the media is read only",
		"the backup of volatile memory failed",
		"the persistent memory region is read only",
	};
	size_t used = 0;
	unsigned i;

	ret_text[0] = '\0';
	for (i = 0; i < EBB_ARRAY_SIZE(names) && used < size; i++) {
		if ((health->critical_warning & EBB_BIT(i)) != 0) {
			used += (size_t)snprintf(ret_text + used, size - used, "%s%s",
						 used > 0 ? ", " : "", names[i]);
		}
	}
}
