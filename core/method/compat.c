/* SPDX-License-Identifier: Apache-2.0 */
#include "core/method/compat.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/json_number.h"

/* The parameters of one row are those of a method, whichever of its names the row has. */
static bool row_is_of(const struct method_compat *row, const struct ebb_method *method)
{
	return strcmp(row->method, method->name) == 0 ||
	       (method->alias != NULL && strcmp(row->method, method->alias) == 0);
}

bool method_compat_changes_nothing(const struct ebb_method *method)
{
	for (size_t i = 0; i < method_compat_count; i++) {
		if (method_compat_table[i].states != 0 &&
		    row_is_of(&method_compat_table[i], method)) {
			return true;
		}
	}
	return false;
}

const struct method_compat_param *method_compat_next(const struct ebb_method *method,
						     const struct method_compat_param *previous)
{
	bool passed = previous == NULL;

	for (size_t i = 0; i < method_compat_count; i++) {
		const struct method_compat *row = &method_compat_table[i];

		if (!row_is_of(row, method)) {
			continue;
		}
		for (size_t j = 0; j < row->num_params; j++) {
			if (passed) {
				return &row->params[j];
			}
			passed = &row->params[j] == previous;
		}
	}
	return NULL;
}

const struct method_compat_param *method_compat_find(const struct ebb_method *method,
						     const char *name)
{
	for (size_t i = 0; i < method_compat_count; i++) {
		const struct method_compat *row = &method_compat_table[i];

		for (size_t j = 0; j < row->num_params; j++) {
			if (strcmp(row->params[j].name, name) == 0 && row_is_of(row, method)) {
				return &row->params[j];
			}
		}
	}
	return NULL;
}

static bool is_own(const struct ebb_method *method, const char *name)
{
	for (size_t i = 0; i < method->num_params; i++) {
		if (strcmp(method->params[i].name, name) == 0) {
			return true;
		}
	}
	return false;
}

/* Says "parameter "x" of method "y" " and what is wrong with it. */
static int EBB_PRINTF(4, 5) compat_refuse(const struct ebb_method *method, const char *name,
					  struct ebb_method_error *error, const char *format, ...)
{
	size_t len;
	va_list args;

	error->code = EBB_METHOD_INVALID_PARAMS;
	snprintf(error->text, sizeof(error->text), "parameter \"%s\" of method \"%s\" ", name,
		 method->name);
	len = strlen(error->text);
	va_start(args, format);
	vsnprintf(error->text + len, sizeof(error->text) - len, format, args);
	va_end(args);
	return -EINVAL;
}

/* Return: false: it is no integer, or has more than 64 bits. */
static bool value_integer(struct json_object *value, struct base_json_integer *ret_integer)
{
	return (json_object_is_type(value, json_type_int) ||
		json_object_is_type(value, json_type_double)) &&
	       base_json_number_integer(json_object_to_json_string(value), ret_integer);
}

static bool value_off(struct json_object *value)
{
	struct base_json_integer integer;

	switch (json_object_get_type(value)) {
	case json_type_boolean:
		return !json_object_get_boolean(value);
	case json_type_int:
	case json_type_double:
		return value_integer(value, &integer) && integer.magnitude == 0;
	case json_type_string:
		return json_object_get_string_len(value) == 0;
	case json_type_array:
		return json_object_array_length(value) == 0;
	default:
		return false;
	}
}

static bool value_negative(struct json_object *value)
{
	struct base_json_integer integer;

	return value_integer(value, &integer) && (integer.negative || integer.magnitude == 0);
}

static bool values_same(struct json_object *a, struct json_object *b)
{
	struct base_json_integer of_a, of_b;

	if (value_integer(a, &of_a) && value_integer(b, &of_b)) {
		return of_a.negative == of_b.negative && of_a.magnitude == of_b.magnitude;
	}
	return json_object_equal(a, b);
}

/* Is @word among @words? */
static bool words_have(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (; *words != '\0'; words += strspn(words, " ")) {
		size_t word_len = strcspn(words, " ");

		if (word_len == len && memcmp(words, word, len) == 0) {
			return true;
		}
		words += word_len;
	}
	return false;
}

