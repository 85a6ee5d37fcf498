/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/framing.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json_build.h"
#include "core/method/param.h"

/*
 * Two parts. base_json_scan looks at each byte once, refuses at once what no JSON goes on with, so
 * nobody waits for the end of garbage, and sees where a value ends; it does not matter to it where
 * the stream is cut. Then base_json_build makes the value of a text that is known to be right.
 *
 * What is wrong with a value that is JSON is noted at the outermost object around it, as json-c's
 * user data: that is the request, or the one of a batch.
 */

#define KEPT_SIZE_MIN 4096
/* A longer buffer is given back after its value. */
#define KEPT_SIZE_IDLE ((size_t)64 * 1024)

void rpc_framing_init(struct rpc_framing *framing, size_t limit_bytes)
{
	*framing = (struct rpc_framing){.limit_bytes = limit_bytes};
	base_json_scan_init(&framing->scan, BASE_JSON_STREAM);
}

void rpc_framing_fini(struct rpc_framing *framing)
{
	free(framing->kept);
	framing->kept = NULL;
}

/* Forgets the value that has ended. */
static void framing_reset(struct rpc_framing *framing)
{
	if (framing->kept_size > KEPT_SIZE_IDLE) {
		free(framing->kept);
		framing->kept = NULL;
		framing->kept_size = 0;
	}
	framing->kept_len = 0;
	base_json_scan_init(&framing->scan, BASE_JSON_STREAM);
}

static enum rpc_framing_status framing_refuse(size_t byte, const char *why,
					      struct ebb_method_error *ret_error)
{
	method_error_set(ret_error, EBB_METHOD_PARSE_ERROR, "parse error at byte %zu: %s", byte,
			 why);
	return RPC_FRAMING_BROKEN;
}

static enum rpc_framing_status framing_refuse_limit(const char *what, size_t limit,
						    struct ebb_method_error *ret_error)
{
	method_error_set(ret_error, EBB_METHOD_INVALID_REQUEST,
			 "invalid request: %s %zu, which is the limit", what, limit);
	return RPC_FRAMING_BROKEN;
}

/* Keeps bytes for the next call. False: out of memory. */
static bool framing_keep(struct rpc_framing *framing, const char *data, size_t len)
{
	size_t size = framing->kept_size != 0 ? framing->kept_size : KEPT_SIZE_MIN;

	while (size < framing->kept_len + len) {
		size *= 2;
	}
	if (size > framing->kept_size) {
		char *grown = realloc(framing->kept, size);

		if (grown == NULL) {
			return false;
		}
		framing->kept = grown;
		framing->kept_size = size;
	}
	memcpy(framing->kept + framing->kept_len, data, len);
	framing->kept_len += len;
	return true;
}

static struct rpc_framing_fault *fault_of(struct json_object *value)
{
	return json_object_is_type(value, json_type_object) ? json_object_get_userdata(value)
							    : NULL;
}

const struct rpc_framing_fault *rpc_framing_fault(struct json_object *value)
{
	return fault_of(value);
}

static void fault_free(struct json_object *value, void *fault)
{
	(void)value;
	free(fault);
}

/* The first that is noted has the text. @value: an object. Return: 0; -ENOMEM. */
static int EBB_PRINTF(3, 4)
	fault_note(struct json_object *value, bool in_id, const char *format, ...)
{
	struct rpc_framing_fault *fault = fault_of(value);
	va_list args;

	if (fault == NULL) {
		fault = calloc(1, sizeof(*fault));
		if (fault == NULL) {
			return -ENOMEM;
		}
		va_start(args, format);
		vsnprintf(fault->text, sizeof(fault->text), format, args);
		va_end(args);
		json_object_set_userdata(value, fault, fault_free);
	}
	fault->in_id = fault->in_id || in_id;
	return 0;
}

