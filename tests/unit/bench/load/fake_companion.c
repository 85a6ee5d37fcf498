/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/bench/load/fake_companion.h"

#include <check.h>

#include <ebb/clock.h>

#include "bench/load/companion.h"

#define CALLS_MAX 100000

bool fake_companion_has_cpu = true;
unsigned fake_companion_kicks;
int fake_companion_refuses;

static struct bench_companion_duty *the_duty;

int bench_companion_add(struct bench_companion_duty *duty)
{
	if (fake_companion_refuses != 0) {
		return fake_companion_refuses;
	}
	ck_assert_ptr_null(the_duty);
	the_duty = duty;
	return 0;
}

void bench_companion_remove(struct bench_companion_duty *duty)
{
	ck_assert_ptr_eq(the_duty, duty);
	the_duty = NULL;
}

void bench_companion_kick(struct bench_companion_duty *duty)
{
	ck_assert_ptr_eq(the_duty, duty);
	fake_companion_kicks++;
}

bool bench_companion_has_cpu(void)
{
	return fake_companion_has_cpu;
}

void bench_companion_get_usage(struct bench_companion_usage *ret_usage)
{
	*ret_usage = (struct bench_companion_usage){.running = false};
}

bool fake_companion_has_duty(void)
{
	return the_duty != NULL;
}

uint64_t fake_companion_run_late(uint64_t late_ns)
{
	ck_assert_ptr_nonnull(the_duty);
	return the_duty->fn(the_duty, ebb_clock_now_ns() - late_ns);
}

uint64_t fake_companion_run(void)
{
	return fake_companion_run_late(0);
}

void fake_companion_settle(void)
{
	for (unsigned i = 0; i < CALLS_MAX; i++) {
		if (fake_companion_run() > ebb_clock_now_ns()) {
			return;
		}
	}
	ck_abort_msg("the companion always has something to do");
}
