/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_CORE_BDEV_CALL_H
#define TESTS_UNIT_CORE_BDEV_CALL_H

/* Methods, called on the stage. */

#include <stdbool.h>

#include <json-c/json.h>

#include <ebb/method.h>

struct call {
	bool done;
	bool failed;
	struct json_object *params;
	struct json_object *result;
	struct ebb_method_error error;
};

/* Begins a call; @params is JSON text with ' for ". */
void call_begin(struct call *call, const char *method, const char *params);
void call_end(struct call *call);

/* Calls and waits. The result as JSON text, or "error CODE: TEXT"; valid until the next call. */
const char *call_text(const char *method, const char *params);

/* As above, and the text must be, or contain, @expected. */
void call_is(const char *method, const char *params, const char *expected);
void call_has(const char *method, const char *params, const char *expected);

#endif
