/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/print.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCALAR_FLAGS (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

#define COLOUR_NAME   "\033[34;1m"
#define COLOUR_STRING "\033[32m"
#define COLOUR_NUMBER "\033[36m"
#define COLOUR_WORD   "\033[35m" /* true, false, null */
#define COLOUR_OFF    "\033[0m"

bool rpc_print_colour(FILE *out)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (no_color != NULL && no_color[0] != '\0') {
		return false;
	}
	return isatty(fileno(out)) && term != NULL && strcmp(term, "dumb") != 0;
}

static void print_scalar(struct json_object *json, const char *colour, FILE *out)
{
	fprintf(out, "%s%s%s", colour != NULL ? colour : "",
		json_object_to_json_string_ext(json, SCALAR_FLAGS),
		colour != NULL ? COLOUR_OFF : "");
}

static void print_name(const char *name, bool colour, FILE *out)
{
	struct json_object *text = json_object_new_string(name);

	print_scalar(text, colour ? COLOUR_NAME : NULL, out);
	json_object_put(text);
	fputs(": ", out);
}

static void print_indent(unsigned level, FILE *out)
{
	fprintf(out, "\n%*s", (int)level * 2, "");
}

static void print_value(struct json_object *json, unsigned level, bool colour, FILE *out)
{
	bool first = true;

	switch (json_object_get_type(json)) {
	case json_type_object:
		fputc('{', out);
		json_object_object_foreach(json, name, member)
		{
			fputs(first ? "" : ",", out);
			first = false;
			print_indent(level + 1, out);
			print_name(name, colour, out);
			print_value(member, level + 1, colour, out);
		}
		if (!first) {
			print_indent(level, out);
		}
		fputc('}', out);
		break;
	case json_type_array:
		fputc('[', out);
		for (size_t i = 0; i < json_object_array_length(json); i++) {
			fputs(i == 0 ? "" : ",", out);
			print_indent(level + 1, out);
			print_value(json_object_array_get_idx(json, i), level + 1, colour, out);
		}
		if (json_object_array_length(json) > 0) {
			print_indent(level, out);
		}
		fputc(']', out);
		break;
	case json_type_string:
		print_scalar(json, colour ? COLOUR_STRING : NULL, out);
		break;
	case json_type_int:
	case json_type_double:
		print_scalar(json, colour ? COLOUR_NUMBER : NULL, out);
		break;
	case json_type_boolean:
	case json_type_null:
		print_scalar(json, colour ? COLOUR_WORD : NULL, out);
		break;
	}
}

void rpc_print_json(struct json_object *json, bool colour, FILE *out)
{
	print_value(json, 0, colour, out);
	fputc('\n', out);
}
