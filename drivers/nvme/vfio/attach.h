/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_ATTACH_H
#define DRIVERS_NVME_VFIO_ATTACH_H

struct nvme_path;

/* As struct nvme_transport has it. */
void vfio_attach(struct nvme_path *path);

#endif
