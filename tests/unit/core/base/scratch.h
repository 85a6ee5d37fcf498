/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_CORE_BASE_SCRATCH_H
#define TESTS_UNIT_CORE_BASE_SCRATCH_H

/* Files that a test makes, in a folder of its own. */

#include <stddef.h>

void scratch_begin(void);
void scratch_end(void);

/* The folder, and the path of @name in it (of a ring of eight). */
const char *scratch_dir(void);
const char *scratch_path(const char *name);

/* A sparse file of that size; a file of that text, with the folders on its way. */
const char *scratch_sparse(const char *name, size_t size);
void scratch_text(const char *name, const char *text);

/* A symbolic link, with the folders on its way; in place of one that is there. */
void scratch_link(const char *name, const char *target);

#endif
