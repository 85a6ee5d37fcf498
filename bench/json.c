/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/json.h"

#include <math.h>
#include <string.h>

#include <json-c/json.h>

struct json_object *bench_json_number(double number, int decimals)
{
	char text[64];

	if (!isfinite(number)) {
		return NULL;
	}
	snprintf(text, sizeof(text), "%.*f", decimals, number);
	return json_object_new_double_s(number, text);
}

struct json_object *bench_json_figure(double number)
{
	char text[64];

	if (!isfinite(number)) {
		return NULL;
	}
	snprintf(text, sizeof(text), "%.9g", number);
	return json_object_new_double_s(number, text);
}

const char *bench_json_find_text(struct json_object *object, const char *path)
{
	char name[64];

	while (*path != '\0') {
		size_t length = strcspn(path, ".");

		snprintf(name, sizeof(name), "%.*s", (int)length, path);
		if (!json_object_is_type(object, json_type_object) ||
		    !json_object_object_get_ex(object, name, &object)) {
			return "";
		}
		path += length + (path[length] == '.');
	}
	return json_object_is_type(object, json_type_string) ? json_object_get_string(object) : "";
}

void bench_json_print(struct json_object *object, FILE *out)
{
	fprintf(out, "%s\n",
		json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
							       JSON_C_TO_STRING_SPACED |
							       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}
