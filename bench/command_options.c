/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/command_options.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include <ebb/memory.h>
#include <ebb/reactor.h>

#include "core/os/cpumask.h"

const char *const bench_command_mode_names[] = {
	[EBB_REACTOR_POLL] = "poll",
	[EBB_REACTOR_INTERRUPT] = "interrupt",
	[EBB_REACTOR_ADAPTIVE] = "adaptive",
	[EBB_REACTOR_MODE_COUNT] = NULL,
};

static const char *const format_names[] = {
	[BENCH_FORMAT_TEXT] = "text",
	[BENCH_FORMAT_JSON] = "json",
	NULL,
};

#define RUN_OPTION(option_name, field, option_type, ...)                                  \
	{                                                                                 \
		.name = option_name, .offset = offsetof(struct bench_run_options, field), \
		.type = option_type, __VA_ARGS__                                          \
	}

static const struct bench_option run_table[] = {
	RUN_OPTION("bdev-json", bdev_json, BENCH_OPTION_TEXT, .value = "FILE",
		   .help = "configuration that makes the bdev (required)"),
	RUN_OPTION("bdev", bdev, BENCH_OPTION_TEXT, .value = "NAME",
		   .help = "the bdev to measure (required); writing destroys what it holds"),
	RUN_OPTION("rw", rw, BENCH_OPTION_CHOICE, .value = "HOW", .choices = bench_load_rw_names,
		   .help = "read, write, randread, randwrite or randrw (default randread)"),
	RUN_OPTION("rwmixread", read_percent, BENCH_OPTION_COUNT, .value = "PERCENT", .max = 100,
		   .help = "reads among the requests of randrw (default 50)"),
	RUN_OPTION("bs", block_bytes, BENCH_OPTION_BYTES, .value = "BYTES", .min = 512,
		   .max = EBB_MEM_ALLOC_MAX, .help = "size of a request (default 4k)"),
	RUN_OPTION("qd", queue_depth, BENCH_OPTION_COUNT, .value = "N", .min = 1, .max = 4096,
		   .help = "requests in flight on each core (default 1)"),
	RUN_OPTION("size", size_bytes, BENCH_OPTION_BYTES, .value = "BYTES", .min = 512,
		   .help = "use only that much of the bdev, from its start (default all)"),
	RUN_OPTION("time", time_ns, BENCH_OPTION_SECONDS, .value = "SECONDS",
		   .min = 10 * EBB_NS_PER_MS, .max = 86400 * EBB_NS_PER_S,
		   .help = "length of each run (default 2)"),
	RUN_OPTION("warmup", warmup_ns, BENCH_OPTION_SECONDS, .value = "SECONDS",
		   .max = 3600 * EBB_NS_PER_S,
		   .help = "before each run, not counted (default 0.2)"),
	RUN_OPTION("mode", modes, BENCH_OPTION_CHOICES, .value = "MODE[,MODE]",
		   .choices = bench_command_mode_names,
		   .help = "poll, interrupt, adaptive (default all three, side by side)"),
	RUN_OPTION("spin-us", spin_us, BENCH_OPTION_COUNT, .value = "US", .min = 1, .max = 1000000,
		   .help = "how long the adaptive mode spins before it sleeps (default 50)"),
	RUN_OPTION("runs", runs, BENCH_OPTION_COUNT, .value = "N", .min = 1, .max = BENCH_RUNS_MAX,
		   .help = "runs in each mode, in alternating order; medians (default 1)"),
	RUN_OPTION("core", core, BENCH_OPTION_COUNT, .value = "N", .max = CPU_SETSIZE - 1,
		   .help = "the CPU of the reactor (default the first allowed)"),
	RUN_OPTION("cpumask", cpumask, BENCH_OPTION_TEXT, .value = "MASK",
		   .help = "several: 0x3 or [0,2-3]; each core keeps --qd requests in flight"),
	RUN_OPTION("seed", seed, BENCH_OPTION_COUNT, .value = "N",
		   .help = "of the random offsets (default 1)"),
	RUN_OPTION("format", format, BENCH_OPTION_CHOICE, .value = "FORMAT",
		   .choices = format_names, .help = "text or json (default text)"),
};

#define WAKE_OPTION(option_name, field, option_type, ...)                                  \
	{                                                                                  \
		.name = option_name, .offset = offsetof(struct bench_wake_options, field), \
		.type = option_type, __VA_ARGS__                                           \
	}

