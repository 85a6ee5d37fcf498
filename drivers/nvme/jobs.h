/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_JOBS_H
#define DRIVERS_NVME_JOBS_H

struct nvme_path;

/*
 * Does what there is to do for a path's worker, until it waits or is done. Inside itself it does
 * nothing: the loop that runs goes round again. Thread: app.
 */
void nvme_jobs_run(struct nvme_path *path);

#endif
