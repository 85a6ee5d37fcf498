/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/generator.h"

#include <sched.h>
#include <semaphore.h>
#include <time.h>

#include <ebb/clock.h>

#include "tests/unit/unit.h"

/*
 * A real companion, and the test in the worker's place: it sleeps until it is told. Nothing here depends
 * on how fast they are.
 */

#define REQUESTS 30000u

static struct bench_worker workers[2];
static struct bench_line lines[2];
static struct bench_generator generator;
static sem_t told;

void bench_worker_tell(struct bench_worker *worker)
{
	if (!atomic_exchange(&worker->told, true)) {
		sem_post(&told);
	}
}

static void wait_for_word(void)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 60;
	ck_assert_msg(sem_timedwait(&told, &until) == 0, "requests come, and nobody says so");
}

/* Each request comes once, to the worker whose it is, in order, and none is lost. */
START_TEST(test_lines)
{
	static struct bench_arrivals expected[2];
	struct bench_load load = {
		.shape = BENCH_SHAPE_DAY,
		.rate_iops = 1e6,
		.time_ns = 20 * EBB_NS_PER_MS,
		.seed = 4,
	};
	/* All are due already, or both sides would sleep for each; so they meet a full line, too. */
	uint64_t base_ns = ebb_clock_now_ns() - EBB_NS_PER_S;
	unsigned taken = 0;

	ck_assert_int_eq(sem_init(&told, 0, 0), 0);
	for (unsigned i = 0; i < 2; i++) {
		workers[i].line = &lines[i];
		bench_line_init(&lines[i], &load, base_ns, i, 2);
		bench_arrivals_init(&expected[i], &load, i, 2);
	}
	ck_assert_int_eq(bench_generator_start(&generator, workers, 2), 0);
	while (taken < REQUESTS) {
		wait_for_word();
		for (unsigned i = 0; i < 2; i++) {
			uint64_t moment_ns;

			atomic_store(&workers[i].told, false);
			while (bench_line_take(&lines[i], &moment_ns)) {
				ck_assert_uint_eq(moment_ns,
						  base_ns + bench_arrivals_next(&expected[i]));
				taken++;
			}
		}
	}
	bench_generator_stop(&generator);
	while (!bench_companion_has_left(&generator.duty)) {
		sched_yield();
	}
}
END_TEST

static atomic_uint_least64_t stopped_ns;

static uint64_t stopped_clock(void)
{
	return stopped_ns;
}

/* Also one that comes alone is told of. */
START_TEST(test_one_by_one)
{
	struct bench_load load = {.shape = BENCH_SHAPE_EVEN, .rate_iops = 2000};
	uint64_t moment_ns;

	ck_assert_int_eq(sem_init(&told, 0, 0), 0);
	stopped_ns = ebb_clock_now_ns();
	ebb_clock_set_source(stopped_clock);
	workers[0].line = &lines[0];
	bench_line_init(&lines[0], &load, ebb_clock_now_ns(), 0, 1);
	ck_assert_int_eq(bench_generator_start(&generator, workers, 1), 0);
	for (unsigned i = 0; i < 20; i++) {
		stopped_ns += EBB_NS_PER_S / 2000;
		wait_for_word();
		atomic_store(&workers[0].told, false);
		ck_assert(bench_line_take(&lines[0], &moment_ns));
		ck_assert(!bench_line_take(&lines[0], &moment_ns));
	}
	bench_generator_stop(&generator);
	while (!bench_companion_has_left(&generator.duty)) {
		sched_yield();
	}
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_lines),
		UNIT_TEST(test_one_by_one),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
