/* SPDX-License-Identifier: Apache-2.0 */
/* Controllers by JSON-RPC: defaults, attach, detach, get, reset. */
#include <ebb/method.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/bdev/answer.h"
#include "drivers/nvme/attach.h"
#include "drivers/nvme/describe.h"
#include "drivers/nvme/namespace.h"
#include "drivers/nvme/path.h"
#include "drivers/nvme/transport.h"

#define RETRY_COUNT_MAX 255u
#define IO_QUEUE_DEPTH  1024u
#define TIMEOUT_US      30000000u

#define OPTIONS_DEFAULT                                                     \
	{                                                                   \
		.io_queue_depth = IO_QUEUE_DEPTH, .timeout_us = TIMEOUT_US, \
		.apst_latency_us = 100000, .retry_count = 4,                \
	}

/* For controllers attached from now on, as bdev_nvme_set_options has left them. */
static struct nvme_attach_opts options = OPTIONS_DEFAULT;

struct attach_params {
	char *name;
	char *trtype;
	char *traddr;
	bool rebind;
	uint32_t num_io_queues;
	bool queues_given;
	uint32_t io_queue_depth;
	bool depth_given;
	uint32_t apst_latency_us;
	bool apst_given;
	bool shadow_doorbells;
	bool shadows_given;
};

#define ATTACH_PARAM(field, type, ...) EBB_PARAM(struct attach_params, field, type, __VA_ARGS__)
#define GIVEN(field)                   .given_offset = offsetof(struct attach_params, field)

static const struct ebb_param attach_table[] = {
	ATTACH_PARAM(name, EBB_PARAM_STRING, .help = "of the controller; its bdevs are NAMEn1 …"),
	ATTACH_PARAM(trtype, EBB_PARAM_STRING,
		     .help = "PCIe: driven in user space by VFIO; uring: by the kernel's driver"),
	ATTACH_PARAM(traddr, EBB_PARAM_STRING,
		     .help = "PCI address (0000:01:00.0), or device (/dev/nvme0)"),
	ATTACH_PARAM(rebind, EBB_PARAM_BOOL, .optional = true,
		     .help = "PCIe: take the device from the kernel's driver, and give it back at "
			     "the end (default false)"),
	ATTACH_PARAM(num_io_queues, EBB_PARAM_UINT32, .optional = true, .max = 65536,
		     GIVEN(queues_given), .help = "at most; 0: as many as there are channels"),
	ATTACH_PARAM(io_queue_depth, EBB_PARAM_UINT32, .optional = true, .min = 2, .max = 65536,
		     GIVEN(depth_given), .help = "entries of an I/O queue"),
	ATTACH_PARAM(apst_latency_us, EBB_PARAM_UINT32, .optional = true, .max = UINT32_MAX,
		     GIVEN(apst_given),
		     .help = "longest exit latency that power saving may cost; 0: none"),
	ATTACH_PARAM(
		shadow_doorbells, EBB_PARAM_BOOL, .optional = true, GIVEN(shadows_given),
		.help = "PCIe: use them if the controller offers them (default: unless it calls "
			"itself QEMU's, which is slower by them)"),
};

static void attach_done(void *arg, struct nvme_drive *drive, int rc)
{
	struct ebb_call *call = arg;

	if (rc == 0) {
		ebb_call_result(call, nvme_describe_names(drive));
	} else if (drive->fault[0] != '\0') {
		ebb_call_error(call, rc, "%s", drive->fault);
	} else {
		ebb_call_error(call, rc, "NVMe controller '%s' (%s): attaching it was given up: %s",
			       drive->name, drive->path->traddr, strerror(-rc));
	}
}

static void answer_no_transport(struct ebb_call *call, const char *trtype)
{
	const struct nvme_transport *transport = NULL;
	char known[128] = "";
	size_t used = 0;

	while ((transport = nvme_transport_next(transport)) != NULL && used < sizeof(known)) {
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
					 used > 0 ? ", " : "", transport->trtype);
	}
	ebb_call_error(call, EBB_METHOD_INVALID_PARAMS,
		       "trtype: '%s' is no transport of ebb's; there are: %s", trtype, known);
}

static void attach_opts(const struct attach_params *params, struct nvme_attach_opts *ret_opts)
{
	*ret_opts = options;
	ret_opts->rebind = params->rebind;
	if (params->queues_given) {
		ret_opts->num_io_queues = params->num_io_queues;
	}
	if (params->depth_given) {
		ret_opts->io_queue_depth = params->io_queue_depth;
	}
	if (params->apst_given) {
		ret_opts->apst_latency_us = params->apst_latency_us;
	}
	if (params->shadows_given) {
		ret_opts->shadow_doorbells =
			params->shadow_doorbells ? NVME_SHADOWS_ON : NVME_SHADOWS_OFF;
	}
}

