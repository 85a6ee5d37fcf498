/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/replay/options.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include <ebb/reactor.h>

#include "bench/command_options.h"
#include "bench/load/load.h"
#include "bench/option_value.h"
#include "bench/replay/fit.h"

static const char *const action_names[] = {"D", "Q", NULL};

static const char *const format_names[] = {
	[BENCH_COMPARE_TEXT] = "text",
	[BENCH_COMPARE_JSON] = "json",
	[BENCH_COMPARE_CSV] = "csv",
	NULL,
};

static int speed_read(const char *text, void *field)
{
	const char *end;
	double speed;

	if (!bench_option_value_decimal(text, &end, &speed) || *end != '\0') {
		return -EINVAL;
	}
	if (speed < 1 / BENCH_REPLAY_SPEED_MAX || speed > BENCH_REPLAY_SPEED_MAX) {
		return -ERANGE;
	}
	*(double *)field = speed;
	return 0;
}

#define ROW(option_name, field, option_type, ...)                                            \
	{                                                                                    \
		.name = option_name, .offset = offsetof(struct bench_replay_options, field), \
		.type = BENCH_OPTION_##option_type, __VA_ARGS__                              \
	}

static const struct bench_option replay_table[] = {
	ROW("", words, TEXTS, .value = "TRACE [TARGET]",
	    .help = "a trace (-: stdin), and a file, a block device, /dev/ngXnY, or a bdev"),
	ROW("bdev-json", compare.bdev_json, TEXT, .value = "FILE",
	    .help = "configuration that makes the bdev which TARGET names"),
	ROW("stand-in", compare.stand_ins, TEXTS, .value = "T[,JITTER]",
	    .help = "in place of a TARGET: a device of known speed"),
	ROW("speed", speed, OTHER, .value = "X", .read = speed_read,
	    .form = "give a number of 0.000001 to 1000000: 2 is twice as fast",
	    .help = "so many times as fast as it was (default 1)"),
	ROW("loop", loops, COUNT, .value = "N", .min = 1, .max = 1000000,
	    .help = "the whole trace so often (default 1)"),
	ROW("limit", limit, COUNT, .value = "N", .min = 1,
	    .help = "only its first N requests (default all)"),
	ROW("time", compare.time_ns, SECONDS, .value = "TIME", .min = EBB_NS_PER_MS,
	    .max = 86400 * EBB_NS_PER_S,
	    .help = "only what comes in that time of the replay (default all)"),
	ROW("qd", depth, COUNT, .value = "N", .min = 1, .max = 4096,
	    .help = "at most so many in flight on each core, others wait in line (default 128)"),
	ROW("offsets", offsets, CHOICE, .value = "HOW", .choices = bench_fit_offsets_names,
	    .help = "beyond the target's end: wrap, scale (all), refuse (default wrap)"),
	ROW("action", action, CHOICE, .value = "A", .choices = action_names,
	    .help = "of blkparse's lines: D, what the device got, or Q, what was asked (default "
		    "D)"),
	ROW("write", compare.write, FLAG, .help = "allow the trace's writes: they destroy data"),
	ROW("reads-only", reads_only, FLAG, .help = "leave the trace's writes out"),
	ROW("mode", compare.modes, CHOICES, .value = "MODE[,MODE]",
	    .choices = bench_command_mode_names,
	    .help = "poll, interrupt, adaptive (default all three)"),
	ROW("plan", compare.plans, OTHER, .value = "SLEEP,LOOK", .read = bench_compare_options_plan,
	    .form = "give two times (30us,65us): sleep first, then look until, the second not "
		    "before the first, at most 10 seconds",
	    .help = "a fixed plan as a mode of its own (30us,65us); repeatable"),
	ROW("runs", compare.runs, COUNT, .value = "N", .min = 1, .max = BENCH_COMPARE_RUNS,
	    .help = "rounds through all modes (default 1)"),
	ROW("seed", compare.seed, COUNT, .value = "N", .help = "of the order of modes (default 1)"),
	ROW("core", compare.core, COUNT, .value = "N", .max = CPU_SETSIZE - 1,
	    .help = "the CPU of the reactor (default the first allowed)"),
	ROW("cpumask", compare.cpumask, TEXT, .value = "MASK",
	    .help = "several: 0x3 or [0,2-3]; they take requests by turns"),
	ROW("format", compare.format, CHOICE, .value = "FORMAT", .choices = format_names,
	    .help = "of what is printed: text, json or csv (default text)"),
	ROW("json", compare.json, TEXT, .value = "FILE",
	    .help = "also write the results there, as JSON"),
	ROW("csv", compare.csv, TEXT, .value = "FILE", .help = "the same as CSV"),
	ROW("html", compare.html, TEXT, .value = "FILE", .help = "the same as a page with plots"),
};

