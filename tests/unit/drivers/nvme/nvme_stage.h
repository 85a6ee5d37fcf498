/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_DRIVERS_NVME_NVME_STAGE_H
#define TESTS_UNIT_DRIVERS_NVME_NVME_STAGE_H

/* The stage with the mock on it, and what the tests of the NVMe driver do over and over. */

#include <ebb/bdev.h>
#include <ebb/io_channel.h>

#include "tests/unit/core/bdev/call.h"
#include "tests/unit/core/bdev/stage.h"
#include "tests/unit/drivers/nvme/mock.h"

void nvme_setup(void);
void nvme_teardown(void);

/* Attaches the mock as controller "n", and takes it away again. */
void nvme_attach(void);
void nvme_detach(void);

/* A client of a bdev, on the thread that opens it. */
struct nvme_client {
	struct ebb_bdev_desc *desc;
	struct ebb_io_channel *ch;
	unsigned removes, resizes;
	bool closes; /* when told to */
};

void nvme_open(struct nvme_client *client, const char *name);
void nvme_close(struct nvme_client *client);

/* A request's end. */
struct nvme_result {
	bool done;
	int status;
};

void nvme_done(void *arg, int status);

#endif
