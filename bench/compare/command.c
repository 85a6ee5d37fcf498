/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "bench/compare/compare.h"
#include "bench/compare/options.h"
#include "bench/compare/output.h"
#include "bench/json.h"
#include "bench/report/json.h"

/* How it was called, as far as there is room. */
static void command_join(char *const *args, int num_args, char *command, size_t size)
{
	size_t used = (size_t)snprintf(command, size, "ebb-bench compare");

	for (int i = 0; i < num_args && used < size; i++) {
		bool plain = args[i][0] != '\0' && strpbrk(args[i], " \t\n'\"\\$&;|<>*?()") == NULL;

		used += (size_t)snprintf(command + used, size - used, plain ? " %s" : " '%s'",
					 args[i]);
	}
}

static int json_print(void *arg, FILE *out)
{
	bench_json_print(bench_report_results_json(arg), out);
	return 0;
}

static void text_print(const struct bench_results *results, FILE *out)
{
	for (unsigned i = 0; i < results->num_cells; i++) {
		const struct bench_cell *cell = &results->cells[i];
		char load[BENCH_TEXT_MAX];

		bench_results_load_name(&results->loads[cell->load], load);
		fprintf(out, "%s, %s, %s: %.0f IOPS, p50 %.1f us, p99 %.1f us, CPU %.1f %%%s%s\n",
			results->targets[cell->target].name, load,
			results->contenders[cell->contender].name,
			bench_results_spread(cell, BENCH_IOPS).median,
			bench_results_spread(cell, BENCH_LATENCY_P50).median / 1e3,
			bench_results_spread(cell, BENCH_LATENCY_P99).median / 1e3,
			bench_results_spread(cell, BENCH_CPU_PERCENT).median,
			cell->error[0] == '\0' ? "" : "; ", cell->error);
	}
}

static void results_print(const struct bench_compare_options *options,
			  struct bench_results *results)
{
	switch ((enum bench_compare_format)options->format) {
	case BENCH_COMPARE_JSON:
		json_print(results, stdout);
		break;
	default:
		text_print(results, stdout);
		break;
	}
}

/* Return: 0; BENCH_EXIT_FAILED: one of them was not written (said). */
static int files_write(const struct bench_compare_options *options, struct bench_results *results)
{
	const struct {
		const char *path;
		int (*print)(void *arg, FILE *out);
	} files[] = {
		{options->json, json_print},
	};
	char error[BENCH_TEXT_MAX];
	int code = 0;

	for (unsigned i = 0; i < EBB_ARRAY_SIZE(files); i++) {
		if (files[i].path != NULL &&
		    bench_output_write(files[i].path, files[i].print, results, error) < 0) {
			fprintf(stderr, "ebb-bench: %s\n", error);
			code = BENCH_EXIT_FAILED;
		}
	}
	return code;
}

int bench_compare_command(char *const *args, int num_args)
{
	struct bench_compare_options options;
	struct bench_results results;
	char error[BENCH_ERROR_MAX];
	char command[2048];
	int written;
	int code;
	int rc;

	rc = bench_compare_options_read(args, num_args, &options, error);
	if (rc == -ECANCELED) {
		bench_compare_options_help(stdout);
		return 0;
	}
	if (rc < 0) {
		fprintf(stderr, "ebb-bench: %s\n", error);
		return BENCH_EXIT_USAGE;
	}
	command_join(args, num_args, command, sizeof(command));
	code = bench_compare(&options, command, &results, error);
	if (results.num_cells > 0) {
		results_print(&options, &results);
		written = files_write(&options, &results);
		code = code != 0 ? code : written;
	}
	if (error[0] != '\0') {
		fprintf(stderr, "ebb-bench: %s\n", error);
	}
	bench_results_fini(&results);
	return code;
}
