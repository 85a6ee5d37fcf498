/* SPDX-License-Identifier: Apache-2.0 */
/* bdev_error_create, _delete, _inject_error and _resume_pending. */
#include "drivers/bdev/error.h"

#include <errno.h>
#include <stdio.h>

#include <json-c/json.h>

#include <ebb/assert.h>

#include "core/bdev/answer.h"

#define NAME_PREFIX "EE_"
#define NAME_MAX    4095u /* of any string parameter */

struct create_params {
	char *base_name;
	uint8_t uuid[16];
	char *name;
};

static const struct ebb_param create_table[] = {
	EBB_PARAM(struct create_params, base_name, EBB_PARAM_STRING,
		  .help = "the bdev to stand on; if it is not there, it is waited for"),
	EBB_PARAM(struct create_params, uuid, EBB_PARAM_UUID, .optional = true,
		  .help = "made up if not given"),
	EBB_PARAM(struct create_params, name, EBB_PARAM_STRING, .optional = true,
		  .help = "name of the new bdev; default: EE_ and the base's name"),
};

static void create_call(struct ebb_call *call, void *arg)
{
	const struct create_params *params = arg;
	char name[sizeof(NAME_PREFIX) + NAME_MAX];
	struct bdev_virtual_opts opts = {
		.kind = &bdev_error_kind,
		.name = params->name,
		.base_name = params->base_name,
		.uuid = params->uuid,
	};

	if (params->name == NULL) {
		snprintf(name, sizeof(name), NAME_PREFIX "%s", params->base_name);
		opts.name = name;
		ebb_call_took_effect(call, "name", json_object_new_string(name));
	}
	bdev_virtual_create(call, &opts, json_object_new_boolean(true));
}

struct name_params {
	char *name;
};

static const struct ebb_param name_table[] = {
	EBB_PARAM(struct name_params, name, EBB_PARAM_STRING, .help = "of an error bdev"),
};

struct delete_params {
	char *name;
	bool force;
};

static const struct ebb_param delete_table[] = {
	EBB_PARAM(struct delete_params, name, EBB_PARAM_STRING, .help = "of an error bdev"),
	BDEV_ANSWER_PARAM_FORCE(struct delete_params),
};

static void delete_call(struct ebb_call *call, void *arg)
{
	const struct delete_params *params = arg;

	bdev_virtual_delete(call, params->name, &bdev_error_kind, params->force);
}

struct inject_params {
	char *name;
	int io_type;
	int error_type;
	uint32_t num;
	uint64_t queue_depth;
	uint64_t corrupt_offset;
	uint32_t corrupt_value;
	uint32_t nvme_sct;
	uint32_t nvme_sc;
};

#define ALL_TYPES (EBB_BIT(EBB_BDEV_IO_TYPE_COUNT) - 1)

static const char *const io_types[] = {
	"clear", "read",         "write",   "unmap",        "flush",
	"all",   "write_zeroes", "compare", "block_status", NULL,
};

/* In the order of @io_types. */
static const uint32_t io_type_masks[] = {
	0, /* all, and nothing injected */
	EBB_BIT(EBB_BDEV_READ),
	EBB_BIT(EBB_BDEV_WRITE),
	EBB_BIT(EBB_BDEV_UNMAP),
	EBB_BIT(EBB_BDEV_FLUSH),
	ALL_TYPES,
	EBB_BIT(EBB_BDEV_WRITE_ZEROES),
	EBB_BIT(EBB_BDEV_COMPARE),
	EBB_BIT(EBB_BDEV_BLOCK_STATUS),
};

static_assert(EBB_ARRAY_SIZE(io_types) == EBB_ARRAY_SIZE(io_type_masks) + 1, "as many names");

static const char *const error_types[] = {
	"failure", "pending", "corrupt_data", "nomem", "nvme_failure", NULL,
};

/* In the order of @error_types. */
static const enum error_kind error_kinds[] = {
	ERROR_FAILURE, ERROR_PENDING, ERROR_CORRUPT_DATA, ERROR_NOMEM, ERROR_NVME_FAILURE,
};

static_assert(EBB_ARRAY_SIZE(error_types) == EBB_ARRAY_SIZE(error_kinds) + 1, "as many names");

#define INJECT(field, type, ...) EBB_PARAM(struct inject_params, field, type, __VA_ARGS__)

static const struct ebb_param inject_table[] = {
	INJECT(name, EBB_PARAM_STRING, .help = "of an error bdev"),
	INJECT(io_type, EBB_PARAM_ENUM, .names = io_types,
	       .help = "the requests to spoil; clear: none any more"),
	INJECT(error_type, EBB_PARAM_ENUM, .names = error_types,
	       .help = "what happens to them; pending: they do not end"),
	INJECT(num, EBB_PARAM_UINT32, .optional = true,
	       .help = "how many, of each type (default 1)"),
	INJECT(queue_depth, EBB_PARAM_UINT64, .optional = true,
	       .help = "only while so many are in flight in a channel (default 0)"),
	INJECT(corrupt_offset, EBB_PARAM_UINT64, .optional = true,
	       .help = "corrupt_data: the byte of the request to change"),
	INJECT(corrupt_value, EBB_PARAM_UINT32, .optional = true, .max = 255,
	       .help = "corrupt_data: what it is XORed with, from 1"),
	INJECT(nvme_sct, EBB_PARAM_UINT32, .optional = true, .max = 7,
	       .help = "nvme_failure: the status code type"),
	INJECT(nvme_sc, EBB_PARAM_UINT32, .optional = true, .max = 255,
	       .help = "nvme_failure: the status code"),
};

