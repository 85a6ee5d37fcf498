/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/engine_state.h"

#include "bench/load/stamps.h"
#include "tests/unit/unit.h"

static struct bench_engine engine;

/* The process's use is the contender's but for what the companion has used. */
START_TEST(test_use)
{
	const struct bench_rusage now = {
		.now_ns = 5000,
		.cpu_ns = 900,
		.user_ns = 600,
		.system_ns = 300,
		.voluntary = 50,
		.involuntary = 9,
		.wakeups = 44,
	};
	const struct bench_companion_usage companion = {
		.running = true,
		.cpu_ns = 550,
		.user_ns = 350,
		.system_ns = 200,
		.voluntary = 30,
		.involuntary = 8,
	};
	const struct bench_engine_result *result = &engine.result;

	engine.counted = true;
	engine.before = (struct bench_rusage){.now_ns = 1000, .user_ns = 100, .voluntary = 10};
	engine.companion_before = (struct bench_companion_usage){.cpu_ns = 50, .user_ns = 50};
	bench_engine_result_use(&engine, &now, &companion);
	ck_assert_uint_eq(result->elapsed_ns, 4000);
	ck_assert_uint_eq(result->used.cpu_ns, 400);
	ck_assert_uint_eq(result->used.user_ns, 200);
	ck_assert_uint_eq(result->used.system_ns, 100);
	ck_assert_uint_eq(result->used.voluntary, 10);
	ck_assert_uint_eq(result->used.involuntary, 1);
	ck_assert_uint_eq(result->used.wakeups, 44);
	ck_assert(result->companion);
	ck_assert_uint_eq(result->companion_ns, 500);
}
END_TEST

/* Readings are not of one instant: no figure goes below nothing. */
START_TEST(test_use_is_not_negative)
{
	const struct bench_rusage now = {.now_ns = 10, .cpu_ns = 5};
	const struct bench_companion_usage companion = {.running = true, .cpu_ns = 7};

	engine.counted = true;
	bench_engine_result_use(&engine, &now, &companion);
	ck_assert_uint_eq(engine.result.used.cpu_ns, 0);
	ck_assert_uint_eq(engine.result.companion_ns, 7);
}
END_TEST

/* What two workers have counted in 2 and 4 us is not told of the 2.5 us in which it was looked at. */
START_TEST(test_window)
{
	static struct bench_worker workers[2];
	struct bench_engine_result *result = &engine.result;

	workers[0].from_ns = 1000;
	workers[0].until_ns = 3000;
	workers[1].from_ns = 1000;
	workers[1].until_ns = 5000;
	engine.workers = workers;
	engine.num_workers = 2;
	result->elapsed_ns = 2500;
	result->companion_ns = 500;
	result->used = (struct bench_rusage){.user_ns = 1000, .system_ns = 50, .wakeups = 10};
	bench_engine_result_set_window(&engine);
	ck_assert_uint_eq(result->elapsed_ns, 3000);
	ck_assert_uint_eq(result->companion_ns, 600);
	ck_assert_uint_eq(result->used.user_ns, 1200);
	ck_assert_uint_eq(result->used.system_ns, 60);
	ck_assert_uint_eq(result->used.wakeups, 12);
	result->elapsed_ns = 0; /* it never counted */
	bench_engine_result_set_window(&engine);
	ck_assert_uint_eq(result->elapsed_ns, 0);
}
END_TEST

/* A run that did not get as far as to count has no figures at all. */
START_TEST(test_not_counted)
{
	const struct bench_rusage now = {.now_ns = 10};
	const struct bench_companion_usage companion = {.running = true};

	bench_engine_result_use(&engine, &now, &companion);
	ck_assert_uint_eq(engine.result.elapsed_ns, 0);
	ck_assert(!engine.result.companion);
}
END_TEST

/* A slow worker that has stamped all does not outweigh a fast one that has stamped a sample. */
START_TEST(test_latencies_of_both_kinds)
{
	static struct bench_worker workers[2];
	const struct ebb_histogram *latency = &engine.result.latency;

	engine.workers = workers;
	engine.num_workers = 2;
	for (unsigned i = 0; i < 2; i++) {
		workers[i].stamp_every = 1;
		ebb_histogram_reset(&workers[i].latency);
		for (unsigned j = 0; j < 10; j++) {
			ebb_histogram_add(&workers[i].latency, i == 0 ? 50 : 10);
		}
	}
	bench_engine_result_sum(&engine);
	ck_assert_uint_eq(latency->count, 20);
	ck_assert_int_eq(engine.result.stamps, BENCH_STAMPS_EXACT);
	workers[1].stamp_every = BENCH_STAMPS_SAMPLE;
	bench_engine_result_sum(&engine);
	ck_assert_uint_eq(latency->count, 10 + 10 * BENCH_STAMPS_SAMPLE);
	ck_assert_uint_eq(ebb_histogram_percentile(latency, 90), 10);
	ck_assert_int_eq(engine.result.stamps, BENCH_STAMPS_SAMPLED);
	workers[0].stamp_every = BENCH_STAMPS_SAMPLE;
	bench_engine_result_sum(&engine);
	ck_assert_uint_eq(latency->count, 20);
}
END_TEST

/* Those of the trial, each of them stamped, are not for one in 64 of the others. */
START_TEST(test_trial)
{
	static struct bench_worker worker = {.clock_cost_ns = 25, .stamp_trial = 1};

	ebb_histogram_reset(&worker.latency);
	ebb_histogram_add(&worker.latency, 5000);
	worker.begun_ns = 0; /* long ago: it is slow */
	worker.ios = 10;
	bench_worker_decide_stamps(&worker);
	ck_assert_uint_eq(worker.stamp_every, 1);
	ck_assert_uint_eq(worker.latency.count, 1);
	worker.ios = UINT64_MAX;
	bench_worker_decide_stamps(&worker);
	ck_assert_uint_eq(worker.stamp_every, BENCH_STAMPS_SAMPLE);
	ck_assert_uint_eq(worker.latency.count, 0);
}
END_TEST

/* The first reason is the one that is told. */
START_TEST(test_fail)
{
	bench_engine_fail(&engine, -5, "it is %u", 1);
	bench_engine_fail(&engine, -6, "it is %u", 2);
	ck_assert_int_eq(engine.result.rc, -5);
	ck_assert_str_eq(bench_engine_error(&engine), "it is 1");
	ck_assert(engine.stop);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_use),         UNIT_TEST(test_use_is_not_negative),
		UNIT_TEST(test_not_counted), UNIT_TEST(test_window),
		UNIT_TEST(test_fail),        UNIT_TEST(test_latencies_of_both_kinds),
		UNIT_TEST(test_trial),       UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
