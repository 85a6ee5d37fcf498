/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_CORE_BDEV_STAGE_H
#define TESTS_UNIT_CORE_BDEV_STAGE_H

/*
 * One reactor that the test steps, with a clock that the test moves. Between steps the test's code
 * runs as if in a callback of the app thread, or of whatever thread it enters.
 */

#include <stdbool.h>
#include <stdint.h>

struct ebb_thread;

void stage_begin(void);

/* Ends every thread; the test has undone what it has made. */
void stage_end(void);

/* One turn, and so many. */
void stage_turn(void);
void stage_turns(unsigned count);

/* Turns until @done; fails if real threads (the helper, the kernel) take more than 20 s for it. */
void stage_until(const bool *done);

void stage_clock_advance(uint64_t ns);
/* After a test has let another clock be read for a moment. */
void stage_clock_restore(void);

/* The rest of the test, up to the next such call, runs as @thread; NULL: as an OS thread. */
void stage_enter(struct ebb_thread *thread);

/* A thread on the stage's reactor; and its end. */
struct ebb_thread *stage_thread(const char *name);
void stage_thread_exit(struct ebb_thread *thread);

/* Lines logged since the beginning that contain @text. */
unsigned stage_log_count(const char *text);

/* Violations of @rule counted since the beginning. */
unsigned stage_violations(int rule);

/* Runs @fn(@arg) on an OS thread of its own, to its end. */
void stage_foreign(void (*fn)(void *arg), void *arg);

#endif
