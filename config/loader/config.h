/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_LOADER_CONFIG_H
#define CONFIG_LOADER_CONFIG_H

/* A configuration file that has been parsed and checked: what to call, in which pass. */

#include <stdbool.h>

#include <json-c/json.h>

#include <ebb/base.h>
#include <ebb/method.h>

/* Beyond these many, mistakes are only counted. */
#define CONFIG_MISTAKES_MAX 32

/* One method to call. */
struct config_entry {
	char *step;  /* "bdev/bdev_null_create" */
	char *place; /* "FILE: subsystems[1] "bdev", config[3] bdev_null_create" */
	const struct ebb_method *method;
	struct json_object *params; /* or NULL */
	uint32_t pass;              /* EBB_METHOD_STARTUP or EBB_METHOD_RUNTIME */
};

struct config_file {
	char *name; /* of the file, for messages */
	struct json_object *root;
	struct config_entry *entries;
	size_t num_entries;
	size_t max_entries;
	char *mistakes[CONFIG_MISTAKES_MAX]; /* each with its place */
	size_t num_mistakes;
	/* Of these, mistakes of single entries, which the others do not depend on. */
	size_t num_entry_mistakes;
	char *skipped; /* "sock (2 entries), ...": subsystems that ebb does not have; or NULL */
	bool out_of_memory;
	unsigned refs; /* the loader's */
};

/**
 * config_create() - parse @text and check all of it
 * Mistakes are in ->mistakes, not in the return value; entries without one are in ->entries.
 * @name: what to call it in messages
 * Thread: any, while the subsystems are sorted.
 * Return: 0; -ENOMEM.
 */
int config_create(const char *name, const char *text, size_t len, struct config_file **ret_config);

/* The same for one section alone: {"subsystem": ..., "config": [...]}. */
int config_create_section(const char *name, const char *text, size_t len,
			  struct config_file **ret_config);

/* NULL is ignored. Thread: any. */
void config_destroy(struct config_file *config);

/* Notes a mistake: "NAME: " and a text that begins with the place. */
void config_mistake(struct config_file *config, const char *format, ...) EBB_PRINTF(2, 3);

/**
 * config_parse() - from text to @config->root
 * A syntax error is noted as a mistake with its line and column, and then root stays NULL.
 * Return: 0; -ENOMEM.
 */
int config_parse(struct config_file *config, const char *text, size_t len);

#endif
