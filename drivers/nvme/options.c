/* SPDX-License-Identifier: Apache-2.0 */
/* bdev_nvme_set_options: the defaults for controllers that are attached later. */
#include "drivers/nvme/options.h"

#include <ebb/method.h>

#define RETRY_COUNT_MAX 255u
#define IO_QUEUE_DEPTH  1024u
#define TIMEOUT_US      30000000u

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

static struct ebb_nvme_attach_opts options = {
	.io_queue_depth = IO_QUEUE_DEPTH,
	.timeout_us = TIMEOUT_US,
	.apst_latency_us = 100000,
	.retry_count = 4,
};

const struct ebb_nvme_attach_opts *ebb_nvme_options(void)
{
	return &options;
}

#define GIVEN(field) .given_offset = offsetof(struct options_params, field)
#define OPTION(field, type, ...) \
	EBB_PARAM(struct options_params, field, type, .optional = true, __VA_ARGS__)

static const struct ebb_param options_table[] = {
	OPTION(retry_count, EBB_PARAM_UINT32, .max = RETRY_COUNT_MAX, GIVEN(retry_given),
	       .help = "tries after the first, where the device says that may help (default 4)"),
	OPTION(transport_retry_count, EBB_PARAM_UINT32, .max = RETRY_COUNT_MAX,
	       GIVEN(transport_retry_given), .help = "the same, by SPDK's name"),
	OPTION(bdev_retry_count, EBB_PARAM_INT32, GIVEN(bdev_retry_given),
	       .help = "the same, by SPDK's other name; less than 0: 255"),
	OPTION(timeout_us, EBB_PARAM_UINT64, .max = UINT32_MAX, GIVEN(timeout_given),
	       .help = "of a command, before something is done about it; 0, which SPDK saves "
		       "for \"not set\": the default (30 s)"),
	OPTION(io_queue_depth, EBB_PARAM_UINT32, .min = 2, .max = 65536, GIVEN(depth_given),
	       .help = "entries of an I/O queue (default 1024)"),
	OPTION(num_io_queues, EBB_PARAM_UINT32, .max = 65535, GIVEN(queues_given),
	       .help = "at most; 0: as many as there are channels (default)"),
	OPTION(apst_latency_us, EBB_PARAM_UINT32, .max = UINT32_MAX, GIVEN(apst_given),
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

static struct ebb_method options_method = {
	.name = "bdev_nvme_set_options",
	.states = EBB_METHOD_STARTUP | EBB_METHOD_RUNTIME,
	.changes_state = true,
	.help = "defaults for NVMe controllers that are attached later",
	.params = options_table,
	.num_params = EBB_ARRAY_SIZE(options_table),
	.params_size = sizeof(struct options_params),
	.fn = options_set,
	.effect = EBB_METHOD_SETS,
	.subsystem = "bdev",
};

EBB_METHOD_REGISTER(options_method)