/* What only a transport that drives the device itself can do; NULL: none of that is asked for. */
static const char *attach_param_of_pcie(const struct attach_params *params)
{
	if (params->rebind) {
		return "rebind";
	}
	return params->shadows_given ? "shadow_doorbells" : NULL;
}

static void attach_call(struct ebb_call *call, void *arg)
{
	const struct attach_params *params = arg;
	const struct nvme_transport *transport = nvme_transport_find(params->trtype);
	const char *of_pcie = attach_param_of_pcie(params);
	struct nvme_attach_opts opts;
	int rc;

	if (transport == NULL) {
		answer_no_transport(call, params->trtype);
		return;
	}
	if (params->name[0] == '\0' || params->traddr[0] == '\0') {
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS, "%s: must not be empty",
			       params->name[0] == '\0' ? "name" : "traddr");
		return;
	}
	if (of_pcie != NULL && !transport->rebinds) {
		ebb_call_error(call, EBB_METHOD_INVALID_PARAMS,
			       "%s: trtype '%s' leaves the device with the kernel's driver; leave "
			       "'%s' out, or use trtype 'PCIe'",
			       of_pcie, params->trtype, of_pcie);
		return;
	}
	attach_opts(params, &opts);
	rc = nvme_attach_drive(transport, params->name, params->traddr, &opts, attach_done, call);
	if (rc == -EEXIST && nvme_drive_find(params->name) != NULL) {
		ebb_call_error(call, rc,
			       "NVMe controller '%s' exists already; choose another name, or "
			       "detach it",
			       params->name);
	} else if (rc == -EEXIST) {
		ebb_call_error(call, rc, "%s is attached already, as '%s'; detach that first",
			       params->traddr,
			       nvme_drive_find_address(transport, params->traddr)->name);
	} else if (rc < 0) {
		ebb_call_error(call, rc, "NVMe controller '%s' cannot be attached: %s",
			       params->name, strerror(-rc));
	}
}

struct name_params {
	char *name;
};

struct detach_params {
	char *name;
	char *trtype;
	char *traddr;
	bool force;
};

static const struct ebb_param detach_table[] = {
	EBB_PARAM(struct detach_params, name, EBB_PARAM_STRING, .help = "of an NVMe controller"),
	EBB_PARAM(struct detach_params, trtype, EBB_PARAM_STRING, .optional = true,
		  .help = "only if it was attached with this trtype"),
	EBB_PARAM(struct detach_params, traddr, EBB_PARAM_STRING, .optional = true,
		  .help = "only if it was attached at this address"),
	BDEV_ANSWER_PARAM_FORCE(struct detach_params),
};

struct reset_params {
	char *name;
	uint32_t cntlid;
	bool cntlid_given;
};

static const struct ebb_param reset_table[] = {
	EBB_PARAM(struct reset_params, name, EBB_PARAM_STRING, .help = "of an NVMe controller"),
	EBB_PARAM(struct reset_params, cntlid, EBB_PARAM_UINT32, .optional = true, .max = 65535,
		  .given_offset = offsetof(struct reset_params, cntlid_given),
		  .help = "only if the controller has this identifier"),
};

static const struct ebb_param optional_name_table[] = {
	EBB_PARAM(struct name_params, name, EBB_PARAM_STRING, .optional = true,
		  .help = "only this controller"),
};

static struct nvme_drive *find_or_answer(struct ebb_call *call, const char *name)
{
	struct nvme_drive *drive = nvme_drive_find(name);

	if (drive == NULL) {
		ebb_call_error(call, -ENODEV,
			       "no NVMe controller is named '%s'; bdev_nvme_get_controllers lists "
			       "them",
			       name);
	}
	return drive;
}

static void detach_done(void *arg)
{
	ebb_call_result(arg, json_object_new_boolean(true));
}

/* Is the controller where the caller thinks it is? NULL: wherever. */
static bool is_where(const struct nvme_drive *drive, const char *trtype, const char *traddr)
{
	return (trtype == NULL || nvme_transport_find(trtype) == drive->path->transport) &&
	       (traddr == NULL || nvme_drive_find_address(drive->path->transport, traddr) == drive);
}

