/* SPDX-License-Identifier: Apache-2.0 */
/* sources: config/loader/parse.c config/loader/mistake.c */
/* sources: core/base/json_scan.c core/base/json_build.c */
/* sources: core/base/assert.c core/base/log.c core/base/log_flag.c core/base/clock.c */
/* libs: json-c */
/*
 * A configuration file's text. It is taken, or there is a mistake with its place. What is taken has
 * no name twice: printed and read again it is the same, and json-c, which is told to be strict,
 * reads the same from it, if it is not a comment or a large number that json-c does not take.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/assert.h>

#include "config/loader/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mistakes_free(struct config_file *config)
{
	for (size_t i = 0; i < CONFIG_MISTAKES_MAX; i++) {
		free(config->mistakes[i]);
	}
}

static void check_mistakes(const struct config_file *config)
{
	ebb_assert(config->num_mistakes > 0);
	for (size_t i = 0; i < config->num_mistakes && i < CONFIG_MISTAKES_MAX; i++) {
		unsigned line;
		unsigned column;

		ebb_assert(sscanf(config->mistakes[i], "F: line %u, column %u: ", &line, &column) ==
				   2 ||
			   strstr(config->mistakes[i], "must be an object") != NULL);
	}
}

/* What json-c makes of it; NULL: it does not take it. */
static struct json_object *parse_otherwise(const char *text, size_t len)
{
	struct json_tokener *tokener = json_tokener_new_ex(64);
	struct json_object *value;

	ebb_assert(tokener != NULL);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	value = json_tokener_parse_ex(tokener, text, (int)len);
	json_tokener_free(tokener);
	return value;
}

/* -0 and what has more than 64 bits are doubles here, and something else or nothing in json-c. */
static bool has_own_numbers(struct json_object *value)
{
	if (json_object_is_type(value, json_type_double)) {
		return strpbrk(json_object_to_json_string(value), ".eE") == NULL;
	}
	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++) {
			if (has_own_numbers(json_object_array_get_idx(value, i))) {
				return true;
			}
		}
	}
	if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, name, member)
		{
			(void)name;
			if (has_own_numbers(member)) {
				return true;
			}
		}
	}
	return false;
}

static void check_root(struct json_object *root)
{
	const char *text = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN);
	struct config_file again = {.name = (char *)"F"};
	struct json_object *other = parse_otherwise(text, strlen(text));

	ebb_assert(config_parse(&again, text, strlen(text)) == 0);
	ebb_assert(again.num_mistakes == 0);
	ebb_assert(strcmp(json_object_to_json_string_ext(again.root, JSON_C_TO_STRING_PLAIN),
			  text) == 0);
	ebb_assert(has_own_numbers(root) || json_object_equal(root, other));
	json_object_put(other);
	json_object_put(again.root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_file config = {.name = (char *)"F"};
	struct json_object *other;
	/* As long as it is and no longer, so that a read past it is found. */
	char *text = malloc(size > 0 ? size : 1);

	ebb_assert(text != NULL);
	memcpy(text, data, size);
	ebb_assert(config_parse(&config, text, size) == 0);
	if (config.root == NULL) {
		check_mistakes(&config);
	} else {
		ebb_assert(config.num_mistakes == 0);
		check_root(config.root);
		other = parse_otherwise(text, size);
		ebb_assert(other == NULL || has_own_numbers(config.root) ||
			   json_object_equal(config.root, other));
		json_object_put(other);
	}
	mistakes_free(&config);
	json_object_put(config.root);
	free(text);
	return 0;
}
