/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_APP_SUBSYSTEM_H
#define CORE_APP_SUBSYSTEM_H

/* The registry of subsystems, as start-up uses it. */

#include <ebb/sequence.h>
#include <ebb/subsystem.h>

#define APP_SUBSYSTEM_ERROR_MAX 256

/**
 * app_subsystem_sort() - find the order of initialisation
 * Dependencies first; among those that could be next, by name, so that link order has no say.
 * @ret_error: a text for people, on failure
 * Return: 0; -EEXIST a name twice; -ENOENT a dependency that nobody registered; -ELOOP a cycle;
 *	-ENOMEM.
 */
int app_subsystem_sort(char *ret_error, size_t size);

/* Forgets the order. */
void app_subsystem_unsort(void);

/**
 * app_subsystem_init() - initialise all, in order, as the work of @step
 * If one fails, those before it are undone, in reverse, before @step ends with its error.
 * @failed: called when one fails, before anything is undone
 * Thread: app, after app_subsystem_sort().
 */
void app_subsystem_init(struct ebb_step step, uint32_t timeout_s,
			void (*failed)(const char *subsystem, int rc));

/* Ends what app_subsystem_init() has begun, in reverse, as the work of @step. Thread: app. */
void app_subsystem_fini(struct ebb_step step);

/**
 * app_subsystem_for_each() - call @fn for each subsystem in order of initialisation
 * @depends_on: the names it depends on, sorted; lives as long as the order
 * Thread: any, from app_subsystem_sort() to app_subsystem_unsort().
 * Return: 0; -EAGAIN there is no order yet.
 */
int app_subsystem_for_each(void (*fn)(const char *name, const char *const *depends_on,
				      size_t num_depends, void *arg),
			   void *arg);

#endif
