/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_ATTACH_H
#define DRIVERS_NVME_ATTACH_H

#include "drivers/nvme/drive.h"

/**
 * nvme_attach_drive() - take hold of a controller and make bdevs of its namespaces
 * @done: once, perhaps inside this call. rc 0: it is enabled. < 0: @drive->fault says why not, and
 *	@drive is gone after this has returned: its name, and the device, may be attached again.
 * Thread: app.
 * Return: 0; -EEXIST there is one of that name, or with that address; -ENOMEM. Then @done does not
 *	run.
 */
int nvme_attach_drive(const struct nvme_transport *transport, const char *name, const char *traddr,
		      const struct nvme_attach_opts *opts, nvme_drive_cb done, void *arg);

#endif
