/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reactor's modes as contenders, on a reactor that really runs, beside the harness. What is waited
 * for here is bounded by Check, which ends a test that hangs.
 */
#include "bench/compare/modes.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include <ebb/app.h>
#include <ebb/poller.h>

#include "bench/compare/rounds.h"
#include "bench/compare/setup.h"
#include "bench/harness.h"
#include "tests/unit/unit.h"

#define CONFIG                                                            \
	"{\"subsystems\": [{\"subsystem\": \"bdev\", \"config\": ["       \
	"{\"method\": \"bdev_null_create\", \"params\":"                  \
	" {\"name\": \"one\", \"num_blocks\": 64, \"block_size\": 512}}," \
	"{\"method\": \"bdev_null_create\", \"params\":"                  \
	" {\"name\": \"two\", \"num_blocks\": 64, \"block_size\": 4096}}]}]}"

static struct bench_modes modes;
static struct bench_target target;
static struct bench_outcome outcome;
static const struct bench_load load = {
	.rw = BENCH_RW_RANDREAD,
	.block_bytes = 4096,
	.queue_depth = 2,
	.time_ns = 20 * EBB_NS_PER_MS,
	.seed = 1,
};
static char error[BENCH_TEXT_MAX];
static struct ebb_poller *sleepless;

/* Runs @script on the harness. */
static void run(int (*script)(void *arg))
{
	struct ebb_app_opts app;

	ebb_app_opts_init(&app, sizeof(app));
	app.json_data = CONFIG;
	app.mode = EBB_REACTOR_POLL;
	modes.largest = load;
	ck_assert_int_eq(bench_harness_run(&app, script, NULL), 0);
}

static void target_make(const char *bdev)
{
	memset(&target, 0, sizeof(target));
	snprintf(target.name, sizeof(target.name), "%s", bdev);
	snprintf(target.kind, sizeof(target.kind), "bdev");
	snprintf(target.bdev, sizeof(target.bdev), "%s", bdev);
	ck_assert_int_eq(bench_setup_target(&target, true, error), 0);
}

static enum ebb_reactor_mode mode_now(void)
{
	struct ebb_reactor_stats stats;

	ck_assert_int_eq(ebb_reactor_get_stats(ebb_reactor_core(0), &stats), 0);
	return stats.mode;
}

static int measure(struct bench_contender *contender)
{
	bench_rounds_outcome_init(&outcome);
	error[0] = '\0';
	return contender->measure(contender, &target, &load, &outcome, error);
}

static int script_modes(void *arg)
{
	(void)arg;
	target_make("one");
	ck_assert_uint_eq(target.block_size, 512);
	ck_assert_uint_eq(target.size_bytes, 64 * 512);
	for (unsigned mode = 0; mode < EBB_REACTOR_MODE_COUNT; mode++) {
		struct bench_contender contender = {.name = ""};

		ck_assert_int_eq(bench_modes_make(&modes, mode, &contender), 0);
		ck_assert_str_eq(contender.name, ebb_reactor_mode_name(mode));
		ck_assert_int_eq(contender.kind, BENCH_CONTENDER_MODE);
		ck_assert_int_eq(measure(&contender), 0);
		ck_assert_int_eq(mode_now(), mode);
		ck_assert_str_eq(modes.bdev, "one"); /* it stays open */
		ck_assert_double_gt(outcome.sample.metric[BENCH_IOPS], 0);
		contender.destroy(&contender);
	}
	target_make("two");
	{
		struct bench_contender contender = {.name = ""};

		ck_assert_int_eq(bench_modes_make_plan(&modes, 30000, 65000, &contender), 0);
		ck_assert_str_eq(contender.name, "plan 30us,65us");
		ck_assert_int_eq(contender.kind, BENCH_CONTENDER_PLAN);
		ck_assert_int_eq(measure(&contender), 0);
		ck_assert_str_eq(modes.bdev, "two");
		contender.destroy(&contender);
	}
	bench_modes_rest(&modes);
	ck_assert_str_eq(modes.bdev, "");
	ck_assert_int_eq(mode_now(), EBB_REACTOR_INTERRUPT);
	return 0;
}

