/* SPDX-License-Identifier: Apache-2.0 */
/* sources: drivers/nvme/identify.c drivers/nvme/apst.c drivers/nvme/health.c drivers/nvme/status.c */
/* libs: libnvme */

/*
 * What a device says of itself: identify data, lists of namespaces, descriptors, the health log and
 * statuses. The first byte of the input chooses; the rest is the page, with zeroes behind it, or
 * ones. What comes out has to be usable as it is: in range, terminated, ascending.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/nvme/health.h"
#include "drivers/nvme/identify.h"
#include "drivers/nvme/apst.h"
#include "drivers/nvme/request.h"
#include "drivers/nvme/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
	if (!holds) {
		abort();
	}
}

static void check_text(const char *text, size_t size)
{
	size_t i, len = strnlen(text, size);

	check(len < size);
	for (i = 0; i < len; i++) {
		check(text[i] >= 0x20 && text[i] < 0x7f);
	}
}

static void fuzz_ctrlr(const uint8_t *page)
{
	struct nvme_ctrlr_info info;
	struct nvme_apst_table table;
	const char *fault = NULL;
	int rc = nvme_identify_parse_ctrlr(page, &info, &fault);
	unsigned i;

	check((rc < 0) == (fault != NULL));
	check_text(info.model, sizeof(info.model));
	check_text(info.serial, sizeof(info.serial));
	check_text(info.firmware, sizeof(info.firmware));
	check_text(info.subnqn, sizeof(info.subnqn));
	check(info.num_power_states >= 1 && info.num_power_states <= NVME_PS_MAX);
	check(nvme_apst_table_make(&info, 100000, &table) <= NVME_PS_MAX);
	for (i = 0; i < NVME_PS_MAX; i++) {
		uint64_t to = table.entries[i] >> 3 & 0x1f;

		/* Only to states that exist, do no I/O, and are deeper. */
		check((table.entries[i] & 7) == 0);
		check(table.entries[i] == 0 || (to > i && to < info.num_power_states &&
						info.power_states[to].non_operational));
	}
	nvme_identify_parse_ctrlr_nvm(page, &info);
}

static void fuzz_ns(const uint8_t *page)
{
	struct nvme_ns_info info;
	char fault[128];
	int rc = nvme_identify_parse_ns(page, &info, fault, sizeof(fault));

	if (rc < 0) {
		check(fault[0] != '\0');
		return;
	}
	check(info.block_size >= 512 && info.block_size <= 65536);
	check((info.block_size & (info.block_size - 1)) == 0);
	check(info.num_blocks > 0 && info.num_blocks <= (uint64_t)INT64_MAX / info.block_size);
	check((info.boundary_blocks & (info.boundary_blocks - 1)) == 0);
}

static void fuzz_descriptors(const uint8_t *page)
{
	struct nvme_ns_info info = {0};

	(void)nvme_identify_parse_descriptors(page, &info);
	check((nvme_identify_csi_fault(info.csi) == NULL) == (info.csi == 0));
}

static void fuzz_list(const uint8_t *page)
{
	static uint32_t nsids[1024];
	uint32_t after;
	unsigned i, count;

	memcpy(&after, page + 4092, sizeof(after));
	count = nvme_identify_parse_ns_list(page, after, nsids);
	check(count <= 1024);
	for (i = 0; i < count; i++) {
		check(nsids[i] > after && nsids[i] != UINT32_MAX);
		after = nsids[i];
	}
}

static void fuzz_health(const uint8_t *page)
{
	struct nvme_health health;
	char warnings[64];

	nvme_health_parse(page, &health);
	check(health.num_sensors <= 8);
	nvme_health_warnings(&health, warnings, sizeof(warnings));
	check_text(warnings, sizeof(warnings));
}

static void fuzz_status(const uint8_t *page)
{
	uint16_t status;

	memcpy(&status, page, sizeof(status));
	check(nvme_status_errno(status) <= 0);
	check(nvme_status_text(status) != NULL);
	check(!nvme_status_retry(status) || (status & NVME_DNR) == 0);
	check(!nvme_status_retry(status) || nvme_status_errno(status) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const targets[])(const uint8_t *page) = {
		fuzz_ctrlr, fuzz_ns, fuzz_descriptors, fuzz_list, fuzz_health, fuzz_status,
	};
	/* On the heap: one byte past the page is one too many. */
	uint8_t *page;
	uint8_t choice;

	if (size == 0) {
		return 0;
	}
	choice = data[0];
	page = malloc(NVME_IDENTIFY_BYTES);
	check(page != NULL);
	memset(page, choice & 0x80 ? 0xff : 0, NVME_IDENTIFY_BYTES);
	size = size - 1 < NVME_IDENTIFY_BYTES ? size - 1 : NVME_IDENTIFY_BYTES;
	memcpy(page, data + 1, size);
	targets[(choice & 0x7f) % (sizeof(targets) / sizeof(targets[0]))](page);
	free(page);
	return 0;
}
