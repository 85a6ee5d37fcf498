/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BASE_LOG_H
#define CORE_BASE_LOG_H

/* For who opens the system's log. */

#include <ebb/log.h>

typedef void (*base_log_write_fn)(enum ebb_log_level level, const char *component,
				  const char *text);

/*
 * Lines up to ebb_log_get_level() go to @write as well, on the thread that logs; NULL: nowhere. It
 * must not wait. Thread: as ebb_log_set_level().
 */
void base_log_set_system(base_log_write_fn write);

/* stderr is the system's log: lines up to the higher one of the two levels are written there. */
void base_log_set_joined(bool joined);

#endif
