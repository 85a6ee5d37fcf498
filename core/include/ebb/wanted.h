/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_WANTED_H
#define EBB_WANTED_H

/*
 * What was asked for, apart from what is there: one entry for each object that a method was called
 * to create and for each thing that a method has set, with the parameters that took effect. A user
 * takes an entry out by removing its object. An object that goes by itself (a drive that is
 * unplugged) or never came (a start-up that goes on past errors) stays wanted, and is absent.
 *
 * The list is kept as calls end, by fields of struct ebb_method; who calls makes no difference.
 * Thread: app, for all of it; from elsewhere a call is reported and refused.
 */

#include <stdbool.h>

#include <ebb/method.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebb_wanted {
	const struct ebb_method *method; /* creates, or sets */
	/* The values of its parameters method->object, in their order, with spaces between. */
	const char *object;
	struct json_object *params; /* an object; to be read only */
	bool present;               /* a value that was set: it is in force */
};

/* The entry after @previous, in the order they were asked for; NULL: the first. Return: or NULL. */
const struct ebb_wanted *ebb_wanted_next(const struct ebb_wanted *previous);

/* The entry of an object that @method creates, as in struct ebb_wanted. Return: or NULL. */
const struct ebb_wanted *ebb_wanted_find(const char *method, const char *object);

/**
 * ebb_wanted_set_present() - an object has gone, or come, without anybody asking
 * @method: the name of the method that creates such objects
 * @object: as in struct ebb_wanted. Nothing happens if it is not wanted.
 */
void ebb_wanted_set_present(const char *method, const char *object, bool present);

/**
 * ebb_wanted_save_section() - the entries of one section, absent ones too, as its "config"
 * Those of methods that may be called at STARTUP come first, then the others.
 * Return: [{"method": ..., "params": ...}], the caller's to put and shared with nobody; NULL: out
 *	of memory.
 */
struct json_object *ebb_wanted_save_section(const char *section);

/**
 * ebb_wanted_save() - all entries as a configuration, absent ones too
 * In each section those of methods that may be called at STARTUP come first, then the others.
 * @sections: the sections there are in any case, in this order; others follow as they come
 * Return: {"subsystems": [{"subsystem": ..., "config": [{"method": ..., "params": ...}]}]}, the
 *	caller's to put and shared with nobody; NULL: out of memory.
 */
struct json_object *ebb_wanted_save(const char *const *sections, size_t num_sections);

#ifdef __cplusplus
}
#endif

#endif
