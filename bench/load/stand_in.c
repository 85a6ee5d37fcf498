/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/stand_in.h"

/*
 * The bdev in front of the device. A channel is a queue of the device, and a poller that reaps it; the
 * queue's eventfd is the poller's wake source. A device that is made without interrupts has no such
 * source, and keeps its reactors awake, as a drive does that can only be polled.
 */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <json-c/json.h>

#include <ebb/assert.h>
#include <ebb/bdev_module.h>
#include <ebb/io_channel.h>
#include <ebb/poller.h>

#define REAP_MAX 256 /* in one run of the poller */

struct stand_in_bdev {
	struct ebb_bdev bdev;
	struct bench_stand_in_device *device;
	struct stand_in_bdev *next; /* in the list of all */
};

struct stand_in_channel {
	struct bench_stand_in_queue *queue;
	struct ebb_poller *poller;
	struct ebb_list waiting; /* for room in the queue, in order */
};

/* In each request: only while it waits. */
struct stand_in_io {
	struct ebb_list link;
	struct ebb_bdev_io_handle handle;
};

static pthread_mutex_t stand_ins_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct stand_in_bdev *stand_ins;

static struct stand_in_bdev *stand_in_of(const struct ebb_bdev *bdev)
{
	return ebb_container_of(bdev, struct stand_in_bdev, bdev);
}

/* ---- requests ---- */

static int stand_in_begin(struct stand_in_channel *channel, struct ebb_bdev_io_handle handle)
{
	static const enum bench_stand_in_op ops[] = {
		[EBB_BDEV_READ] = BENCH_STAND_IN_READ,
		[EBB_BDEV_WRITE] = BENCH_STAND_IN_WRITE,
		[EBB_BDEV_FLUSH] = BENCH_STAND_IN_FLUSH,
	};
	const struct ebb_bdev_io *io = handle.io;
	struct bench_stand_in_request request = {
		.op = ops[io->type],
		.iov = io->iov,
		.iovcnt = io->iovcnt,
		.offset_bytes = io->offset_blocks * io->bdev->block_size,
		.cookie = handle.io,
		.tag = handle.generation,
	};

	return bench_stand_in_queue_submit(channel->queue, &request);
}

static void stand_in_submit(void *ctx, struct ebb_bdev_io_handle handle)
{
	struct stand_in_channel *channel = ctx;
	struct stand_in_io *waiting;

	if (ebb_likely(ebb_list_empty(&channel->waiting)) && stand_in_begin(channel, handle) == 0) {
		return;
	}
	waiting = ebb_bdev_io_ctx(handle.io);
	waiting->handle = handle;
	ebb_list_push_back(&channel->waiting, &waiting->link);
}

static void channel_go_on(struct stand_in_channel *channel)
{
	while (!ebb_list_empty(&channel->waiting)) {
		struct stand_in_io *first =
			ebb_list_entry(channel->waiting.next, struct stand_in_io, link);

		ebb_list_remove(&first->link);
		if (stand_in_begin(channel, first->handle) < 0) {
			ebb_list_push_front(&channel->waiting, &first->link);
			return;
		}
	}
}

static int channel_poll(void *arg)
{
	struct stand_in_channel *channel = arg;
	struct bench_stand_in_answer answer;
	int count = 0;

	while (count < REAP_MAX && bench_stand_in_queue_reap(channel->queue, &answer)) {
		struct ebb_bdev_io_handle handle = {
			.io = answer.cookie,
			.generation = (uint16_t)answer.tag,
		};

		ebb_bdev_io_complete(handle, 0);
		count++;
	}
	if (ebb_unlikely(count != 0 && !ebb_list_empty(&channel->waiting))) {
		channel_go_on(channel);
	}
	return count;
}

static int channel_arm(void *arg)
{
	struct stand_in_channel *channel = arg;

	return bench_stand_in_queue_arm(channel->queue);
}

/* ---- channels ---- */

static int channel_create(void *device, void *ctx)
{
	struct stand_in_bdev *stand_in = device;
	struct stand_in_channel *channel = ctx;
	struct ebb_poller_wake wake = {.events = EPOLLIN | EPOLLET, .arm = channel_arm};
	bool interrupt = bench_stand_in_device_opts(stand_in->device)->interrupt;
	int rc = bench_stand_in_device_open_queue(stand_in->device, &channel->queue);

	if (rc < 0) {
		return rc;
	}
	ebb_list_init(&channel->waiting);
	wake.fd = bench_stand_in_queue_fd(channel->queue);
	channel->poller = ebb_poller_register_named(channel_poll, channel, 0,
						    interrupt ? &wake : NULL, "stand_in");
	if (channel->poller == NULL) {
		bench_stand_in_queue_close(channel->queue);
		return -ENOMEM;
	}
	return 0;
}

static void channel_destroy(void *device, void *ctx)
{
	struct stand_in_channel *channel = ctx;

	(void)device;
	ebb_assert(ebb_list_empty(&channel->waiting));
	ebb_poller_unregister(&channel->poller);
	bench_stand_in_queue_close(channel->queue);
}

static const struct ebb_io_device_ops stand_in_device_ops = {
	.name = "stand_in",
	.ctx_size = sizeof(struct stand_in_channel),
	.create = channel_create,
	.destroy = channel_destroy,
};

/* ---- the bdev ---- */

static void stand_in_link(struct stand_in_bdev *stand_in)
{
	pthread_mutex_lock(&stand_ins_mutex);
	stand_in->next = stand_ins;
	stand_ins = stand_in;
	pthread_mutex_unlock(&stand_ins_mutex);
}

