/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_HOLDER_H
#define EBB_HOLDER_H

#include <stdbool.h>
#include <stddef.h>

/**
 * ebb_holder_of_file() - which process has @path open
 * A device file is found by its number, by whatever name it was opened. Only root sees all.
 * @root: "" but in tests, before /proc
 * @ret_holder: "NAME (pid N)", "this process itself" if no other has it, or "another process" if
 *	none is seen
 * Thread: any that may block.
 * Return: true if one was seen.
 */
bool ebb_holder_of_file(const char *root, const char *path, char *ret_holder, size_t size);

#endif
