/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_APST_H
#define DRIVERS_NVME_APST_H

#include "drivers/nvme/identify.h"

/* The data of the feature Autonomous Power State Transition: an entry for each power state. */
struct nvme_apst_table {
	uint64_t entries[NVME_PS_MAX]; /* little-endian */
};

/**
 * nvme_apst_table_make() - the state to which an idle controller shall go from each power state
 * @latency_us: the longest exit latency that may be paid; 0: no power saving at all
 * @ret_table: wholly set
 * Return: number of entries that lead anywhere; 0: leave the feature off.
 */
unsigned nvme_apst_table_make(const struct nvme_ctrlr_info *info, uint32_t latency_us,
			      struct nvme_apst_table *ret_table);

#endif
