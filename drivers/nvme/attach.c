/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/attach.h"

#include <errno.h>

#include <ebb/assert.h>

#include "drivers/nvme/host/pci.h"
#include "drivers/nvme/path.h"

int nvme_attach_drive(const struct nvme_transport *transport, const char *name, const char *traddr,
		      const struct nvme_attach_opts *opts, nvme_drive_cb done, void *arg)
{
	char bdf[HOST_PCI_BDF_SIZE];
	struct nvme_drive *drive;

	ebb_assert(ebb_thread_is_app() && done != NULL);
	/* "01:00.0" and "0000:01:00.0" are one. */
	traddr = host_pci_bdf_parse(traddr, bdf) ? bdf : traddr;
	if (nvme_drive_find(name) != NULL || nvme_drive_find_address(transport, traddr) != NULL) {
		return -EEXIST;
	}
	drive = nvme_drive_create(name, opts, done, arg);
	if (drive == NULL) {
		return -ENOMEM;
	}
	drive->path = nvme_path_create(drive, transport, traddr);
	if (drive->path == NULL) {
		drive->attach.done = NULL; /* told by what is returned */
		nvme_drive_unlist(drive);
		nvme_drive_destroy(drive);
		return -ENOMEM;
	}
	drive->path->call = NVME_PATH_CALL_ATTACH;
	transport->attach(drive->path);
	return 0;
}
