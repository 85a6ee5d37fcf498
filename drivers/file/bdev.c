/* SPDX-License-Identifier: Apache-2.0 */
/* The file bdev: its channels, its coming and its going. */
#include "drivers/file/file.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#define MAX_IO_BYTES (1u << 20) /* longer ones could not be done without waiting */

/* On the reactor that has the thread now. */
static void channel_attach(struct file_channel *ch)
{
	ch->file_index = -1;
	ch->use_ring = ch->file->target.nowait && ebb_uring_open(EBB_URING_PLAIN) == 0;
	if (ch->use_ring) {
		ch->file_index = ebb_uring_file_register(ch->file->target.fd);
	}
}

static void channel_detach(struct file_channel *ch)
{
	if (ch->file_index >= 0) {
		ebb_uring_file_unregister(ch->file_index);
		ch->file_index = -1;
	}
}

static int channel_create(void *device, void *ctx)
{
	struct file_channel *ch = ctx;

	ch->file = device;
	ebb_list_init(&ch->retry);
	ebb_list_init(&ch->filling);
	ebb_list_init(&ch->fill_next);
	ebb_list_init(&ch->flushing);
	ebb_list_init(&ch->flush_next);
	channel_attach(ch);
	return 0;
}

static void channel_destroy(void *device, void *ctx)
{
	(void)device;
	channel_detach(ctx);
}

/*
 * The bdev's channel above this one lets its requests end, whatever they take here; until they
 * have, they go on by the plain descriptor.
 */
static void channel_quiesce(void *ctx, struct ebb_io_channel *channel)
{
	channel_detach(ctx);
	ebb_io_channel_quiesced(channel);
}

static void channel_resume(void *ctx, struct ebb_io_channel *channel)
{
	(void)channel;
	channel_attach(ctx);
}

static const struct ebb_io_device_ops device_ops = {
	.name = "file",
	.ctx_size = sizeof(struct file_channel),
	.create = channel_create,
	.destroy = channel_destroy,
	.quiesce = channel_quiesce,
	.resume = channel_resume,
};

static void file_free(struct file_bdev *file)
{
	free(file->name);
	free(file->filename);
	free(file);
}

static void close_run(struct ebb_work *work)
{
	file_target_close(&ebb_container_of(work, struct file_bdev, work)->target);
}

static void close_done(struct ebb_work *work)
{
	struct file_bdev *file = ebb_container_of(work, struct file_bdev, work);

	if (file->closed != NULL) {
		file->closed(file->arg);
	}
	file_free(file);
}

/* No channel is left. */
static void file_gone(void *device)
{
	struct file_bdev *file = device;

	ebb_work_init(&file->work, close_run, close_done);
	ebb_helper_submit(&file->work);
}

static void file_destruct(struct ebb_bdev *bdev)
{
	struct file_bdev *file = ebb_container_of(bdev, struct file_bdev, bdev);

	ebb_io_device_unregister(file, file_gone);
}

static void file_dump_info(const struct ebb_bdev *bdev, struct json_object *into)
{
	const struct file_bdev *file = ebb_container_of(bdev, struct file_bdev, bdev);
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "filename", json_object_new_string(file->filename));
	json_object_object_add(object, "direct", json_object_new_boolean(file->target.direct));
	json_object_object_add(object, "readonly", json_object_new_boolean(bdev->read_only));
	json_object_object_add(object, "io_uring", json_object_new_boolean(file->target.nowait));
	json_object_object_add(into, "uring", object);
}

const struct ebb_bdev_ops file_bdev_ops = {
	.submit = file_submit,
	.destruct = file_destruct,
	.dump_info = file_dump_info,
};

