/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/command_options.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <ebb/reactor.h>

#include "core/os/cpumask.h"
#include "tests/unit/unit.h"

#define ARGS_MAX 16

static char error[BENCH_ERROR_MAX];
static struct bench_run_options options;

/* The arguments of a run, as one text with blanks between. */
static int parse(const char *line)
{
	char text[256];
	char *args[ARGS_MAX];
	int count = 0;

	snprintf(text, sizeof(text), "%s", line);
	for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
		ck_assert_int_lt(count, ARGS_MAX);
		args[count++] = word;
	}
	memset(&options, 0xff, sizeof(options));
	error[0] = '\0';
	return bench_command_options_run(args, count, &options, error);
}

START_TEST(test_defaults)
{
	ck_assert_int_eq(parse("--bdev-json f --bdev b"), 0);
	ck_assert_uint_eq(options.rw, BENCH_RW_RANDREAD);
	ck_assert_uint_eq(options.block_bytes, 4096);
	ck_assert_uint_eq(options.queue_depth, 1);
	ck_assert_uint_eq(options.time_ns, 2 * EBB_NS_PER_S);
	ck_assert_uint_eq(options.modes.count, 3);
	ck_assert_uint_eq(options.runs, 1);
	ck_assert_uint_eq(options.size_bytes, 0);
	ck_assert_uint_eq(options.format, BENCH_FORMAT_TEXT);
}
END_TEST

/* The indexes of --mode are used as enum ebb_reactor_mode. */
START_TEST(test_modes)
{
	ck_assert_int_eq(parse("--bdev-json f --bdev b --mode adaptive,poll,interrupt"), 0);
	ck_assert_uint_eq(options.modes.count, 3);
	ck_assert_str_eq(ebb_reactor_mode_name(options.modes.index[0]), "adaptive");
	ck_assert_str_eq(ebb_reactor_mode_name(options.modes.index[1]), "poll");
	ck_assert_str_eq(ebb_reactor_mode_name(options.modes.index[2]), "interrupt");
}
END_TEST

START_TEST(test_workloads)
{
	static const char *const names[] = {"read", "write", "randread", "randwrite", "randrw"};
	char line[64];

	for (unsigned i = 0; i < BENCH_RW_COUNT; i++) {
		snprintf(line, sizeof(line), "--bdev-json f --bdev b --rw %s", names[i]);
		ck_assert_int_eq(parse(line), 0);
		ck_assert_uint_eq(options.rw, i);
		ck_assert_str_eq(bench_load_rw_name(i), names[i]);
	}
}
END_TEST

START_TEST(test_missing)
{
	ck_assert_int_eq(parse("--bdev b"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "--bdev-json is missing"));
	ck_assert_int_eq(parse("--bdev-json f"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "--bdev is missing"));
}
END_TEST

START_TEST(test_sizes)
{
	ck_assert_int_eq(parse("--bdev-json f --bdev b --bs 1000"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "multiple of 512"));
	ck_assert_int_eq(parse("--bdev-json f --bdev b --bs 2m"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "512 to 1048576"));
	ck_assert_int_eq(parse("--bdev-json f --bdev b --bs 8k --size 4k"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "holds not one request"));
	ck_assert_int_eq(parse("--bdev-json f --bdev b --bs 8k --size 8k"), 0);
	ck_assert_int_eq(parse("--bdev-json f --bdev b --qd 0"), -EINVAL);
	ck_assert_int_eq(parse("--bdev-json f --bdev b --rwmixread 101"), -EINVAL);
	ck_assert_int_eq(parse("--bdev-json f --bdev b --rwmixread 0"), 0);
	ck_assert_int_eq(parse("--bdev-json f --bdev b --runs 100"), -EINVAL);
}
END_TEST

static int first_allowed_cpu(void)
{
	cpu_set_t allowed;
	int cpu = 0;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
	while (!CPU_ISSET((size_t)cpu, &allowed)) {
		cpu++;
	}
	return cpu;
}

