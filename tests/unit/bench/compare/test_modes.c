/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reactor's modes as contenders, on a reactor that really runs, beside the harness. What is waited
 * for here is bounded by Check, which ends a test that hangs.
 */
#include "bench/compare/modes.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ebb/app.h>
#include <ebb/bdev_module.h>
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
	ck_assert_int_eq(bench_modes_rest(&modes, NULL, error), 0);
	ck_assert_str_eq(modes.bdev, "");
	ck_assert_int_eq(mode_now(), EBB_REACTOR_INTERRUPT);
	return 0;
}

START_TEST(each_mode_is_set_and_measured)
{
	run(script_modes);
}
END_TEST

struct find {
	struct bench_harness_call call;
	const struct ebb_bdev *bdev;
};

static void find_run(void *arg)
{
	struct find *find = arg;

	find->bdev = ebb_bdev_find(target.bdev);
	bench_harness_call_done(&find->call);
}

static bool bdev_is_there(void)
{
	struct find find = {.bdev = NULL};

	bench_harness_call(&find.call, ebb_thread_app(), find_run, &find);
	return find.bdev != NULL;
}

/* A file is claimed by its bdev: no peer could serve it while that is there. */
static int script_given_up(void *arg)
{
	struct bench_contender contender = {.name = ""};
	char name[BENCH_TEXT_MAX];

	memset(&target, 0, sizeof(target));
	snprintf(target.name, sizeof(target.name), "%s", (const char *)arg);
	snprintf(target.path, sizeof(target.path), "%s", (const char *)arg);
	snprintf(target.kind, sizeof(target.kind), "file");
	ck_assert_int_eq(bench_setup_target(&target, true, error), 0);
	memcpy(name, target.bdev, sizeof(name));
	modes.write = true;
	ck_assert_int_eq(bench_modes_make(&modes, EBB_REACTOR_INTERRUPT, &contender), 0);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(measure(&contender), 0);
		ck_assert(bdev_is_there());
		ck_assert_int_eq(bench_modes_rest(&modes, &target, error), 0);
		ck_assert(!bdev_is_there());
		ck_assert_str_eq(target.bdev, name);
		ck_assert_int_eq(bench_modes_rest(&modes, &target, error), 0); /* it is gone */
	}
	ck_assert_int_eq(unlink(target.path), 0);
	ck_assert_int_lt(measure(&contender), 0); /* it cannot be made again */
	ck_assert_ptr_nonnull(strstr(error, target.path));
	contender.destroy(&contender);
	modes.write = false;
	/* What the configuration has made is not ours to take away. */
	target_make("one");
	ck_assert_int_eq(bench_modes_rest(&modes, &target, error), 0);
	ck_assert(bdev_is_there());
	return 0;
}

START_TEST(a_file_is_given_up_while_others_are_measured)
{
	static const char zeros[65536];
	char path[] = "/tmp/ebb-test-modes.XXXXXX";
	int fd = mkstemp(path);
	struct ebb_app_opts app;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, zeros, sizeof(zeros)), sizeof(zeros));
	close(fd);
	ebb_app_opts_init(&app, sizeof(app));
	app.json_data = CONFIG;
	modes.largest = load;
	ck_assert_int_eq(bench_harness_run(&app, script_given_up, path), 0);
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
	ck_assert_int_eq(bench_modes_rest(&modes, NULL, error), 0);
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
		UNIT_TEST(a_file_is_given_up_while_others_are_measured),
		UNIT_TEST(what_is_elsewhere_has_no_modes),
		UNIT_TEST(plans_have_names),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
