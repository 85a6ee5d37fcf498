/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/options.h"

#include <errno.h>
#include <string.h>

#include <ebb/reactor.h>

#include "bench/load/load.h"
#include "bench/results/spread.h"
#include "tests/unit/unit.h"

#define ARGS_MAX 24

static char error[BENCH_ERROR_MAX];
static struct bench_compare_options options;

/* The arguments, as one text with blanks between. */
static int parse(const char *line)
{
	static char text[512];
	char *args[ARGS_MAX];
	int count = 0;

	snprintf(text, sizeof(text), "%s", line);
	for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
		ck_assert_int_lt(count, ARGS_MAX);
		args[count++] = word;
	}
	memset(&options, 0xff, sizeof(options));
	error[0] = '\0';
	return bench_compare_options_read(args, count, &options, error);
}

static void refused(const char *line, const char *why)
{
	ck_assert_int_eq(parse(line), -EINVAL);
	ck_assert_msg(strstr(error, why) != NULL, "%s: %s", line, error);
	ck_assert_ptr_null(strchr(error, '\n'));
}

/* Without an option: depths in a closed loop, and shares of what polling sustains. */
START_TEST(test_preset)
{
	ck_assert_int_eq(parse("f"), 0);
	ck_assert_uint_eq(options.targets.count, 1);
	ck_assert_str_eq(options.targets.text[0], "f");
	ck_assert_uint_eq(options.rw.count, 1);
	ck_assert_uint_eq(options.rw.index[0], BENCH_RW_RANDREAD);
	ck_assert_uint_eq(options.block_bytes.number[0], 4096);
	ck_assert_uint_eq(options.queue_depth.count, 3);
	ck_assert_uint_eq(options.queue_depth.number[2], 32);
	ck_assert_uint_eq(options.shapes.count, 2);
	ck_assert_uint_eq(options.shapes.index[0], BENCH_SHAPE_CLOSED);
	ck_assert_uint_eq(options.shapes.index[1], BENCH_SHAPE_POISSON);
	ck_assert_uint_eq(options.rates.count, 3);
	ck_assert(options.rates.rate[1].percent);
	ck_assert_double_eq(options.rates.rate[1].value, 50);
	ck_assert_uint_eq(options.modes.count, 3);
	ck_assert(!options.write);
	/* 6 loads in 3 modes: less than two minutes, with what lies between the runs. */
	ck_assert_uint_lt(6 * 3 * options.runs * (options.time_ns + options.warmup_ns),
			  90 * EBB_NS_PER_S);
	/* There is an interval, and each round has its counterpart. */
	ck_assert_uint_ge(options.runs, BENCH_SPREAD_SAMPLES_MIN);
	ck_assert_uint_eq(options.runs % 2, 0);
}
END_TEST

START_TEST(test_lists)
{
	ck_assert_int_eq(parse("a b --bs 4k,64k --qd 1,2 --rw randread,randrw --rwmixread 70,90 "
			       "--write --mode poll --plan 30us,65us --plan 0,1ms"),
			 0);
	ck_assert_uint_eq(options.targets.count, 2);
	ck_assert_uint_eq(options.block_bytes.count, 2);
	ck_assert_uint_eq(options.queue_depth.count, 2);
	ck_assert_uint_eq(options.rw.count, 2);
	ck_assert_uint_eq(options.read_percent.count, 2);
	ck_assert_uint_eq(options.shapes.count, 1); /* depths were given, and no rates */
	ck_assert_uint_eq(options.shapes.index[0], BENCH_SHAPE_CLOSED);
	ck_assert_uint_eq(options.rates.count, 0);
	ck_assert_uint_eq(options.plans.count, 2);
	ck_assert_uint_eq(options.plans.plan[0].sleep_ns, 30000);
	ck_assert_uint_eq(options.plans.plan[0].look_ns, 65000);
	ck_assert_uint_eq(options.plans.plan[1].look_ns, 1000000);
	refused("f --plan 30us,65us --plan 30us,65us", "the same twice");
	ck_assert_int_eq(parse("f --plan 30us,forever"), 0); /* as the search names what it finds */
	ck_assert_uint_eq(options.plans.plan[0].sleep_ns, 30000);
	ck_assert_uint_eq(options.plans.plan[0].look_ns, EBB_REACTOR_FOREVER);
	refused("f --plan 11,forever", "out of range");
	refused("f --plan forever,forever", "not understood");
	refused("f f", "the same twice");
	refused("f --with fio --with fio", "the same twice");
	refused("f --bs 4k,4096", "the same twice");
}
END_TEST

