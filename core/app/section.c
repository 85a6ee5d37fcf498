/* SPDX-License-Identifier: Apache-2.0 */
#include "core/app/section.h"

#include <stdlib.h>
#include <string.h>

#include <ebb/method.h>
#include <ebb/subsystem.h>
#include <ebb/wanted.h>

#include "core/app/subsystem.h"

static bool name_is_subsystem(const char *name)
{
	const struct ebb_subsystem *subsystem = NULL;

	while ((subsystem = ebb_subsystem_next(subsystem)) != NULL) {
		if (strcmp(subsystem->name, name) == 0) {
			return true;
		}
	}
	return false;
}

/* The first by name after @previous (NULL: of all) that is no subsystem. Return: or NULL. */
static const char *section_next_of_methods(const char *previous)
{
	const struct ebb_method *method = NULL;
	const char *best = NULL;

	while ((method = ebb_method_next(method)) != NULL) {
		const char *name = method->subsystem;

		if (name != NULL && (previous == NULL || strcmp(name, previous) > 0) &&
		    (best == NULL || strcmp(name, best) < 0) && !name_is_subsystem(name)) {
			best = name;
		}
	}
	return best;
}

int app_section_for_each(void (*fn)(const char *name, const char *const *depends_on,
				    size_t num_depends, void *arg),
			 void *arg)
{
	const char *name = NULL;
	int rc = app_subsystem_for_each(fn, arg);

	while (rc == 0 && (name = section_next_of_methods(name)) != NULL) {
		fn(name, NULL, 0, arg);
	}
	return rc;
}

bool app_section_saves(const char *name)
{
	const struct ebb_method *method = NULL;

	while ((method = ebb_method_next(method)) != NULL) {
		if (method->subsystem != NULL && strcmp(method->subsystem, name) == 0) {
			return true;
		}
	}
	return false;
}

bool app_section_exists(const char *name)
{
	return name_is_subsystem(name) || app_section_saves(name);
}

/* The names of those that something is saved in; or NULL: how many there are. */
struct section_names {
	const char **names;
	size_t num;
};

static void names_add(const char *name, const char *const *depends_on, size_t num_depends,
		      void *arg)
{
	struct section_names *sections = arg;

	(void)depends_on;
	(void)num_depends;
	if (!app_section_saves(name)) {
		return;
	}
	if (sections->names != NULL) {
		sections->names[sections->num] = name;
	}
	sections->num++;
}

struct json_object *app_section_save(void)
{
	struct section_names sections = {.names = NULL};
	struct json_object *saved = NULL;

	app_section_for_each(names_add, &sections);
	sections.names = calloc(sections.num + 1, sizeof(*sections.names));
	if (sections.names != NULL) {
		sections.num = 0;
		app_section_for_each(names_add, &sections);
		saved = ebb_wanted_save(sections.names, sections.num);
	}
	free(sections.names);
	return saved;
}
