/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nvme/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include <ebb/assert.h>

/* The reactor calls the transport's functions: on each turn a call less. */
static int poller_begin(struct nvme_channel *ch)
{
	const struct nvme_transport *transport = ch->queue->transport;
	struct ebb_poller_wake wake = {
		.fd = ch->queue->wake_fd,
		.events = EPOLLIN | EPOLLET, /* nobody reads it */
		.set_interrupt = transport->set_interrupt,
		.arm = transport->arm,
	};

	if (transport->poll == NULL) {
		return 0;
	}
	ch->poller = ebb_poller_register_named(transport->poll, ch->queue, 0,
					       wake.fd >= 0 ? &wake : NULL, "channel_poll");
	return ch->poller == NULL ? -ENOMEM : 0;
}

static int channel_create(void *device, void *ctx)
{
	const struct nvme_drive *drive = device;
	struct nvme_path *path = drive->path;
	struct nvme_channel *ch = ctx;
	int rc;

	ch->submit = path->transport->submit;
	nvme_retry_init(&ch->retry, nvme_io_again);
	rc = path->transport->queue_create(path, &ch->queue);
	if (rc < 0) {
		return rc;
	}
	ebb_assert(ch->queue->transport == path->transport && ch->queue->path == path);
	rc = poller_begin(ch);
	if (rc < 0) {
		path->transport->queue_destroy(ch->queue);
	}
	return rc;
}

static void channel_destroy(void *device, void *ctx)
{
	struct nvme_channel *ch = ctx;

	(void)device;
	ebb_assert(nvme_retry_idle(&ch->retry));
	ebb_poller_unregister(&ch->poller);
	ch->queue->transport->queue_destroy(ch->queue);
}

/* The bdevs' channels above this one let their requests end, and hold new ones back. */
static void channel_quiesce(void *ctx, struct ebb_io_channel *channel)
{
	struct nvme_channel *ch = ctx;

	if (ch->queue->transport->leave != NULL) {
		ch->queue->transport->leave(ch->queue);
	}
	ebb_io_channel_quiesced(channel);
}

static void channel_resume(void *ctx, struct ebb_io_channel *channel)
{
	struct nvme_channel *ch = ctx;

	(void)channel;
	if (ch->queue->transport->arrive != NULL) {
		ch->queue->transport->arrive(ch->queue);
	}
}

int nvme_channels_begin(struct nvme_drive *drive)
{
	struct ebb_io_device_ops ops = {
		.name = drive->name,
		.ctx_size = sizeof(struct nvme_channel),
		.create = channel_create,
		.destroy = channel_destroy,
		.quiesce = channel_quiesce,
		.resume = channel_resume,
	};

	return ebb_io_device_register(drive, &ops);
}

void nvme_channels_end(struct nvme_drive *drive, void (*done)(void *drive))
{
	ebb_assert(ebb_io_device_unregister(drive, done) == 0);
}

static void channel_flush(struct ebb_channel_iter *iter, struct ebb_io_channel *channel, void *arg)
{
	struct nvme_channel *ch = ebb_io_channel_ctx(channel);

	(void)arg;
	nvme_retry_flush(&ch->retry);
	ebb_for_each_channel_next(iter, 0);
}

static void channels_flushed(void *arg, int rc)
{
	(void)arg;
	(void)rc;
}

void nvme_channels_flush(struct nvme_drive *drive)
{
	ebb_for_each_channel(drive, channel_flush, NULL, channels_flushed);
}
