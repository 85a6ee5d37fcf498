/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_DRIVERS_NVME_WORKER_H
#define EBB_DRIVERS_NVME_WORKER_H

/* A controller's management commands, one job after the other. Thread: app. See worker.c. */

#include "drivers/nvme/ctrlr.h"

/* Return: 0; -ENOMEM. */
int ebb_nvme_worker_init(struct ebb_nvme_ctrlr *ctrlr);
void ebb_nvme_worker_fini(struct ebb_nvme_ctrlr *ctrlr);

/* Adds jobs, and begins if the controller's state allows. @ctrlr may be gone afterwards. */
void ebb_nvme_worker_add(struct ebb_nvme_ctrlr *ctrlr, uint32_t jobs);

/*
 * An answer to I/O has cast doubt on what is known of the namespaces: look at them again, at most
 * once a second. Thread: any that has a channel of a bdev of @ctrlr.
 */
void ebb_nvme_worker_look(struct ebb_nvme_ctrlr *ctrlr);

/* What the step under way waits for has ended. @ctrlr may be gone afterwards. */
void ebb_nvme_worker_wake(struct ebb_nvme_ctrlr *ctrlr, int rc);

/* For jobs: waits for an admin command, or something else, and goes on with @step. */
void ebb_nvme_worker_wait(struct ebb_nvme_ctrlr *ctrlr,
			  void (*step)(struct ebb_nvme_ctrlr *ctrlr, int rc));

/* For jobs: this one has ended. < 0: while the controller starts, that ends the start. */
void ebb_nvme_worker_job_end(struct ebb_nvme_ctrlr *ctrlr, int rc);

/* True if no job is under way. */
bool ebb_nvme_worker_idle(const struct ebb_nvme_ctrlr *ctrlr);

/* scan.c, event.c */
void ebb_nvme_scan_begin(struct ebb_nvme_ctrlr *ctrlr);
void ebb_nvme_log_begin(struct ebb_nvme_ctrlr *ctrlr, enum ebb_nvme_job job);

#endif
