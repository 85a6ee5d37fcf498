/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_APP_SUBSYSTEM_H
#define EBB_APP_SUBSYSTEM_H

/* The registry of subsystems, as start-up uses it. */

#include <ebb/sequence.h>
#include <ebb/subsystem.h>

struct json_object;

#define EBB_SUBSYSTEM_ERROR_MAX 256

/**
 * ebb_subsystem_sort() - find the order of initialisation
 * Dependencies first; among those that could be next, by name, so that link order has no say.
 * @ret_error: a text for people, on failure
 * Return: 0; -EEXIST a name twice; -ENOENT a dependency that nobody registered; -ELOOP a cycle;
 *	-ENOMEM.
 */
int ebb_subsystem_sort(char *ret_error, size_t size);

/* Forgets the order. */
void ebb_subsystem_unsort(void);

/**
 * ebb_subsystem_init() - initialise all, in order, as the work of @step
 * If one fails, those before it are undone, in reverse, before @step ends with its error.
 * @failed: called when one fails, before anything is undone
 * Thread: app, after ebb_subsystem_sort().
 */
void ebb_subsystem_init(struct ebb_step step, uint32_t timeout_s,
			void (*failed)(const char *subsystem, int rc));

/* Ends what ebb_subsystem_init() has begun, in reverse, as the work of @step. Thread: app. */
void ebb_subsystem_fini(struct ebb_step step);

/**
 * ebb_subsystem_for_each() - call @fn for each subsystem in order of initialisation
 * @depends_on: the names it depends on, sorted; lives as long as the order
 * Thread: any, from ebb_subsystem_sort() to ebb_subsystem_unsort().
 * Return: 0; -EAGAIN there is no order yet.
 */
int ebb_subsystem_for_each(void (*fn)(const char *name, const char *const *depends_on,
				      size_t num_depends, void *arg),
			   void *arg);

/**
 * ebb_subsystem_save() - what is wanted as a configuration (ebb/wanted.h)
 * The sections of the subsystems that save something come first, in order of initialisation.
 * Thread: app, from ebb_subsystem_sort() to ebb_subsystem_unsort().
 * Return: the caller's to put; NULL: out of memory.
 */
struct json_object *ebb_subsystem_save(void);

#endif
