/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVENT_VIOLATION_H
#define CORE_EVENT_VIOLATION_H

#include <ebb/violation.h>

/*
 * Counts one that its caller logs in its own words, and that is no reason to abort.
 * Return: true: it is the first.
 */
bool event_violation_count(int rule, const char *function, const char *object,
			   const struct ebb_thread *owner, const struct ebb_thread *runner);

/* As ebb_violation_at(), for a call site that has passed: the name of its callback stands for it. */
void event_violation_in(int rule, const char *function, const char *object,
			const struct ebb_thread *owner, const struct ebb_thread *runner,
			const char *callback);

#endif
