/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_METHOD_WANTED_H
#define CORE_METHOD_WANTED_H

/* The list of what is wanted, as calls and start-up change it. Thread: app. */

#include <ebb/wanted.h>

/* A call begins. Return: its number, for method_wanted_note(). */
uint64_t method_wanted_call_begun(void);

/**
 * method_wanted_note() - a call has ended
 * @values: its struct of parameters
 * @took_effect: what ebb_call_took_effect() has said, an object; or NULL; borrowed
 * @begun: its number; a removal is not about what was asked for since then
 * @code: 0; or the error: then only a removal may have an effect, as what is absent is not found
 * @keep_failed: what was to be created or set is wanted although it failed
 */
void method_wanted_note(const struct ebb_method *method, const void *values,
			struct json_object *took_effect, uint64_t begun, int code,
			bool keep_failed);

/**
 * method_wanted_set_base() - what an object stands on is called @base from here on
 * For one that was asked for by another name of it. @method and @object: as ebb_wanted_find();
 * nothing happens if it is not wanted.
 */
void method_wanted_set_base(const char *method, const char *object, const char *base);

/* Forgets all of it, and has values reset: the end of start-up's first step. */
void method_wanted_clear(void);

#endif
