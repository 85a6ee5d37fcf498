/* SPDX-License-Identifier: Apache-2.0 */
#include <ebb/method.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/log.h>

#include "core/method/param.h"
#include "core/method/registry.h"

/* Ascending by name. Constructors fill it before main(); then it is only read, by any thread. */
static struct ebb_list methods = EBB_LIST_INIT(methods);

static uint32_t method_state = EBB_METHOD_STARTUP;

/* The first that could not be added, and why. */
static struct {
	const struct ebb_method *method; /* NULL: none */
	const char *why;
} refused;

/* What is wrong with @method; NULL: nothing. */
static const char *method_fault(const struct ebb_method *method)
{
	if (ebb_method_find(method->name) != NULL ||
	    (method->alias != NULL && ebb_method_find(method->alias) != NULL)) {
		return "is registered twice, or its alias is: two parts of the program use the "
		       "same name";
	}
	if ((method->fn == NULL) == (method->snapshot == NULL)) {
		return "has to have either a function or a snapshot";
	}
	if ((method->effect != EBB_METHOD_NO_EFFECT) != (method->subsystem != NULL)) {
		return "has an effect without a subsystem, or a subsystem without an effect";
	}
	if ((method->effect == EBB_METHOD_REMOVES) != (method->undoes != NULL)) {
		return "removes without undoing a method, or undoes one without removing";
	}
	return NULL;
}

int method_registry_check(char *ret_error, size_t size)
{
	if (refused.method == NULL) {
		return 0;
	}
	snprintf(ret_error, size, "method \"%s\" %s", refused.method->name, refused.why);
	return -EINVAL;
}

void ebb_method_add(struct ebb_method *method)
{
	const char *fault = method_fault(method);
	struct ebb_list *node;

	if (fault != NULL) {
		if (refused.method == NULL) {
			refused.method = method;
			refused.why = fault;
		}
		return;
	}
	ebb_list_for_each(node, &methods) {
		if (strcmp(ebb_list_entry(node, struct ebb_method, link)->name, method->name) > 0) {
			break;
		}
	}
	ebb_list_insert_before(&method->link, node);
}

const struct ebb_method *ebb_method_find(const char *name)
{
	struct ebb_list *node;

	ebb_list_for_each(node, &methods) {
		const struct ebb_method *method = ebb_list_entry(node, struct ebb_method, link);

		if (strcmp(method->name, name) == 0 ||
		    (method->alias != NULL && strcmp(method->alias, name) == 0)) {
			return method;
		}
	}
	return NULL;
}

const struct ebb_method *ebb_method_next(const struct ebb_method *previous)
{
	const struct ebb_list *node = previous == NULL ? methods.next : previous->link.next;

	return node == &methods ? NULL : ebb_list_entry(node, struct ebb_method, link);
}

uint32_t ebb_method_state(void)
{
	return method_state;
}

void ebb_method_set_state(uint32_t state)
{
	if (state != EBB_METHOD_STARTUP && state != EBB_METHOD_RUNTIME) {
		ebb_error("method", "%#x is no state of methods: it stays as it was",
			  (unsigned)state);
		return;
	}
	method_state = state;
}

void ebb_method_error_unknown(struct ebb_method_error *error, const char *name)
{
	method_error_set(error, EBB_METHOD_NOT_FOUND,
			 "method \"%.64s\" is not known; rpc_get_methods lists those that are",
			 name);
}

int ebb_method_check(const struct ebb_method *method, struct json_object *params,
		     struct ebb_method_error *ret_error)
{
	void *values = malloc(method->params_size != 0 ? method->params_size : 1);
	int rc;

	if (values == NULL) {
		method_error_set(ret_error, EBB_METHOD_INTERNAL_ERROR,
				 "out of memory for the parameters of method \"%s\"", method->name);
		return -EINVAL;
	}
	rc = method_param_decode(method, params, values, ret_error);
	free(values);
	return rc;
}
