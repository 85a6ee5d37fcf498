/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* People count from 1, columns in bytes. */
struct position {
	unsigned line;
	unsigned column;
};

static struct position position_of(const char *text, size_t offset)
{
	struct position position = {.line = 1, .column = 1};
	size_t index;

	for (index = 0; index < offset; index++) {
		if (text[index] == '\n') {
			position.line++;
			position.column = 1;
		} else {
			position.column++;
		}
	}
	return position;
}

/* Passes over blanks and comments. Return: the offset of the first byte that is neither. */
static size_t skip_blanks(const char *text, size_t len, size_t offset)
{
	const char *end;

	while (offset < len) {
		if (strchr(" \t\r\n", text[offset]) != NULL && text[offset] != '\0') {
			offset++;
		} else if (strncmp(text + offset, "//", 2) == 0) {
			end = memchr(text + offset, '\n', len - offset);
			offset = end != NULL ? (size_t)(end - text) : len;
		} else if (strncmp(text + offset, "/*", 2) == 0) {
			end = strstr(text + offset + 2, "*/");
			offset = end != NULL ? (size_t)(end - text) + 2 : len;
		} else {
			break;
		}
	}
	return offset;
}

static const char *error_text(enum json_tokener_error error)
{
	switch (error) {
	case json_tokener_continue:
		return "the text ends too early: a bracket, a brace or a quote is not closed";
	case json_tokener_error_depth:
		return "nested too deeply, at most 32 levels are taken";
	case json_tokener_error_parse_object_key_name:
		return "expected a quoted name";
	case json_tokener_error_parse_object_key_sep:
		return "expected a colon after the name";
	case json_tokener_error_parse_object_value_sep:
		return "expected a comma or a closing brace";
	case json_tokener_error_parse_array:
		return "expected a comma or a closing bracket";
	case json_tokener_error_parse_string:
		return "a string that is not legal JSON";
	case json_tokener_error_parse_utf8_string:
		return "not UTF-8";
	case json_tokener_error_parse_number:
		return "a number that is not legal JSON";
	case json_tokener_error_parse_comment:
		return "a comment that is not closed";
	default:
		return "expected a value";
	}
}

static void syntax_mistake(struct ebb_config *config, const char *text, size_t offset,
			   const char *what)
{
	struct position position = position_of(text, offset);

	ebb_config_mistake(config, "line %u, column %u: not JSON: %s", position.line,
			   position.column, what);
}

int ebb_config_parse(struct ebb_config *config, const char *text, size_t len)
{
	enum json_tokener_error error;
	struct json_tokener *tokener;
	struct json_object *root;
	size_t end;

	if (len >= INT_MAX) {
		return -ENOMEM;
	}
	tokener = json_tokener_new_ex(EBB_CONFIG_DEPTH_MAX);
	if (tokener == NULL) {
		return -ENOMEM;
	}
	json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8);
	/* With the NUL, so that a number at the end has an end. */
	root = json_tokener_parse_ex(tokener, text, (int)len + 1);
	error = json_tokener_get_error(tokener);
	end = json_tokener_get_parse_end(tokener);
	json_tokener_free(tokener);
	if (end >= len && error != json_tokener_success) {
		end = len;
		error = json_tokener_continue;
	}
	if (error != json_tokener_success) {
		syntax_mistake(config, text, end, error_text(error));
		return 0;
	}
	end = skip_blanks(text, len, end);
	if (end < len) {
		syntax_mistake(config, text, end, "something follows after the end of the value");
		json_object_put(root);
		return 0;
	}
	if (!json_object_is_type(root, json_type_object)) {
		ebb_config_mistake(config, "the whole must be an object: {\"subsystems\": [...]}");
		json_object_put(root);
		return 0;
	}
	config->root = root;
	return 0;
}
