/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_APP_SECTION_H
#define CORE_APP_SECTION_H

/*
 * The sections that a configuration has: the subsystems, in order of initialisation, and then those
 * that only methods name ("reactor"), by name. The order is the same whatever was asked for, so that
 * what is saved can be compared.
 */

#include <stdbool.h>
#include <stddef.h>

struct json_object;

/**
 * app_section_for_each() - call @fn for each section
 * @depends_on: as app_subsystem_for_each() has it; none where it is no subsystem
 * Thread: any, from app_subsystem_sort() to app_subsystem_unsort().
 * Return: 0; -EAGAIN there is no order yet.
 */
int app_section_for_each(void (*fn)(const char *name, const char *const *depends_on,
				    size_t num_depends, void *arg),
			 void *arg);

/* Thread: any. */
bool app_section_exists(const char *name);

/* Whether some method's calls are saved in it. Thread: any. */
bool app_section_saves(const char *name);

/**
 * app_section_save() - what is wanted as a configuration (ebb/wanted.h)
 * With all sections that something is ever saved in, in their order.
 * Thread: app. Return: the caller's to put; NULL: out of memory.
 */
struct json_object *app_section_save(void);

#endif
