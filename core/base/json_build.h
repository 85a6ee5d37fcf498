/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BASE_JSON_BUILD_H
#define CORE_BASE_JSON_BUILD_H

/*
 * Makes json-c's values of a text that base_json_scan found to be JSON; comments are passed over.
 *
 * A number that is no integer of 64 bits, and -0, is a double that is printed again as it was read.
 */

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#define BASE_JSON_PATH_MAX 96

/* A name that cannot be a member's. The text is JSON, but says two things or none. */
struct base_json_bad_name {
	size_t offset;    /* of its quote */
	const char *name; /* decoded; ends at a NUL character */
	bool has_nul;     /* why: it has a NUL character; else: it stood in its object before */
	char path[BASE_JSON_PATH_MAX]; /* of its object, as "params.names[3]"; perhaps cut */
	struct json_object *outermost; /* the object around it that is in none */
	bool is_outermost;             /* it is that object's own member */
};

struct base_json_build_opts {
	size_t max_bytes; /* of memory for the values, roughly; 0: any */
	/* Called in the text's order. The last value of a name is the one that stays. */
	void (*bad_name)(void *arg, const struct base_json_bad_name *bad);
	void *arg;
	size_t *ret_bytes; /* optional: what they take, counted as for @max_bytes */
};

/**
 * base_json_build() - make the values
 * @text: one value, as base_json_scan takes it; white space and comments may be around it
 * @ret_value: the caller's to put; NULL is JSON's null
 * Return: 0; -ENOMEM; -E2BIG: they take more than @opts->max_bytes.
 */
int base_json_build(const char *text, size_t len, const struct base_json_build_opts *opts,
		    struct json_object **ret_value);

/**
 * base_json_parse() - read one value from the whole of @text
 * Return: 0; -ENOMEM; -EINVAL: it is no JSON; -EEXIST: it is, but has a bad name.
 */
int base_json_parse(const char *text, size_t len, struct json_object **ret_value);

#endif
