/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_SCAN_H
#define DRIVERS_NVME_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/nvme/identify.h"

struct nvme_ns;
struct nvme_path;

/* A look at the namespaces, under way. See scan.c. */
struct nvme_scan {
	uint32_t number;
	uint32_t nsids[1024]; /* one page of the list */
	unsigned count;
	unsigned at;
	uint32_t after; /* the last one of the page */
	unsigned pages;
	bool last_page;
	bool again;               /* when a namespace that is leaving has left */
	struct nvme_ns_info info; /* of nsids[at] */
	struct nvme_ns *opening;
	unsigned refused;
	char refusal[320]; /* the first: which namespace, and why */
	int refusal_rc;
};

/* The job. Thread: app. */
void nvme_scan_begin(struct nvme_path *path);

#endif
