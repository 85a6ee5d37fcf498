/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_IO_QUEUE_CREATE_H
#define DRIVERS_NVME_VFIO_IO_QUEUE_CREATE_H

#include "drivers/nvme/transport.h"

/* As struct nvme_transport has it. */
int vfio_io_queue_create(struct nvme_path *path, struct nvme_queue **ret_queue);

#endif