static void stand_in_unlink(struct stand_in_bdev *stand_in)
{
	struct stand_in_bdev **link;

	pthread_mutex_lock(&stand_ins_mutex);
	for (link = &stand_ins; *link != NULL && *link != stand_in; link = &(*link)->next) {
	}
	if (*link != NULL) {
		*link = stand_in->next;
	}
	pthread_mutex_unlock(&stand_ins_mutex);
}

static struct stand_in_bdev *stand_in_find(const char *name)
{
	struct stand_in_bdev *stand_in;

	pthread_mutex_lock(&stand_ins_mutex);
	for (stand_in = stand_ins; stand_in != NULL; stand_in = stand_in->next) {
		if (strcmp(stand_in->bdev.name, name) == 0) {
			break;
		}
	}
	pthread_mutex_unlock(&stand_ins_mutex);
	return stand_in;
}

/* No channel is left. */
static void stand_in_gone(void *device)
{
	struct stand_in_bdev *stand_in = device;

	bench_stand_in_device_destroy(stand_in->device);
	free(stand_in);
}

static void stand_in_destruct(struct ebb_bdev *bdev)
{
	struct stand_in_bdev *stand_in = stand_in_of(bdev);

	stand_in_unlink(stand_in);
	ebb_io_device_unregister(stand_in, stand_in_gone);
}

static void stand_in_leaving(struct ebb_bdev *bdev)
{
	bench_stand_in_device_hurry(stand_in_of(bdev)->device);
}

static void stand_in_dump_info(const struct ebb_bdev *bdev, struct json_object *into)
{
	const struct bench_stand_in_opts *opts =
		bench_stand_in_device_opts(stand_in_of(bdev)->device);
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "service_ns", json_object_new_uint64(opts->service_ns));
	json_object_object_add(object, "jitter_ns", json_object_new_uint64(opts->jitter_ns));
	json_object_object_add(object, "distribution",
			       json_object_new_string(bench_jitter_names[opts->distribution]));
	json_object_object_add(object, "depth", json_object_new_uint64(opts->depth));
	json_object_object_add(object, "interrupt", json_object_new_boolean(opts->interrupt));
	json_object_object_add(into, "stand_in", object);
}

static const struct ebb_bdev_ops stand_in_ops = {
	.submit = stand_in_submit,
	.leaving = stand_in_leaving,
	.destruct = stand_in_destruct,
	.dump_info = stand_in_dump_info,
};

static int stand_in_register(struct stand_in_bdev *stand_in)
{
	const struct bench_stand_in_opts *opts = bench_stand_in_device_opts(stand_in->device);
	int rc;

	stand_in->bdev = (struct ebb_bdev){
		.name = opts->name,
		.product_name = "Stand-in",
		.block_size = opts->block_size,
		.num_blocks = opts->size_bytes / opts->block_size,
		.io_types =
			EBB_BIT(EBB_BDEV_READ) | EBB_BIT(EBB_BDEV_WRITE) | EBB_BIT(EBB_BDEV_FLUSH),
		.fua = true, /* nothing is safer than it was */
		.io_ctx_size = sizeof(struct stand_in_io),
		.ops = &stand_in_ops,
		.io_device = stand_in,
	};
	rc = ebb_io_device_register(stand_in, &stand_in_device_ops);
	if (rc < 0) {
		stand_in_gone(stand_in);
		return rc;
	}
	rc = ebb_bdev_register(&stand_in->bdev);
	if (rc < 0) {
		stand_in_destruct(&stand_in->bdev);
		return rc;
	}
	stand_in_link(stand_in);
	return 0;
}

int bench_stand_in_create(const struct bench_stand_in_opts *opts, char *error, size_t error_size)
{
	struct stand_in_bdev *stand_in = calloc(1, sizeof(*stand_in));
	int rc;

	if (stand_in == NULL) {
		snprintf(error, error_size, "stand-in: out of memory");
		return -ENOMEM;
	}
	rc = bench_stand_in_device_create(opts, &stand_in->device, error, error_size);
	if (rc < 0) {
		free(stand_in);
		return rc;
	}
	rc = stand_in_register(stand_in);
	if (rc < 0) {
		snprintf(error, error_size, "stand-in: bdev '%s' cannot be made: %s", opts->name,
			 strerror(-rc));
	}
	return rc;
}

int bench_stand_in_delete(const char *name, void (*done)(void *arg), void *arg)
{
	struct stand_in_bdev *stand_in = stand_in_find(name);

	return stand_in == NULL ? -ENODEV : ebb_bdev_unregister(&stand_in->bdev, done, arg);
}

struct bench_stand_in_device *bench_stand_in_find(const char *name)
{
	struct stand_in_bdev *stand_in = stand_in_find(name);

	return stand_in == NULL ? NULL : stand_in->device;
}

int bench_stand_in_lateness(const char *name, struct ebb_histogram *ret_lateness)
{
	struct bench_stand_in_device *device = bench_stand_in_find(name);

	if (device == NULL) {
		return -ENODEV;
	}
	bench_stand_in_device_lateness(device, ret_lateness);
	return 0;
}

void bench_stand_in_lateness_text(const struct ebb_histogram *lateness, char *text, size_t size)
{
	if (lateness->count == 0) {
		snprintf(text, size, "answered no request");
		return;
	}
	snprintf(text, size,
		 "answered %llu requests, late by %.1f us (p50), %.1f us (p99), %.1f us (max)",
		 (unsigned long long)lateness->count,
		 (double)ebb_histogram_percentile(lateness, 50) / (double)EBB_NS_PER_US,
		 (double)ebb_histogram_percentile(lateness, 99) / (double)EBB_NS_PER_US,
		 (double)lateness->max / (double)EBB_NS_PER_US);
}
