/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RPC_CTL_LIST_H
#define RPC_CTL_LIST_H

/* For commands of ebbctl: a call that is to be answered with a list. */

#include <ebb/ctl_command.h>

/**
 * ctl_list_call() - call @method, and see whether it has answered with an array
 * @ret_list: the caller's to put; NULL: null, which stands for an empty one
 * Return: as ebb_ctl_command_env.call_with; -EBADMSG: it is something else, and @ret_error says so.
 */
int ctl_list_call(const struct ebb_ctl_command_env *env, const char *method,
		  struct json_object *params, struct json_object **ret_list,
		  struct ebb_method_error *ret_error);

/* Return: how long a list is; of NULL 0. */
size_t ctl_list_length(struct json_object *list);

/* The member @name of a list's element, or without @name the element, as text; "": it is none. */
const char *ctl_list_text(struct json_object *list, size_t index, const char *name);

#endif
