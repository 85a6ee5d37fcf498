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
#include "bench/report/csv.h"
#include "bench/report/json.h"
#include "bench/report/page.h"
#include "bench/report/table.h"
#include "bench/report/text.h"

void bench_compare_command_join(const char *name, char *const *args, int num_args, char *command,
				size_t size)
{
	size_t used = (size_t)snprintf(command, size, "ebb-bench %s", name);

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

static int csv_print(void *arg, FILE *out)
{
	bench_report_csv(arg, out);
	return 0;
}

static int page_print(void *arg, FILE *out)
{
	struct json_object *report = bench_report_results_json(arg);
	int rc = bench_report_page(report, out);

	json_object_put(report);
	return rc;
}

static void results_print(const struct bench_compare_options *options,
			  struct bench_results *results)
{
	switch ((enum bench_compare_format)options->format) {
	case BENCH_COMPARE_JSON:
		json_print(results, stdout);
		break;
	case BENCH_COMPARE_CSV:
		csv_print(results, stdout);
		break;
	case BENCH_COMPARE_TEXT:
		bench_report_table(results, bench_report_columns(stdout), stdout);
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
		{options->csv, csv_print},
		{options->html, page_print},
	};
	char error[BENCH_TEXT_MAX];
	int code = 0;

	for (unsigned i = 0; i < EBB_ARRAY_SIZE(files); i++) {
		if (files[i].path != NULL &&
		    bench_output_write(files[i].path, files[i].print, results, error) < 0) {
			bench_text_say("%s", error);
			code = BENCH_EXIT_FAILED;
		}
	}
	return code;
}

int bench_compare_command_print(const struct bench_compare_options *options,
				struct bench_results *results)
{
	results_print(options, results);
	return files_write(options, results);
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
		bench_text_say("%s", error);
		return BENCH_EXIT_USAGE;
	}
	bench_compare_command_join("compare", args, num_args, command, sizeof(command));
	code = bench_compare(&options, command, &results, error);
	if (results.num_cells > 0) {
		written = bench_compare_command_print(&options, &results);
		code = code != 0 ? code : written;
	}
	if (error[0] != '\0') {
		bench_text_say("%s", error);
	}
	bench_results_fini(&results);
	return code;
}
