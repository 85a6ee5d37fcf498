/* SPDX-License-Identifier: Apache-2.0 */
#include "core/method/param.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "core/base/json_number.h"
#include "core/base/json_scan.h"
#include "core/method/compat.h"

static const char *const param_type_names[] = {
	[EBB_PARAM_BOOL] = "true or false",
	[EBB_PARAM_INT32] = "an integer of 32 bits",
	[EBB_PARAM_UINT32] = "an integer from 0 of 32 bits",
	[EBB_PARAM_UINT64] = "an integer from 0 of 64 bits",
	[EBB_PARAM_STRING] = "a string",
	[EBB_PARAM_UUID] = "a UUID",
	[EBB_PARAM_ENUM] = "a word",
	[EBB_PARAM_ANY] = "a value",
};

/* One parameter being decoded, and whom to tell. */
struct param_place {
	const struct ebb_method *method;
	const struct ebb_param *param;
	struct ebb_method_error *error;
};

void method_error_set(struct ebb_method_error *error, int code, const char *format, ...)
{
	va_list args;

	error->code = code;
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
}

/* Says "parameter "x" of method "y" " and what is wrong with it. */
static int EBB_PRINTF(2, 3) param_refuse(const struct param_place *place, const char *format, ...)
{
	char what[160];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	method_error_set(place->error, EBB_METHOD_INVALID_PARAMS,
			 "parameter \"%s\" of method \"%s\" %s", place->param->name,
			 place->method->name, what);
	return -EINVAL;
}

static int param_refuse_type(const struct param_place *place, struct json_object *value)
{
	static const char *const given[] = {
		[json_type_null] = "null",         [json_type_boolean] = "a boolean",
		[json_type_double] = "the number", [json_type_int] = "the number",
		[json_type_object] = "an object",  [json_type_array] = "an array",
		[json_type_string] = "the string",
	};
	enum json_type type = json_object_get_type(value);
	char shown[48] = "";

	if (type == json_type_double || type == json_type_int || type == json_type_string) {
		snprintf(shown, sizeof(shown), " %.44s", json_object_to_json_string(value));
	}
	return param_refuse(place, "must be %s, not %s%s", param_type_names[place->param->type],
			    given[type], shown);
}

/*
 * JSON knows no integers: 4096.0 and 4.096e3 are as good as 4096. It is the text that counts: as a
 * double, 1.00000000000000001 would be 1, and 2^64 no integer.
 */
static int param_integer(const struct param_place *place, struct json_object *value,
			 struct base_json_integer *ret_integer)
{
	if ((json_object_is_type(value, json_type_int) ||
	     json_object_is_type(value, json_type_double)) &&
	    base_json_number_integer(json_object_to_json_string(value), ret_integer)) {
		return 0;
	}
	return param_refuse_type(place, value);
}

static int param_uint64(const struct param_place *place, struct json_object *value, uint64_t limit,
			uint64_t *ret_number)
{
	uint64_t min = place->param->min;
	uint64_t max = place->param->max != 0 ? place->param->max : limit;
	struct base_json_integer integer;
	int rc = param_integer(place, value, &integer);

	if (rc != 0) {
		return rc;
	}
	if (integer.negative || integer.magnitude < min) {
		return param_refuse(place, "is %.44s; it must be at least %" PRIu64,
				    json_object_to_json_string(value), min);
	}
	if (integer.magnitude > max) {
		return param_refuse(place, "is %.44s; it must be at most %" PRIu64,
				    json_object_to_json_string(value), max);
	}
	*ret_number = integer.magnitude;
	return 0;
}

static int param_int32(const struct param_place *place, struct json_object *value, int32_t *field)
{
	struct base_json_integer integer;
	int rc = param_integer(place, value, &integer);

	if (rc != 0) {
		return rc;
	}
	if (integer.magnitude > (uint64_t)INT32_MAX + (integer.negative ? 1 : 0)) {
		return param_refuse(place, "is %.44s; it must be %d to %d",
				    json_object_to_json_string(value), INT32_MIN, INT32_MAX);
	}
	*field = (int32_t)(integer.negative ? -(int64_t)integer.magnitude
					    : (int64_t)integer.magnitude);
	return 0;
}

static int param_string(const struct param_place *place, struct json_object *value,
			const char **ret_text)
{
	size_t len;

	if (!json_object_is_type(value, json_type_string)) {
		return param_refuse_type(place, value);
	}
	*ret_text = json_object_get_string(value);
	len = (size_t)json_object_get_string_len(value);
	for (size_t i = 0; i < len; i++) {
		if (iscntrl((unsigned char)(*ret_text)[i])) {
			return param_refuse(
				place, "must not contain control characters; byte %zu is 0x%02x", i,
				(unsigned char)(*ret_text)[i]);
		}
	}
	if (len > METHOD_PARAM_STRING_MAX) {
		return param_refuse(place, "is %zu bytes long; it must be at most %d", len,
				    METHOD_PARAM_STRING_MAX);
	}
	return 0;
}

