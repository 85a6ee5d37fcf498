/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue carries commands for any namespace, so there is nothing to open. But a namespace that is
 * shared may be the kernel's too, by another controller of the subsystem, and mounted there. So the
 * kernel's devices of it are claimed while it is used here; if one is in use, it is refused. One
 * that comes later, with a controller that is plugged in then, is not seen.
 */
#include "drivers/nvme/vfio/namespace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "drivers/nvme/path.h"
#include "drivers/nvme/vfio/ownership.h"

struct vfio_ns {
	struct nvme_path_ns *ns;
	struct host_claim *claim;
	struct ebb_work work;
	int rc;
};

static void ns_open_run(struct ebb_work *work)
{
	struct vfio_ns *vns = ebb_container_of(work, struct vfio_ns, work);
	struct nvme_path_ns *ns = vns->ns;

	vns->rc = vfio_ownership_claim(&ns->path->info, ns->nsid, &vns->claim, ns->fault,
				       sizeof(ns->fault));
}

static void ns_open_done(struct ebb_work *work)
{
	struct vfio_ns *vns = ebb_container_of(work, struct vfio_ns, work);
	struct nvme_path_ns *ns = vns->ns;
	int rc = vns->rc;

	if (rc < 0) {
		ns->transport_ns = NULL;
		free(vns);
	}
	nvme_path_ns_opened(ns, rc);
}

void vfio_namespace_open(struct nvme_path_ns *ns)
{
	struct vfio_ns *vns;

	if (!ns->ns->info.shared) {
		nvme_path_ns_opened(ns, 0);
		return;
	}
	vns = calloc(1, sizeof(*vns));
	if (vns == NULL) {
		snprintf(ns->fault, sizeof(ns->fault), "out of memory");
		nvme_path_ns_opened(ns, -ENOMEM);
		return;
	}
	vns->ns = ns;
	ebb_work_init(&vns->work, ns_open_run, ns_open_done);
	ns->transport_ns = vns;
	ebb_helper_submit(&vns->work);
}

static void ns_close_run(struct ebb_work *work)
{
	vfio_ownership_release(ebb_container_of(work, struct vfio_ns, work)->claim);
}

static void ns_close_done(struct ebb_work *work)
{
	struct vfio_ns *vns = ebb_container_of(work, struct vfio_ns, work);
	struct nvme_path_ns *ns = vns->ns;

	ns->transport_ns = NULL;
	free(vns);
	nvme_path_ns_closed(ns);
}

void vfio_namespace_close(struct nvme_path_ns *ns)
{
	struct vfio_ns *vns = ns->transport_ns;

	if (vns == NULL) {
		nvme_path_ns_closed(ns);
		return;
	}
	ebb_work_init(&vns->work, ns_close_run, ns_close_done);
	ebb_helper_submit(&vns->work);
}
