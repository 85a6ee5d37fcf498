/* SPDX-License-Identifier: Apache-2.0 */
#include "config/loader/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/log.h>
#include <ebb/method.h>

#include "config/loader/section.h"
#include "core/app/section.h"
#include "core/method/compat.h"

/* Where in the document: "subsystems[1] "bdev", config[3]", and whose that is. */
struct entry_place {
	struct config_file *config;
	const char *subsystem;
	char outer[104]; /* "subsystems[1] "bdev"" */
	char text[160];
};

/* A mistake inside one entry. */
static void EBB_PRINTF(3, 4)
	entry_mistake(const struct entry_place *place, const char *method, const char *format, ...)
{
	char what[512];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	place->config->num_entry_mistakes++;
	config_mistake(place->config, "%s%s%s: %s", place->text, method != NULL ? " " : "",
		       method != NULL ? method : "", what);
}

/* Makes room for one more entry. Return: 0; -ENOMEM. */
static int config_room(struct config_file *config)
{
	size_t max_entries = config->max_entries * 2 + 16;
	struct config_entry *entries;

	if (config->num_entries < config->max_entries) {
		return 0;
	}
	entries = reallocarray(config->entries, max_entries, sizeof(*entries));
	if (entries == NULL) {
		return -ENOMEM;
	}
	config->entries = entries;
	config->max_entries = max_entries;
	return 0;
}

/* Takes over the reference to @params. */
static void config_add_entry(const struct entry_place *place, const struct ebb_method *method,
			     const char *name, struct json_object *params, uint32_t pass)
{
	struct config_file *config = place->config;
	struct config_entry entry = {.method = method, .params = params, .pass = pass};
	bool room = config_room(config) == 0;

	if (room) {
		if (asprintf(&entry.step, "%s/%s", place->subsystem, name) < 0) {
			entry.step = NULL;
		}
		if (asprintf(&entry.place, "%s: %s %s", config->name, place->text, name) < 0) {
			entry.place = NULL;
		}
	}
	if (!room || entry.step == NULL || entry.place == NULL) {
		free(entry.step);
		free(entry.place);
		json_object_put(params);
		config->out_of_memory = true;
		return;
	}
	config->entries[config->num_entries++] = entry;
}

/* An entry whose form is right: may it be called, and when? */
static void check_call(const struct entry_place *place, const char *name,
		       struct json_object *params)
{
	const struct ebb_method *method = ebb_method_find(name);
	struct ebb_method_error error = {.code = 0};
	uint32_t pass;

	if (method == NULL) {
		entry_mistake(place, name,
			      "this method is not known; rpc_get_methods lists those that are");
		return;
	}
	if (ebb_method_check(method, params, &error) < 0) {
		entry_mistake(place, name, "%s", error.text);
		return;
	}
	if (method->while_paused) {
		entry_mistake(
			place, name,
			"it waits for the end of start-up, which waits for this file: leave it "
			"out, and call it by RPC");
		return;
	}
	/* Legal in both: in the first pass, and only there. */
	pass = (method->states & EBB_METHOD_STARTUP) != 0 ? EBB_METHOD_STARTUP : EBB_METHOD_RUNTIME;
	if ((method->states & pass) == 0) {
		entry_mistake(place, name,
			      "this method can run neither before nor after the "
			      "subsystems are initialised");
		return;
	}
	config_add_entry(place, method, name, json_object_get(params), pass);
}

