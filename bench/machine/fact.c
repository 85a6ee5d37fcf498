/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine/fact.h"

#include "bench/machine/pseudo_file.h"

void bench_fact_text(struct json_object *facts, const char *name, const char *text)
{
	json_object_object_add(facts, name, json_object_new_string(text));
}

void bench_fact_count(struct json_object *facts, const char *name, uint64_t count)
{
	json_object_object_add(facts, name, json_object_new_uint64(count));
}

void bench_fact_bool(struct json_object *facts, const char *name, bool value)
{
	json_object_object_add(facts, name, json_object_new_boolean(value));
}

void bench_fact_object(struct json_object *facts, const char *name, struct json_object *object)
{
	bool empty = json_object_is_type(object, json_type_array)
			     ? json_object_array_length(object) == 0
			     : json_object_object_length(object) == 0;

	if (empty) {
		json_object_put(object);
	} else {
		json_object_object_add(facts, name, object);
	}
}

void bench_fact_line(struct json_object *facts, const char *name, const char *root,
		     const char *path)
{
	char line[256];

	if (bench_pseudo_file_line(line, sizeof(line), root, "%s", path)) {
		bench_fact_text(facts, name, line);
	}
}

void bench_fact_number(struct json_object *facts, const char *name, const char *root,
		       const char *path)
{
	uint64_t count;

	if (bench_pseudo_file_count(&count, root, "%s", path)) {
		bench_fact_count(facts, name, count);
	}
}

void bench_fact_switch(struct json_object *facts, const char *name, const char *root,
		       const char *path)
{
	uint64_t count;

	if (bench_pseudo_file_count(&count, root, "%s", path)) {
		bench_fact_bool(facts, name, count != 0);
	}
}

struct json_object *bench_fact_get(struct json_object *facts, const char *name)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(facts, name, &value);
	return value;
}

const char *bench_fact_get_text(struct json_object *facts, const char *name)
{
	struct json_object *value = bench_fact_get(facts, name);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

bool bench_fact_is_true(struct json_object *facts, const char *name)
{
	struct json_object *value = bench_fact_get(facts, name);

	return json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value);
}
