/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_OS_PATH_H
#define CORE_OS_PATH_H

/* Names of files that mean the same wherever they are used from. */

/**
 * os_path_absolute() - @path as it is called from any working directory
 * Symbolic links stay what they are: where they lead may be another file the next time.
 * Thread: any.
 * Return: the caller's to free(); @path as it is where there is no working directory any more;
 *	NULL: out of memory.
 */
char *os_path_absolute(const char *path);

#endif
