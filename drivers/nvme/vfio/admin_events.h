/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_ADMIN_EVENTS_H
#define DRIVERS_NVME_VFIO_ADMIN_EVENTS_H

/* What the app thread hears of a controller. */

struct vfio_ctrlr;

/* Registers the pollers: the device is open. vfio_pollers_fini() ends them. Return: 0; -errno. */
int vfio_admin_events_init(struct vfio_ctrlr *c);

#endif
