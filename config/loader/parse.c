/* SPDX-License-Identifier: Apache-2.0 */
#include "config/loader/config.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "core/base/json_build.h"
#include "core/base/json_scan.h"

/* A text being parsed, behind its byte-order mark, and whose mistakes its mistakes are. */
struct parse {
	struct config_file *config;
	const char *text;
	size_t len;
};

/* People count from 1, columns in bytes. */
struct position {
	unsigned line;
	unsigned column;
};

static struct position position_of(const struct parse *parse, size_t offset)
{
	struct position position = {.line = 1, .column = 1};
	size_t index;

	for (index = 0; index < offset; index++) {
		if (parse->text[index] == '\n') {
			position.line++;
			position.column = 1;
		} else {
			position.column++;
		}
	}
	return position;
}

static void syntax_mistake(const struct parse *parse, size_t offset, const char *what)
{
	struct position position = position_of(parse, offset);

	config_mistake(parse->config, "line %u, column %u: not JSON: %s", position.line,
		       position.column, what);
}

static void bad_name(void *arg, const struct base_json_bad_name *bad)
{
	const struct parse *parse = arg;
	const char *path = bad->path[0] != '\0' ? bad->path : "the outermost object";
	struct position position;

	/* One that is only counted needs no place, which takes long in a large file. */
	if (parse->config->num_mistakes >= CONFIG_MISTAKES_MAX) {
		config_mistake(parse->config, "another name like that");
		return;
	}
	position = position_of(parse, bad->offset);
	if (bad->has_nul) {
		config_mistake(parse->config,
			       "line %u, column %u: a name in %s contains a NUL character",
			       position.line, position.column, path);
	} else {
		config_mistake(parse->config,
			       "line %u, column %u: the name \"%.64s\" comes twice in %s; keep one",
			       position.line, position.column, bad->name, path);
	}
}

/* Return: true: it is JSON from beginning to end; else the mistake is noted. */
static bool parse_scan(const struct parse *parse)
{
	const char *nul = memchr(parse->text, '\0', parse->len);
	struct base_json_scan scan;
	size_t used;

	if (nul != NULL) {
		syntax_mistake(parse, (size_t)(nul - parse->text), "a NUL byte: this is no text");
		return false;
	}
	base_json_scan_init(&scan, BASE_JSON_FILE);
	switch (base_json_scan_next(&scan, parse->text, parse->len, &used)) {
	case BASE_JSON_TOO_DEEP:
		syntax_mistake(parse, used, "nested too deeply, at most 32 levels are taken");
		return false;
	case BASE_JSON_WRONG:
		syntax_mistake(parse, used, scan.wrong);
		return false;
	default:
		break;
	}
	if (base_json_scan_end(&scan) == BASE_JSON_WRONG) {
		syntax_mistake(parse, parse->len, scan.wrong);
		return false;
	}
	return true;
}

int config_parse(struct config_file *config, const char *text, size_t len)
{
	size_t mark_len = base_json_mark_len(text, len);
	struct parse parse = {.config = config, .text = text + mark_len, .len = len - mark_len};
	const struct base_json_build_opts opts = {.bad_name = bad_name, .arg = &parse};
	struct json_object *root;
	int rc;

	if (len >= INT_MAX) {
		return -ENOMEM;
	}
	if (!parse_scan(&parse)) {
		return 0;
	}
	rc = base_json_build(parse.text, parse.len, &opts, &root);
	if (rc < 0) {
		return rc;
	}
	if (!json_object_is_type(root, json_type_object)) {
		config_mistake(config, "the whole must be an object: {\"subsystems\": [...]}");
	}
	if (config->num_mistakes > 0) {
		json_object_put(root);
		return 0;
	}
	config->root = root;
	return 0;
}
