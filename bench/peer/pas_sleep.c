/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer/pas_sleep.h"

/*
 * Per-I/O adaptive sleep, as published in "DPAS: A Prompt, Accurate and Safe I/O Completion Method
 * for SSDs" (FAST '26), with its parameters.
 *
 * Nothing is measured. After its sleep a thread sees one bit: the request had completed (it slept
 * over) or had not (under). The last two of these say how the duration changes, by a factor:
 *
 *	under, under   too short for a while: the factor grows by UP
 *	over, under    just too short: 1 + UP
 *	under, over    just too long: 1 - DOWN
 *	over, over     too long for a while: the factor shrinks by DOWN
 *
 * So the duration swings about the device's time, and runs after it ever faster when that changes.
 * UP and DOWN are themselves learned: both grow by a twentieth while the bits are alike, and shrink
 * by a tenth when they differ; DOWN is ten times UP and between 0.01 and 0.1. The duration begins
 * with 100 ns, which is also its least.
 */

#define PAS_DOWN_MIN  0.01
#define PAS_DOWN_MAX  0.1
#define PAS_DOWN_UP   10 /* DOWN is so many times UP */
#define PAS_HEAT_UP   0.05
#define PAS_COOL_DOWN 0.1

void bench_pas_sleep_init(struct bench_pas_sleep *sleep)
{
	*sleep = (struct bench_pas_sleep){
		.duration_ns = BENCH_PAS_SLEEP_MIN_NS,
		.adjust = 1,
		.up = PAS_DOWN_MAX / PAS_DOWN_UP,
		.down = PAS_DOWN_MAX,
	};
}

uint64_t bench_pas_sleep_ns(const struct bench_pas_sleep *sleep)
{
	return (uint64_t)sleep->duration_ns;
}

static void sleep_tune(struct bench_pas_sleep *sleep, bool alike)
{
	sleep->down *= alike ? 1 + PAS_HEAT_UP : 1 - PAS_COOL_DOWN;
	if (sleep->down > PAS_DOWN_MAX) {
		sleep->down = PAS_DOWN_MAX;
	}
	if (sleep->down < PAS_DOWN_MIN) {
		sleep->down = PAS_DOWN_MIN;
	}
	sleep->up = sleep->down / PAS_DOWN_UP;
}

void bench_pas_sleep_learn(struct bench_pas_sleep *sleep, bool over)
{
	bool alike = over == sleep->last_over;

	if (!alike) {
		sleep->adjust = 1;
	}
	sleep->adjust += over ? -sleep->down : sleep->up;
	if (sleep->adjust <= 0) {
		sleep->adjust = 1;
	}
	sleep->duration_ns *= sleep->adjust;
	if (sleep->duration_ns < BENCH_PAS_SLEEP_MIN_NS) {
		sleep->duration_ns = BENCH_PAS_SLEEP_MIN_NS;
	}
	if (sleep->duration_ns > (double)BENCH_PAS_SLEEP_MAX_NS) {
		sleep->duration_ns = (double)BENCH_PAS_SLEEP_MAX_NS;
	}
	sleep_tune(sleep, alike);
	sleep->last_over = over;
}
