/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_QUEUE_EVENTS_H
#define DRIVERS_NVME_VFIO_QUEUE_EVENTS_H

/*
 * What the app thread hears of queues: the functions of their messages (messages.h), and of their
 * vectors' work. @setup: struct vfio_queue_setup.
 */

#include <ebb/helper.h>

void vfio_queue_events_register(void *setup);
void vfio_queue_events_unregister(void *setup);
void vfio_queue_events_acknowledge(void *setup);
void vfio_queue_events_fault(void *setup);
void vfio_queue_events_vector_done(struct ebb_work *work);

#endif
