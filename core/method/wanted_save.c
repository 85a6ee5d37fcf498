/* SPDX-License-Identifier: Apache-2.0 */
#include <ebb/wanted.h>

#include <errno.h>
#include <string.h>

#include <ebb/violation.h>

#include "core/event/app_only.h"

/*
 * What is wanted in the form of a configuration file: one loop over the list. What a file's first
 * pass would run comes first, so that a file that was loaded is saved as it was.
 */

/* One element of "config"; NULL: out of memory. */
static struct json_object *entry_save(const struct ebb_wanted *wanted)
{
	struct json_object *json = json_object_new_object();
	struct json_object *params = NULL;

	if (json == NULL ||
	    json_object_object_add(json, "method", json_object_new_string(wanted->method->name)) !=
		    0 ||
	    json_object_deep_copy(wanted->params, &params, NULL) != 0 ||
	    json_object_object_add(json, "params", params) != 0) {
		json_object_put(params);
		json_object_put(json);
		return NULL;
	}
	return json;
}

/* The "config" of the section @name in @subsystems, made there if need be; or NULL. */
static struct json_object *section_get(struct json_object *subsystems, const char *name)
{
	struct json_object *section = NULL;
	struct json_object *config;

	for (size_t i = 0; i < json_object_array_length(subsystems); i++) {
		section = json_object_array_get_idx(subsystems, i);
		if (strcmp(json_object_get_string(json_object_object_get(section, "subsystem")),
			   name) == 0) {
			return json_object_object_get(section, "config");
		}
	}
	section = json_object_new_object();
	config = json_object_new_array();
	if (section == NULL || config == NULL ||
	    json_object_object_add(section, "subsystem", json_object_new_string(name)) != 0 ||
	    json_object_object_add(section, "config", config) != 0) {
		json_object_put(config);
		json_object_put(section);
		return NULL;
	}
	if (json_object_array_add(subsystems, section) != 0) {
		json_object_put(section);
		return NULL;
	}
	return config;
}

/* Those that the pass for methods of STARTUP would run, or the others. Return: 0; -ENOMEM. */
static int wanted_save_pass(struct json_object *subsystems, bool startup)
{
	const struct ebb_wanted *wanted = NULL;

	while ((wanted = ebb_wanted_next(wanted)) != NULL) {
		const struct ebb_method *method = wanted->method;
		struct json_object *config;
		struct json_object *entry;

		if (((method->states & EBB_METHOD_STARTUP) != 0) != startup) {
			continue;
		}
		config = section_get(subsystems, method->subsystem);
		entry = config != NULL ? entry_save(wanted) : NULL;
		if (entry == NULL || json_object_array_add(config, entry) != 0) {
			json_object_put(entry);
			return -ENOMEM;
		}
	}
	return 0;
}

EBB_REPORTS struct json_object *ebb_wanted_save(const char *const *sections, size_t num_sections)
{
	struct json_object *root, *subsystems;
	bool good;

	if (!event_app_only_if_any(__func__, "what is wanted", __builtin_return_address(0))) {
		return NULL;
	}
	root = json_object_new_object();
	subsystems = json_object_new_array();
	good = root != NULL && subsystems != NULL;
	for (size_t i = 0; good && i < num_sections; i++) {
		good = section_get(subsystems, sections[i]) != NULL;
	}
	good = good && wanted_save_pass(subsystems, true) == 0 &&
	       wanted_save_pass(subsystems, false) == 0 &&
	       json_object_object_add(root, "subsystems", subsystems) == 0;
	if (!good) {
		json_object_put(subsystems);
		json_object_put(root);
		return NULL;
	}
	return root;
}
