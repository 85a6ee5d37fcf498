/* SPDX-License-Identifier: Apache-2.0 */
#include "core/method/wanted_save.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/violation.h>
#include <ebb/wanted.h>

#include "core/event/app_only.h"

/*
 * What is wanted in the form of a configuration file: one loop over the list. What a file's first
 * pass would run comes first, so that a file that was loaded is saved as it was.
 */

/* One entry of a section: the method, and the parameters as they were. */
struct method_wanted_saved {
	const struct ebb_method *method;
	struct json_object *params; /* a reference; what is asked for anew has others */
};

/* One element of "config"; NULL: out of memory. */
static struct json_object *entry_save(const struct method_wanted_saved *saved)
{
	struct json_object *json = json_object_new_object();
	struct json_object *params = NULL;

	if (json == NULL ||
	    json_object_object_add(json, "method", json_object_new_string(saved->method->name)) !=
		    0 ||
	    json_object_deep_copy(saved->params, &params, NULL) != 0 ||
	    json_object_object_add(json, "params", params) != 0) {
		json_object_put(params);
		json_object_put(json);
		return NULL;
	}
	return json;
}

static bool wanted_saved_in(const struct ebb_wanted *wanted, const char *section)
{
	return strcmp(wanted->method->subsystem, section) == 0;
}

static int saved_add(struct method_wanted_save *save, const struct ebb_wanted *wanted)
{
	if ((save->num & (save->num - 1)) == 0) { /* full: its size is the next power of two */
		size_t size = save->num == 0 ? 1 : save->num * 2;
		struct method_wanted_saved *grown =
			realloc(save->saved, size * sizeof(*save->saved));

		if (grown == NULL) {
			return -ENOMEM;
		}
		save->saved = grown;
	}
	save->saved[save->num++] = (struct method_wanted_saved){
		.method = wanted->method,
		.params = json_object_get(wanted->params),
	};
	return 0;
}

/* Those that the pass for methods of STARTUP would run, or the others. Return: 0; -ENOMEM. */
static int saved_add_pass(struct method_wanted_save *save, const char *section, bool startup)
{
	const struct ebb_wanted *wanted = NULL;
	int rc = 0;

	while (rc == 0 && (wanted = ebb_wanted_next(wanted)) != NULL) {
		bool at_startup = (wanted->method->states & EBB_METHOD_STARTUP) != 0;

		if (at_startup == startup && wanted_saved_in(wanted, section)) {
			rc = saved_add(save, wanted);
		}
	}
	return rc;
}

int method_wanted_save_begin(struct method_wanted_save *save, const char *section)
{
	*save = (struct method_wanted_save){.config = json_object_new_array()};
	if (save->config == NULL || saved_add_pass(save, section, true) != 0 ||
	    saved_add_pass(save, section, false) != 0) {
		save->failed = true;
		method_wanted_save_end(save);
		return -ENOMEM;
	}
	return 0;
}

bool method_wanted_save_next(struct method_wanted_save *save)
{
	struct json_object *entry;

	if (save->failed || save->next == save->num) {
		return false;
	}
	entry = entry_save(&save->saved[save->next]);
	json_object_put(save->saved[save->next].params);
	save->next++;
	if (entry == NULL || json_object_array_add(save->config, entry) != 0) {
		json_object_put(entry);
		save->failed = true;
	}
	return true;
}

struct json_object *method_wanted_save_end(struct method_wanted_save *save)
{
	struct json_object *config = save->config;

	while (save->next < save->num) {
		json_object_put(save->saved[save->next++].params);
	}
	free(save->saved);
	if (save->failed) {
		json_object_put(config);
		config = NULL;
	}
	*save = (struct method_wanted_save){.saved = NULL};
	return config;
}

EBB_REPORTS struct json_object *ebb_wanted_save_section(const char *section)
{
	struct method_wanted_save save;

	if (!event_app_only_if_any(__func__, section, __builtin_return_address(0)) ||
	    method_wanted_save_begin(&save, section) != 0) {
		return NULL;
	}
	while (method_wanted_save_next(&save)) {
	}
	return method_wanted_save_end(&save);
}

static bool subsystems_have(struct json_object *subsystems, const char *name)
{
	for (size_t i = 0; i < json_object_array_length(subsystems); i++) {
		struct json_object *section = json_object_array_get_idx(subsystems, i);
		struct json_object *has = json_object_object_get(section, "subsystem");

		if (strcmp(json_object_get_string(has), name) == 0) {
			return true;
		}
	}
	return false;
}

/* Adds the section @name, unless it is there. Return: 0; -ENOMEM. */
static int subsystems_add(struct json_object *subsystems, const char *name)
{
	struct json_object *section;
	struct json_object *config;

	if (subsystems_have(subsystems, name)) {
		return 0;
	}
	section = json_object_new_object();
	config = ebb_wanted_save_section(name);
	if (section == NULL || config == NULL ||
	    json_object_object_add(section, "subsystem", json_object_new_string(name)) != 0 ||
	    json_object_object_add(section, "config", config) != 0) {
		json_object_put(config);
		json_object_put(section);
		return -ENOMEM;
	}
	if (json_object_array_add(subsystems, section) != 0) {
		json_object_put(section);
		return -ENOMEM;
	}
	return 0;
}

EBB_REPORTS struct json_object *ebb_wanted_save(const char *const *sections, size_t num_sections)
{
	const struct ebb_wanted *wanted = NULL;
	struct json_object *root;
	struct json_object *subsystems;
	bool good;

	if (!event_app_only_if_any(__func__, "what is wanted", __builtin_return_address(0))) {
		return NULL;
	}
	root = json_object_new_object();
	subsystems = json_object_new_array();
	good = root != NULL && subsystems != NULL;
	for (size_t i = 0; good && i < num_sections; i++) {
		good = subsystems_add(subsystems, sections[i]) == 0;
	}
	while (good && (wanted = ebb_wanted_next(wanted)) != NULL) {
		good = subsystems_add(subsystems, wanted->method->subsystem) == 0;
	}
	if (!good || json_object_object_add(root, "subsystems", subsystems) != 0) {
		json_object_put(subsystems);
		json_object_put(root);
		return NULL;
	}
	return root;
}
