/* SPDX-License-Identifier: Apache-2.0 */
#include "core/method/param.h"

#include <stdio.h>
#include <string.h>

/* A struct of parameters as JSON, by the table that has decoded it. */

#define UUID_TEXT_SIZE 37

static struct json_object *encode_uuid(const uint8_t *uuid)
{
	char text[UUID_TEXT_SIZE];
	size_t len = 0;

	for (unsigned i = 0; i < 16; i++) {
		const char *hyphen = i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "";

		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%02x", hyphen, uuid[i]);
	}
	return json_object_new_string(text);
}

/* Not null, whose NULL would look like a lack of memory. */
static struct json_object *encode_value(const struct ebb_param *param, const void *field)
{
	struct json_object *copy = NULL;

	switch (param->type) {
	case EBB_PARAM_BOOL:
		return json_object_new_boolean(*(const bool *)field);
	case EBB_PARAM_INT32:
		return json_object_new_int(*(const int32_t *)field);
	case EBB_PARAM_UINT32:
		return json_object_new_int64(*(const uint32_t *)field);
	case EBB_PARAM_UINT64:
		return json_object_new_uint64(*(const uint64_t *)field);
	case EBB_PARAM_STRING:
		return json_object_new_string(*(char *const *)field);
	case EBB_PARAM_UUID:
		return encode_uuid(field);
	case EBB_PARAM_ENUM:
		return json_object_new_string(param->names[*(const int *)field]);
	case EBB_PARAM_ANY:
		/* A reference would be shared with whoever has sent it, on another thread. */
		json_object_deep_copy(*(struct json_object *const *)field, &copy, NULL);
		return copy;
	}
	return NULL;
}

/* @field and @other, of a struct of defaults, have the same value. */
static bool field_equal(const struct ebb_param *param, const void *field, const void *other)
{
	switch (param->type) {
	case EBB_PARAM_BOOL:
		return *(const bool *)field == *(const bool *)other;
	case EBB_PARAM_INT32:
	case EBB_PARAM_UINT32:
		return memcmp(field, other, sizeof(uint32_t)) == 0;
	case EBB_PARAM_UINT64:
		return *(const uint64_t *)field == *(const uint64_t *)other;
	case EBB_PARAM_STRING:
		return *(char *const *)other != NULL &&
		       strcmp(*(char *const *)field, *(char *const *)other) == 0;
	case EBB_PARAM_UUID:
		return memcmp(field, other, 16) == 0;
	case EBB_PARAM_ENUM:
		return *(const int *)field == *(const int *)other;
	case EBB_PARAM_ANY:
		return json_object_equal(*(struct json_object *const *)field,
					 *(struct json_object *const *)other) != 0;
	}
	return false;
}

/* A pointer that nothing was decoded into. */
static bool field_empty(const struct ebb_param *param, const void *field)
{
	return (param->type == EBB_PARAM_STRING && *(char *const *)field == NULL) ||
	       (param->type == EBB_PARAM_ANY && *(struct json_object *const *)field == NULL);
}

/* As good as not given. */
static bool param_left_out(const struct ebb_method *method, const struct ebb_param *param,
			   const char *values)
{
	static const union {
		uint64_t number;
		uint8_t uuid[16];
		void *pointer;
	} zero;
	const void *fallback = &zero;

	if (!param->optional) {
		return false;
	}
	if (param->given_offset != 0) {
		return !*(const bool *)(values + param->given_offset);
	}
	if (method->defaults != NULL) {
		fallback = (const char *)method->defaults + param->offset;
	}
	return field_empty(param, values + param->offset) ||
	       field_equal(param, values + param->offset, fallback);
}

struct json_object *method_param_encode(const struct ebb_method *method, const void *values)
{
	struct json_object *params = json_object_new_object();

	for (size_t i = 0; params != NULL && i < method->num_params; i++) {
		const struct ebb_param *param = &method->params[i];
		const char *field = (const char *)values + param->offset;
		struct json_object *value = NULL;

		if (param_left_out(method, param, values)) {
			continue;
		}
		if (!field_empty(param, field)) {
			value = encode_value(param, field);
		}
		if ((value == NULL && !field_empty(param, field)) ||
		    json_object_object_add(params, param->name, value) != 0) {
			json_object_put(value);
			json_object_put(params);
			params = NULL;
		}
	}
	return params;
}
