/* SPDX-License-Identifier: Apache-2.0 */
/* bdev_set_options: before the first bdev. */
#include <ebb/method.h>

#include "core/bdev/pool.h"

/* What has never been used of a pool costs no memory, but addresses. */
#define POOL_SIZE_MIN 16u
#define POOL_SIZE_MAX (1u << 20)

struct options_params {
	uint32_t bdev_io_pool_size;
	uint32_t bdev_io_cache_size;
	bool bdev_auto_examine;
	uint32_t iobuf_small_cache_size;
	uint32_t iobuf_large_cache_size;
};

#define OPTIONS_IGNORED(field, type)                                    \
	EBB_PARAM(struct options_params, field, type, .optional = true, \
		  .help = "for SPDK's clients; changes nothing")

static const struct ebb_param options_table[] = {
	EBB_PARAM(struct options_params, bdev_io_pool_size, EBB_PARAM_UINT32, .optional = true,
		  .min = POOL_SIZE_MIN, .max = POOL_SIZE_MAX,
		  .help = "requests that each channel of a bdev may have in flight (default 1024)"),
	OPTIONS_IGNORED(bdev_io_cache_size, EBB_PARAM_UINT32),
	OPTIONS_IGNORED(bdev_auto_examine, EBB_PARAM_BOOL),
	OPTIONS_IGNORED(iobuf_small_cache_size, EBB_PARAM_UINT32),
	OPTIONS_IGNORED(iobuf_large_cache_size, EBB_PARAM_UINT32),
};

static const struct options_params options_defaults = {
	.bdev_io_pool_size = BDEV_POOL_SIZE_DEFAULT,
};

static void options_set(struct ebb_call *call, void *arg)
{
	const struct options_params *params = arg;

	bdev_pool_set_size(params->bdev_io_pool_size);
	ebb_call_result(call, json_object_new_boolean(true));
}

static struct ebb_method method_set_options = {
	.name = "bdev_set_options",
	.states = EBB_METHOD_STARTUP,
	.changes_state = true,
	.help = "how the bdev layer is laid out",
	.params = options_table,
	.num_params = EBB_ARRAY_SIZE(options_table),
	.params_size = sizeof(struct options_params),
	.defaults = &options_defaults,
	.fn = options_set,
};

EBB_METHOD_REGISTER(method_set_options)
