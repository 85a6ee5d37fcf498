/* SPDX-License-Identifier: Apache-2.0 */
/* bdev_get_bdevs and bdev_set_options. What bdevs have done: rpc_iostat.c. */
#include <ebb/method.h>

#include <errno.h>
#include <stdlib.h>

#include <ebb/bdev_module.h>
#include <ebb/poller.h>

#include "core/bdev/answer.h"
#include "core/bdev/info.h"
#include "core/bdev/pool.h"
#include "core/bdev/registry.h"
#include "core/bdev/rpc.h"
#include "core/bdev/table.h"
#include "core/method/build.h"

struct get_bdevs_params {
	char *name;
	uint64_t timeout;
};

static const struct ebb_param get_bdevs_table[] = {
	EBB_PARAM(struct get_bdevs_params, name, EBB_PARAM_STRING, .optional = true,
		  .help = "only this bdev, by its name or its uuid"),
	EBB_PARAM(struct get_bdevs_params, timeout, EBB_PARAM_UINT64, .optional = true,
		  .max = 86400000, .help = "with name: wait so many ms for it to appear"),
};

/* A call that waits for its bdev. */
struct get_bdevs_wait {
	struct ebb_call *call;
	struct bdev_registry_waiter waiter;
	struct ebb_poller *timer;
	struct ebb_list link;
};

static struct ebb_list waits = EBB_LIST_INIT(waits);

static void answer_one(struct ebb_call *call, const struct ebb_bdev *bdev)
{
	struct json_object *array = json_object_new_array();

	json_object_array_add(array, bdev_info_json(bdev));
	ebb_call_result(call, array);
}

static struct ebb_call *wait_end(struct get_bdevs_wait *wait)
{
	struct ebb_call *call = wait->call;

	ebb_poller_unregister(&wait->timer);
	bdev_registry_stop_waiting(&wait->waiter);
	ebb_list_remove(&wait->link);
	free(wait);
	return call;
}

static void wait_appeared(struct bdev_registry_waiter *waiter, struct ebb_bdev *bdev)
{
	answer_one(wait_end(ebb_container_of(waiter, struct get_bdevs_wait, waiter)), bdev);
}

static int wait_expired(void *arg)
{
	struct get_bdevs_wait *wait = arg;
	const char *name = wait->waiter.name; /* the call's, which is still open */

	bdev_answer_not_found(wait_end(wait), name);
	return 1;
}

static void wait_begin(struct ebb_call *call, const char *name, uint64_t timeout_ms)
{
	struct get_bdevs_wait *wait = calloc(1, sizeof(*wait));

	if (wait != NULL) {
		wait->timer = ebb_poller_register(wait_expired, wait, timeout_ms * 1000);
	}
	if (wait == NULL || wait->timer == NULL) {
		free(wait);
		ebb_call_error(call, -ENOMEM, "out of memory to wait for bdev '%s'", name);
		return;
	}
	wait->call = call;
	wait->waiter.name = name;
	wait->waiter.appeared = wait_appeared;
	bdev_registry_wait(&wait->waiter);
	ebb_list_push_back(&waits, &wait->link);
}

void bdev_rpc_end_waits(void)
{
	while (!ebb_list_empty(&waits)) {
		wait_expired(ebb_list_first(&waits, struct get_bdevs_wait, link));
	}
}

/* A call that lists all there are; those that come meanwhile are at the end, too. */
struct get_bdevs_list {
	struct ebb_call *call;
	struct method_build build;
	struct bdev_table_cursor cursor;
	struct json_object *array;
};

static enum method_build_step list_step(struct method_build *build)
{
	struct get_bdevs_list *list = ebb_container_of(build, struct get_bdevs_list, build);
	const struct ebb_bdev *bdev = bdev_table_cursor_next(&list->cursor);

	if (bdev == NULL) {
		return METHOD_BUILD_DONE;
	}
	json_object_array_add(list->array, bdev_info_json(bdev));
	return METHOD_BUILD_MORE;
}

static void list_done(struct method_build *build)
{
	struct get_bdevs_list *list = ebb_container_of(build, struct get_bdevs_list, build);

	bdev_table_cursor_fini(&list->cursor);
	ebb_call_result(list->call, list->array);
	free(list);
}

static void list_begin(struct ebb_call *call)
{
	struct get_bdevs_list *list = calloc(1, sizeof(*list));

	if (list == NULL) {
		ebb_call_error(call, -ENOMEM, "out of memory to list the bdevs");
		return;
	}
	list->call = call;
	list->build.step = list_step;
	list->build.done = list_done;
	list->array = json_object_new_array();
	bdev_table_cursor_init(&list->cursor);
	method_build_start(&list->build);
}

static void get_bdevs(struct ebb_call *call, void *arg)
{
	const struct get_bdevs_params *params = arg;
	const struct ebb_bdev *bdev;

	if (params->name != NULL) {
		bdev = ebb_bdev_find(params->name);
		if (bdev != NULL) {
			answer_one(call, bdev);
		} else if (params->timeout != 0) {
			wait_begin(call, params->name, params->timeout);
		} else {
			bdev_answer_not_found(call, params->name);
		}
		return;
	}
	list_begin(call);
}

static struct ebb_method method_get_bdevs = {
	.name = "bdev_get_bdevs",
	.states = EBB_METHOD_RUNTIME,
	.help = "the block devices there are, or one of them",
	.params = get_bdevs_table,
	.num_params = EBB_ARRAY_SIZE(get_bdevs_table),
	.params_size = sizeof(struct get_bdevs_params),
	.fn = get_bdevs,
};

EBB_METHOD_REGISTER(method_get_bdevs)

/* What has never been used of a pool costs no memory, but addresses. */
#define POOL_SIZE_MIN 16u
#define POOL_SIZE_MAX (1u << 20)

struct options_params {
	uint32_t bdev_io_pool_size;
};

static const struct ebb_param options_table[] = {
	EBB_PARAM(struct options_params, bdev_io_pool_size, EBB_PARAM_UINT32, .optional = true,
		  .min = POOL_SIZE_MIN, .max = POOL_SIZE_MAX,
		  .help = "requests that each channel of a bdev may have in flight (default 1024)"),
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

static void options_reset(void)
{
	bdev_pool_set_size(0);
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
	.reset = options_reset,
	.effect = EBB_METHOD_SETS,
	.subsystem = "bdev",
};

EBB_METHOD_REGISTER(method_set_options)
