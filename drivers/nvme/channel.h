/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_DRIVERS_NVME_CHANNEL_H
#define EBB_DRIVERS_NVME_CHANNEL_H

/* A thread's way into a drive: a queue of its path's transport, with its poller. */

#include <ebb/io_channel.h>
#include <ebb/poller.h>

#include "drivers/nvme/path.h"

struct ebb_nvme_channel {
	void (*submit)(struct ebb_nvme_queue *queue, struct ebb_nvme_request *request);
	struct ebb_nvme_queue *queue; /* the transport's memory */
	struct ebb_poller *poller;    /* NULL: the reactor does it */
	struct ebb_nvme_retry retry;
};

/* What a bdev's request needs besides its own struct. */
struct ebb_nvme_io {
	struct ebb_nvme_request request;
	struct ebb_nvme_channel *ch;
	struct iovec ranges; /* of a dataset management command, pool memory */
};

/* Registers @drive as the io_device of its bdevs. Return: 0 or negative errno. */
int ebb_nvme_channels_begin(struct nvme_drive *drive);

/* @done when no channel is left. */
void ebb_nvme_channels_end(struct nvme_drive *drive, void (*done)(void *drive));

/* What waits to be tried again is submitted at once, everywhere: the device is going. */
void ebb_nvme_channels_flush(struct nvme_drive *drive);

/* io.c */
void ebb_nvme_io_submit(void *ctx, struct ebb_bdev_io *io);
void ebb_nvme_io_again(struct ebb_nvme_retry *retry, struct ebb_nvme_request *request);

#endif
