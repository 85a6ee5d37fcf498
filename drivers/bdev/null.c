/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The null bdev: every request succeeds at once and does nothing. A read leaves the memory as it
 * is; what was written is gone. It measures what the layers above it cost.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/bdev_module.h>
#include <ebb/io_channel.h>
#include <ebb/method.h>

#include "core/bdev/answer.h"

struct null_bdev {
	struct ebb_bdev bdev;
	struct ebb_call *deleting; /* NULL: nobody waits for the end */
	char name[];
};

static void null_submit(void *ctx, struct ebb_bdev_io_handle handle)
{
	(void)ctx;
	ebb_bdev_io_complete(handle, 0);
}

/* No channel is left. */
static void null_gone(void *device)
{
	struct null_bdev *null = device;

	if (null->deleting != NULL) {
		ebb_call_result(null->deleting, json_object_new_boolean(true));
	}
	free(null);
}

static void null_destruct(struct ebb_bdev *bdev)
{
	ebb_io_device_unregister(ebb_container_of(bdev, struct null_bdev, bdev), null_gone);
}

static const struct ebb_bdev_ops null_ops = {
	.submit = null_submit,
	.destruct = null_destruct,
};

static const struct ebb_io_device_ops null_device_ops = {
	.name = "null",
};

struct null_create_params {
	char *name;
	uint64_t num_blocks;
	uint32_t block_size;
	uint8_t uuid[16];
};

#define NULL_PARAM(field, type, ...) EBB_PARAM(struct null_create_params, field, type, __VA_ARGS__)

static const struct ebb_param null_create_table[] = {
	NULL_PARAM(name, EBB_PARAM_STRING, .help = "name of the new bdev"),
	NULL_PARAM(num_blocks, EBB_PARAM_UINT64, .min = 1, .help = "size, in blocks"),
	NULL_PARAM(block_size, EBB_PARAM_UINT32, .min = 512, .max = 65536,
		   .help = "bytes, a power of two"),
	NULL_PARAM(uuid, EBB_PARAM_UUID, .optional = true, .help = "made up if not given"),
};

static int null_create(const struct null_create_params *params)
{
	size_t name_size = strlen(params->name) + 1;
	struct null_bdev *null;
	int rc;

	null = calloc(1, sizeof(*null) + name_size);
	if (null == NULL) {
		return -ENOMEM;
	}
	memcpy(null->name, params->name, name_size);
	null->bdev = (struct ebb_bdev){
		.name = null->name,
		.product_name = "Null disk",
		.block_size = params->block_size,
		.num_blocks = params->num_blocks,
		/* What it reads as is not known: data, as the layer says. */
		.io_types = EBB_BIT(EBB_BDEV_BLOCK_STATUS) - 1,
		.fua = true,
		.zero_flags = EBB_BDEV_NO_HOLE | EBB_BDEV_FAST_ZERO,
		.ops = &null_ops,
		.io_device = null,
	};
	memcpy(null->bdev.uuid, params->uuid, sizeof(params->uuid));
	rc = ebb_io_device_register(null, &null_device_ops);
	if (rc < 0) {
		free(null);
		return rc;
	}
	rc = ebb_bdev_register(&null->bdev);
	if (rc < 0) {
		null_destruct(&null->bdev);
	}
	return rc;
}

static void null_create_call(struct ebb_call *call, void *arg)
{
	const struct null_create_params *params = arg;

	if (params->name[0] == '\0') {
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS, "name: must not be empty");
		return;
	}
	if ((params->block_size & (params->block_size - 1)) != 0) {
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS, "block_size: %u is no power of two",
			       params->block_size);
		return;
	}
	bdev_answer_created(call, params->name, null_create(params));
}

struct null_delete_params {
	char *name;
	bool force;
};

static const struct ebb_param null_delete_table[] = {
	EBB_PARAM(struct null_delete_params, name, EBB_PARAM_STRING, .help = "of a null bdev"),
	BDEV_ANSWER_PARAM_FORCE(struct null_delete_params),
};

static void null_delete_call(struct ebb_call *call, void *arg)
{
	const struct null_delete_params *params = arg;
	struct ebb_bdev *bdev =
		bdev_answer_delete(call, params->name, &null_ops, "null", params->force);

	if (bdev != NULL) {
		ebb_container_of(bdev, struct null_bdev, bdev)->deleting = call;
	}
}

static struct ebb_method null_create_method = {
	.name = "bdev_null_create",
	.states = EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "make a block device that takes every request and does nothing",
	.params = null_create_table,
	.num_params = EBB_ARRAY_SIZE(null_create_table),
	.params_size = sizeof(struct null_create_params),
	.fn = null_create_call,
	.effect = EBB_METHOD_CREATES,
	.subsystem = "bdev",
	.object = "name",
};

static struct ebb_method null_delete_method = {
	.name = "bdev_null_delete",
	.states = EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "take a null block device away",
	.params = null_delete_table,
	.num_params = EBB_ARRAY_SIZE(null_delete_table),
	.params_size = sizeof(struct null_delete_params),
	.fn = null_delete_call,
	.effect = EBB_METHOD_REMOVES,
	.subsystem = "bdev",
	.object = "name",
	.undoes = "bdev_null_create",
};

EBB_METHOD_REGISTER(null_create_method)
EBB_METHOD_REGISTER(null_delete_method)
