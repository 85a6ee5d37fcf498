/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/envelope.h"

#include <errno.h>
#include <string.h>

#include "core/base/utf8.h"
#include "core/method/param.h"
#include "rpc/framing.h"

static int envelope_refuse(struct ebb_method_error *error, const char *what)
{
	method_error_set(error, EBB_METHOD_INVALID_REQUEST, "invalid request: %s", what);
	return -EINVAL;
}

/* A misspelt "params" would otherwise be a call without parameters. */
static int envelope_check_names(struct json_object *value, struct ebb_method_error *error)
{
	static const char *const names[] = {"jsonrpc", "method", "params", "id"};

	json_object_object_foreach(value, name, member)
	{
		bool known = false;

		(void)member;
		for (size_t i = 0; i < EBB_ARRAY_SIZE(names); i++) {
			known = known || strcmp(names[i], name) == 0;
		}
		if (!known) {
			method_error_set(error, EBB_METHOD_INVALID_REQUEST,
					 "invalid request: unknown member \"%.64s\"; a request "
					 "has jsonrpc, method, params and id",
					 name);
			return -EINVAL;
		}
	}
	return 0;
}

int rpc_envelope_parse(struct json_object *value, struct rpc_envelope *ret_envelope,
		       struct ebb_method_error *ret_error)
{
	struct json_object *version;
	struct json_object *method;
	struct json_object *params;

	const struct rpc_framing_fault *fault = rpc_framing_fault(value);

	*ret_envelope = (struct rpc_envelope){0};
	if (!json_object_is_type(value, json_type_object)) {
		return envelope_refuse(ret_error, "a request is a JSON object");
	}
	ret_envelope->notification = !json_object_object_get_ex(value, "id", &ret_envelope->id);
	switch (json_object_get_type(ret_envelope->id)) {
	case json_type_null:
	case json_type_string:
	case json_type_int:
	case json_type_double:
		break;
	default:
		ret_envelope->id = NULL;
		return envelope_refuse(ret_error,
				       "member \"id\" must be a string, a number or null");
	}
	if (fault != NULL) {
		ret_envelope->id = fault->in_id ? NULL : ret_envelope->id;
		return envelope_refuse(ret_error, fault->text);
	}
	if (envelope_check_names(value, ret_error) != 0) {
		return -EINVAL;
	}
	/* It may be missing: SPDK's server does not insist on it, so there are clients without. */
	if (json_object_object_get_ex(value, "jsonrpc", &version) &&
	    (!json_object_is_type(version, json_type_string) ||
	     strcmp(json_object_get_string(version), "2.0") != 0)) {
		return envelope_refuse(ret_error, "member \"jsonrpc\" must be \"2.0\"");
	}
	if (!json_object_object_get_ex(value, "method", &method) ||
	    !json_object_is_type(method, json_type_string)) {
		return envelope_refuse(ret_error, "member \"method\" must be a string");
	}
	ret_envelope->method = json_object_get_string(method);
	if (strlen(ret_envelope->method) != (size_t)json_object_get_string_len(method)) {
		return envelope_refuse(ret_error, "member \"method\" contains a NUL character");
	}
	if (json_object_object_get_ex(value, "params", &params) && params != NULL) {
		if (!json_object_is_type(params, json_type_object) &&
		    !json_object_is_type(params, json_type_array)) {
			return envelope_refuse(ret_error, "member \"params\" must be an object");
		}
		ret_envelope->params = params;
	}
	return 0;
}

/* A text may hold a name cut in the middle of a character, or a file's with any bytes. */
static void text_make_utf8(char *text)
{
	struct base_utf8 utf8 = {0};
	char *character = text;

	for (char *c = text; *c != '\0'; c++) {
		if (utf8.left == 0) {
			character = c;
		}
		if (!base_utf8_next(&utf8, (uint8_t)*c)) {
			*character = '?';
			c = character;
			utf8.left = 0;
		}
	}
	if (utf8.left > 0) {
		*character = '\0';
	}
}

struct json_object *rpc_envelope_answer(struct json_object *id, struct json_object *result,
					const struct ebb_method_error *error)
{
	struct json_object *answer = json_object_new_object();
	struct ebb_method_error told;

	if (answer == NULL) {
		json_object_put(result);
		return NULL;
	}
	json_object_object_add(answer, "jsonrpc", json_object_new_string("2.0"));
	json_object_object_add(answer, "id", json_object_get(id));
	if (error == NULL) {
		json_object_object_add(answer, "result", result);
		return answer;
	}
	told = *error;
	text_make_utf8(told.text);
	result = json_object_new_object();
	if (result == NULL) {
		json_object_put(answer);
		return NULL;
	}
	json_object_object_add(result, "code", json_object_new_int(told.code));
	json_object_object_add(result, "message", json_object_new_string(told.text));
	json_object_object_add(answer, "error", result);
	return answer;
}
