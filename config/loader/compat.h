/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_LOADER_COMPAT_H
#define CONFIG_LOADER_COMPAT_H

/* What an SPDK configuration holds and ebb has no use for: accepted where it changes nothing. */

#include <json-c/json.h>

#include <ebb/method.h>

/**
 * config_compat_method() - is this a call that ebb may leave out?
 * Return: 0 it changes nothing here; -EINVAL it would, and ebb cannot do it (@ret_error);
 *	-ENOENT: not a method of that kind.
 */
int config_compat_method(const char *method, struct json_object *params, char *ret_error,
			 size_t size);

/**
 * config_compat_params() - leave out the parameters that change nothing here
 * @method: one that ebb has; parameters of its own table are left alone
 * @ret_params: a new reference, or NULL if @params is NULL
 * Return: 0; -EINVAL one of them would change something, and ebb cannot do it (@ret_error);
 *	-ENOMEM.
 */
int config_compat_params(const struct ebb_method *method, struct json_object *params,
			 struct json_object **ret_params, char *ret_error, size_t size);

#endif
