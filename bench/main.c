/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/command_options.h"
#include "bench/json.h"
#include "bench/report/run_report.h"
#include "bench/compare/command.h"
#include "bench/compare/options.h"
#include "bench/compare/run.h"
#include "bench/nearest.h"
#include "bench/replay/options.h"
#include "bench/replay/replay.h"
#include "bench/replay/trace_command.h"
#include "bench/report/text.h"
#include "bench/wake/rpc.h"
#include "bench/wake/wake.h"
#include "core/os/shortage.h"
#include "core/os/signals.h"
#include "core/os/stack.h"
#include "core/os/std_fds.h"

#define STACK_BYTES ((size_t)512 * 1024)

static int usage_error(const char *error)
{
	bench_text_say("%s", error);
	return BENCH_EXIT_USAGE;
}

static bool measured_anything(const struct bench_run_options *options,
			      const struct bench_run_result *result)
{
	for (unsigned i = 0; i < options->modes.count; i++) {
		if (result->modes[i].num_samples > 0) {
			return true;
		}
	}
	return false;
}

static int command_run(char *const *args, int num_args)
{
	static struct bench_run_result result; /* too large for a stack */
	struct bench_run_options options;
	char error[BENCH_ERROR_MAX];
	int rc;

	rc = bench_command_options_run(args, num_args, &options, error);
	if (rc == -ECANCELED) {
		bench_command_options_help("run", stdout);
		return 0;
	}
	if (rc < 0) {
		return usage_error(error);
	}
	rc = bench_run(&options, &result);
	if (rc == BENCH_EXIT_USAGE) {
		return usage_error(result.error);
	}
	if (options.format == BENCH_FORMAT_JSON) {
		bench_json_print(bench_run_report_json(&options, &result), stdout);
	} else if (measured_anything(&options, &result)) {
		bench_run_report_text(&options, &result, stdout);
	}
	if (rc != 0) {
		bench_text_say("%s", result.error);
	}
	return rc;
}

static int command_wake(char *const *args, int num_args)
{
	struct bench_wake_options options;
	char error[BENCH_ERROR_MAX];
	int rc;

	rc = bench_command_options_wake("wake", args, num_args, &options, error);
	if (rc == -ECANCELED) {
		bench_command_options_help("wake", stdout);
		return 0;
	}
	return rc < 0 ? usage_error(error) : bench_wake(&options);
}

static int command_rpc(char *const *args, int num_args)
{
	struct bench_wake_options options;
	char error[BENCH_ERROR_MAX];
	int rc;

	rc = bench_command_options_wake("rpc", args, num_args, &options, error);
	if (rc == -ECANCELED) {
		bench_command_options_help("rpc", stdout);
		return 0;
	}
	return rc < 0 ? usage_error(error) : bench_rpc(&options);
}

static const struct command {
	const char *name;
	int (*run)(char *const *args, int num_args);
} commands[] = {
	{"compare", bench_compare_command},
	{"run", command_run},
	{"wake", command_wake},
	{"rpc", command_rpc},
	{"replay", bench_replay_command},
	{"trace", bench_trace_command},
};

static int command_unknown(const char *name)
{
	const char *names[EBB_ARRAY_SIZE(commands) + 1] = {NULL};
	char error[BENCH_ERROR_MAX];
	char guess[48] = "";
	char list[96] = "";
	const char *nearest;
	size_t used = 0;

	for (size_t i = 0; i < EBB_ARRAY_SIZE(commands); i++) {
		names[i] = commands[i].name;
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
					 i == 0 ? "" : ", ", names[i]);
	}
	nearest = bench_nearest(name, strlen(name), names);
	if (nearest != NULL) {
		snprintf(guess, sizeof(guess), "did you mean %s? ", nearest);
	}
	snprintf(error, sizeof(error), "%.40s: no such measurement; %sgive one of %s", name, guess,
		 list);
	return usage_error(error);
}

static int measure(int argc, char **argv)
{
	if (argc < 2) {
		return usage_error(
			"which measurement? give compare, replay, run, trace, wake or rpc, or "
			"see --help");
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		bench_command_options_help(NULL, stdout);
		bench_compare_options_help(stdout);
		bench_replay_options_help(NULL, stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("ebb-bench %s\n", EBB_VERSION);
		return 0;
	}
	for (size_t i = 0; i < EBB_ARRAY_SIZE(commands); i++) {
		if (strcmp(argv[1], commands[i].name) == 0) {
			return commands[i].run(argv + 2, argc - 2);
		}
	}
	return command_unknown(argv[1]);
}

int main(int argc, char **argv)
{
	int code;

	os_signals_ignore_output();
	os_shortage_exit("ebb-bench");
	os_std_fds_fill();
	if (!os_stack_ensure("ebb-bench", STACK_BYTES)) {
		return 1;
	}
	code = measure(argc, argv);
	return os_std_fds_finish("ebb-bench") || code != 0 ? code : BENCH_EXIT_FAILED;
}
