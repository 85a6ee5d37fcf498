/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_JSON_H
#define BENCH_JSON_H

#include <stdio.h>

struct json_object;

/* A number with @decimals; JSON's null for a NAN. Return: the caller's to put. */
struct json_object *bench_json_number(double number, int decimals);

/* Writes @object, a newline, and puts it. */
void bench_json_print(struct json_object *object, FILE *out);

#endif
