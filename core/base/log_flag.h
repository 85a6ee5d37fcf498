/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BASE_LOG_FLAG_H
#define CORE_BASE_LOG_FLAG_H

/* The flags of components, for the log; ebb/log.h sets them. */

#include <ebb/log.h>

/* Could a line of level debug be written anywhere? Thread: as ebb_log_set_level(). */
void base_log_flag_debugging(bool debugging);

/* Is @component meant by what ebb_log_set_flag() takes as a name? Thread: any. */
bool base_log_flag_matches(const char *name, const char *component);

#endif
