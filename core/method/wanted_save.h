/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_METHOD_WANTED_SAVE_H
#define CORE_METHOD_WANTED_SAVE_H

/* What is wanted, saved in parts. At once: ebb/wanted.h. */

#include <stdbool.h>
#include <stddef.h>

struct json_object;
struct method_wanted_saved;

/*
 * A section as it is when this begins, copied one entry at a time: what ebb_wanted_save_section()
 * does at once, for whom that takes too long. All zero at first. Thread: app.
 */
struct method_wanted_save {
	struct method_wanted_saved *saved; /* in order */
	size_t num;
	size_t next;
	struct json_object *config;
	bool failed;
};

/* Return: 0; -ENOMEM: there is nothing to be ended. */
int method_wanted_save_begin(struct method_wanted_save *save, const char *section);

/* Copies the next one. Return: false: there is no more. */
bool method_wanted_save_next(struct method_wanted_save *save);

/* Frees what @save has. Return: the section; NULL: out of memory. */
struct json_object *method_wanted_save_end(struct method_wanted_save *save);

#endif
