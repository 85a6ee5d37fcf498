/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include <ebb/method.h>
#include <ebb/notify.h>

#include "core/method/build.h"

/* The methods about what has happened. */

static void type_to_json(const struct ebb_notify_type *type, void *arg)
{
	json_object_array_add(arg, json_object_new_string(type->name));
}

static void get_types(struct ebb_call *call, void *params)
{
	struct json_object *types = json_object_new_array();

	(void)params;
	ebb_notify_type_for_each(type_to_json, types);
	ebb_call_result(call, types);
}

static struct ebb_method get_types_method = {
	.name = "notify_get_types",
	.states = EBB_METHOD_RUNTIME,
	.help = "the types of events that notify_get_notifications may list",
	.fn = get_types,
};
EBB_METHOD_REGISTER(get_types_method)

struct get_notifications_params {
	uint64_t id;
	uint64_t max;
};

static const struct get_notifications_params get_notifications_defaults = {.max = UINT64_MAX};

static const struct ebb_param get_notifications_table[] = {
	EBB_PARAM(struct get_notifications_params, id, EBB_PARAM_UINT64, .optional = true,
		  .help = "the first event's number (default: 0); older than all kept: the oldest"),
	EBB_PARAM(struct get_notifications_params, max, EBB_PARAM_UINT64, .optional = true,
		  .help = "so many at most (default: all)"),
};

/* A call that lists events. */
struct events_list {
	struct ebb_call *call;
	struct method_build build;
	struct json_object *array;
	uint64_t next_id;
	uint64_t left;
};

static void event_to_json(const struct ebb_notify_event *event, void *arg)
{
	struct events_list *list = arg;
	struct json_object *json = json_object_new_object();

	json_object_object_add(json, "type", json_object_new_string(event->type->name));
	json_object_object_add(json, "ctx", json_object_new_string(event->context));
	json_object_object_add(json, "id", json_object_new_uint64(event->id));
	json_object_array_add(list->array, json);
	list->next_id = event->id + 1;
	list->left--;
}

static enum method_build_step events_step(struct method_build *build)
{
	struct events_list *list = ebb_container_of(build, struct events_list, build);

	return list->left > 0 && ebb_notify_for_each(list->next_id, 1, event_to_json, list) > 0
		       ? METHOD_BUILD_MORE
		       : METHOD_BUILD_DONE;
}

static void events_done(struct method_build *build)
{
	struct events_list *list = ebb_container_of(build, struct events_list, build);

	ebb_call_result(list->call, list->array);
	free(list);
}

static void get_notifications(struct ebb_call *call, void *arg)
{
	const struct get_notifications_params *params = arg;
	struct events_list *list = malloc(sizeof(*list));

	if (list == NULL) {
		ebb_call_error(call, -ENOMEM, "out of memory to list the events");
		return;
	}
	*list = (struct events_list){
		.call = call,
		.build = {.step = events_step, .done = events_done},
		.array = json_object_new_array(),
		.next_id = params->id,
		.left = params->max,
	};
	method_build_start(&list->build);
}

static struct ebb_method get_notifications_method = {
	.name = "notify_get_notifications",
	.states = EBB_METHOD_RUNTIME,
	.help = "what has happened, of the last 1,024 events; ask again from the last id + 1",
	.params = get_notifications_table,
	.num_params = EBB_ARRAY_SIZE(get_notifications_table),
	.params_size = sizeof(struct get_notifications_params),
	.defaults = &get_notifications_defaults,
	.fn = get_notifications,
};
EBB_METHOD_REGISTER(get_notifications_method)
