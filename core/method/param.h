/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_METHOD_PARAM_H
#define CORE_METHOD_PARAM_H

/*
 * A method's table of parameters at work: it decodes and checks them, encodes them again, and
 * prints their help.
 */

#include <stdio.h>

#include <ebb/method.h>

#define METHOD_PARAM_STRING_MAX 4095

/**
 * method_param_decode() - fill a method's struct of parameters
 * @params: an object; or NULL, null or an empty array: none are given. Strings are borrowed from
 * it.
 * @values: @method->params_size bytes; undefined after an error
 * Thread: any.
 * Return: 0; -EINVAL: @ret_error says which parameter, and why.
 */
int method_param_decode(const struct ebb_method *method, struct json_object *params, void *values,
			struct ebb_method_error *ret_error);

/**
 * method_param_encode() - the inverse of method_param_decode()
 * An optional parameter that was not given, or has its default, is left out.
 * @values: as method_param_decode() fills it in
 * Thread: any.
 * Return: an object, the caller's to put, that shares nothing with @values; NULL: out of memory.
 */
struct json_object *method_param_encode(const struct ebb_method *method, const void *values);

/* The row of @name in @method's table, or NULL. */
const struct ebb_param *method_param_find(const struct ebb_method *method, const char *name);

/* Prints @method's line, its states and its parameters, for people. */
void method_param_help_print(const struct ebb_method *method, FILE *out);

/* Sets @error. */
void method_error_set(struct ebb_method_error *error, int code, const char *format, ...)
	EBB_PRINTF(3, 4);

#endif