#define TRACE_ROW(option_name, field, option_type, ...)                                     \
	{                                                                                   \
		.name = option_name, .offset = offsetof(struct bench_trace_options, field), \
		.type = BENCH_OPTION_##option_type, __VA_ARGS__                             \
	}

static const struct bench_option trace_table[] = {
	TRACE_ROW("", words, TEXTS, .value = "NAME", .help = "one of those that --list names"),
	TRACE_ROW("list", list, FLAG, .help = "name those there are"),
	TRACE_ROW("out", out, TEXT, .value = "FILE", .help = "write it there (default stdout)"),
	TRACE_ROW("seed", seed, COUNT, .value = "N",
		  .help = "the same seed makes the same trace (default 1)"),
};

char bench_replay_options_action(const struct bench_replay_options *options)
{
	return action_names[options->action][0];
}

static int complain(char error[BENCH_ERROR_MAX], const char *text)
{
	snprintf(error, BENCH_ERROR_MAX, "replay: %s", text);
	return -EINVAL;
}

static int replay_check(struct bench_replay_options *options, char error[BENCH_ERROR_MAX])
{
	const struct bench_texts *words = &options->words;
	bool stand_in = options->compare.stand_ins.count > 0;

	if (words->count == 0) {
		return complain(error, "which trace? give a file, or make one: ebb-bench trace "
				       "laptop-day --out FILE");
	}
	if (words->count + options->compare.stand_ins.count < 2) {
		return complain(error, "on what is it to be replayed? give a file, a block device, "
				       "or a bdev's name with --bdev-json FILE");
	}
	if (words->count + options->compare.stand_ins.count > 2) {
		return complain(error, "a trace is replayed on one target: give one");
	}
	if (options->compare.write && options->reads_only) {
		return complain(error, "--write and --reads-only exclude each other: give one");
	}
	options->trace = words->text[0];
	if (!stand_in) {
		options->compare.targets.count = 1;
		options->compare.targets.text[0] = words->text[1];
	}
	if (options->compare.modes.count == 0) {
		options->compare.modes = (struct bench_choices){
			3, {EBB_REACTOR_POLL, EBB_REACTOR_INTERRUPT, EBB_REACTOR_ADAPTIVE}};
	}
	return 0;
}

int bench_replay_options_read(char *const *args, int num_args,
			      struct bench_replay_options *ret_options, char error[BENCH_ERROR_MAX])
{
	struct bench_replay_options options = {
		.compare = {.runs = 1, .seed = 1, .core = BENCH_CORE_ANY},
		.speed = 1,
		.loops = 1,
		.depth = 128,
	};
	int rc = bench_option_parse("replay", replay_table, EBB_ARRAY_SIZE(replay_table), args,
				    num_args, &options, error);

	rc = rc == 0 ? replay_check(&options, error) : rc;
	if (rc < 0) {
		return rc;
	}
	*ret_options = options;
	return bench_command_options_cpus("replay", ret_options->compare.core,
					  ret_options->compare.core_text,
					  &ret_options->compare.cpumask, error);
}

int bench_trace_options_read(char *const *args, int num_args,
			     struct bench_trace_options *ret_options, char error[BENCH_ERROR_MAX])
{
	struct bench_trace_options options = {.seed = 1};
	int rc = bench_option_parse("trace", trace_table, EBB_ARRAY_SIZE(trace_table), args,
				    num_args, &options, error);

	if (rc == 0 && options.words.count > 1) {
		snprintf(error, BENCH_ERROR_MAX, "trace: one sample at a time: give one name");
		rc = -EINVAL;
	} else if (rc == 0 && (options.words.count == 1) == options.list) {
		snprintf(error, BENCH_ERROR_MAX,
			 "trace: give the name of one sample, or --list to see which there are");
		rc = -EINVAL;
	}
	if (rc == 0) {
		*ret_options = options;
	}
	return rc;
}

void bench_replay_options_help(const char *command, FILE *out)
{
	if (command == NULL || strcmp(command, "replay") == 0) {
		fprintf(out, "ebb-bench replay: a block trace, each request at its own time, in "
			     "each mode\n");
		bench_option_help(replay_table, EBB_ARRAY_SIZE(replay_table), out);
	}
	if (command == NULL || strcmp(command, "trace") == 0) {
		fprintf(out, "ebb-bench trace: makes a small sample trace to replay\n");
		bench_option_help(trace_table, EBB_ARRAY_SIZE(trace_table), out);
	}
}
