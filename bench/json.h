/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_JSON_H
#define BENCH_JSON_H

#include <stdio.h>

struct json_object;

/* A number with @decimals; JSON's null for what is not finite. Return: the caller's to put. */
struct json_object *bench_json_number(double number, int decimals);

/* A number with nine significant digits; null for what is not finite. Return: the caller's to put. */
struct json_object *bench_json_figure(double number);

/* The text at @path ("cpu.model") in @object, which may be NULL; "" if there is none. */
const char *bench_json_find_text(struct json_object *object, const char *path);

/* Writes @object, a newline, and puts it. */
void bench_json_print(struct json_object *object, FILE *out);

#endif
