/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/json.h"

#include <math.h>

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

void bench_json_print(struct json_object *object, FILE *out)
{
	fprintf(out, "%s\n",
		json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
							       JSON_C_TO_STRING_SPACED |
							       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}
