/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_OS_REMEDY_H
#define CORE_OS_REMEDY_H

/* What people can do where the machine's limits are met, to end the text of an error. */

/**
 * os_remedy() - what to do about @error, an errno
 * Return: "; raise ..."; or "", if it is not about a limit. EAGAIN is that of making a thread.
 * Thread: any.
 */
const char *os_remedy(int error);

/* Likewise, without the semicolon, or @otherwise. */
const char *os_remedy_or(int error, const char *otherwise);

#endif
