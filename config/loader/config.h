/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_CONFIG_CONFIG_H
#define EBB_CONFIG_CONFIG_H

/* A configuration file that has been parsed and checked: what to call, in which pass. */

#include <stdbool.h>

#include <json-c/json.h>

#include <ebb/base.h>
#include <ebb/method.h>

#define EBB_CONFIG_DEPTH_MAX 32
/* Beyond these many, mistakes are only counted. */
#define EBB_CONFIG_MISTAKES_MAX 32

/* One method to call. */
struct ebb_config_entry {
	char *step;  /* "bdev/bdev_null_create" */
	char *place; /* "FILE: subsystems[1] "bdev", config[3] bdev_null_create" */
	const struct ebb_method *method;
	struct json_object *params; /* what is left after ebb_config_compat_params(), or NULL */
	uint32_t pass;              /* EBB_METHOD_STARTUP or EBB_METHOD_RUNTIME */
};

struct ebb_config {
	char *name; /* of the file, for messages */
	struct json_object *root;
	struct ebb_config_entry *entries;
	size_t num_entries;
	size_t max_entries;
	char *mistakes[EBB_CONFIG_MISTAKES_MAX]; /* each with its place */
	size_t num_mistakes;
	/* Of these, mistakes of single entries, which the others do not depend on. */
	size_t num_entry_mistakes;
	char *skipped; /* "sock (2 entries), ...": subsystems that ebb does not have; or NULL */
	bool out_of_memory;
	unsigned refs; /* the loader's */
};

/**
 * ebb_config_create() - parse @text and check all of it
 * Mistakes are in ->mistakes, not in the return value; entries without one are in ->entries.
 * @name: what to call it in messages
 * Thread: any, while the subsystems are sorted.
 * Return: 0; -ENOMEM.
 */
int ebb_config_create(const char *name, const char *text, size_t len,
		      struct ebb_config **ret_config);

/* NULL is ignored. Thread: any. */
void ebb_config_destroy(struct ebb_config *config);

/* Notes a mistake: "NAME: " and a text that begins with the place. */
void ebb_config_mistake(struct ebb_config *config, const char *format, ...) EBB_PRINTF(2, 3);

/**
 * ebb_config_parse() - from text to @config->root
 * A syntax error is noted as a mistake with its line and column, and then root stays NULL.
 * Return: 0; -ENOMEM.
 */
int ebb_config_parse(struct ebb_config *config, const char *text, size_t len);

#endif
