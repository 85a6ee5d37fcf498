/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_JSON_H
#define BENCH_JSON_H

#include <stdio.h>

struct json_object;

/* A number with @decimals; JSON's null for what is not finite. Return: the caller's to put. */
struct json_object *bench_json_number(double number, int decimals);

/* A number with nine significant digits; null for what is not finite. Return: the caller's to put. */
struct json_object *bench_json_figure(double number);

/* Writes @object, a newline, and puts it. */
void bench_json_print(struct json_object *object, FILE *out);

#endif
