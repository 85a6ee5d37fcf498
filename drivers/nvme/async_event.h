/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_ASYNC_EVENT_H
#define DRIVERS_NVME_ASYNC_EVENT_H

/* Asynchronous events (NVMe Base 2.0, 5.2). Thread: app. See async_event.c. */

#include "drivers/nvme/request.h"
#include "drivers/nvme/worker.h"

struct nvme_async_event {
	bool sent; /* the controller has the request */
	nvme_done_fn done;
	struct nvme_request request;
};

/* Asks the controller to tell of the next event, unless it has been asked. */
void nvme_async_event_send(struct nvme_path *path);

/*
 * The request has come back. Asks for the next event, if there was one. Return: the jobs to be done
 * about what it says.
 */
uint32_t nvme_async_event_end(struct nvme_path *path);

/*
 * What dword 0 of an event's completion means, for the log. Return: the jobs to be done about it.
 */
uint32_t nvme_async_event_jobs(const struct nvme_path *path, uint32_t dword);

/* The job that reads the log page of an event. */
void nvme_async_event_read_log(struct nvme_path *path, enum nvme_job job);

#endif
