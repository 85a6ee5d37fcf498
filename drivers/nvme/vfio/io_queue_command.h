/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_IO_QUEUE_COMMAND_H
#define DRIVERS_NVME_VFIO_IO_QUEUE_COMMAND_H

#include "drivers/nvme/vfio/io_queue.h"

/**
 * vfio_io_queue_command_run() - carry out @messages->command, and acknowledge it
 * @queue: struct vfio_io_queue
 * Thread: the queue's. The function of command_msg.
 */
void vfio_io_queue_command_run(void *queue);

#endif
