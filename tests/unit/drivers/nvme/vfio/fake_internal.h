/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_DRIVERS_NVME_VFIO_FAKE_INTERNAL_H
#define TESTS_UNIT_DRIVERS_NVME_VFIO_FAKE_INTERNAL_H

/* What the files of the fake controller share. */

#include <sys/uio.h>

#include <ebb/base.h>

#include "tests/unit/drivers/nvme/vfio/fake_ctrlr.h"

/* Addresses of the device's begin here; the pool's regions follow each other. */
#define FAKE_IOVA 0x1000000000ull

struct fake_data {
	struct iovec iov[FAKE_SEGMENTS];
	unsigned count;
};

void fake_wrong(struct fake_ctrlr *fake, const char *format, ...) EBB_PRINTF(2, 3);

/* NULL: not there, which is counted as wrong. */
char *fake_memory(struct fake_ctrlr *fake, uint64_t iova, size_t len_bytes);

void fake_data_find(struct fake_ctrlr *fake, const struct fake_command *command, size_t len_bytes,
		    struct fake_data *data);
void fake_data_copy(const struct fake_data *data, void *memory, size_t len_bytes, bool to_host);

/* Carries out @command, and sets its status and result. Return: false: it stays pending. */
bool fake_command_run(struct fake_ctrlr *fake, struct fake_command *command);

/* Doorbell registers, and the sentinel that says that one was not written since. */
#define FAKE_DOORBELL_QUIET UINT32_MAX
volatile uint32_t *fake_doorbell(struct fake_ctrlr *fake, unsigned qid, bool completion);

#endif