static uint32_t file_io_types(const struct file_target *target)
{
	uint32_t types = EBB_BIT(EBB_BDEV_READ) | EBB_BIT(EBB_BDEV_FLUSH);

	if (!target->read_only) {
		types |= EBB_BIT(EBB_BDEV_WRITE) | EBB_BIT(EBB_BDEV_WRITE_ZEROES);
	}
	if (target->can_unmap) {
		types |= EBB_BIT(EBB_BDEV_UNMAP);
	}
	if (!target->is_block_device) {
		types |= EBB_BIT(EBB_BDEV_BLOCK_STATUS);
	}
	return types;
}

static uint32_t file_zero_flags(const struct file_target *target)
{
	if (target->read_only) {
		return 0;
	}
	return EBB_BDEV_NO_HOLE | (target->fast_zeroes ? EBB_BDEV_FAST_ZERO : 0u);
}

static void file_describe(struct file_bdev *file)
{
	struct file_target *target = &file->target;

	file->bdev.name = file->name;
	file->bdev.product_name = "uring";
	file->bdev.block_size = target->block_size;
	file->bdev.num_blocks = target->num_blocks;
	file->bdev.read_only = target->read_only;
	file->bdev.io_types = file_io_types(target);
	file->bdev.zero_flags = file_zero_flags(target);
	file->bdev.zeroes_unmap = target->zeroes_unmap;
	/* A write with RWF_DSYNC would be the kernel's workers' to end; a flush is the helper's. */
	file->bdev.fua = false;
	file->bdev.buf_align = target->direct ? target->io_align : 1;
	if (file->bdev.buf_align > 4096) {
		file->bdev.buf_align = 4096; /* of the pool's memory; blocks are larger anyway */
	}
	file->bdev.max_io_blocks = MAX_IO_BYTES / target->block_size;
	file->bdev.max_segments = 256;
	file->bdev.io_ctx_size = sizeof(struct file_io);
	file->bdev.ops = &file_bdev_ops;
	file->bdev.io_device = file;
}

/* On failure @file is gone, or going. */
static int file_register(struct file_bdev *file)
{
	int rc;

	file_describe(file);
	rc = ebb_io_device_register(file, &device_ops);
	if (rc < 0) {
		file_gone(file);
		return rc;
	}
	rc = ebb_bdev_register(&file->bdev);
	if (rc < 0) {
		file_destruct(&file->bdev);
		return rc;
	}
	return 0;
}

static void open_run(struct ebb_work *work)
{
	struct file_bdev *file = ebb_container_of(work, struct file_bdev, work);

	file->rc = file_target_open(&file->target);
}

static void open_done(struct ebb_work *work)
{
	struct file_bdev *file = ebb_container_of(work, struct file_bdev, work);
	int rc = file->rc;

	if (rc < 0) {
		file->opened(file, file->arg, rc);
		file_free(file);
		return;
	}
	rc = file_register(file);
	file->opened(file, file->arg, rc);
}

int file_bdev_create(const struct file_bdev_opts *opts,
		     void (*opened)(struct file_bdev *file, void *arg, int rc), void *arg)
{
	struct file_bdev *file = calloc(1, sizeof(*file));

	if (file == NULL) {
		return -ENOMEM;
	}
	file->name = strdup(opts->name);
	file->filename = strdup(opts->filename);
	if (file->name == NULL || file->filename == NULL) {
		file_free(file);
		return -ENOMEM;
	}
	memcpy(file->bdev.uuid, opts->uuid, sizeof(file->bdev.uuid));
	file->target = (struct file_target){
		.filename = file->filename,
		.direct = opts->direct,
		.read_only = opts->read_only,
		.fallocate = opts->fallocate,
		.block_size = opts->block_size,
	};
	file->opened = opened;
	file->arg = arg;
	ebb_work_init(&file->work, open_run, open_done);
	ebb_helper_submit(&file->work);
	return 0;
}

void file_bdev_on_closed(struct ebb_bdev *bdev, void (*closed)(void *arg), void *arg)
{
	struct file_bdev *file = ebb_container_of(bdev, struct file_bdev, bdev);

	file->closed = closed;
	file->arg = arg;
}