static const struct inject_params inject_defaults = {.num = 1};

/* The error bdev of that name; NULL: @call has ended. */
static struct bdev_virtual *error_find(struct ebb_call *call, const char *name)
{
	struct bdev_virtual *virtual = bdev_virtual_find(name, &bdev_error_kind);

	if (virtual == NULL && ebb_bdev_find(name) != NULL) {
		ebb_call_error(call, -ENODEV,
			       "bdev '%s' is no error bdev; bdev_error_create makes one on it",
			       name);
	} else if (virtual == NULL || virtual->state == BDEV_VIRTUAL_WAITING) {
		bdev_answer_not_found(call, name);
		virtual = NULL;
	}
	return virtual;
}

/* What is wrong with the parameters taken together; NULL: nothing. */
static const char *inject_fault(const struct inject_params *params, enum error_kind kind)
{
	bool nvme = params->nvme_sct != 0 || params->nvme_sc != 0;

	if (kind == ERROR_NVME_FAILURE && !nvme) {
		return "nvme_failure needs nvme_sct or nvme_sc; both 0 is success";
	}
	if (kind != ERROR_NVME_FAILURE && nvme) {
		return "nvme_sct and nvme_sc go with the error_type nvme_failure only";
	}
	if (kind == ERROR_CORRUPT_DATA && params->corrupt_value == 0) {
		return "corrupt_data needs a corrupt_value from 1 to 255; 0 would change nothing";
	}
	return NULL;
}

/* All channels know. */
static void channels_told(void *arg, int rc)
{
	if (rc < 0) {
		ebb_call_error(arg, rc, "the error bdev is going");
	} else {
		ebb_call_result(arg, json_object_new_boolean(true));
	}
}

static void inject_call(struct ebb_call *call, void *arg)
{
	const struct inject_params *params = arg;
	enum error_kind kind = error_kinds[params->error_type];
	const char *fault = inject_fault(params, kind);
	uint32_t types = io_type_masks[params->io_type];
	struct error_injection injection = {
		.kind = types == 0 || params->num == 0 ? ERROR_NONE : kind,
		.corrupt_value = (uint8_t)params->corrupt_value,
		.status = bdev_error_of_nvme(params->nvme_sct, params->nvme_sc),
		.queue_depth = params->queue_depth,
		.corrupt_offset = params->corrupt_offset,
	};
	struct bdev_virtual *virtual;

	if (fault != NULL) {
		ebb_call_error(call, -EINVAL, "bdev '%s': %s", params->name, fault);
		return;
	}
	virtual = error_find(call, params->name);
	if (virtual != NULL) {
		bdev_error_inject(virtual, types == 0 ? ALL_TYPES : types, &injection, params->num,
				  channels_told, call);
	}
}

static void resume_call(struct ebb_call *call, void *arg)
{
	const struct name_params *params = arg;
	struct bdev_virtual *virtual = error_find(call, params->name);

	if (virtual != NULL) {
		bdev_error_resume_pending(virtual, channels_told, call);
	}
}

static struct ebb_method create_method = {
	.name = "bdev_error_create",
	.states = EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "make a block device that stands on another, and can be told to fail",
	.params = create_table,
	.num_params = EBB_ARRAY_SIZE(create_table),
	.params_size = sizeof(struct create_params),
	.fn = create_call,
	.effect = EBB_METHOD_CREATES,
	.subsystem = "bdev",
	.object = "name",
	.stands_on = "base_name",
};

static struct ebb_method delete_method = {
	.name = "bdev_error_delete",
	.states = EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "take an error bdev away, there or waiting; its base stays",
	.params = delete_table,
	.num_params = EBB_ARRAY_SIZE(delete_table),
	.params_size = sizeof(struct delete_params),
	.fn = delete_call,
	.effect = EBB_METHOD_REMOVES,
	.subsystem = "bdev",
	.object = "name",
	.undoes = "bdev_error_create",
};

static struct ebb_method inject_method = {
	.name = "bdev_error_inject_error",
	.states = EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "spoil the next requests of an error bdev",
	.params = inject_table,
	.num_params = EBB_ARRAY_SIZE(inject_table),
	.params_size = sizeof(struct inject_params),
	.defaults = &inject_defaults,
	.fn = inject_call,
};

static struct ebb_method resume_method = {
	.name = "bdev_error_resume_pending",
	.states = EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "let the requests go on that an error bdev keeps pending",
	.params = name_table,
	.num_params = EBB_ARRAY_SIZE(name_table),
	.params_size = sizeof(struct name_params),
	.fn = resume_call,
};

EBB_METHOD_REGISTER(create_method)
EBB_METHOD_REGISTER(delete_method)
EBB_METHOD_REGISTER(inject_method)
EBB_METHOD_REGISTER(resume_method)
