/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/replay/options.h"

#include <errno.h>
#include <string.h>

#include "bench/replay/fit.h"
#include "tests/unit/unit.h"

static struct bench_replay_options options;
static struct bench_trace_options trace_options;
static char error[BENCH_ERROR_MAX];

static int parse(const char *const *args)
{
	int count = 0;

	while (args[count] != NULL) {
		count++;
	}
	error[0] = '\0';
	return bench_replay_options_read((char *const *)args, count, &options, error);
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

static void refused(int rc, const char *text)
{
	ck_assert_int_eq(rc, -EINVAL);
	ck_assert_msg(strstr(error, text) != NULL, "%s", error);
	ck_assert_ptr_null(strchr(error, '\n'));
}

START_TEST(defaults)
{
	ck_assert_int_eq(PARSE("t.log", "/tmp/disk"), 0);
	ck_assert_str_eq(options.trace, "t.log");
	ck_assert_uint_eq(options.compare.targets.count, 1);
	ck_assert_str_eq(options.compare.targets.text[0], "/tmp/disk");
	ck_assert_double_eq_tol(options.speed, 1, 1e-9);
	ck_assert_uint_eq(options.loops, 1);
	ck_assert_uint_eq(options.limit, 0);
	ck_assert_uint_eq(options.compare.modes.count, 3);
	ck_assert_uint_eq(options.compare.runs, 1);
	ck_assert_uint_eq(options.offsets, BENCH_FIT_WRAP);
	ck_assert_int_eq(bench_replay_options_action(&options), 'D');
	ck_assert(!options.compare.write && !options.reads_only);
}
END_TEST

START_TEST(all_that_can_be_asked)
{
	ck_assert_int_eq(PARSE("-", "disk", "--bdev-json", "c.json", "--speed", "2.5", "--loop",
			       "3", "--limit", "100", "--time", "50ms", "--qd", "7", "--offsets",
			       "scale", "--action", "Q", "--reads-only", "--mode", "poll", "--plan",
			       "30us,65us", "--runs", "2"),
			 0);
	ck_assert_double_eq_tol(options.speed, 2.5, 1e-9);
	ck_assert_uint_eq(options.loops, 3);
	ck_assert_uint_eq(options.limit, 100);
	ck_assert_uint_eq(options.depth, 7);
	ck_assert_uint_eq(options.compare.time_ns, 50 * EBB_NS_PER_MS);
	ck_assert_uint_eq(options.offsets, BENCH_FIT_SCALE);
	ck_assert_int_eq(bench_replay_options_action(&options), 'Q');
	ck_assert(options.reads_only);
	ck_assert_uint_eq(options.compare.modes.count, 1);
	ck_assert_uint_eq(options.compare.plans.count, 1);
	ck_assert_uint_eq(options.compare.plans.plan[0].look_ns, 65 * EBB_NS_PER_US);
}
END_TEST

START_TEST(a_stand_in_is_a_target)
{
	ck_assert_int_eq(PARSE("t.log", "--stand-in", "10us"), 0);
	ck_assert_uint_eq(options.compare.targets.count, 0);
	refused(PARSE("t.log", "disk", "--stand-in", "10us"), "on one target");
}
END_TEST

START_TEST(mistakes)
{
	refused(PARSE("--runs", "1"), "which trace?");
	refused(PARSE("t.log"), "on what is it to be replayed?");
	refused(PARSE("t.log", "a", "b"), "on one target");
	refused(PARSE("t.log", "a", "--write", "--reads-only"), "exclude each other");
	refused(PARSE("t.log", "a", "--speed", "0"), "--speed 0: out of range");
	refused(PARSE("t.log", "a", "--speed", "fast"), "2 is twice as fast");
	refused(PARSE("t.log", "a", "--offsets", "drop"), "wrap, scale, refuse");
	refused(PARSE("t.log", "a", "--action", "C"), "D, Q");
	refused(PARSE("t.log", "a", "--loop", "0"), "--loop 0: out of range");
	refused(PARSE("t.log", "a", "--plan", "30us"), "give two times");
}
END_TEST

static int parse_trace(const char *const *args)
{
	int count = 0;

	while (args[count] != NULL) {
		count++;
	}
	return bench_trace_options_read((char *const *)args, count, &trace_options, error);
}

#define PARSE_TRACE(...) parse_trace((const char *const[]){__VA_ARGS__, NULL})

START_TEST(samples)
{
	ck_assert_int_eq(PARSE_TRACE("vm-boot", "--out", "f", "--seed", "9"), 0);
	ck_assert_str_eq(trace_options.out, "f");
	ck_assert_uint_eq(trace_options.seed, 9);
	ck_assert_int_eq(PARSE_TRACE("--list"), 0);
	ck_assert(trace_options.list);
	refused(PARSE_TRACE("--seed", "9"), "give the name of one sample");
	refused(PARSE_TRACE("vm-boot", "--list"), "give the name of one sample");
	refused(PARSE_TRACE("vm-boot", "database"), "one sample at a time");
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(defaults),
		UNIT_TEST(all_that_can_be_asked),
		UNIT_TEST(a_stand_in_is_a_target),
		UNIT_TEST(mistakes),
		UNIT_TEST(samples),
		UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
