/* SPDX-License-Identifier: Apache-2.0 */
#include "config/loader/config.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
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

static const char *error_text(enum json_tokener_error error)
{
	switch (error) {
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

static void syntax_mistake(struct config_file *config, const char *text, size_t offset,
			   const char *what)
{
	struct position position = position_of(text, offset);

	config_mistake(config, "line %u, column %u: not JSON: %s", position.line, position.column,
		       what);
}

/*
 * Parses @text, and where that ends inside of something, a line end after it. So a number or a "//"
 * comment at the very end has an end; what is still open then is open for good. (Inside a comment
 * json-c takes the NUL for a part of it, and hands out the value before, whatever that is.)
 *
 * Return: the value, or NULL, with @ret_offset, where it went wrong, and @ret_what.
 */
static struct json_object *parse(struct json_tokener *tokener, const char *text, size_t len,
				 size_t *ret_offset, const char **ret_what)
{
	static const char line_end[2] = "\n";
	struct json_object *root = json_tokener_parse_ex(tokener, text, (int)len);
	enum json_tokener_error error = json_tokener_get_error(tokener);
	bool open = false;

	*ret_offset = json_tokener_get_parse_end(tokener);
	*ret_what = NULL;
	if (error == json_tokener_continue) {
		*ret_offset = len;
		root = json_tokener_parse_ex(tokener, line_end, sizeof(line_end));
		open = json_tokener_get_error(tokener) != json_tokener_success ||
		       json_tokener_get_parse_end(tokener) == sizeof(line_end);
	} else if (error != json_tokener_success) {
		open = *ret_offset >= len; /* in the middle of a character */
		*ret_what = error_text(error);
	} else if (*ret_offset < len) {
		*ret_what = "something follows after the end of the value";
	}
	if (open) {
		*ret_what = "the text ends too early: a bracket, a brace, a quote or a comment is "
			    "not closed";
	}
	if (*ret_what != NULL) {
		json_object_put(root);
		root = NULL;
	}
	return root;
}

int config_parse(struct config_file *config, const char *text, size_t len)
{
	const char *nul = memchr(text, '\0', len);
	struct json_tokener *tokener;
	struct json_object *root;
	const char *what;
	size_t offset;

	if (len >= INT_MAX) {
		return -ENOMEM;
	}
	if (nul != NULL) {
		syntax_mistake(config, text, (size_t)(nul - text), "a NUL byte: this is no text");
		return 0;
	}
	tokener = json_tokener_new_ex(CONFIG_DEPTH_MAX);
	if (tokener == NULL) {
		return -ENOMEM;
	}
	json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8);
	root = parse(tokener, text, len, &offset, &what);
	json_tokener_free(tokener);
	if (what != NULL) {
		syntax_mistake(config, text, offset, what);
		return 0;
	}
	if (!json_object_is_type(root, json_type_object)) {
		config_mistake(config, "the whole must be an object: {\"subsystems\": [...]}");
		json_object_put(root);
		return 0;
	}
	config->root = root;
	return 0;
}
