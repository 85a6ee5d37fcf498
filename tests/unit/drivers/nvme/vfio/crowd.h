/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_DRIVERS_NVME_VFIO_CROWD_H
#define TESTS_UNIT_DRIVERS_NVME_VFIO_CROWD_H

/* A queue, and many writes of one block to it, each with content of its own. */

#include "tests/unit/drivers/nvme/vfio/layer.h"

#define CROWD 40u

extern struct layer_queue crowd_queue;
extern struct layer_io crowd[CROWD];

/* Attaches the controller and creates the queue; closes, detaches and frees all. */
void crowd_begin(void);
void crowd_end(void);

/* The first @count of them. */
void crowd_submit(unsigned count);
/* Milliseconds of the test's clock go by until all are answered. */
unsigned crowd_until_done(unsigned count);
/* Each was answered once, and well, and what it wrote is there. */
void crowd_check(unsigned count);
void crowd_check_failed(unsigned count, int rc);

#endif