/* Return: true: clients use one of its bdevs, and @call has ended. */
static bool is_used(struct ebb_call *call, const struct nvme_drive *drive)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &drive->namespaces) {
		const struct nvme_ns *ns = ebb_list_entry(node, struct nvme_ns, link);

		if (ns->state == NVME_NS_ONLINE && bdev_answer_is_used(call, &ns->bdev)) {
			return true;
		}
	}
	return false;
}

static void detach_call(struct ebb_call *call, void *arg)
{
	const struct detach_params *params = arg;
	struct nvme_drive *drive = find_or_answer(call, params->name);

	if (drive != NULL && !is_where(drive, params->trtype, params->traddr)) {
		ebb_call_error(
			call, -ENODEV,
			"NVMe controller '%s' is attached by trtype '%s' at %s; leave trtype "
			"and traddr out, or give these",
			params->name, drive->path->transport->trtype, drive->path->traddr);
	} else if (drive != NULL && !params->force && is_used(call, drive)) {
		return;
	} else if (drive != NULL && nvme_drive_detach(drive, detach_done, call) < 0) {
		ebb_call_error(call, -EALREADY,
			       "NVMe controller '%s' is being detached already; it waits for "
			       "those who hold its bdevs",
			       params->name);
	}
}

static void get_call(struct ebb_call *call, void *arg)
{
	const struct name_params *params = arg;
	struct nvme_drive *drive = NULL;
	struct json_object *array;

	if (params->name != NULL && find_or_answer(call, params->name) == NULL) {
		return;
	}
	array = json_object_new_array();
	while ((drive = nvme_drive_next(drive)) != NULL) {
		if (params->name == NULL || strcmp(params->name, drive->name) == 0) {
			json_object_array_add(array, nvme_describe_drive(drive));
		}
	}
	ebb_call_result(call, array);
}

static void reset_done(void *arg, struct nvme_drive *drive, int rc)
{
	struct ebb_call *call = arg;

	if (rc == 0) {
		ebb_call_result(call, json_object_new_boolean(true));
	} else {
		ebb_call_error(call, rc,
			       "NVMe controller '%s' (%s) has not come back from its reset: %s; "
			       "its bdevs are removed, try once more or detach it",
			       drive->name, drive->path->traddr,
			       drive->fault[0] != '\0' ? drive->fault : strerror(-rc));
	}
}

static void reset_call(struct ebb_call *call, void *arg)
{
	const struct reset_params *params = arg;
	struct nvme_drive *drive = find_or_answer(call, params->name);
	int rc;

	if (drive == NULL) {
		return;
	}
	if (params->cntlid_given && params->cntlid != drive->path->info.cntlid) {
		ebb_call_error(call, -ENODEV,
			       "NVMe controller '%s' has the cntlid %u, not %u; leave cntlid out",
			       params->name, drive->path->info.cntlid, params->cntlid);
		return;
	}
	rc = nvme_drive_reset(drive, reset_done, call);
	if (rc < 0) {
		ebb_call_error(call, rc, "NVMe controller '%s' is %s and cannot be reset now",
			       params->name,
			       rc == -ENODEV ? "being detached"
					     : nvme_path_state_name(drive->path->state));
	}
}

static struct ebb_method attach_method = {
	.name = "bdev_nvme_attach_controller",
	.states = EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "make block devices of an NVMe controller's namespaces",
	.params = attach_table,
	.num_params = EBB_ARRAY_SIZE(attach_table),
	.params_size = sizeof(struct attach_params),
	.fn = attach_call,
	.effect = EBB_METHOD_CREATES,
	.subsystem = "bdev",
	.object = "name",
	.stands_suffix = "n",
};

static struct ebb_method detach_method = {
	.name = "bdev_nvme_detach_controller",
	.states = EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "take an NVMe controller's block devices away and let go of it",
	.params = detach_table,
	.num_params = EBB_ARRAY_SIZE(detach_table),
	.params_size = sizeof(struct detach_params),
	.fn = detach_call,
	.effect = EBB_METHOD_REMOVES,
	.subsystem = "bdev",
	.object = "name",
	.undoes = "bdev_nvme_attach_controller",
};

static struct ebb_method get_method = {
	.name = "bdev_nvme_get_controllers",
	.states = EBB_METHOD_RUNTIME,
	.help = "the NVMe controllers that are attached",
	.params = optional_name_table,
	.num_params = EBB_ARRAY_SIZE(optional_name_table),
	.params_size = sizeof(struct name_params),
	.fn = get_call,
};

