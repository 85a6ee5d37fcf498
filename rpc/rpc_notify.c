/* SPDX-License-Identifier: Apache-2.0 */
#include <ebb/method.h>
#include <ebb/notify.h>

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

static void event_to_json(const struct ebb_notify_event *event, void *arg)
{
	struct json_object *json = json_object_new_object();

	json_object_object_add(json, "type", json_object_new_string(event->type->name));
	json_object_object_add(json, "ctx", json_object_new_string(event->context));
	json_object_object_add(json, "id", json_object_new_uint64(event->id));
	json_object_array_add(arg, json);
}

static void get_notifications(struct ebb_call *call, void *arg)
{
	const struct get_notifications_params *params = arg;
	struct json_object *events = json_object_new_array();

	ebb_notify_for_each(params->id, params->max, event_to_json, events);
	ebb_call_result(call, events);
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
