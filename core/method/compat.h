/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_METHOD_COMPAT_H
#define CORE_METHOD_COMPAT_H

/*
 * What SPDK has and ebb does not, as far as leaving it out changes nothing: parameters of methods
 * that both have, and whole methods. By RPC and in configuration files they are taken at the values
 * that make no difference here, and refused by name at others. Thread: any.
 */

#include <ebb/method.h>

/* At which values a parameter makes no difference. */
enum method_compat_rule {
	METHOD_COMPAT_ANY,      /* at all of its type */
	METHOD_COMPAT_OFF,      /* 0, false, "" or [] */
	METHOD_COMPAT_NEGATIVE, /* 0, or less: "not set" */
	METHOD_COMPAT_SAME,     /* 0, or the value of parameter @other */
	METHOD_COMPAT_WORD,     /* one of the words of @other */
	METHOD_COMPAT_MEMBERS,  /* an object whose members are among the words of @other */
};

struct method_compat_param {
	const char *name;
	enum json_type type; /* json_type_null: any */
	enum method_compat_rule rule;
	bool needed;       /* of a method that changes nothing: SPDK insists on it */
	const char *other; /* words have spaces between */
	const char *why;   /* what ebb does or does not do: why other values are refused */
};

/* A row of the table. */
struct method_compat {
	/* One of ebb's, by its name or by its alias; or one that it does not have: then @states. */
	const char *method;
	uint32_t states; /* not 0: in these it may be called, and changes nothing */
	const struct method_compat_param *params;
	size_t num_params;
};

extern const struct method_compat method_compat_table[];
extern const size_t method_compat_count; /* of its rows */

/* Is it a method of SPDK's that is answered, and changes nothing? */
bool method_compat_changes_nothing(const struct ebb_method *method);

/**
 * method_compat_next() - the parameters of SPDK's that @method takes beside its own
 * @previous: the last one; NULL: the first
 * Return: NULL: no more.
 */
const struct method_compat_param *method_compat_next(const struct ebb_method *method,
						     const struct method_compat_param *previous);

/* The one of that name; NULL: there is none. */
const struct method_compat_param *method_compat_find(const struct ebb_method *method,
						     const char *name);

/**
 * method_compat_check() - may these parameters be passed over?
 * @params: an object or NULL; those of @method's own table are not looked at
 * Return: 0; -EINVAL: @ret_error says which parameter would make a difference, or is of the wrong
 *	type, or missing; -ENOENT: *@ret_unknown is no parameter, of SPDK's neither.
 */
int method_compat_check(const struct ebb_method *method, struct json_object *params,
			const char **ret_unknown, struct ebb_method_error *ret_error);

#endif