static struct ebb_method reset_method = {
	.name = "bdev_nvme_reset_controller",
	.states = EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "reset an NVMe controller; I/O waits meanwhile",
	.params = reset_table,
	.num_params = EBB_ARRAY_SIZE(reset_table),
	.params_size = sizeof(struct reset_params),
	.fn = reset_call,
};

EBB_METHOD_REGISTER(attach_method)
EBB_METHOD_REGISTER(detach_method)
EBB_METHOD_REGISTER(get_method)
EBB_METHOD_REGISTER(reset_method)

struct options_params {
	uint32_t retry_count;
	uint32_t transport_retry_count;
	int32_t bdev_retry_count;
	bool retry_given;
	bool transport_retry_given;
	bool bdev_retry_given;
	uint64_t timeout_us;
	bool timeout_given;
	uint32_t io_queue_depth;
	bool depth_given;
	uint32_t num_io_queues;
	bool queues_given;
	uint32_t apst_latency_us;
	bool apst_given;
};

#define OPTION_GIVEN(field) .given_offset = offsetof(struct options_params, field)
#define OPTION(field, type, ...) \
	EBB_PARAM(struct options_params, field, type, .optional = true, __VA_ARGS__)

static const struct ebb_param options_table[] = {
	OPTION(retry_count, EBB_PARAM_UINT32, .max = RETRY_COUNT_MAX, OPTION_GIVEN(retry_given),
	       .help = "tries after the first, where the device says that may help (default 4)"),
	OPTION(transport_retry_count, EBB_PARAM_UINT32, .max = RETRY_COUNT_MAX,
	       OPTION_GIVEN(transport_retry_given), .help = "the same, by SPDK's name"),
	OPTION(bdev_retry_count, EBB_PARAM_INT32, OPTION_GIVEN(bdev_retry_given),
	       .help = "the same, by SPDK's other name; less than 0: 255"),
	OPTION(timeout_us, EBB_PARAM_UINT64, .max = UINT32_MAX, OPTION_GIVEN(timeout_given),
	       .help = "of a command, before something is done about it; 0, which SPDK saves "
		       "for \"not set\": the default (30 s)"),
	OPTION(io_queue_depth, EBB_PARAM_UINT32, .min = 2, .max = 65536, OPTION_GIVEN(depth_given),
	       .help = "entries of an I/O queue (default 1024)"),
	OPTION(num_io_queues, EBB_PARAM_UINT32, .max = 65535, OPTION_GIVEN(queues_given),
	       .help = "at most; 0: as many as there are channels (default)"),
	OPTION(apst_latency_us, EBB_PARAM_UINT32, .max = UINT32_MAX, OPTION_GIVEN(apst_given),
	       .help = "longest exit latency that power saving may cost; 0: no power saving "
		       "(default 100000)"),
};

static void options_set(struct ebb_call *call, void *arg)
{
	const struct options_params *params = arg;

	if (params->bdev_retry_given) {
		options.retry_count = params->bdev_retry_count < 0 || params->bdev_retry_count >
									      (int)RETRY_COUNT_MAX
					      ? RETRY_COUNT_MAX
					      : (uint32_t)params->bdev_retry_count;
	}
	if (params->transport_retry_given) {
		options.retry_count = params->transport_retry_count;
	}
	if (params->retry_given) {
		options.retry_count = params->retry_count;
	}
	if (params->retry_given || params->transport_retry_given || params->bdev_retry_given) {
		ebb_call_took_effect(call, "retry_count",
				     json_object_new_int64(options.retry_count));
	}
	if (params->timeout_given) {
		options.timeout_us =
			params->timeout_us == 0 ? TIMEOUT_US : (uint32_t)params->timeout_us;
	}
	if (params->depth_given) {
		options.io_queue_depth = params->io_queue_depth;
	}
	if (params->queues_given) {
		options.num_io_queues = params->num_io_queues;
	}
	if (params->apst_given) {
		options.apst_latency_us = params->apst_latency_us;
	}
	ebb_call_result(call, json_object_new_boolean(true));
}

static void options_reset(void)
{
	options = (struct nvme_attach_opts)OPTIONS_DEFAULT;
}

static struct ebb_method options_method = {
	.name = "bdev_nvme_set_options",
	.states = EBB_METHOD_STARTUP | EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "defaults for NVMe controllers that are attached later",
	.params = options_table,
	.num_params = EBB_ARRAY_SIZE(options_table),
	.params_size = sizeof(struct options_params),
	.fn = options_set,
	.reset = options_reset,
	.effect = EBB_METHOD_SETS,
	.subsystem = "bdev",
};

EBB_METHOD_REGISTER(options_method)
