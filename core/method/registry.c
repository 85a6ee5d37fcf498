/* SPDX-License-Identifier: Apache-2.0 */
#include <ebb/method.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>

#include "core/method/param.h"

/* Ascending by name. Constructors fill it before main(); then it is only read, by any thread. */
static struct ebb_list methods = EBB_LIST_INIT(methods);

static uint32_t method_state = EBB_METHOD_STARTUP;

void ebb_method_add(struct ebb_method *method)
{
	struct ebb_list *node;

	ebb_assert(ebb_method_find(method->name) == NULL);
	ebb_assert(method->alias == NULL || ebb_method_find(method->alias) == NULL);
	ebb_assert((method->fn == NULL) != (method->snapshot == NULL));
	ebb_assert((method->effect != EBB_METHOD_NO_EFFECT) == (method->subsystem != NULL));
	ebb_assert((method->effect == EBB_METHOD_REMOVES) == (method->undoes != NULL));
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
	ebb_assert(state == EBB_METHOD_STARTUP || state == EBB_METHOD_RUNTIME);
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
