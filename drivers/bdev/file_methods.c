/* SPDX-License-Identifier: Apache-2.0 */
/* The file bdev's coming and going: bdev_uring_create and bdev_aio_create are one. */
#include "drivers/bdev/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/bdev/answer.h"

#define MAX_IO_BYTES (1u << 20) /* longer ones could not be done without waiting */

struct file_create_params {
	char *name;
	char *filename;
	uint32_t block_size;
	bool direct;
	bool readonly;
	bool fallocate;
	uint8_t uuid[16];
};

#define FILE_PARAM(field, type, ...) EBB_PARAM(struct file_create_params, field, type, __VA_ARGS__)

static const struct ebb_param file_create_table[] = {
	FILE_PARAM(name, EBB_PARAM_STRING, .help = "name of the new bdev"),
	FILE_PARAM(filename, EBB_PARAM_STRING, .help = "a regular file or a block device"),
	FILE_PARAM(block_size, EBB_PARAM_UINT32, .optional = true, .min = 512, .max = 65536,
		   .help = "bytes, a power of two; if not given: the least the file can do"),
	FILE_PARAM(direct, EBB_PARAM_BOOL, .optional = true,
		   .help = "past the page cache (default true)"),
	FILE_PARAM(readonly, EBB_PARAM_BOOL, .optional = true, .help = "refuse writes"),
	FILE_PARAM(fallocate, EBB_PARAM_BOOL, .optional = true,
		   .help = "let unmap free blocks (default true)"),
	FILE_PARAM(uuid, EBB_PARAM_UUID, .optional = true, .help = "made up if not given"),
};

static const struct file_create_params file_create_defaults = {
	.direct = true,
	.fallocate = true,
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

	if (file->call != NULL) {
		ebb_call_result(file->call, json_object_new_boolean(true));
	}
	file_free(file);
}

void file_bdev_gone(void *device)
{
	struct file_bdev *file = device;

	file->work.run = close_run;
	file->work.done = close_done;
	ebb_helper_submit(&file->work);
}

static uint32_t file_io_types(const struct file_target *target)
{
	uint32_t types = EBB_BIT(EBB_BDEV_READ) | EBB_BIT(EBB_BDEV_FLUSH);

	if (!target->read_only) {
		types |= EBB_BIT(EBB_BDEV_WRITE) | EBB_BIT(EBB_BDEV_WRITE_ZEROES);
	}
	if (target->can_unmap) {
		types |= EBB_BIT(EBB_BDEV_UNMAP);
	}
	return types;
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
	rc = ebb_io_device_register(file, &file_device_ops);
	if (rc < 0) {
		file_bdev_gone(file);
		return rc;
	}
	rc = ebb_bdev_register(&file->bdev);
	if (rc < 0) {
		file_bdev_ops.destruct(&file->bdev);
	}
	return rc;
}

static void open_run(struct ebb_work *work)
{
	struct file_bdev *file = ebb_container_of(work, struct file_bdev, work);

	file->rc = file_target_open(&file->target);
}

static void open_done(struct ebb_work *work)
{
	struct file_bdev *file = ebb_container_of(work, struct file_bdev, work);
	struct ebb_call *call = file->call;
	int rc;

	file->call = NULL;
	if (file->rc < 0) {
		ebb_call_error(call, file->rc, "%s", file->target.error);
		file_free(file);
		return;
	}
	rc = file_register(file);
	bdev_answer_created(call, file->name, rc);
}

static const char *create_fault(const struct file_create_params *params)
{
	if (params->name[0] == '\0') {
		return "name: must not be empty";
	}
	if (params->filename[0] == '\0') {
		return "filename: must not be empty";
	}
	if ((params->block_size & (params->block_size - 1)) != 0) {
		return "block_size: must be a power of two";
	}
	return NULL;
}

static void file_create_call(struct ebb_call *call, void *arg)
{
	const struct file_create_params *params = arg;
	const char *fault = create_fault(params);
	struct file_bdev *file;

	if (fault != NULL) {
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS, "%s", fault);
		return;
	}
	if (ebb_bdev_find(params->name) != NULL) {
		bdev_answer_created(call, params->name, -EEXIST);
		return;
	}
	file = calloc(1, sizeof(*file));
	if (file != NULL) {
		file->name = strdup(params->name);
		file->filename = strdup(params->filename);
	}
	if (file == NULL || file->name == NULL || file->filename == NULL) {
		ebb_call_error(call, -ENOMEM, "out of memory for bdev '%s'", params->name);
		if (file != NULL) {
			file_free(file);
		}
		return;
	}
	memcpy(file->bdev.uuid, params->uuid, sizeof(params->uuid));
	file->target = (struct file_target){
		.filename = file->filename,
		.direct = params->direct,
		.read_only = params->readonly,
		.fallocate = params->fallocate,
		.block_size = params->block_size,
	};
	file->call = call;
	file->work.run = open_run;
	file->work.done = open_done;
	ebb_helper_submit(&file->work);
}

struct file_delete_params {
	char *name;
};

static const struct ebb_param file_delete_table[] = {
	EBB_PARAM(struct file_delete_params, name, EBB_PARAM_STRING, .help = "of a file bdev"),
};

static void file_delete_call(struct ebb_call *call, void *arg)
{
	const struct file_delete_params *params = arg;
	struct ebb_bdev *bdev = bdev_answer_delete(call, params->name, &file_bdev_ops, "file");

	if (bdev != NULL) {
		ebb_container_of(bdev, struct file_bdev, bdev)->call = call;
	}
}

static struct ebb_method file_create_method = {
	.name = "bdev_uring_create",
	.alias = "bdev_aio_create",
	.states = EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "make a block device of a file or of a disk of the kernel's, by io_uring",
	.params = file_create_table,
	.num_params = EBB_ARRAY_SIZE(file_create_table),
	.params_size = sizeof(struct file_create_params),
	.defaults = &file_create_defaults,
	.fn = file_create_call,
	.effect = EBB_METHOD_CREATES,
	.subsystem = "bdev",
	.object = "name",
};

static struct ebb_method file_delete_method = {
	.name = "bdev_uring_delete",
	.alias = "bdev_aio_delete",
	.states = EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "take a file block device away; the file stays",
	.params = file_delete_table,
	.num_params = EBB_ARRAY_SIZE(file_delete_table),
	.params_size = sizeof(struct file_delete_params),
	.fn = file_delete_call,
	.effect = EBB_METHOD_REMOVES,
	.subsystem = "bdev",
	.object = "name",
	.undoes = "bdev_uring_create",
};

EBB_METHOD_REGISTER(file_create_method)
EBB_METHOD_REGISTER(file_delete_method)