/* Eight, four, four, four and twelve hexadecimal digits, with hyphens between. */
static bool uuid_parse(const char *text, uint8_t *uuid)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned high, low;

		if ((i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-') {
			return false;
		}
		high = base_json_hex_digit(text[0]);
		low = high > 15 ? high : base_json_hex_digit(text[1]);
		if (low > 15) {
			return false;
		}
		uuid[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	return *text == '\0';
}

static int param_uuid(const struct param_place *place, struct json_object *value, uint8_t *field)
{
	const char *text;
	uint8_t uuid[16];
	int rc = param_string(place, value, &text);

	if (rc != 0) {
		return rc;
	}
	if (!uuid_parse(text, uuid)) {
		return param_refuse(place,
				    "is \"%.40s\"; it must be a UUID such as "
				    "01234567-89ab-cdef-0123-456789abcdef",
				    text);
	}
	memcpy(field, uuid, sizeof(uuid));
	return 0;
}

static int param_enum(const struct param_place *place, struct json_object *value, int *field)
{
	const char *const *names = place->param->names;
	char legal[96] = "";
	size_t len = 0;
	const char *text;
	int rc = param_string(place, value, &text);

	if (rc != 0) {
		return rc;
	}
	for (int i = 0; names[i] != NULL; i++) {
		int added;

		if (strcasecmp(names[i], text) == 0) {
			*field = i;
			return 0;
		}
		added = snprintf(legal + len, sizeof(legal) - len, "%s%s", i > 0 ? ", " : "",
				 names[i]);
		len += (size_t)added < sizeof(legal) - len ? (size_t)added
							   : sizeof(legal) - len - 1;
	}
	return param_refuse(place, "is \"%.32s\"; it must be one of: %s", text, legal);
}

static int param_decode_one(const struct param_place *place, struct json_object *value, void *field)
{
	uint64_t number;
	const char *text;
	int rc;

	switch (place->param->type) {
	case EBB_PARAM_BOOL:
		if (!json_object_is_type(value, json_type_boolean)) {
			return param_refuse_type(place, value);
		}
		*(bool *)field = json_object_get_boolean(value);
		return 0;
	case EBB_PARAM_INT32:
		return param_int32(place, value, field);
	case EBB_PARAM_UINT32:
		rc = param_uint64(place, value, UINT32_MAX, &number);
		if (rc == 0) {
			*(uint32_t *)field = (uint32_t)number;
		}
		return rc;
	case EBB_PARAM_UINT64:
		rc = param_uint64(place, value, UINT64_MAX, &number);
		if (rc == 0) {
			*(uint64_t *)field = number;
		}
		return rc;
	case EBB_PARAM_STRING:
		rc = param_string(place, value, &text);
		if (rc == 0) {
			*(const char **)field = text;
		}
		return rc;
	case EBB_PARAM_UUID:
		return param_uuid(place, value, field);
	case EBB_PARAM_ENUM:
		return param_enum(place, value, field);
	case EBB_PARAM_ANY:
		*(struct json_object **)field = value;
		return 0;
	}
	return param_refuse(place, "has no type: a bug in the method's table");
}

const struct ebb_param *method_param_find(const struct ebb_method *method, const char *name)
{
	for (size_t i = 0; i < method->num_params; i++) {
		if (strcmp(method->params[i].name, name) == 0) {
			return &method->params[i];
		}
	}
	return NULL;
}

/* Adds @name to "flag, i32, u32", as far as there is room. */
static void list_add_name(char *text, size_t size, size_t *len, const char *name)
{
	int added = snprintf(text + *len, size - *len, "%s%s", *len > 0 ? ", " : "", name);

	*len += (size_t)added < size - *len ? (size_t)added : size - *len - 1;
}

/* The table's names; if it has none, those that are SPDK's. */
static void params_list_names(const struct ebb_method *method, char *text, size_t size)
{
	const struct method_compat_param *param = NULL;
	size_t len = 0;

	snprintf(text, size, "no parameters");
	for (size_t i = 0; i < method->num_params; i++) {
		list_add_name(text, size, &len, method->params[i].name);
	}
	while (method->num_params == 0 && (param = method_compat_next(method, param)) != NULL) {
		list_add_name(text, size, &len, param->name);
	}
}

/* Every name in @params must be one of the table's, or one of SPDK's that changes nothing. */
static int params_check_names(const struct ebb_method *method, struct json_object *params,
			      struct ebb_method_error *ret_error)
{
	const char *unknown = NULL;
	int rc = method_compat_check(method, params, &unknown, ret_error);
	char known[128];

	if (rc == -ENOENT) {
		params_list_names(method, known, sizeof(known));
		method_error_set(ret_error, EBB_METHOD_INVALID_PARAMS,
				 "method \"%s\" has no parameter \"%.40s\"; it takes %s",
				 method->name, unknown, known);
	}
	return rc == 0 ? 0 : -EINVAL;
}

int method_param_decode(const struct ebb_method *method, struct json_object *params, void *values,
			struct ebb_method_error *ret_error)
{
	if (method->params_size != 0) {
		if (method->defaults != NULL) {
			memcpy(values, method->defaults, method->params_size);
		} else {
			memset(values, 0, method->params_size);
		}
	}
	if (json_object_is_type(params, json_type_array) && json_object_array_length(params) == 0) {
		params = NULL;
	}
	if (params != NULL && !json_object_is_type(params, json_type_object)) {
		method_error_set(ret_error, EBB_METHOD_INVALID_PARAMS,
				 "the parameters of method \"%s\" must be given by name, in an "
				 "object",
				 method->name);
		return -EINVAL;
	}
	if (params_check_names(method, params, ret_error) != 0) {
		return -EINVAL;
	}
	for (size_t i = 0; i < method->num_params; i++) {
		const struct ebb_param *param = &method->params[i];
		struct param_place place = {method, param, ret_error};
		struct json_object *value = NULL;
		bool given = json_object_object_get_ex(params, param->name, &value);

		if (value == NULL && param->optional) {
			continue; /* null stands for "not given" */
		}
		if (!given) {
			return param_refuse(&place, "is missing; it is %s",
					    param_type_names[param->type]);
		}
		if (param_decode_one(&place, value, (char *)values + param->offset) != 0) {
			return -EINVAL;
		}
		if (param->given_offset != 0) {
			*(bool *)((char *)values + param->given_offset) = true;
		}
	}
	return 0;
}