START_TEST(each_mode_is_set_and_measured)
{
	run(script_modes);
}
END_TEST

static int never_sleep(void *arg, bool on)
{
	(void)arg;
	return on ? -EOPNOTSUPP : 0;
}

static int look(void *arg)
{
	(void)arg;
	return 0;
}

static void sleepless_register(void *arg)
{
	const struct ebb_poller_wake wake = {.fd = -1, .set_interrupt = never_sleep};

	sleepless = ebb_poller_register_wake(look, NULL, &wake);
	bench_harness_call_done(arg);
}

static void sleepless_unregister(void *arg)
{
	ebb_poller_unregister(&sleepless);
	bench_harness_call_done(arg);
}

static int script_sleepless(void *arg)
{
	struct bench_contender poll = {.name = ""}, interrupt = {.name = ""};
	struct bench_harness_call call;

	(void)arg;
	target_make("one");
	bench_harness_call(&call, ebb_thread_app(), sleepless_register, &call);
	ck_assert_ptr_nonnull(sleepless);
	ck_assert_int_eq(bench_modes_make(&modes, EBB_REACTOR_POLL, &poll), 0);
	ck_assert_int_eq(bench_modes_make(&modes, EBB_REACTOR_INTERRUPT, &interrupt), 0);
	ck_assert_int_eq(measure(&interrupt), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(error, "interrupt: one cannot be served like that: "));
	ck_assert_ptr_nonnull(strstr(error, "with --mode"));
	ck_assert(isnan(outcome.sample.metric[BENCH_IOPS]));
	ck_assert_int_eq(measure(&poll), 0); /* the others can */
	bench_harness_call(&call, ebb_thread_app(), sleepless_unregister, &call);
	poll.destroy(&poll);
	interrupt.destroy(&interrupt);
	bench_modes_rest(&modes);
	return 0;
}

START_TEST(a_mode_that_cannot_be_set_is_an_error_that_says_so)
{
	run(script_sleepless);
}
END_TEST

static int script_foreign(void *arg)
{
	struct bench_contender contender = {.name = ""};

	(void)arg;
	memset(&target, 0, sizeof(target));
	snprintf(target.name, sizeof(target.name), "nbd://host/export");
	snprintf(target.kind, sizeof(target.kind), "nbd");
	ck_assert_int_eq(bench_modes_make(&modes, EBB_REACTOR_POLL, &contender), 0);
	ck_assert(!contender.fits(&contender, &target));
	ck_assert_int_eq(measure(&contender), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(error, "nbd://host/export is no bdev of this process"));
	contender.destroy(&contender);
	return 0;
}

START_TEST(what_is_elsewhere_has_no_modes)
{
	run(script_foreign);
}
END_TEST

START_TEST(plans_have_names)
{
	char name[48];

	bench_modes_plan_name(0, 0, name, sizeof(name));
	ck_assert_str_eq(name, "0us,0us");
	bench_modes_plan_name(27500, 1200000, name, sizeof(name));
	ck_assert_str_eq(name, "27.5us,1200us");
	bench_modes_plan_name(EBB_NS_PER_S + 1, 10 * EBB_NS_PER_S, name, sizeof(name));
	ck_assert_str_eq(name, "1000000.001us,10000000us"); /* as --plan takes it */
	bench_modes_plan_name(0, EBB_REACTOR_FOREVER, name, sizeof(name));
	ck_assert_str_eq(name, "0us,forever");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(each_mode_is_set_and_measured),
		UNIT_TEST(a_mode_that_cannot_be_set_is_an_error_that_says_so),
		UNIT_TEST(what_is_elsewhere_has_no_modes),
		UNIT_TEST(plans_have_names),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
