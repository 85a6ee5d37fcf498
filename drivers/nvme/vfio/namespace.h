/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_VFIO_NAMESPACE_H
#define DRIVERS_NVME_VFIO_NAMESPACE_H

struct nvme_path_ns;

/* As struct nvme_transport has them. */
void vfio_namespace_open(struct nvme_path_ns *ns);
void vfio_namespace_close(struct nvme_path_ns *ns);

#endif
