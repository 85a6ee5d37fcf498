/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subsystem "nvme". Its end lets go of every controller, so that each is shut down cleanly and
 * given back: bdevs are taken away, whoever holds them ends his I/O. Holders that do not let go in
 * time are named, and their controller is left as it is.
 */
#include <ebb/subsystem.h>

#include <ebb/log.h>
#include <ebb/poller.h>

#include "drivers/nvme/controllers.h"

#define FINI_TIMEOUT_US 8000000u

static struct ebb_poller *fini_timer;
static bool fini_waits;

static void fini_end(void)
{
	fini_waits = false;
	ebb_poller_unregister(&fini_timer);
	ebb_subsystem_fini_next();
}

static void all_gone(void *arg)
{
	(void)arg;
	if (fini_waits) {
		fini_end();
	}
}

static int fini_expired(void *arg)
{
	struct ebb_nvme_ctrlr *ctrlr = NULL;

	(void)arg;
	while ((ctrlr = ebb_nvme_ctrlr_next(ctrlr)) != NULL) {
		ebb_error("nvme", "%s (%s) could not be detached at shutdown: %s%s; left as it is",
			  ctrlr->name, ctrlr->traddr,
			  ctrlr->state == EBB_NVME_CTRLR_DELETING ? "its bdevs are still held"
								  : "it is still ",
			  ctrlr->state == EBB_NVME_CTRLR_DELETING
				  ? ""
				  : ebb_nvme_ctrlr_state_name(ctrlr->state));
	}
	fini_end();
	return 1;
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
	fini_timer = ebb_poller_register(fini_expired, NULL, FINI_TIMEOUT_US);
	if (fini_timer == NULL) {
		ebb_error("nvme", "no timer for the controllers' shutdown; not waiting for them");
		fini_end();
		return;
	}
	ebb_nvme_ctrlrs_wait_gone(all_gone, NULL);
}

static struct ebb_subsystem nvme_subsystem = {
	.name = "nvme",
	.fini = nvme_fini,
};

EBB_SUBSYSTEM_REGISTER(nvme_subsystem)
EBB_SUBSYSTEM_DEPEND(nvme, bdev)
