/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_BENCH_LOAD_FAKE_COMPANION_H
#define TESTS_UNIT_BENCH_LOAD_FAKE_COMPANION_H

/* In place of the companion's OS thread: its duty is done when the test says. */

#include <stdbool.h>
#include <stdint.h>

extern bool fake_companion_has_cpu;
extern unsigned fake_companion_kicks;
extern int fake_companion_refuses; /* what bench_companion_add() returns; 0: it adds */

bool fake_companion_has_duty(void);

/* Calls the duty at the time that it is. Return: what that did. */
uint64_t fake_companion_run(void);

/* The same, so long after the companion has read the clock. */
uint64_t fake_companion_run_late(uint64_t late_ns);

/* Until it wants to be called later, or not at all; it has its memory, then. */
void fake_companion_settle(void);

#endif