static void check_entry(const struct entry_place *place, struct json_object *entry)
{
	struct json_object *method = NULL;
	struct json_object *params = NULL;

	if (!json_object_is_type(entry, json_type_object)) {
		entry_mistake(place, NULL,
			      "an entry is an object: {\"method\": ..., \"params\": ...}");
		return;
	}
	json_object_object_foreach(entry, key, value)
	{
		if (strcmp(key, "method") == 0) {
			method = value;
		} else if (strcmp(key, "params") == 0) {
			params = value;
		} else {
			entry_mistake(place, NULL,
				      "\"%s\" is not known in an entry; known: "
				      "\"method\", \"params\"",
				      key);
			return;
		}
	}
	if (!json_object_is_type(method, json_type_string) ||
	    json_object_get_string_len(method) == 0) {
		entry_mistake(place, NULL, "\"method\" is missing or no name");
		return;
	}
	if (params != NULL && !json_object_is_type(params, json_type_object)) {
		entry_mistake(place, json_object_get_string(method), "\"params\" is not an object");
		return;
	}
	check_call(place, json_object_get_string(method), params);
}

typedef void (*check_fn)(const struct entry_place *place, struct json_object *entry);

/* An element of "config": an entry, or an array of entries. */
static void check_element(struct entry_place *place, struct json_object *element, size_t index,
			  check_fn check)
{
	size_t batch_index;

	if (!json_object_is_type(element, json_type_array)) {
		snprintf(place->text, sizeof(place->text), "%s, config[%zu]", place->outer, index);
		check(place, element);
		return;
	}
	for (batch_index = 0;
	     batch_index < json_object_array_length(element) && !place->config->out_of_memory;
	     batch_index++) {
		snprintf(place->text, sizeof(place->text), "%s, config[%zu][%zu]", place->outer,
			 index, batch_index);
		check(place, json_object_array_get_idx(element, batch_index));
	}
}

/* @entries: an array, or NULL. */
static void check_elements(struct entry_place *place, struct json_object *entries, check_fn check)
{
	size_t index;

	for (index = 0; entries != NULL && index < json_object_array_length(entries) &&
			!place->config->out_of_memory;
	     index++) {
		check_element(place, json_object_array_get_idx(entries, index), index, check);
	}
}

static void config_skip(struct config_file *config, const char *subsystem, size_t num_entries)
{
	char *longer = NULL;

	if (asprintf(&longer, "%s%s%.64s (%zu %s)", config->skipped != NULL ? config->skipped : "",
		     config->skipped != NULL ? ", " : "", subsystem, num_entries,
		     num_entries == 1 ? "entry" : "entries") < 0) {
		config->out_of_memory = true;
		return;
	}
	free(config->skipped);
	config->skipped = longer;
}

/*
 * An entry of a section that is passed over must not be one of ebb's own, nor ask for what ebb cannot
 * do where it knows the method.
 */
static void check_foreign_entry(const struct entry_place *place, struct json_object *entry)
{
	struct json_object *name = NULL;
	const struct ebb_method *method = NULL;
	struct ebb_method_error error;

	if (json_object_is_type(entry, json_type_object) &&
	    json_object_object_get_ex(entry, "method", &name) &&
	    json_object_is_type(name, json_type_string)) {
		method = ebb_method_find(json_object_get_string(name));
	}
	if (method != NULL && method_compat_changes_nothing(method)) {
		if (ebb_method_check(method, json_object_object_get(entry, "params"), &error) < 0) {
			entry_mistake(place, method->name, "%s", error.text);
		}
		return;
	}
	if (method == NULL) {
		return;
	}
	entry_mistake(place, method->name,
		      "ebb has this method, but no subsystem \"%.64s\", which is passed over: move "
		      "it to %s",
		      place->subsystem,
		      method->subsystem != NULL ? method->subsystem
						: "the section of another subsystem");
}

/* A section that ebb does not have; @entries: an array, or NULL. */
static void check_foreign(struct entry_place *place, struct json_object *entries)
{
	size_t num_entries = entries != NULL ? json_object_array_length(entries) : 0;
	char names[256];

	if (!config_section_is_spdks(place->subsystem)) {
		config_section_list(names, sizeof(names));
		place->config->num_entry_mistakes++;
		config_mistake(place->config,
			       "%s: neither ebb nor SPDK has such a subsystem; those of ebb are %s",
			       place->outer, names);
		return;
	}
	check_elements(place, entries, check_foreign_entry);
	if (num_entries > 0) {
		config_skip(place->config, place->subsystem, num_entries);
	}
}

