/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_OS_FILE_REPLACE_H
#define CORE_OS_FILE_REPLACE_H

/* A file that is either as it was or wholly new, whatever happens meanwhile. */

#include <stddef.h>

/**
 * os_file_replace() - make @text what is in the file @path
 * It is written beside the file and renamed over it when it is on the disk. Mode and owner of a file
 * that is there are kept, one that is not writable is refused; a symbolic link stays one.
 * @ret_error: what failed, for people
 * Thread: any that may block.
 * Return: 0; negative errno: the file is as it was, and nothing is left beside it.
 */
int os_file_replace(const char *path, const char *text, size_t len, char *ret_error, size_t size);

#endif
