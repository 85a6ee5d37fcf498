/* SPDX-License-Identifier: Apache-2.0 */
#include "config/loader/waiting.h"

#include <stdio.h>
#include <string.h>

#include "core/bdev/answer.h"

static bool param_is(struct json_object *params, const char *name, const char *value)
{
	struct json_object *given;

	return json_object_object_get_ex(params, name, &given) &&
	       json_object_is_type(given, json_type_string) &&
	       strcmp(json_object_get_string(given), value) == 0;
}

/* The entry that has asked for @virtual, or NULL. Its name may have been left to the method. */
static const struct config_entry *entry_of(const struct config_file *config,
					   const struct bdev_virtual *virtual)
{
	const struct bdev_virtual_kind *kind = virtual->kind;
	size_t index;

	for (index = 0; index < config->num_entries; index++) {
		const struct config_entry *entry = &config->entries[index];

		if (strcmp(entry->method->name, kind->method) == 0 &&
		    param_is(entry->params, kind->base_param, virtual->base_name) &&
		    (json_object_object_get(entry->params, "name") == NULL ||
		     param_is(entry->params, "name", virtual->name))) {
			return entry;
		}
	}
	return NULL;
}

bool config_waiting_text(const struct config_file *config, const struct bdev_virtual *virtual,
			 char *ret_text, size_t size)
{
	const struct config_entry *entry = entry_of(config, virtual);
	char why[BDEV_ANSWER_WHY];

	bdev_answer_waits_why(virtual->base_name, why, sizeof(why));
	snprintf(ret_text, size, "%s: %s bdev '%s': %s '%s'%s, or leave this out",
		 entry != NULL ? entry->place : config->name, virtual->kind->kind, virtual->name,
		 why[0] != '\0' ? "it waits for its base" : "its base", virtual->base_name,
		 why[0] != '\0' ? why : " has not come; make that");
	return why[0] != '\0';
}
