/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_RETRY_H
#define DRIVERS_NVME_RETRY_H

/*
 * Requests that are to be submitted again: at the next turn, or when the time that the device has
 * asked for has passed. A timer runs only while one waits for time. Belongs to one thread.
 */

#include <ebb/poller.h>
#include <ebb/thread.h>

#include "drivers/nvme/request.h"

struct nvme_path;

struct nvme_retry {
	void (*again)(struct nvme_retry *retry, struct nvme_request *request);
	struct ebb_list waiting; /* by request.link; due at request.deadline_ns */
	struct ebb_poller *timer;
	struct ebb_msg msg;
	bool sent; /* @msg is under way */
};

void nvme_retry_init(struct nvme_retry *retry,
		     void (*again)(struct nvme_retry *retry, struct nvme_request *request));

/* Nothing waits, and no message is under way. */
bool nvme_retry_idle(const struct nvme_retry *retry);

/**
 * nvme_retry_wanted() - shall this answer be asked for again?
 * Counts the try. Return: true: it has been queued, @again will be called for it.
 */
bool nvme_retry_wanted(struct nvme_retry *retry, struct nvme_request *request,
		       const struct nvme_path *path);

/* Everything that waits is submitted now: the device is going, and will answer so. */
void nvme_retry_flush(struct nvme_retry *retry);

#endif