static void check_subsystem(struct config_file *config, struct json_object *subsystem, size_t index)
{
	struct entry_place place = {.config = config};
	struct json_object *name = NULL;
	struct json_object *entries = NULL;

	if (!json_object_is_type(subsystem, json_type_object)) {
		config_mistake(config,
			       "subsystems[%zu]: must be an object: "
			       "{\"subsystem\": ..., \"config\": [...]}",
			       index);
		return;
	}
	json_object_object_foreach(subsystem, key, value)
	{
		if (strcmp(key, "subsystem") == 0) {
			name = value;
		} else if (strcmp(key, "config") == 0) {
			entries = value;
		} else {
			config_mistake(config,
				       "subsystems[%zu]: \"%s\" is not known; known: "
				       "\"subsystem\", \"config\"",
				       index, key);
		}
	}
	if (!json_object_is_type(name, json_type_string)) {
		config_mistake(config, "subsystems[%zu]: \"subsystem\" is missing or no name",
			       index);
		return;
	}
	place.subsystem = json_object_get_string(name);
	snprintf(place.outer, sizeof(place.outer), "subsystems[%zu] \"%.64s\"", index,
		 place.subsystem);
	if (entries != NULL && !json_object_is_type(entries, json_type_array)) {
		config_mistake(config, "%s: \"config\" is not an array", place.outer);
		return;
	}
	if (!app_section_exists(place.subsystem)) {
		check_foreign(&place, entries);
		return;
	}
	check_elements(&place, entries, check_entry);
}

static void check_root(struct config_file *config)
{
	struct json_object *subsystems;
	size_t index;

	if (!json_object_object_get_ex(config->root, "subsystems", &subsystems)) {
		config_mistake(config, "\"subsystems\" is missing; the least is "
				       "{\"subsystems\": []}");
		return;
	}
	if (!json_object_is_type(subsystems, json_type_array)) {
		config_mistake(config, "\"subsystems\" is not an array");
		return;
	}
	for (index = 0; index < json_object_array_length(subsystems) && !config->out_of_memory;
	     index++) {
		check_subsystem(config, json_object_array_get_idx(subsystems, index), index);
	}
}

static void check_section(struct config_file *config)
{
	check_subsystem(config, config->root, 0);
}

/* @check_content: of the root. */
static int create(const char *name, const char *text, size_t len,
		  void (*check_content)(struct config_file *config),
		  struct config_file **ret_config)
{
	struct config_file *config;
	int rc;

	config = calloc(1, sizeof(*config));
	if (config == NULL) {
		return -ENOMEM;
	}
	config->name = strdup(name);
	rc = config->name != NULL ? config_parse(config, text, len) : -ENOMEM;
	if (rc == 0 && config->root != NULL) {
		check_content(config);
	}
	if (config->out_of_memory) {
		rc = -ENOMEM;
	}
	if (rc < 0) {
		config_destroy(config);
		return rc;
	}
	*ret_config = config;
	return 0;
}

int config_create(const char *name, const char *text, size_t len, struct config_file **ret_config)
{
	return create(name, text, len, check_root, ret_config);
}

int config_create_section(const char *name, const char *text, size_t len,
			  struct config_file **ret_config)
{
	return create(name, text, len, check_section, ret_config);
}

void config_destroy(struct config_file *config)
{
	size_t index;

	if (config == NULL) {
		return;
	}
	for (index = 0; index < config->num_entries; index++) {
		free(config->entries[index].step);
		free(config->entries[index].place);
		json_object_put(config->entries[index].params);
	}
	for (index = 0; index < CONFIG_MISTAKES_MAX; index++) {
		free(config->mistakes[index]);
	}
	free(config->entries);
	free(config->skipped);
	free(config->name);
	json_object_put(config->root);
	free(config);
}