static bool value_harmless(const struct method_compat_param *param, struct json_object *params,
			   struct json_object *value)
{
	switch (param->rule) {
	case METHOD_COMPAT_ANY:
		return true;
	case METHOD_COMPAT_OFF:
		return value_off(value);
	case METHOD_COMPAT_NEGATIVE:
		return value_negative(value);
	case METHOD_COMPAT_SAME:
		return value_off(value) ||
		       values_same(value, json_object_object_get(params, param->other));
	case METHOD_COMPAT_WORD:
		return words_have(param->other, json_object_get_string(value));
	case METHOD_COMPAT_MEMBERS:
		break;
	}
	json_object_object_foreach(value, name, member)
	{
		(void)member;
		if (!words_have(param->other, name)) {
			return false;
		}
	}
	return true;
}

/* JSON knows no integers: 8.0 is as good as 8. */
static bool value_has_type(enum json_type type, struct json_object *value)
{
	struct base_json_integer integer;

	if (type == json_type_int) {
		return value_integer(value, &integer);
	}
	return type == json_type_null || json_object_is_type(value, type);
}

static const char *type_name(enum json_type type)
{
	switch (type) {
	case json_type_boolean:
		return "true or false";
	case json_type_int:
	case json_type_double:
		return "an integer";
	case json_type_string:
		return "a string";
	case json_type_array:
		return "an array";
	case json_type_object:
		return "an object";
	default:
		return "a value";
	}
}

/* What a user is to give instead of a value that is refused. */
static void remedy_tell(const struct method_compat_param *param, char *text, size_t size)
{
	static const char *const off[] = {
		[json_type_boolean] = "false", [json_type_double] = "0",
		[json_type_int] = "0",         [json_type_object] = "{}",
		[json_type_array] = "[]",      [json_type_string] = "\"\"",
		[json_type_null] = "null",
	};
	const char *leave = param->needed ? "give" : "leave it out, or give";

	switch (param->rule) {
	case METHOD_COMPAT_ANY:
	case METHOD_COMPAT_OFF:
		snprintf(text, size, "%s %s", leave, off[param->type]);
		break;
	case METHOD_COMPAT_NEGATIVE:
		snprintf(text, size, "%s -1", leave);
		break;
	case METHOD_COMPAT_SAME:
		snprintf(text, size, "%s 0 or the value of \"%s\"", leave, param->other);
		break;
	case METHOD_COMPAT_WORD:
		snprintf(text, size, "%s one of: %s", leave, param->other);
		break;
	case METHOD_COMPAT_MEMBERS:
		snprintf(text, size, "its members may be: %s", param->other);
		break;
	}
}

static int value_check(const struct ebb_method *method, const struct method_compat_param *param,
		       struct json_object *params, struct json_object *value,
		       struct ebb_method_error *error)
{
	const char *shown = json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
	char instead[96];

	if (value == NULL && !param->needed) {
		return 0; /* null stands for "not given" */
	}
	if (!value_has_type(param->type, value)) {
		return compat_refuse(method, param->name, error, "must be %s, not %.40s",
				     type_name(param->type), shown);
	}
	if (value_harmless(param, params, value)) {
		return 0;
	}
	remedy_tell(param, instead, sizeof(instead));
	return compat_refuse(method, param->name, error, "is %.40s, but ebb %s: %s", shown,
			     param->why, instead);
}

/* Those that are given. */
static int given_check(const struct ebb_method *method, struct json_object *params,
		       const char **ret_unknown, struct ebb_method_error *ret_error)
{
	json_object_object_foreach(params, name, value)
	{
		const struct method_compat_param *param;

		if (is_own(method, name)) {
			continue;
		}
		param = method_compat_find(method, name);
		if (param == NULL) {
			*ret_unknown = name;
			return -ENOENT;
		}
		if (value_check(method, param, params, value, ret_error) != 0) {
			return -EINVAL;
		}
	}
	return 0;
}

int method_compat_check(const struct ebb_method *method, struct json_object *params,
			const char **ret_unknown, struct ebb_method_error *ret_error)
{
	const struct method_compat_param *param = NULL;
	int rc = params != NULL ? given_check(method, params, ret_unknown, ret_error) : 0;

	while (rc == 0 && (param = method_compat_next(method, param)) != NULL) {
		if (param->needed && !json_object_object_get_ex(params, param->name, NULL)) {
			rc = compat_refuse(method, param->name, ret_error, "is missing; it is %s",
					   type_name(param->type));
		}
	}
	return rc;
}
