/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_CORE_BDEV_STAGE_H
#define TESTS_UNIT_CORE_BDEV_STAGE_H

/*
 * One reactor that the test steps, with a clock that the test moves. Between steps the test's code
 * runs as if in a callback of the app thread, or of whatever thread it enters. What is logged is
 * kept.
 */

#include <stdbool.h>
#include <stdint.h>

#include <ebb/thread.h>

#include "tests/unit/fixtures/log.h"

void stage_begin(void);

/* Ends every thread; the test has undone what it has made. */
void stage_end(void);

/* One turn, and so many. */
void stage_turn(void);
void stage_turns(unsigned count);

/* Turns until @done; fails if real threads (the helper, the kernel) take more than 20 s for it. */
void stage_until(const bool *done);

void stage_clock_advance(uint64_t ns);
/* In steps of a tenth of a second, with turns between them. */
void stage_advance_ms(unsigned ms);
/* After a test has let another clock be read for a moment. */
void stage_clock_restore(void);

/* The rest of the test, up to the next such call, runs as @thread; NULL: as an OS thread. */
void stage_enter(struct ebb_thread *thread);

/* Runs @fn(@arg) on the app thread by a message, and what follows from it, for some turns. */
void stage_call(ebb_msg_fn fn, void *arg);

/* A thread on the stage's reactor; and its end. */
struct ebb_thread *stage_thread(const char *name);
void stage_thread_exit(struct ebb_thread *thread);

/* Violations of @rule counted since the beginning. */
unsigned stage_violations(int rule);

/* Runs @fn(@arg) on an OS thread of its own, to its end. */
void stage_foreign(void (*fn)(void *arg), void *arg);

#endif
