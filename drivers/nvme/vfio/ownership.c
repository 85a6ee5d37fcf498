/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/vfio/ownership.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ebb/log.h>

/* Its namespaces are the kernel's to use again only after the claim on them has gone. */
static void ownership_give_back(struct vfio_ownership *ownership)
{
	char error[512];

	host_claim_release(ownership->claim);
	ownership->claim = NULL;
	if (ownership->give_back && host_bind_back("", ownership->bdf, error, sizeof(error)) != 0) {
		ebb_warn("nvme", "%s: it could not be given back to the kernel: %s", ownership->bdf,
			 error);
	}
	ownership->give_back = false;
}

int vfio_ownership_begin(struct vfio_ownership *ownership, const char *traddr, bool rebind,
			 char *ret_error, size_t error_size)
{
	char was[HOST_PCI_DRIVER_SIZE] = "";
	int rc;

	*ownership = (struct vfio_ownership){0};
	if (!host_pci_bdf_parse(traddr, ownership->bdf)) {
		snprintf(ret_error, error_size,
			 "'%s' is no address of a PCI function, such as 0000:01:00.0", traddr);
		return -EINVAL;
	}
	if (rebind) {
		rc = host_bind_vfio("", ownership->bdf, was, &ownership->claim, ret_error,
				    error_size);
		if (rc != 0) {
			return rc;
		}
		ownership->give_back = strcmp(was, "nvme") == 0;
	}
	rc = vfio_device_open(ownership->bdf, &ownership->device, ret_error, error_size);
	if (rc != 0) {
		ownership_give_back(ownership);
	}
	return rc;
}

int vfio_ownership_claim(const struct nvme_ctrlr_info *info, uint32_t nsid,
			 struct host_claim **ret_hold, char *ret_error, size_t error_size)
{
	return host_claim_subsystem("", info->subnqn, info->serial, info->model, nsid, ret_hold,
				    ret_error, error_size);
}

void vfio_ownership_release(struct host_claim *claim)
{
	host_claim_release(claim);
}

void vfio_ownership_end(struct vfio_ownership *ownership)
{
	ownership->device->ops->close(ownership->device);
	ownership->device = NULL;
	ownership_give_back(ownership);
}
