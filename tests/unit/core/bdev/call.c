/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/bdev/call.h"

#include <stdio.h>
#include <string.h>

#include <check.h>

#include "tests/unit/core/bdev/stage.h"

static void ended(void *arg, struct json_object *result, const struct ebb_method_error *error)
{
	struct call *call = arg;

	ck_assert(!call->done);
	call->done = true;
	call->result = result;
	if (error != NULL) {
		call->failed = true;
		call->error = *error;
	}
}

void call_begin(struct call *call, const char *method, const char *params)
{
	char text[1024];
	size_t i;

	memset(call, 0, sizeof(*call));
	snprintf(text, sizeof(text), "%s", params);
	for (i = 0; text[i] != '\0'; i++) {
		if (text[i] == '\'') {
			text[i] = '"';
		}
	}
	call->params = json_tokener_parse(text);
	ck_assert_ptr_nonnull(call->params);
	ebb_method_set_state(EBB_METHOD_RUNTIME);
	ebb_method_dispatch(ebb_method_find(method), call->params, ended, call);
}

void call_end(struct call *call)
{
	json_object_put(call->params);
	json_object_put(call->result);
}

const char *call_text(const char *method, const char *params)
{
	static char text[16384];
	struct call call;

	call_begin(&call, method, params);
	stage_until(&call.done);
	if (call.failed) {
		snprintf(text, sizeof(text), "error %d: %s", call.error.code, call.error.text);
	} else {
		snprintf(text, sizeof(text), "%s",
			 json_object_to_json_string_ext(call.result,
							JSON_C_TO_STRING_PLAIN |
								JSON_C_TO_STRING_NOSLASHESCAPE));
	}
	call_end(&call);
	return text;
}

void call_is(const char *method, const char *params, const char *expected)
{
	ck_assert_str_eq(call_text(method, params), expected);
}

void call_has(const char *method, const char *params, const char *expected)
{
	const char *text = call_text(method, params);

	ck_assert_msg(strstr(text, expected) != NULL, "'%s' is not in: %s", expected, text);
}
