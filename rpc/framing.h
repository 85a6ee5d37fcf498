/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RPC_FRAMING_H
#define RPC_FRAMING_H

/*
 * Finds JSON values in a stream of bytes that may be cut anywhere. Nothing but its completeness
 * ends a value, so no newline is needed; white space between values is skipped. Knows of no socket.
 */

#include <json-c/json.h>

#include <ebb/method.h>

#include "core/base/utf8.h"

#define RPC_FRAMING_DEPTH_MAX 32
#define RPC_FRAMING_BYTES_MAX (1024 * 1024)

struct rpc_framing {
	size_t limit_bytes;
	/* What is known of the value under way. */
	uint32_t objects; /* bit n: level n is an object, not an array */
	unsigned depth;
	bool scalar; /* a number or a word: ends where something else begins */
	bool in_string;
	bool escaped; /* after a backslash */
	struct base_utf8 utf8;
	/* Its bytes from earlier calls. */
	char *kept;
	size_t kept_len;
	size_t kept_size;
};

enum rpc_framing_status {
	RPC_FRAMING_MORE,   /* all bytes are taken, no value is complete */
	RPC_FRAMING_VALUE,  /* one value is complete; bytes may be left */
	RPC_FRAMING_BROKEN, /* this is no JSON, or beyond a limit: the stream cannot go on */
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

#endif
