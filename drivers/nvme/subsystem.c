/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subsystem "nvme". Its end lets go of every controller, so that each is shut down cleanly and
 * given back: bdevs are taken away, whoever holds them ends his I/O. Holders that do not let go in
 * time are named, and their controller is left as it is.
 */
#include <ebb/subsystem.h>

#include <ebb/log.h>

#include "drivers/nvme/path.h"

#define FINI_TIMEOUT_MS 8000u

static struct ebb_subsystem nvme_subsystem;
static bool fini_waits;

static void all_gone(void *arg)
{
	(void)arg;
	if (fini_waits) {
		fini_waits = false;
		ebb_subsystem_fini_done(&nvme_subsystem);
	}
}

static void nvme_fini_expired(void)
{
	struct nvme_drive *drive = NULL;

	while ((drive = nvme_drive_next(drive)) != NULL) {
		ebb_error("nvme", "%s (%s) could not be detached at shutdown: %s%s; left as it is",
			  drive->name, drive->path->traddr,
			  drive->state >= NVME_DRIVE_DELETING ? "its bdevs are still held"
							      : "it is still ",
			  drive->state >= NVME_DRIVE_DELETING
				  ? ""
				  : nvme_path_state_name(drive->path->state));
	}
	fini_waits = false;
}

static void nvme_fini(void)
{
	struct nvme_drive *drive = NULL;
	struct nvme_drive *next;

	for (drive = nvme_drive_next(NULL); drive != NULL; drive = next) {
		next = nvme_drive_next(drive);
		(void)nvme_drive_detach(drive, NULL, NULL);
	}
	fini_waits = true;
	nvme_drive_wait_none(all_gone, NULL);
}

static struct ebb_subsystem nvme_subsystem = {
	.name = "nvme",
	.fini = nvme_fini,
	.fini_timeout_ms = FINI_TIMEOUT_MS,
	.fini_expired = nvme_fini_expired,
};

EBB_SUBSYSTEM_REGISTER(nvme_subsystem)
EBB_SUBSYSTEM_DEPEND(nvme, bdev)
