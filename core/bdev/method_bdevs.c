/* SPDX-License-Identifier: Apache-2.0 */
/* bdev_get_bdevs: what there is, or one bdev as soon as there is one of that name. */
#include <ebb/method.h>

#include <errno.h>
#include <stdlib.h>

#include <ebb/bdev_module.h>
#include <ebb/poller.h>

#include "core/bdev/info.h"
#include "core/bdev/registry.h"
#include "core/bdev/rpc.h"

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
	struct bdev_watch watch;
	struct ebb_poller *timer;
	struct ebb_list link;
};

static struct ebb_list waits = EBB_LIST_INIT(waits);

void bdev_answer_not_found(struct ebb_call *call, const char *name)
{
	ebb_call_error(call, -ENODEV, "bdev '%s' not found; bdev_get_bdevs lists those there are",
		       name);
}

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
	bdev_watch_remove(&wait->watch);
	ebb_list_remove(&wait->link);
	free(wait);
	return call;
}

static void wait_appeared(struct bdev_watch *watch, struct ebb_bdev *bdev)
{
	answer_one(wait_end(ebb_container_of(watch, struct get_bdevs_wait, watch)), bdev);
}

static int wait_expired(void *arg)
{
	struct get_bdevs_wait *wait = arg;
	const char *name = wait->watch.name; /* the call's, which is still open */

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
	wait->watch.name = name;
	wait->watch.appeared = wait_appeared;
	bdev_watch_add(&wait->watch);
	ebb_list_push_back(&waits, &wait->link);
}

void bdev_waits_end(void)
{
	while (!ebb_list_empty(&waits)) {
		wait_expired(ebb_list_first(&waits, struct get_bdevs_wait, link));
	}
}

static void get_bdevs(struct ebb_call *call, void *arg)
{
	const struct get_bdevs_params *params = arg;
	struct ebb_bdev *bdev = NULL;
	struct json_object *array;

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
	array = json_object_new_array();
	while ((bdev = ebb_bdev_next(bdev)) != NULL) {
		json_object_array_add(array, bdev_info_json(bdev));
	}
	ebb_call_result(call, array);
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
