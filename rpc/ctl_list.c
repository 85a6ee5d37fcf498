/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/ctl_list.h"

#include <errno.h>

#include "core/method/param.h"

int ctl_list_call(const struct ebb_ctl_command_env *env, const char *method,
		  struct json_object *params, struct json_object **ret_list,
		  struct ebb_method_error *ret_error)
{
	struct json_object *list = NULL;
	int rc = env->call_with(env, method, params, &list, ret_error);

	if (rc != 0) {
		return rc;
	}
	if (list != NULL && !json_object_is_type(list, json_type_array)) {
		method_error_set(ret_error, 0,
				 "%s is answered with no list: is this ebbd's socket?", method);
		json_object_put(list);
		return -EBADMSG;
	}
	*ret_list = list;
	return 0;
}

size_t ctl_list_length(struct json_object *list)
{
	return list != NULL ? json_object_array_length(list) : 0;
}

const char *ctl_list_text(struct json_object *list, size_t index, const char *name)
{
	struct json_object *element = json_object_array_get_idx(list, index);

	if (name != NULL && !json_object_object_get_ex(element, name, &element)) {
		return "";
	}
	return json_object_is_type(element, json_type_string) ? json_object_get_string(element)
							      : "";
}
