/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_IO_QUEUE_TIMER_H
#define DRIVERS_NVME_VFIO_IO_QUEUE_TIMER_H

/* The timers of a queue. io_queue.c resumes them; vfio_io_queue_destroy() ends them. */

#include "drivers/nvme/vfio/io_queue.h"

/* Registers them, paused. Thread: the queue's. Return: 0; -ENOMEM, none is left. */
int vfio_io_queue_timer_init(struct vfio_io_queue *queue);

#endif
