/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RPC_ENVELOPE_H
#define RPC_ENVELOPE_H

/* What JSON-RPC 2.0 wraps around a method's parameters and around its result. */

#include <ebb/method.h>

/* One request; the members are borrowed from the JSON it was read from. */
struct rpc_envelope {
	const char *method;
	struct json_object *params; /* NULL: none */
	struct json_object *id;     /* a string or a number; NULL is null */
	bool notification;          /* no id: nothing is answered */
};

/**
 * rpc_envelope_parse() - read a request
 * @ret_envelope: its id is set also after an error, as far as there is one
 * Return: 0; -EINVAL: @ret_error says what is wrong, and is to be answered in any case.
 */
int rpc_envelope_parse(struct json_object *value, struct rpc_envelope *ret_envelope,
		       struct ebb_method_error *ret_error);

/**
 * rpc_envelope_answer() - wrap a result or an error
 * @id: borrowed
 * @result: its reference is taken over; if @error is not NULL it is ignored
 * Return: the caller's to put; NULL out of memory.
 */
struct json_object *rpc_envelope_answer(struct json_object *id, struct json_object *result,
					const struct ebb_method_error *error);

#endif
