/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_NVME_CHANNEL_H
#define DRIVERS_NVME_CHANNEL_H

/* A thread's way into a drive: a queue of its path's transport, with its poller. */

#include <ebb/io_channel.h>
#include <ebb/poller.h>

#include "drivers/nvme/path.h"

struct nvme_channel {
	void (*submit)(struct nvme_queue *queue, struct nvme_request *request);
	struct nvme_queue *queue;  /* the transport's memory */
	struct ebb_poller *poller; /* NULL: the reactor does it */
	struct nvme_retry retry;
};

/* What a bdev's request needs besides its own struct. */
struct nvme_io {
	struct nvme_request request;
	struct nvme_channel *ch;
	struct iovec ranges; /* of a dataset management command, pool memory */
};

/* Registers @drive as the io_device of its bdevs. Return: 0 or negative errno. */
int nvme_channels_begin(struct nvme_drive *drive);

/* @done when no channel is left. */
void nvme_channels_end(struct nvme_drive *drive, void (*done)(void *drive));

/* What waits to be tried again is submitted at once, everywhere: the device is going. */
void nvme_channels_flush(struct nvme_drive *drive);

/* io.c */
void nvme_io_submit(void *ctx, struct ebb_bdev_io_handle handle);
void nvme_io_again(struct nvme_retry *retry, struct nvme_request *request);

#endif
