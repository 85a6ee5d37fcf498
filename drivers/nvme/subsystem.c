/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subsystem "nvme". Its end lets go of every controller, so that each is shut down cleanly and
 * given back: bdevs are taken away, whoever holds them ends his I/O. Holders that do not let go in
 * time are named, and their controller is left as it is.
 */
#include <ebb/subsystem.h>

#include <ebb/log.h>

#include "drivers/nvme/controllers.h"

#define FINI_TIMEOUT_MS 8000u

static bool fini_waits;

static void all_gone(void *arg)
{
	(void)arg;
	if (fini_waits) {
		fini_waits = false;
		ebb_subsystem_fini_next();
	}
}

static void nvme_fini_expired(void)
{
	struct ebb_nvme_ctrlr *ctrlr = NULL;

	while ((ctrlr = ebb_nvme_ctrlr_next(ctrlr)) != NULL) {
		ebb_error("nvme", "%s (%s) could not be detached at shutdown: %s%s; left as it is",
			  ctrlr->name, ctrlr->traddr,
			  ctrlr->state == EBB_NVME_CTRLR_DELETING ? "its bdevs are still held"
								  : "it is still ",
			  ctrlr->state == EBB_NVME_CTRLR_DELETING
				  ? ""
				  : ebb_nvme_ctrlr_state_name(ctrlr->state));
	}
	fini_waits = false;
}

static void nvme_fini(void)
{
	struct ebb_nvme_ctrlr *ctrlr = NULL;
	struct ebb_nvme_ctrlr *next;

	for (ctrlr = ebb_nvme_ctrlr_next(NULL); ctrlr != NULL; ctrlr = next) {
		next = ebb_nvme_ctrlr_next(ctrlr);
		(void)ebb_nvme_ctrlr_detach(ctrlr, NULL, NULL);
	}
	fini_waits = true;
	ebb_nvme_ctrlrs_wait_gone(all_gone, NULL);
}

static struct ebb_subsystem nvme_subsystem = {
	.name = "nvme",
	.fini = nvme_fini,
	.fini_timeout_ms = FINI_TIMEOUT_MS,
	.fini_expired = nvme_fini_expired,
};

EBB_SUBSYSTEM_REGISTER(nvme_subsystem)
EBB_SUBSYSTEM_DEPEND(nvme, bdev)