START_TEST(test_rates)
{
	ck_assert_int_eq(parse("f --rate 500,20k,1.5m,50%,12.5%"), 0);
	ck_assert_uint_eq(options.rates.count, 5);
	ck_assert_double_eq(options.rates.rate[0].value, 500);
	ck_assert_double_eq(options.rates.rate[1].value, 20000);
	ck_assert_double_eq(options.rates.rate[2].value, 1500000);
	ck_assert(!options.rates.rate[2].percent);
	ck_assert(options.rates.rate[3].percent);
	ck_assert_double_eq(options.rates.rate[4].value, 12.5);
	ck_assert_uint_eq(options.shapes.count, 1);
	ck_assert_uint_eq(options.shapes.index[0], BENCH_SHAPE_POISSON);

	refused("f --rate 20x", "--rate 20x: not understood: give I/Os a second");
	refused("f --rate 20kk", "not understood");
	refused("f --rate 20k,", "not understood");
	refused("f --rate -5", "not understood");
	refused("f --rate 0", "out of range");
	refused("f --rate 201%", "out of range");
	refused("f --rate 1k,1000", "the same twice");
}
END_TEST

START_TEST(test_shapes)
{
	ck_assert_int_eq(parse("f --shape closed,burst --burst 8"), 0);
	ck_assert_uint_eq(options.burst_ios, 8);
	ck_assert_uint_eq(options.rates.count, 3); /* the preset's */
	ck_assert_int_eq(parse("f --shape on-off --on 5ms --off 2ms --rate 10k"), 0);
	ck_assert_uint_eq(options.on_ns, 5000000);
	ck_assert_uint_eq(options.off_ns, 2000000);
	ck_assert_uint_eq(options.shapes.count, 1);
	refused("f --shape closed --rate 10k", "--rate: a closed loop has none");
	refused("f --shape poison", "did you mean poisson?");
	refused("f --burst 8", "give --shape burst, too");
	refused("f --rate 10k --on 5ms", "give --shape on-off, too");
}
END_TEST

/* Nothing is written unless that is allowed by name. */
START_TEST(test_write)
{
	refused("f --rw randread,randwrite", "--rw randwrite writes: give --write, too");
	refused("f --rw randrw --rwmixread 100", "--rw randrw writes");
	ck_assert_int_eq(parse("f --rw randwrite --write"), 0);
	refused("f --rwmixread 70", "only randrw mixes");
	refused("f --verify", "--verify writes patterns: give --write, too");
	ck_assert_int_eq(parse("f --verify --write"), 0);
	refused("f --verify --write --rw randread,randwrite",
		"--verify: --rw randwrite reads nothing that could be checked: give randrw");
	refused("f --verify --write --rw write", "--rw write reads nothing");
	ck_assert_int_eq(parse("f --verify --write --rw read,randrw"), 0);
}
END_TEST

START_TEST(test_targets)
{
	refused("", "what is to be measured?");
	refused("--bdev-json c", "what is to be measured?");
	ck_assert_int_eq(parse("--stand-in 10us"), 0);
	ck_assert_int_eq(parse("--nbd nbd://h/e"), 0);
	refused("--server s --stand-in 10us", "which bdev?");
	refused("b --server s --bdev-json c", "give one");
	refused("b --server s --core 1", "do without --core and --cpumask");
	refused("b --server s --cpumask 0x3", "do without --core and --cpumask");
}
END_TEST

START_TEST(test_complaints)
{
	refused("f --plan 30us", "--plan 30us: not understood: give two times");
	refused("f --plan 65us,30us", "out of range: give two times (30us,65us)");
	refused("f --plan 1,11", "out of range");
	refused("f --qd 0", "out of range: give 1 to 4096");
	refused("f --bs 1000", "--bs 1000: give a multiple of 512");
	refused("f --bs 64k --size 4k", "holds not one request");
	refused("f --force", "name its socket with --server");
	refused("f --price 2", "give --search-plan, too");
	refused("f --search-plan --price 0", "out of range");
	refused("f --core 0 --cpumask 0x1", "give one of them");
	refused("f --sheed 3", "did you mean --seed?");
	ck_assert_int_eq(parse("f --help"), -ECANCELED);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_preset),     UNIT_TEST(test_lists),
		UNIT_TEST(test_rates),      UNIT_TEST(test_shapes),
		UNIT_TEST(test_write),      UNIT_TEST(test_targets),
		UNIT_TEST(test_complaints), UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
