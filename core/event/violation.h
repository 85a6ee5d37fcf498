/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EBB_EVENT_VIOLATION_H
#define EBB_EVENT_VIOLATION_H

#include <ebb/violation.h>

/* Counts one that its caller logs in its own words, and that is no reason to abort. */
void ebb_violation_count(int rule, const char *function, const char *object,
			 const struct ebb_thread *owner, const struct ebb_thread *runner);

#endif