static void framing_bad_name(void *arg, const struct base_json_bad_name *bad)
{
	bool in_id = bad->is_outermost && strcmp(bad->name, "id") == 0;
	const char *path = bad->path[0] != '\0' ? bad->path : "the outermost object";
	int *rc = arg;
	int noted;

	if (bad->has_nul) {
		noted = fault_note(bad->outermost, in_id,
				   "a name in %s, at byte %zu, contains a NUL character", path,
				   bad->offset + 1);
	} else {
		noted = fault_note(bad->outermost, in_id,
				   "the name \"%.40s\" comes twice in %s, the second time at byte "
				   "%zu",
				   bad->name, path, bad->offset + 1);
	}
	*rc = noted < 0 ? noted : *rc;
}

/* Stands for a value that takes too much memory. Return: 0; -ENOMEM. */
static int framing_refuse_value(size_t max_bytes, struct json_object **ret_value)
{
	struct json_object *value = json_object_new_object();

	if (value == NULL ||
	    fault_note(value, true, "its values take more than %zu bytes of memory, the limit",
		       max_bytes) < 0) {
		json_object_put(value);
		return -ENOMEM;
	}
	*ret_value = value;
	return 0;
}

/* Makes a whole value, and forgets its text. */
static enum rpc_framing_status framing_build(struct rpc_framing *framing, const char *text,
					     size_t len, struct json_object **ret_value,
					     struct ebb_method_error *ret_error)
{
	int noted = 0;
	const struct base_json_build_opts opts = {
		.max_bytes = framing->limit_bytes * RPC_FRAMING_GROWTH_MAX,
		.bad_name = framing_bad_name,
		.arg = &noted,
		.ret_bytes = &framing->value_memory,
	};
	struct json_object *value = NULL;
	int rc = base_json_build(text, len, &opts, &value);

	if (rc == -E2BIG) {
		rc = framing_refuse_value(opts.max_bytes, &value);
	}
	framing_reset(framing);
	if (rc < 0 || noted < 0) {
		json_object_put(value);
		return framing_refuse(len, "out of memory", ret_error);
	}
	*ret_value = value;
	return RPC_FRAMING_VALUE;
}

enum rpc_framing_status rpc_framing_next(struct rpc_framing *framing, const char *data, size_t len,
					 size_t *ret_used, struct json_object **ret_value,
					 struct ebb_method_error *ret_error)
{
	enum base_json_status status;
	size_t begin = 0;
	size_t used;

	while (framing->kept_len == 0 && begin < len && base_json_is_space(data[begin])) {
		begin++;
	}
	status = base_json_scan_next(&framing->scan, data + begin, len - begin, &used);
	*ret_used = begin + used;
	if (framing->kept_len + used > framing->limit_bytes) {
		return framing_refuse_limit("its length in bytes is more than",
					    framing->limit_bytes, ret_error);
	}
	if (status == BASE_JSON_TOO_DEEP) {
		return framing_refuse_limit("the levels nested in it are more than",
					    RPC_FRAMING_DEPTH_MAX, ret_error);
	}
	if (status == BASE_JSON_WRONG) {
		return framing_refuse(framing->kept_len + used + 1, framing->scan.wrong, ret_error);
	}
	if (status == BASE_JSON_END && framing->kept_len == 0) {
		return framing_build(framing, data + begin, used, ret_value, ret_error);
	}
	if (!framing_keep(framing, data + begin, used)) {
		return framing_refuse(framing->kept_len, "out of memory", ret_error);
	}
	if (status == BASE_JSON_MORE) {
		return RPC_FRAMING_MORE;
	}
	return framing_build(framing, framing->kept, framing->kept_len, ret_value, ret_error);
}

enum rpc_framing_status rpc_framing_end(struct rpc_framing *framing, struct json_object **ret_value,
					struct ebb_method_error *ret_error)
{
	if (framing->kept_len == 0) {
		return RPC_FRAMING_MORE;
	}
	if (base_json_scan_end(&framing->scan) == BASE_JSON_END) {
		return framing_build(framing, framing->kept, framing->kept_len, ret_value,
				     ret_error);
	}
	return framing_refuse(framing->kept_len, "the stream ends in the middle of it", ret_error);
}
