/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_METHOD_PARAM_H
#define EBB_METHOD_PARAM_H

/* A method's table of parameters at work: it decodes and checks them, and prints their help. */

#include <stdio.h>

#include <ebb/method.h>

#define EBB_PARAM_STRING_MAX 4095

/**
 * ebb_param_decode() - fill a method's struct of parameters
 * @params: an object; or NULL, null or an empty array: none are given. Strings are borrowed from
 * it.
 * @values: @method->params_size bytes; undefined after an error
 * Thread: any.
 * Return: 0; -EINVAL: @ret_error says which parameter, and why.
 */
int ebb_param_decode(const struct ebb_method *method, struct json_object *params, void *values,
		     struct ebb_method_error *ret_error);

/* Prints @method's line, its states and its parameters, for people. */
void ebb_method_print_help(const struct ebb_method *method, FILE *out);

/* Sets @error. */
void ebb_method_error_set(struct ebb_method_error *error, int code, const char *format, ...)
	EBB_PRINTF(3, 4);

#endif
