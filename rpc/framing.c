/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/framing.h"

#include <stdlib.h>
#include <string.h>

#include "core/method/param.h"

/*
 * Two parts. A scanner looks at each byte once and knows just enough of JSON to see where a value
 * ends: strings, brackets, and what a number or a word is made of. It carries its state from call
 * to call, so it cannot matter where the stream is cut, and it refuses at once what no JSON begins
 * with, so nobody waits for the end of garbage. Then json-c parses the value in one piece. (json-c
 * can parse piece by piece too, but what it makes of a number depends on where the number is cut.)
 *
 * The scanner also refuses what json-c, told to be strict, still lets pass: apostrophes for quotes,
 * NaN and Infinity, comments, bare control characters, and what is not UTF-8.
 */

#define KEPT_SIZE_MIN 4096
/* A longer buffer is given back after its value. */
#define KEPT_SIZE_IDLE ((size_t)64 * 1024)

enum scan {
	SCAN_ON,         /* the byte is part of the value */
	SCAN_END,        /* it is the value's last */
	SCAN_END_BEFORE, /* the value has ended before it */
	SCAN_NO_JSON,
	SCAN_TOO_DEEP,
};

void rpc_framing_init(struct rpc_framing *framing, size_t limit_bytes)
{
	*framing = (struct rpc_framing){.limit_bytes = limit_bytes};
}

void rpc_framing_fini(struct rpc_framing *framing)
{
	free(framing->kept);
	framing->kept = NULL;
}

static bool json_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* A byte of a number, or of true, false and null. */
static bool json_scalar(char c)
{
	return (c >= '0' && c <= '9') || (c != '\0' && strchr("+-.Eaeflnrstu", c) != NULL);
}

static enum scan scan_string(struct rpc_framing *framing, char c)
{
	if (!base_utf8_next(&framing->utf8, (uint8_t)c)) {
		return SCAN_NO_JSON;
	}
	if (framing->escaped) {
		framing->escaped = false;
		return SCAN_ON;
	}
	if ((uint8_t)c < 0x20) {
		return SCAN_NO_JSON;
	}
	framing->escaped = c == '\\';
	framing->in_string = c != '"';
	return framing->in_string || framing->depth > 0 ? SCAN_ON : SCAN_END;
}

static enum scan scan_open(struct rpc_framing *framing, bool object)
{
	if (framing->depth == RPC_FRAMING_DEPTH_MAX) {
		return SCAN_TOO_DEEP;
	}
	framing->objects &= ~(1u << framing->depth);
	framing->objects |= (object ? 1u : 0u) << framing->depth;
	framing->depth++;
	return SCAN_ON;
}

static enum scan scan_close(struct rpc_framing *framing, bool object)
{
	if (framing->depth == 0) {
		return SCAN_NO_JSON;
	}
	framing->depth--;
	if ((framing->objects >> framing->depth & 1) != (object ? 1u : 0u)) {
		return SCAN_NO_JSON;
	}
	return framing->depth > 0 ? SCAN_ON : SCAN_END;
}

static enum scan scan_byte(struct rpc_framing *framing, char c)
{
	if (framing->in_string) {
		return scan_string(framing, c);
	}
	if (framing->scalar && !json_scalar(c)) {
		return SCAN_END_BEFORE;
	}
	switch (c) {
	case '"':
		framing->in_string = true;
		return SCAN_ON;
	case '{':
	case '[':
		return scan_open(framing, c == '{');
	case '}':
	case ']':
		return scan_close(framing, c == '}');
	case ',':
	case ':':
		return framing->depth > 0 ? SCAN_ON : SCAN_NO_JSON;
	default:
		if (json_space(c)) {
			return SCAN_ON;
		}
		framing->scalar = framing->depth == 0;
		return json_scalar(c) ? SCAN_ON : SCAN_NO_JSON;
	}
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
	framing->objects = 0;
	framing->depth = 0;
	framing->scalar = false;
	framing->in_string = false;
	framing->escaped = false;
	framing->utf8 = (struct base_utf8){0};
}

static enum rpc_framing_status framing_refuse(size_t byte, const char *why,
					      struct ebb_method_error *ret_error)
{
	method_error_set(ret_error, EBB_METHOD_PARSE_ERROR,
			 "parse error at byte %zu of the request: %s", byte, why);
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

/* Parses a whole value, and forgets it. */
static enum rpc_framing_status framing_parse(struct rpc_framing *framing, const char *text,
					     size_t len, struct json_object **ret_value,
					     struct ebb_method_error *ret_error)
{
	struct json_tokener *tokener = json_tokener_new_ex(RPC_FRAMING_DEPTH_MAX + 2);
	enum rpc_framing_status status = RPC_FRAMING_VALUE;
	enum json_tokener_error result;
	struct json_object *value;

	if (tokener == NULL) {
		return framing_refuse(len, "out of memory", ret_error);
	}
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	value = json_tokener_parse_ex(tokener, text, (int)len);
	if (json_tokener_get_error(tokener) == json_tokener_continue) {
		value = json_tokener_parse_ex(tokener, " ", 1); /* ends a number */
	}
	result = json_tokener_get_error(tokener);
	if (result == json_tokener_success) {
		*ret_value = value;
	} else {
		json_object_put(value);
		status = framing_refuse(json_tokener_get_parse_end(tokener) + 1,
					json_tokener_error_desc(result), ret_error);
	}
	json_tokener_free(tokener);
	framing_reset(framing);
	return status;
}

enum rpc_framing_status rpc_framing_next(struct rpc_framing *framing, const char *data, size_t len,
					 size_t *ret_used, struct json_object **ret_value,
					 struct ebb_method_error *ret_error)
{
	enum scan scan = SCAN_ON;
	size_t begin = 0;
	size_t end;

	while (framing->kept_len == 0 && begin < len && json_space(data[begin])) {
		begin++;
	}
	for (end = begin; end < len && scan == SCAN_ON; end++) {
		scan = scan_byte(framing, data[end]);
	}
	end -= scan == SCAN_END_BEFORE ? 1 : 0;
	*ret_used = end;
	if (framing->kept_len + (end - begin) > framing->limit_bytes) {
		return framing_refuse_limit("its length in bytes is more than",
					    framing->limit_bytes, ret_error);
	}
	if (scan == SCAN_TOO_DEEP) {
		return framing_refuse_limit("the levels nested in it are more than",
					    RPC_FRAMING_DEPTH_MAX, ret_error);
	}
	if (scan == SCAN_NO_JSON) {
		return framing_refuse(framing->kept_len + end - begin, "no JSON goes on like this",
				      ret_error);
	}
	if (scan != SCAN_ON && framing->kept_len == 0) {
		return framing_parse(framing, data + begin, end - begin, ret_value, ret_error);
	}
	if (!framing_keep(framing, data + begin, end - begin)) {
		return framing_refuse(framing->kept_len, "out of memory", ret_error);
	}
	if (scan == SCAN_ON) {
		return RPC_FRAMING_MORE;
	}
	return framing_parse(framing, framing->kept, framing->kept_len, ret_value, ret_error);
}

enum rpc_framing_status rpc_framing_end(struct rpc_framing *framing, struct json_object **ret_value,
					struct ebb_method_error *ret_error)
{
	if (framing->kept_len == 0) {
		return RPC_FRAMING_MORE;
	}
	if (framing->scalar) {
		return framing_parse(framing, framing->kept, framing->kept_len, ret_value,
				     ret_error);
	}
	return framing_refuse(framing->kept_len, "the stream ends in the middle of it", ret_error);
}
