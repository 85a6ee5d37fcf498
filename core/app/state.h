/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_APP_STATE_H
#define CORE_APP_STATE_H

/* The published state: written by start-up and shutdown, read by anybody (ebb_app_get_state()). */

#include <ebb/startup.h>

/* A new run begins: phase `environment`, no step, no error. */
void app_state_reset(void);

/*
 * The only way from phase to phase; an illegal move is a bug of ours. A move is logged and told to
 * the service manager; no move (the same phase again) is neither.
 */
void app_state_set_phase(enum ebb_app_phase phase);

enum ebb_app_phase app_state_phase(void);

/* @name: copied; NULL: no step is under way. @since_ns: when it was begun. */
void app_state_set_step(const char *name, uint64_t since_ns);

/*
 * Tells the service manager which step is under way and how old it is: of one that takes long, as it
 * keeps no more than a few messages that it has not read. Nothing happens where there is none, or
 * once start-up has failed: then the error stays to be seen.
 */
void app_state_tell_step(void);

/* Notes the last error, without a move. Thread: any. */
void app_state_set_error(const char *text);

#endif
