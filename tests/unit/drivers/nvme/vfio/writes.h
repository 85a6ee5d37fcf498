/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_DRIVERS_NVME_VFIO_WRITES_H
#define TESTS_UNIT_DRIVERS_NVME_VFIO_WRITES_H

/* A queue, and many writes of one block to it, each with content of its own. */

#include "tests/unit/drivers/nvme/vfio/layer.h"

#define WRITES 40u

extern struct layer_queue writes_queue;
extern struct layer_io writes[WRITES];

/* Attaches the controller and creates the queue; closes, detaches and frees all. */
void writes_begin(void);
void writes_end(void);

/* The first @count of them. */
void writes_submit(unsigned count);
/* Milliseconds of the test's clock go by until all are answered. */
unsigned writes_until_done(unsigned count);
/* Each was answered once, and well, and what it wrote is there. */
void writes_check(unsigned count);
void writes_check_failed(unsigned count, int rc);

#endif
