/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_OS_STD_FDS_H
#define CORE_OS_STD_FDS_H

#include <stdbool.h>

/**
 * os_std_fds_fill() - let nothing else become standard input, output or error
 * Where a program was started without one of them, its next open() or socket() would get that
 * number, and what is meant for people would be written into a disk or to a client. In its place
 * comes a descriptor that fails as a closed one does: it can be used the wrong way only.
 * Where there is none (no /dev/null, ulimit -n 2) the process ends with status 1, and says so.
 * What main() does before anything is opened.
 */
void os_std_fds_fill(void);

/**
 * os_std_fds_finish() - see to it that all of a program's output has been written
 * The last thing that main() does. What has been lost is said on standard error.
 * @program: its name
 * Return: false: not all of it has been.
 */
bool os_std_fds_finish(const char *program);

#endif
