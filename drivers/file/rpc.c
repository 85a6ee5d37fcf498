/* SPDX-License-Identifier: Apache-2.0 */
/* The methods: bdev_uring_create and bdev_aio_create are one, and so on. */
#include "drivers/file/file.h"

#include <errno.h>
#include <stdlib.h>

#include "core/bdev/answer.h"
#include "core/os/path.h"

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
		   .help = "let unmap and zeroes free blocks (default true)"),
	FILE_PARAM(uuid, EBB_PARAM_UUID, .optional = true, .help = "made up if not given"),
};

static const struct file_create_params file_create_defaults = {
	.direct = true,
	.fallocate = true,
};

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

/* What is saved means the same file from any working directory. */
static void file_took_effect(struct ebb_call *call, const struct file_create_params *params)
{
	char *filename = os_path_absolute(params->filename);

	if (filename != NULL) {
		ebb_call_took_effect(call, "filename", json_object_new_string(filename));
		free(filename);
	}
}

static void file_opened(struct file_bdev *file, void *arg, int rc)
{
	struct ebb_call *call = arg;

	if (file->rc < 0) {
		ebb_call_error(call, file->rc, "%s", file->target.error);
	} else {
		bdev_answer_created(call, file->name, rc);
	}
}

static void file_create_call(struct ebb_call *call, void *arg)
{
	const struct file_create_params *params = arg;
	const struct file_bdev_opts opts = {
		.name = params->name,
		.filename = params->filename,
		.block_size = params->block_size,
		.direct = params->direct,
		.read_only = params->readonly,
		.fallocate = params->fallocate,
		.uuid = params->uuid,
	};
	const char *fault = create_fault(params);

	if (fault != NULL) {
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS, "%s", fault);
		return;
	}
	file_took_effect(call, params);
	if (ebb_bdev_find(params->name) != NULL) {
		bdev_answer_created(call, params->name, -EEXIST);
	} else if (file_bdev_create(&opts, file_opened, call) != 0) {
		ebb_call_error(call, -ENOMEM, "out of memory for bdev '%s'", params->name);
	}
}

struct file_delete_params {
	char *name;
	bool force;
};

static const struct ebb_param file_delete_table[] = {
	EBB_PARAM(struct file_delete_params, name, EBB_PARAM_STRING, .help = "of a file bdev"),
	BDEV_ANSWER_PARAM_FORCE(struct file_delete_params),
};

struct file_rescan_params {
	char *name;
};

static const struct ebb_param file_rescan_table[] = {
	EBB_PARAM(struct file_rescan_params, name, EBB_PARAM_STRING, .help = "of a file bdev"),
};

static void file_closed(void *arg)
{
	ebb_call_result(arg, json_object_new_boolean(true));
}

static void file_delete_call(struct ebb_call *call, void *arg)
{
	const struct file_delete_params *params = arg;
	struct ebb_bdev *bdev =
		bdev_answer_delete(call, params->name, &file_bdev_ops, "file", params->force);

	if (bdev != NULL) {
		file_bdev_on_closed(bdev, file_closed, call);
	}
}

static void file_rescanned(void *arg, int rc, const char *error)
{
	if (rc < 0) {
		ebb_call_error(arg, rc, "%s", error);
	} else {
		ebb_call_result(arg, json_object_new_boolean(true));
	}
}

static void file_rescan_call(struct ebb_call *call, void *arg)
{
	const struct file_rescan_params *params = arg;
	struct ebb_bdev *bdev = ebb_bdev_find(params->name);

	if (bdev == NULL) {
		bdev_answer_not_found(call, params->name);
	} else if (bdev->ops != &file_bdev_ops) {
		ebb_call_error(call, -EINVAL, "bdev '%s' is no file bdev", params->name);
	} else if (file_rescan(ebb_container_of(bdev, struct file_bdev, bdev), file_rescanned,
			       call) != 0) {
		ebb_call_error(call, -ENOMEM, "out of memory for bdev '%s'", params->name);
	}
}

static struct ebb_method file_create_method = {
	.name = "bdev_uring_create",
	.alias = "bdev_aio_create",
	.alias_listed = true,
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
	.alias_listed = true,
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

static struct ebb_method file_rescan_method = {
	.name = "bdev_uring_rescan",
	.alias = "bdev_aio_rescan",
	.alias_listed = true,
	.states = EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "give a file block device the size that its file or disk has now",
	.params = file_rescan_table,
	.num_params = EBB_ARRAY_SIZE(file_rescan_table),
	.params_size = sizeof(struct file_rescan_params),
	.fn = file_rescan_call,
};

EBB_METHOD_REGISTER(file_create_method)
EBB_METHOD_REGISTER(file_delete_method)
EBB_METHOD_REGISTER(file_rescan_method)
