/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/vfio/tenure.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ebb/log.h>

/* Its namespaces are the kernel's to use again only after the claim on them has gone. */
static void tenure_give_back(struct vfio_tenure *tenure)
{
	char error[512];

	host_claim_release(tenure->hold);
	tenure->hold = NULL;
	if (tenure->give_back && ebb_nvme_bind_back("", tenure->bdf, error, sizeof(error)) != 0) {
		ebb_warn("nvme", "%s: it could not be given back to the kernel: %s", tenure->bdf,
			 error);
	}
	tenure->give_back = false;
}

int vfio_tenure_begin(struct vfio_tenure *tenure, const char *traddr, bool rebind, char *ret_error,
		      size_t error_size)
{
	char was[EBB_PCI_DRIVER_SIZE] = "";
	int rc;

	*tenure = (struct vfio_tenure){0};
	if (!ebb_pci_bdf_parse(traddr, tenure->bdf)) {
		snprintf(ret_error, error_size,
			 "'%s' is no address of a PCI function, such as 0000:01:00.0", traddr);
		return -EINVAL;
	}
	if (rebind) {
		rc = ebb_nvme_bind_vfio("", tenure->bdf, was, &tenure->hold, ret_error, error_size);
		if (rc != 0) {
			return rc;
		}
		tenure->give_back = strcmp(was, "nvme") == 0;
	}
	rc = ebb_vfio_device_open(tenure->bdf, &tenure->device, ret_error, error_size);
	if (rc != 0) {
		tenure_give_back(tenure);
	}
	return rc;
}

int vfio_tenure_hold(const struct ebb_nvme_ctrlr_info *info, uint32_t nsid,
		     struct host_claim **ret_hold, char *ret_error, size_t error_size)
{
	return host_claim_subsystem("", info->subnqn, info->serial, info->model, nsid, ret_hold,
				    ret_error, error_size);
}

void vfio_tenure_unhold(struct host_claim *hold)
{
	host_claim_release(hold);
}

void vfio_tenure_end(struct vfio_tenure *tenure)
{
	tenure->device->ops->close(tenure->device);
	tenure->device = NULL;
	tenure_give_back(tenure);
}