/* "rpc" has the first three. */
#define RPC_OPTIONS 3

static const struct bench_option wake_table[] = {
	WAKE_OPTION("rounds", rounds, BENCH_OPTION_COUNT, .value = "N", .min = 1,
		    .max = BENCH_ROUNDS_MAX,
		    .help = "floor and ebb by turns, that many times; medians (default 7)"),
	WAKE_OPTION("time", time_ns, BENCH_OPTION_SECONDS, .value = "SECONDS",
		    .min = 10 * EBB_NS_PER_MS, .max = 3600 * EBB_NS_PER_S,
		    .help = "length of each side of a round (default 0.2)"),
	WAKE_OPTION("format", format, BENCH_OPTION_CHOICE, .value = "FORMAT",
		    .choices = format_names, .help = "text or json (default text)"),
	WAKE_OPTION("settle", settle_ns, BENCH_OPTION_SECONDS, .value = "SECONDS",
		    .max = 3600 * EBB_NS_PER_S,
		    .help = "wait before counting idle wakeups (default 2)"),
	WAKE_OPTION("idle", idle_ns, BENCH_OPTION_SECONDS, .value = "SECONDS",
		    .max = 3600 * EBB_NS_PER_S,
		    .help = "count idle wakeups that long in each mode, 0: not (default 3)"),
	WAKE_OPTION("prices-only", prices_only, BENCH_OPTION_FLAG,
		    .help = "no rounds, no idle wakeups: what a sleep costs this machine"),
	WAKE_OPTION("samples", samples, BENCH_OPTION_COUNT, .value = "N", .max = 100000,
		    .help = "of each price; fewer after long sleeps; 0: no prices (default 200)"),
	WAKE_OPTION("sleep", sleep_ns, BENCH_OPTION_SECONDS, .value = "SECONDS",
		    .min = 10 * EBB_NS_PER_US, .max = EBB_NS_PER_S,
		    .help = "prices after sleeps of 10us, 1ms, 100ms and 1 up to that (default 1)"),
	WAKE_OPTION("device", device, BENCH_OPTION_TEXT, .value = "PATH",
		    .help = "file or block device: the price of its interrupt, by reads"),
};

static uint64_t first_of(const cpu_set_t *cpus)
{
	unsigned cpu = 0;

	while (cpu < CPU_SETSIZE - 1 && !CPU_ISSET(cpu, cpus)) {
		cpu++;
	}
	return cpu;
}

int bench_command_options_cpus(const char *command, uint64_t core,
			       char core_text[BENCH_CORE_TEXT_MAX], const char **cpumask,
			       char error[BENCH_ERROR_MAX])
{
	cpu_set_t allowed;
	bool known = sched_getaffinity(0, sizeof(allowed), &allowed) == 0;
	cpu_set_t asked;
	char why[144];

	if (core == BENCH_CORE_ANY && *cpumask == NULL && known) {
		core = first_of(&allowed);
	}
	if (core != BENCH_CORE_ANY) {
		if (*cpumask != NULL) {
			snprintf(error, BENCH_ERROR_MAX,
				 "%s: --core and --cpumask say the same thing: give one of them",
				 command);
			return -EINVAL;
		}
		snprintf(core_text, BENCH_CORE_TEXT_MAX, "[%u]", (unsigned)core);
		*cpumask = core_text;
	}
	if (*cpumask == NULL) {
		return 0;
	}
	if (os_cpumask_parse(*cpumask, &asked) < 0) {
		os_cpumask_explain(*cpumask, why, sizeof(why));
		snprintf(error, BENCH_ERROR_MAX, "%s: --cpumask %.80s: %s", command, *cpumask, why);
		return -EINVAL;
	}
	if (!known) {
		return 0; /* more CPUs than a cpu_set_t holds: let the framework judge */
	}
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &asked) && !CPU_ISSET(cpu, &allowed)) {
			snprintf(
				error, BENCH_ERROR_MAX,
				"%s: this process may not use CPU %u: give one that taskset -cp $$ "
				"lists",
				command, cpu);
			return -EINVAL;
		}
	}
	return 0;
}