START_TEST(test_cpus)
{
	cpu_set_t cpus;
	char line[64];

	snprintf(line, sizeof(line), "--bdev-json f --bdev b --core %d", first_allowed_cpu());
	ck_assert_int_eq(parse(line), 0);
	ck_assert_int_eq(os_cpumask_parse(options.cpumask, &cpus), 0);
	ck_assert_int_eq(CPU_COUNT(&cpus), 1);
	ck_assert(CPU_ISSET((size_t)first_allowed_cpu(), &cpus));

	/* A mask, too, where none was asked for: without one a reactor that sleeps roams. */
	ck_assert_int_eq(parse("--bdev-json f --bdev b"), 0);
	ck_assert_ptr_nonnull(options.cpumask);
	ck_assert_int_eq(os_cpumask_parse(options.cpumask, &cpus), 0);
	ck_assert_int_eq(CPU_COUNT(&cpus), 1);
	ck_assert(CPU_ISSET((size_t)first_allowed_cpu(), &cpus));

	ck_assert_int_eq(parse("--bdev-json f --bdev b --core 1023"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "may not use CPU 1023: give one"));
	ck_assert_int_eq(parse("--bdev-json f --bdev b --core 1024"), -EINVAL);
	ck_assert_int_eq(parse("--bdev-json f --bdev b --core 0 --cpumask 0x1"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "one of them"));
	ck_assert_int_eq(parse("--bdev-json f --bdev b --cpumask 0"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "CPU 0 is [0], mask 0x0 is no CPU"));
	ck_assert_int_eq(parse("--bdev-json f --bdev b --cpumask zero"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "0x3"));
}
END_TEST

START_TEST(test_wake_and_rpc)
{
	struct bench_wake_options wake;
	char *idle[] = {"--idle", "0"};
	char *rounds[] = {"--rounds=5", "--time=100ms", "--format=json"};
	char *prices[] = {"--prices-only", "--samples=7", "--sleep=1ms", "--device=/dev/x"};
	char *too_long[] = {"--sleep=1.5"};
	char *nothing[] = {"--prices-only", "--samples=0"};

	ck_assert_int_eq(bench_command_options_wake("wake", rounds, 3, &wake, error), 0);
	ck_assert_uint_eq(wake.rounds, 5);
	ck_assert_uint_eq(wake.time_ns, 100 * EBB_NS_PER_MS);
	ck_assert_uint_eq(wake.format, BENCH_FORMAT_JSON);
	ck_assert_int_eq(bench_command_options_wake("rpc", rounds, 3, &wake, error), 0);
	ck_assert_int_eq(bench_command_options_wake("wake", idle, 2, &wake, error), 0);
	ck_assert_uint_eq(wake.idle_ns, 0);
	ck_assert_int_eq(bench_command_options_wake("rpc", idle, 2, &wake, error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "rpc: --idle: no such option"));
	ck_assert(!wake.prices_only);
	ck_assert_uint_eq(wake.samples, 200);
	ck_assert_uint_eq(wake.sleep_ns, EBB_NS_PER_S);
	ck_assert_ptr_null(wake.device);
	ck_assert_int_eq(bench_command_options_wake("wake", prices, 4, &wake, error), 0);
	ck_assert(wake.prices_only);
	ck_assert_uint_eq(wake.samples, 7);
	ck_assert_uint_eq(wake.sleep_ns, EBB_NS_PER_MS);
	ck_assert_str_eq(wake.device, "/dev/x");
	ck_assert_int_eq(bench_command_options_wake("wake", too_long, 1, &wake, error), -EINVAL);
	ck_assert_int_eq(bench_command_options_wake("wake", nothing, 2, &wake, error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "measures nothing: give one of them"));
}
END_TEST

/* Every option that a command takes is in its help. */
START_TEST(test_help)
{
	static const char *const names[] = {"--bdev-json FILE", "--bdev NAME",   "--rwmixread",
					    "--runs",           "--rounds",      "--settle",
					    "--prices-only",    "--device PATH", "ebb-bench rpc"};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	bench_command_options_help(NULL, out);
	fclose(out);
	for (size_t i = 0; i < EBB_ARRAY_SIZE(names); i++) {
		ck_assert_ptr_nonnull(strstr(text, names[i]));
	}
	free(text);
}
END_TEST

int main(int argc, char **argv)
{
	const struct unit_test tests[] = {
		UNIT_TEST(test_defaults),     UNIT_TEST(test_modes), UNIT_TEST(test_workloads),
		UNIT_TEST(test_missing),      UNIT_TEST(test_sizes), UNIT_TEST(test_cpus),
		UNIT_TEST(test_wake_and_rpc), UNIT_TEST(test_help),  UNIT_END,
	};

	return unit_main(argc, argv, tests);
}
