/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/measurement.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/harness.h"
#include "bench/load/companion.h"
#include "tests/unit/unit.h"

/* The whole of it, with real reactors and a real companion. Nothing here depends on how fast they are. */

#define MS EBB_NS_PER_MS

static char config[] = "/tmp/ebb-test-measurement-XXXXXX";
static struct bench_measurement *measurement;
static struct bench_outcome outcome;
static char error[BENCH_TEXT_MAX];

static struct bench_load load_make(enum bench_rw rw)
{
	return (struct bench_load){
		.rw = rw,
		.read_percent = 50,
		.block_bytes = 4096,
		.queue_depth = 4,
		.time_ns = 30 * MS,
		.warmup_ns = 5 * MS,
		.seed = 9,
	};
}

static void framework_run(int (*script)(void *arg))
{
	static const char text[] =
		"{\"subsystems\":[{\"subsystem\":\"bdev\",\"config\":[{\"method\":"
		"\"bdev_malloc_create\",\"params\":{\"name\":\"m\",\"num_blocks\":8192,"
		"\"block_size\":512}}]}]}";
	struct ebb_app_opts app;
	int fd = mkstemp(config);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	ebb_app_opts_init(&app, sizeof(app));
	app.json_file = config;
	app.mode = EBB_REACTOR_INTERRUPT;
	ck_assert_int_eq(bench_harness_run(&app, script, NULL), 0);
	unlink(config);
}

static int measure(const struct bench_load *load)
{
	memset(&outcome, 0, sizeof(outcome));
	return bench_measurement_run(measurement, load, &outcome, error);
}

static double metric(enum bench_metric metric)
{
	return outcome.sample.metric[metric];
}

static int modes_script(void *arg)
{
	struct bench_load load = load_make(BENCH_RW_RANDREAD);

	(void)arg;
	ck_assert_int_eq(bench_measurement_open("m", false, &load, &measurement, error), 0);
	for (enum ebb_reactor_mode mode = 0; mode < EBB_REACTOR_MODE_COUNT; mode++) {
		ck_assert_int_eq(bench_harness_set_mode(mode), 0);
		ck_assert_int_eq(measure(&load), 0);
		ck_assert_double_gt(metric(BENCH_IOPS), 0);
		ck_assert_double_gt(metric(BENCH_LATENCY_MIN), 0);
		ck_assert(isnan(metric(BENCH_OFFERED)) && isnan(outcome.companion_percent));
		ck_assert_uint_gt(outcome.latency.count, 0);
	}
	ck_assert_int_eq(bench_measurement_close(measurement), 0);
	ck_assert_int_eq(bench_measurement_open("n", false, &load, &measurement, error), -ENODEV);
	return 0;
}

START_TEST(test_modes)
{
	framework_run(modes_script);
}
END_TEST

/* Who came in time was served, or is in the backlog. */
static int open_script(void *arg)
{
	struct bench_load load = load_make(BENCH_RW_RANDREAD);

	(void)arg;
	ck_assert_int_eq(bench_measurement_open("m", false, &load, &measurement, error), 0);
	load.rate_iops = 20000;
	for (load.shape = BENCH_SHAPE_POISSON; load.shape <= BENCH_SHAPE_EVEN; load.shape++) {
		for (enum ebb_reactor_mode mode = 0; mode < EBB_REACTOR_MODE_COUNT; mode++) {
			double s = 0.03;

			ck_assert_int_eq(bench_harness_set_mode(mode), 0);
			ck_assert_int_eq(measure(&load), 0);
			ck_assert_double_gt(metric(BENCH_OFFERED), 0);
			ck_assert_double_ge(metric(BENCH_IOPS) + metric(BENCH_BACKLOG) / s + 1e-6,
					    metric(BENCH_OFFERED));
			ck_assert_int_eq(!isnan(outcome.companion_percent),
					 bench_companion_has_cpu());
		}
	}
	load.rate_iops = 0;
	ck_assert_int_eq(measure(&load), -EINVAL);
	return bench_measurement_close(measurement);
}

START_TEST(test_open_loop)
{
	framework_run(open_script);
}
END_TEST

static int verify_script(void *arg)
{
	struct bench_load load = load_make(BENCH_RW_RANDRW);

	(void)arg;
	load.verify = true;
	ck_assert_int_eq(bench_measurement_open("m", true, &load, &measurement, error), 0);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(bench_harness_set_mode(i), 0);
		ck_assert_msg(measure(&load) == 0, "%s", error);
		load.queue_depth = 1 + i;
		load.block_bytes = 512;
	}
	return bench_measurement_close(measurement);
}

START_TEST(test_verify)
{
	framework_run(verify_script);
}
END_TEST

static atomic_bool measuring;

static void *signal_send(void *arg)
{
	while (!measuring) {
		usleep(1000);
	}
	usleep(20000); /* it may be counting by now, or not yet */
	kill(getpid(), SIGINT);
	return arg;
}

/* It ends a run that would take an hour, and those that follow do not begin. */
static int signal_script(void *arg)
{
	struct bench_load load = load_make(BENCH_RW_RANDREAD);
	pthread_t thread;
	int rc;

	(void)arg;
	ck_assert_int_eq(pthread_create(&thread, NULL, signal_send, NULL), 0);
	ck_assert_int_eq(bench_measurement_open("m", false, &load, &measurement, error), 0);
	load.time_ns = 3600 * EBB_NS_PER_S;
	load.warmup_ns = 0;
	measuring = true;
	rc = measure(&load);
	ck_assert(rc == -ECANCELED || (rc == 0 && metric(BENCH_IOPS) > 0));
	load.warmup_ns = 3600 * EBB_NS_PER_S;
	ck_assert_int_eq(measure(&load), -ECANCELED);
	ck_assert(isnan(metric(BENCH_IOPS)));
	bench_harness_sleep(3600 * EBB_NS_PER_S);
	pthread_join(thread, NULL);
	return bench_measurement_close(measurement);
}

START_TEST(test_signal)
{
	framework_run(signal_script);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_modes),
		UNIT_TEST(test_open_loop),
		UNIT_TEST(test_verify),
		UNIT_TEST(test_signal),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
