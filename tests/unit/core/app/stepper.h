/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_STEPPER_H
#define TEST_STEPPER_H

/*
 * One reactor, stepped by the test on its own OS thread, with a clock that the test moves; and a
 * log that the test can search.
 */

#include <stdbool.h>

#include <ebb/thread.h>

void stepper_begin(void);
void stepper_end(void);

/* Runs @fn(@arg) on the app thread, and then what follows from it, for some turns. */
void stepper_call(ebb_msg_fn fn, void *arg);

void stepper_turns(unsigned count);

/* Moves the clock, in steps of a tenth of a second with turns between them. */
void stepper_advance_ms(unsigned ms);

/* How many log lines since the last stepper_log_clear() contain @text. */
unsigned stepper_log_count(const char *text);
void stepper_log_clear(void);

#endif
