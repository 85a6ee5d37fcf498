/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_HEALTH_H
#define DRIVERS_NVME_HEALTH_H

/* The SMART / Health Information log page. Pure functions over foreign bytes. */

#include <stddef.h>
#include <stdint.h>

#define NVME_HEALTH_BYTES 512u

/* Counters of 128 bits are cut to 64. */
struct nvme_health {
	uint8_t critical_warning;
	uint8_t available_spare_percent;
	uint8_t spare_threshold_percent;
	uint8_t used_percent;
	int temperature_celsius;
	uint64_t data_units_read; /* of 512,000 bytes */
	uint64_t data_units_written;
	uint64_t host_reads;
	uint64_t host_writes;
	uint64_t busy_minutes;
	uint64_t power_cycles;
	uint64_t power_on_hours;
	uint64_t unsafe_shutdowns;
	uint64_t media_errors;
	uint64_t error_log_entries;
	uint32_t warning_minutes;
	uint32_t critical_minutes;
	unsigned num_sensors; /* those that there are, in order */
	int sensors_celsius[8];
};

void nvme_health_parse(const void *data, struct nvme_health *ret_health);

/* The critical warnings in words, comma separated; empty: none. */
void nvme_health_warnings(const struct nvme_health *health, char *ret_text, size_t size);

#endif
