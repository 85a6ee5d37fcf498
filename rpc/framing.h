/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RPC_FRAMING_H
#define RPC_FRAMING_H

/*
 * Finds JSON values in a stream of bytes that may be cut anywhere. Nothing but its completeness
 * ends a value, so no newline is needed; white space between values is skipped. Knows of no socket.
 */

#include <json-c/json.h>

#include <ebb/method.h>

#include "core/base/json_scan.h"

#define RPC_FRAMING_DEPTH_MAX BASE_JSON_DEPTH_MAX
#define RPC_FRAMING_BYTES_MAX (1024 * 1024)
/* What a value may take in memory for each byte that it may have as a text. */
#define RPC_FRAMING_GROWTH_MAX 64

struct rpc_framing {
	size_t limit_bytes;
	struct base_json_scan scan; /* of the value under way */
	/* Its bytes from earlier calls. */
	char *kept;
	size_t kept_len;
	size_t kept_size;
	size_t value_memory; /* that the last value takes, roughly */
};

enum rpc_framing_status {
	RPC_FRAMING_MORE,   /* all bytes are taken, no value is complete */
	RPC_FRAMING_VALUE,  /* one value is complete; bytes may be left */
	RPC_FRAMING_BROKEN, /* this is no JSON, or beyond a limit: the stream cannot go on */
};

/* Why a value cannot be taken, although it is JSON and complete. */
struct rpc_framing_fault {
	bool in_id;     /* it leaves open which id the request has */
	char text[224]; /* what is wrong, with its place */
};

/* @limit_bytes: of one value. */
void rpc_framing_init(struct rpc_framing *framing, size_t limit_bytes);
void rpc_framing_fini(struct rpc_framing *framing);

/**
 * rpc_framing_next() - look for the end of the next value
 * @ret_used: bytes of @data that were taken; the rest is for the next call
 * @ret_value: on RPC_FRAMING_VALUE, the caller's to put; NULL is JSON's null
 * @ret_error: on RPC_FRAMING_BROKEN, what is wrong
 */
enum rpc_framing_status rpc_framing_next(struct rpc_framing *framing, const char *data, size_t len,
					 size_t *ret_used, struct json_object **ret_value,
					 struct ebb_method_error *ret_error);

/* The stream has ended: a number may be complete by that, anything else under way is broken. */
enum rpc_framing_status rpc_framing_end(struct rpc_framing *framing, struct json_object **ret_value,
					struct ebb_method_error *ret_error);

/**
 * rpc_framing_fault() - is there something wrong with a value?
 * @value: from rpc_framing_next(), or a member of it, if that is an array
 * A name that comes twice in an object, say. The stream goes on behind such a value, and what comes
 * with it in an array may be right.
 * Return: NULL: no. It is @value's.
 */
const struct rpc_framing_fault *rpc_framing_fault(struct json_object *value);

#endif