static int run_options_check(const struct bench_run_options *options, char error[BENCH_ERROR_MAX])
{
	if (options->bdev_json == NULL) {
		snprintf(error, BENCH_ERROR_MAX,
			 "run: --bdev-json is missing; give the configuration file that makes the "
			 "bdev");
		return -EINVAL;
	}
	if (options->bdev == NULL) {
		snprintf(error, BENCH_ERROR_MAX,
			 "run: --bdev is missing; give the name of a bdev that %.80s makes",
			 options->bdev_json);
		return -EINVAL;
	}
	if (options->block_bytes % 512 != 0) {
		snprintf(error, BENCH_ERROR_MAX,
			 "run: --bs %llu: give a multiple of 512, the smallest block there is",
			 (unsigned long long)options->block_bytes);
		return -EINVAL;
	}
	if (options->size_bytes != 0 && options->size_bytes < options->block_bytes) {
		snprintf(error, BENCH_ERROR_MAX,
			 "run: --size %llu holds not one request of %llu bytes; make --size larger "
			 "or --bs smaller",
			 (unsigned long long)options->size_bytes,
			 (unsigned long long)options->block_bytes);
		return -EINVAL;
	}
	return 0;
}

int bench_command_options_run(char *const *args, int num_args,
			      struct bench_run_options *ret_options, char error[BENCH_ERROR_MAX])
{
	struct bench_run_options options = {
		.rw = BENCH_RW_RANDREAD,
		.read_percent = 50,
		.block_bytes = 4096,
		.queue_depth = 1,
		.time_ns = 2 * EBB_NS_PER_S,
		.warmup_ns = 200 * EBB_NS_PER_MS,
		.modes = {.count = 3,
			  .index = {EBB_REACTOR_POLL, EBB_REACTOR_INTERRUPT, EBB_REACTOR_ADAPTIVE}},
		.spin_us = EBB_REACTOR_SPIN_US_DEFAULT,
		.runs = 1,
		.seed = 1,
		.core = BENCH_CORE_ANY,
		.format = BENCH_FORMAT_TEXT,
	};
	int rc;

	rc = bench_option_parse("run", run_table, EBB_ARRAY_SIZE(run_table), args, num_args,
				&options, error);
	if (rc == 0) {
		rc = run_options_check(&options, error);
	}
	if (rc == 0) {
		*ret_options = options;
		rc = bench_command_options_cpus("run", ret_options->core, ret_options->core_text,
						&ret_options->cpumask, error);
	}
	return rc;
}

int bench_command_options_wake(const char *command, char *const *args, int num_args,
			       struct bench_wake_options *ret_options, char error[BENCH_ERROR_MAX])
{
	struct bench_wake_options options = {
		.rounds = 7,
		.time_ns = 200 * EBB_NS_PER_MS,
		.settle_ns = 2 * EBB_NS_PER_S,
		.idle_ns = 3 * EBB_NS_PER_S,
		.samples = 200,
		.sleep_ns = EBB_NS_PER_S,
		.format = BENCH_FORMAT_TEXT,
	};
	size_t count = strcmp(command, "rpc") == 0 ? RPC_OPTIONS : EBB_ARRAY_SIZE(wake_table);
	int rc;

	rc = bench_option_parse(command, wake_table, count, args, num_args, &options, error);
	if (rc == 0 && options.prices_only && options.samples == 0) {
		snprintf(error, BENCH_ERROR_MAX,
			 "%s: --prices-only with --samples 0 measures nothing: give one of them",
			 command);
		return -EINVAL;
	}
	if (rc == 0) {
		*ret_options = options;
	}
	return rc;
}

void bench_command_options_help(const char *command, FILE *out)
{
	if (command == NULL) {
		fprintf(out, "usage: ebb-bench COMMAND [OPTIONS]\n\n");
	}
	if (command == NULL || strcmp(command, "run") == 0) {
		fprintf(out, "ebb-bench run: I/O on a bdev, in each mode of its reactor\n");
		bench_option_help(run_table, EBB_ARRAY_SIZE(run_table), out);
	}
	if (command == NULL || strcmp(command, "wake") == 0) {
		fprintf(out,
			"ebb-bench wake: messages between reactors, beside bare floors; what a "
			"sleep costs\n");
		bench_option_help(wake_table, EBB_ARRAY_SIZE(wake_table), out);
	}
	if (command == NULL || strcmp(command, "rpc") == 0) {
		fprintf(out, "ebb-bench rpc: a JSON-RPC round trip, all asleep, beside a bare "
			     "chain\n");
		bench_option_help(wake_table, RPC_OPTIONS, out);
	}
}
