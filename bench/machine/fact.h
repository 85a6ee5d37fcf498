/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_FACT_H
#define BENCH_FACT_H

/* Members of a JSON object of facts. What is not known is not added. */

#include <stdbool.h>

#include <json-c/json.h>

#include <ebb/base.h>

void bench_fact_text(struct json_object *facts, const char *name, const char *text);
void bench_fact_count(struct json_object *facts, const char *name, uint64_t count);
void bench_fact_bool(struct json_object *facts, const char *name, bool value);

/* @object: becomes a part of @facts; put, and not added, if it is empty */
void bench_fact_object(struct json_object *facts, const char *name, struct json_object *object);

/* The first line of @root@path; the number it is; whether that is not 0 (bench/machine/pseudo_file.h). */
void bench_fact_line(struct json_object *facts, const char *name, const char *root,
		     const char *path);
void bench_fact_number(struct json_object *facts, const char *name, const char *root,
		       const char *path);
void bench_fact_switch(struct json_object *facts, const char *name, const char *root,
		       const char *path);

/* A member of @facts. NULL: it is not known, or there are no @facts. */
struct json_object *bench_fact_get(struct json_object *facts, const char *name);
const char *bench_fact_get_text(struct json_object *facts, const char *name);

/* True if it is known, and true. */
bool bench_fact_is_true(struct json_object *facts, const char *name);

#endif
